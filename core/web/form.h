/*
 * What a browser's form or a script sends: application/x-www-form-urlencoded,
 * multipart/form-data, a flat JSON object (its arrays are names that come
 * several times), or a query string, as one list of names and values.
 */
#ifndef WEB_FORM_H
#define WEB_FORM_H

#include <stdbool.h>
#include <stddef.h>

#define FORM_MAX_FIELDS 200

struct form {
	struct form_field {
		char *name;
		char *value;
	} field[FORM_MAX_FIELDS];
	size_t count;
};

/* By content type ("" counts as urlencoded).  0, or -1 when malformed or too
 * many fields; release it in either case. */
int form_parse(struct form *, const char *content_type, const char *body,
    size_t len);
int form_parse_query(struct form *, const char *query);
/* The first value, or NULL. */
const char *form_get(const struct form *, const char *name);
/* Takes out those that `which` names. */
void form_remove(struct form *, bool (*which)(const char *name));
void form_release(struct form *);

#endif
