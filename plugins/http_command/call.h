/*
 * Requests as data: what `swarm http` sends, and what a scenario is written
 * from, whether it was told by options, by a curl command line or by a HAR
 * file.  Everything lives until the process ends.
 */
#ifndef HTTP_COMMAND_CALL_H
#define HTTP_COMMAND_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include <swarm/http.h>

#define CALL_HEADERS_MAX 128
#define CALL_FILE_MAX ((size_t)64 * 1024 * 1024)

struct call {
	char *url;                      /* whole; with a scheme */
	const char *path;               /* url, or its path below the target */
	char *method;                   /* NULL: GET, or POST with a body */
	struct http_field headers[CALL_HEADERS_MAX + 1];
	size_t header_count;
	char *body;                     /* NULL: none */
	size_t body_len;
	struct http_part *parts;        /* multipart; NULL: none */
	size_t part_count;
	double pause;                   /* seconds since the one before */
};

struct calls {
	struct call *list;
	size_t count;
};

/* What concerns the client as a whole. */
struct client {
	const char *plugin;             /* NULL: whichever will do */
	const char *version;            /* NULL, "1.1", "2", "h2c", "3" */
	bool multiplex;
	bool insecure;
	bool compressed;
	bool no_keepalive;
	char *ca;
	char *cert;
	char *key;
	char *proxy;
	char *resolve;
	char *user_agent;
	char *timeout;                  /* as -o takes it */
	char *connect_timeout;
};

/* A new, empty one; never NULL. */
struct call *call_add(struct calls *);
/* Frees them all; empty again. */
void call_release_all(struct calls *);
void call_release_client(struct client *);
/* "Name: value" (or "Name:" to take a default away): 0, or -1 after
 * swarm_error(). */
int call_header(struct call *, const char *line);
bool call_has_header(const struct call *, const char *name);
void call_set(char **to, const char *value);
/* With http:// before it when it has no scheme. */
void call_set_url(struct call *, const char *url);
/* Appends to the body, with `between` first when there is one already. */
void call_body(struct call *, const char *between, const char *data,
    size_t len);
/* A file's bytes, terminated; NULL after swarm_error(). */
char *call_read_file(const char *path, size_t *len);
/* The length of "scheme://host:port" of a URL. */
size_t call_origin(const char *url);

/* An option of the providers, for -o. */
struct client_option {
	const char *name;
	const char *value;              /* NULL: not given */
};

#define CLIENT_OPTIONS 12

/* All that a client may ask for, ended by one without a name. */
void call_client_options(const struct client *,
    struct client_option out[CLIENT_OPTIONS + 1]);
/* What only libcurl can do, or NULL. */
const char *call_client_need(const struct client *);

/* ---- words.c ---- */

/* The words of a shell command, ended by NULL; NULL after swarm_error().
 * What curl_read() makes of them may point into them. */
char **words_split(const char *line, int *count);
void words_free(char **words);
/* ---- curl_line.c ---- */

/* A curl command line, words[0] being "curl": adds one call.  0, or -1 after
 * swarm_error(). */
int curl_read(char *const *words, int count, struct calls *, struct client *);

/* ---- from_har.c ---- */

/* The requests of an HTTP archive: 0, or -1 after swarm_error(). */
int from_har_read(const char *path, struct calls *);

/* ---- write.c ---- */

/* The calls as a scenario's source.  `from` says where they are from, for its
 * first comment, and the client what it is to be run with.  Caller frees. */
char *write_scenario(const struct calls *, const struct client *,
    const char *from, bool pauses);

#endif
