/*
 * The worker's one multi handle of libcurl, driven by swarm's loop.
 */
#ifndef HTTP_MULTI_H
#define HTTP_MULTI_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

struct swarm_waker;

/* A handle and its transfer; CURLOPT_PRIVATE. */
struct multi_job {
	CURL *easy;
	struct swarm_waker *waker;      /* of the fiber that waits */
	int64_t ended;                  /* when it was done; 0: under way */
	bool only_sends;                /* has nothing more to receive */
	bool paused;                    /* by its callback */
	bool is_fed;
	struct multi_job *next_fed;
	CURLcode result;
};

/* 0, or -1 after swarm_error(). */
int multi_start(void);
void multi_stop(void);

/* Gives a new easy handle what the multi needs of it. */
void multi_adopt(struct multi_job *);

/* [fiber] Starts a transfer; when it is done job->ended is set and the waker
 * woken.  0, or -1. */
int multi_add(struct multi_job *);
/* Ends it, done or not. */
void multi_remove(struct multi_job *);
/* [worker] For callbacks of transfers by HTTP/2: a part of the answer has been
 * handed out. */
void multi_fed(struct multi_job *);
/* [worker] Goes on with a transfer that was paused. */
void multi_unpause(struct multi_job *);

#endif
