/*
 * The part of a response that is the same in both providers: its sample and
 * verdict, and what scenarios look up in it.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/http.h>
#include <swarm/stats.h>

struct json_t;
struct pulse;
struct sse;

/* First in each provider's own struct. */
struct answer {
	struct http_response pub;
	struct swarm_timer timer;
	int64_t ended;                  /* of the exchange; 0: under way */
	int64_t queued;                 /* ns it waited for a place; 0: none */
	const char *expect;
	bool catch_response;
	bool recorded;
	/* The header lines without the status line: "Name: value" CRLF … */
	const char *head;
	size_t head_len;
	const char *trailers;           /* likewise */
	size_t trailers_len;
	struct json_t *json;
	bool json_tried;
	struct sse *sse;                /* of an open response, when used */
	struct pulse *pulse;            /* when its pieces are measured */
	int64_t event_at;               /* when its last bytes arrived */
	const char *event_from;         /* those not yet looked at */
	const char *event_end;
};

/* Nothing has happened yet. */
extern const struct http_times answer_no_times;
extern const char answer_no_body[];

/* Starts the sample of a zeroed struct; `start` is when the call was made. */
void answer_init(struct answer *, struct swarm_user *, uint32_t series,
    int64_t start, const struct http_args *);

/*
 * The exchange is over: notes the time and records the sample, unless the
 * verdict is the scenario's.  `error` (kept, not copied; NULL: there is a
 * whole response) is why it failed.
 */
void answer_end(struct answer *, int64_t now, const char *error);

/* Says once that the arguments cannot be used; the same as answer_end(). */
void answer_refuse(struct answer *, const char *fmt, ...)
    SWARM_PRINTF(2, 3);

/* TLS has been set up for it: counts full handshakes and resumptions. */
void answer_secured(struct answer *, bool resumed);

/* Series for the phases of an exchange that has ended: types "queue",
 * "resolve", "connect", "tls" or "tls resumed", "wait" and "receive", and the
 * sample's name. */
void answer_observe(const struct answer *, const char *name);

/* Says once that there is nothing to send requests to, and ends the run. */
void answer_no_target(struct swarm_user *, const char *why);

/* Whether an answer of this status sends us elsewhere (if it says where), and
 * whether the request then becomes a GET without a body. */
bool answer_redirects(int status, const char *method);
bool answer_drops_body(int status, const char *method);

/* Functions of struct http_api, for both providers' tables. */
int answer_ok(struct http_response *);
int answer_fail(struct http_response *, const char *fmt, ...)
    SWARM_PRINTF(2, 3);
const char *answer_header(struct http_response *, const char *name,
    unsigned nth);
const char *answer_trailer(struct http_response *, const char *name);
const char *answer_json(struct http_response *, const char *path);
double answer_json_number(struct http_response *, const char *path,
    double otherwise);
const char *answer_match(struct http_response *, const char *pattern,
    unsigned group);
const char *answer_between(struct http_response *, const char *left,
    const char *right);

/* The value of the next line of that name from *at on (not terminated), with *at
 * moved behind the line; NULL when there is none. */
const char *answer_next(const char **at, const char *end, const char *name,
    size_t *len);

/*
 * The next event of an open response, read by `read` (http_api.read): 1 with
 * *event, 0 or -1 as `read` said, -2 when an event is too large.
 */
int answer_event(struct answer *, struct http_event *event,
    int64_t (*read)(struct http_response *, const char **));

extern const char answer_event_too_large[];

/* worker_stop(): forgets compiled patterns. */
void answer_release(void);

/* Whether `status` passes: `expect` as in struct http_args. */
bool answer_expected(const char *expect, int status);
/* 0, or -1 when `expect` is no list of statuses. */
int answer_expect_check(const char *expect);
/* The standard's words for a status, or "". */
const char *answer_status_words(int status);

#endif
