/*
 * One call of a scenario: a request and its answer, with what may come between
 * them (a connection, a second try, redirects).
 */
#ifndef FASTHTTP_EXCHANGE_H
#define FASTHTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/http.h>

#include "course.h"
#include "inflate.h"
#include "parse.h"
#include "session.h"

#define EXCHANGE_PIECE ((size_t)16 * 1024)

struct exchange {
	struct course c;                /* first */
	/* The request's template; forgotten before every wait, when others
	 * may take its place. */
	const struct template *template;
	const struct head *head;        /* of that template, or NULL */
	struct session *session;
	struct connection *conn;
	struct h2stream *h2;            /* instead of conn: HTTP/2 */
	int64_t sent;                   /* when waiting for the answer began */
	int64_t first_byte;
	const char *location;           /* of the answer; not terminated */
	size_t location_len;            /* 0: none */
	char *kept;                     /* the body so far */
	size_t kept_cap;
	struct inflate *inflate;
	bool cut;                       /* not all of the request was sent */
	/* The answer that came while it was: as receive_answer() will tell
	 * it, 0 while it is not there. */
	int early;
	int early_errno;
	const char *early_error;
	/* Of an open response: bytes read and not yet told. */
	char *piece;
	const char *at;
	const char *end;
	struct parse parse;             /* last: it zeroes itself */
};

/* ---- exchange.c ---- */

struct http_response *exchange_request(struct swarm_user *,
    const struct http_args *);
struct http_response *exchange_open(struct swarm_user *,
    const struct http_args *);
/* [fiber] Requests in groups, each sent on one connection before the first is
 * answered. */
void exchange_batch(struct swarm_user *, const struct http_args *const *,
    struct http_response **, size_t count);
/* The exchange is over: gives back or closes what it holds and ends the
 * sample.  `error`: NULL, or why it failed (lives until the task ends). */
void exchange_end(struct exchange *, const char *error);

/* Whether sending it twice does no harm (and is wanted). */
bool exchange_may_repeat(const struct exchange *);
/* The request's template, valid until the next wait; NULL with *why. */
const struct template *exchange_template(struct exchange *, const char **why);

/* ---- send.c ---- */

/*
 * Sends the request on x->conn, or less of it (x->cut) when the answer comes
 * first: 0, or -1 with errno.  *why is set instead when the request cannot be
 * made at all.
 */
int send_request(struct exchange *, const char **why);
/*
 * The request's header lines, each with its CRLF, valid until the next wait:
 * their length, or 0 with *why.
 */
size_t send_lines(struct exchange *, const struct template *,
    const char **lines, const char **why);
/* Sends what has been gathered on x->conn: 0, or -1 with errno. */
int send_gathered(struct exchange *);

/* ---- receive.c ---- */

/*
 * Reads until the answer is whole, or (`head`) until its headers are there.
 * 0, or -1 with *error (a text that lives long enough) and errno.
 */
int receive_answer(struct exchange *, bool head, const char **error);
/*
 * Takes in what can be read while the request is being sent: true when no more
 * of it is wanted, since the answer is there (receive_answer() tells it), or
 * has begun and is no consent.
 */
bool receive_early(struct exchange *);
/*
 * What both versions do with an answer.  Each returns NULL, or why to give up:
 * the head is known (parse.facts; header lines with CRLF, in the task's
 * memory, followed by a NUL); a piece of the body is there; that was all.
 */
const char *receive_head(struct exchange *, const char *head, size_t len);
const char *receive_body(struct exchange *, const char *data, size_t len);
const char *receive_whole(struct exchange *);
/* What a failed read is called. */
const char *receive_error(struct exchange *, int error);
/* Functions of struct http_api for open responses. */
int64_t receive_read(struct http_response *, const char **data);
int receive_event(struct http_response *, struct http_event *);
int receive_finish(struct http_response *);

#endif
