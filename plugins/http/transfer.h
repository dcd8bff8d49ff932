/* One call of a scenario: a request and its answer, by libcurl. */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/http.h>

#include "course.h"
#include "session.h"

#define TRANSFER_HEAD_MAX  ((size_t)256 * 1024)
#define TRANSFER_QUEUE_MAX ((size_t)64 * 1024)
#define TRANSFER_BUFFER    16384        /* what libcurl reads at once */

struct transfer {
	struct course c;                /* first */
	struct session *session;
	struct handle *handle;          /* NULL: none, or given back */
	struct origin *origin;          /* of this request */
	const char *path;               /* and its path there */
	const char *give_up;            /* why a callback ended the transfer */
	struct curl_slist *headers;     /* in the task's memory */
	struct curl_slist *resolve;
	int64_t ended;
	int64_t looked_up;              /* ns that swarm took for the name */
	CURLcode result;
	int status;                     /* of the latest head */
	int version;                    /* 0 for 1.0, 1, 2, 3 */
	bool added;                     /* to the multi */
	bool done;
	bool parked;                    /* has given way to others */
	bool has_cookies;               /* there is a Set-Cookie */
	bool looked_at_tls;             /* and asked whether it was resumed */
	/* The head so far, in the task's memory. */
	char *head;
	size_t head_len;
	size_t head_cap;
	char *trailers;
	size_t trailers_len;
	size_t trailers_cap;
	bool has_head;
	bool in_head;                   /* between a status line and the end */
	unsigned interim;               /* 1xx answers so far */
	const char *location;           /* of the answer; not terminated */
	size_t location_len;            /* 0: none */
	bool challenged;                /* asked for digest: asks once more */
	char *kept;
	size_t kept_cap;
	/* An open response: bytes that wait to be read. */
	char *queue;
	size_t queue_len;
	char *piece;                    /* what the scenario looks at */
};

/* ---- transfer.c ---- */

/* Gives a new handle its callbacks. */
void transfer_adopt(struct handle *);
struct http_response *transfer_request(struct swarm_user *,
    const struct http_args *);
struct http_response *transfer_open(struct swarm_user *,
    const struct http_args *);
int64_t transfer_read(struct http_response *, const char **);
int transfer_event(struct http_response *, struct http_event *);
int transfer_finish(struct http_response *);

/* ---- setup.c ---- */

/* Sets what this request needs on its handle: NULL, or why it cannot be. */
const char *setup_request(struct transfer *);
/* What an ended transfer says of itself: status, times, version. */
void setup_collect(struct transfer *);
/* Forgets what setup_request() made. */
void setup_clear(struct transfer *);
/* Why libcurl failed, in the words both providers use. */
const char *setup_error(struct transfer *);
/* worker_stop() */
void setup_release(void);

#endif
