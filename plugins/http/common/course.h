/*
 * The course of a call, as far as it is the same in both providers: what the
 * scenario asked for, where it goes, and where an answer sends it.
 */
#ifndef HTTP_COURSE_H
#define HTTP_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/http.h>

#include "answer.h"
#include "body.h"
#include "person.h"
#include "target.h"

/* First in each provider's own struct. */
struct course {
	struct answer a;                /* first: &a.pub is what callers hold */
	const struct http_args *args;   /* the caller's, or a copy */
	struct person *person;
	struct base *base;              /* NULL: path is a whole URL */
	const char *method;
	const char *path;
	struct body body;
	const char *authorization;
	int64_t deadline;
	bool foreign;                   /* redirected to another server */
	bool bodiless;                  /* a redirect has dropped the body */
	bool discard;
	bool opened;                    /* the scenario reads the body */
	int (*finish)(struct http_response *);
};

/*
 * [fiber] Fills a zeroed course: NULL, or why the call cannot be made.  `copy`
 * the arguments when the call goes on after it has returned.
 */
const char *course_begin(struct course *, struct swarm_user *,
    const struct http_args *, bool copy);
/* Starts the sample, `start` being when the call was made. */
void course_start(struct course *, uint32_t series, int64_t start);
/* The same for a call that cannot be made, and ends it. */
void course_refuse(struct course *, int64_t start, const char *why);

/* A call that cannot be made for a reason of the caller's. */
struct http_response *course_refused(struct swarm_user *,
    const struct http_args *, int64_t start, const char *why);

/* The sample's name, cut to `size`. */
void course_name_of(const struct http_args *, char *out, size_t size);
/* The whole URL asked for now. */
const char *course_url(struct course *);

/* Not sent though the scenario gives it: credentials, which are for the server
 * they were given for, or what describes a body that a redirect dropped. */
bool course_is_withheld(const struct course *, const char *header);
static inline bool course_withholds(const struct course *c,
    const char *header)
{
	return (c->foreign || c->bodiless) && course_is_withheld(c, header);
}
/* Whether the request has a header of this name, its own or the user's. */
static inline bool course_gives(const struct course *c, const char *header)
{
	return person_gives(c->person, c->args->headers, header) &&
	    !course_withholds(c, header);
}

/* Whether an answer with such a Location (0: none) is to be followed: nobody
 * asked for its body. */
bool course_redirected(const struct course *, size_t location_len);
/* Turns to where it points: NULL, or what is wrong with that. */
const char *course_follow(struct course *, const char *location, size_t len);

/* The head of an open response is there.  The sample ends with the task at the
 * latest: then `finish` is called. */
void course_opened(struct course *, int (*finish)(struct http_response *));
/* A piece of one has been read. */
void course_piece(struct course *);

/* Ends the sample and tells its phases if they are wanted. */
void course_end(struct course *, int64_t now, const char *error);

#endif
