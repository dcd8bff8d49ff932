/* What worker.c and worker_send.c share. */
#ifndef CLUSTER_WORKER_INTERNAL_H
#define CLUSTER_WORKER_INTERNAL_H

#include "base/buf.h"
#include "cluster/bucket.h"
#include "cluster/offset.h"
#include "cluster/worker.h"
#include "cluster/zsock.h"
#include "fiber/wheel.h"

enum worker_state { WORKER_READY, WORKER_SPAWNING, WORKER_RUNNING };

struct worker_internal {
	struct worker_options o;
	char *endpoint;
	char *id;
	struct zsock *sock;
	enum worker_state state;
	bool registered;
	bool was_registered;            /* at least once */
	bool swarm;                     /* the master is */
	bool hears;                     /* the master sends heartbeats */
	bool stopping;
	bool old_run;                   /* of a master that is no more: what
	                                 * is measured is nobody's */
	bool orphaned;
	int tries;
	uint64_t instance;
	uint64_t order;                 /* the last that was taken */
	uint64_t test;                  /* whose users they are */
	double interval;                /* seconds between reports */
	double last_timestamp;          /* of a spawn */
	int64_t last_heard;
	int64_t stop_came;
	struct wheel_timer retry;
	struct wheel_timer heartbeat;
	struct wheel_timer report;
	struct wheel_timer logs;
	struct wheel_timer ready_again;
	struct wheel_timer taken;       /* to say which orders have come */
	struct wire_spawn early;        /* came before we were ready */
	bool has_early;
	struct wire_count *counts;
	int64_t *numbers;
	struct bucket custom;           /* a scenario's own messages */
	struct buf out;
	struct wire_words words;        /* of the next report */
	struct offset offset;           /* the master's clock */
	struct offset_line line;
	bool knows_clock;
};

extern struct worker_internal worker;

/* Sends worker.out and empties it: 0, or -1 when it could not be taken. */
int worker_flush(void);
/* Whether what the master says is to be done now (worker_orders.c); tells it
 * what has come. */
bool worker_is_due(const struct wire_message *);
void worker_send_taken(void);
/* Whether the master speaks as this worker does; else `why` not. */
bool worker_knows_level(const struct wire_ack *, char *why, size_t size);
/* A message without data. */
void worker_send_nil(const char *type);
void worker_send_ready(void);
/* For the `last` of a test the outbox has more room. */
void worker_send_report(bool last);
/* One from the outbox, for outbox_again(). */
int worker_send_again(const void *data, size_t len, void *arg);
void worker_send_logs(void);
void worker_send_heartbeat(void);

#endif
