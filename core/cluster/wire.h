/*
 * Locust's messages: a msgpack array [type, data, node_id] in one ZeroMQ
 * frame.  Between swarm peers `data` holds one more key, "swarm", which
 * Locust ignores: histograms as one binary value each, counters, phases.
 * A swarm worker says so in its version ("2.46.3+swarm.3/1.0", which Locust
 * takes for one of its own), a swarm master in its ack; with it the level of
 * that map, which must be the same at both ends, and the version of swarm.
 *
 * Decoding never trusts a field: unknown keys are skipped, wrong types and
 * impossible numbers make it fail with nothing half applied.  docs/internals/
 * cluster.md has the messages.
 */
#ifndef CLUSTER_WIRE_H
#define CLUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "base/buf.h"
#include "cluster/health.h"
#include "cluster/wire_words.h"
#include "stats/stats.h"

#define WIRE_MAX_MESSAGE (16u << 20)
#define WIRE_MAX_DEPTH   16             /* containers in each other */
#define WIRE_MAX_OBJECTS (4u << 20)     /* values in one message */
#define WIRE_MAX_NODE_ID 255            /* bytes; also ZeroMQ's limit */
#define WIRE_MAX_NAME    1024           /* longer names are cut */
#define WIRE_MAX_TEXT    8192           /* error texts, log lines */
#define WIRE_MAX_CLASSES 10000
#define WIRE_MAX_PLAN    65536
#define WIRE_MAX_SPLIT   1200           /* 16 keys of 64 bytes */
#define WIRE_MAX_EXECUTORS 64
#define WIRE_MAX_FLIGHT  (512u << 10)   /* bytes of events */

#define WIRE_LEVEL 3                    /* of the swarm map */
#define WIRE_LOCUST_VERSION "2.46.3"    /* what we say to a Locust peer */
/* In a swarm worker's; then the level. */
#define WIRE_SWARM   "+swarm."
/* After it, in a relay's; then how many indexes it wants. */
#define WIRE_RELAY   ".relay."

enum wire_type {
	WIRE_UNKNOWN, WIRE_CLIENT_READY, WIRE_ACK, WIRE_HEARTBEAT, WIRE_SPAWN,
	WIRE_SPAWNING, WIRE_SPAWNING_COMPLETE, WIRE_STATS, WIRE_EXCEPTION,
	WIRE_LOGS, WIRE_STOP, WIRE_CLIENT_STOPPED, WIRE_QUIT, WIRE_RECONNECT,
	WIRE_STOP_TEST,                 /* W to M, swarm only: {"why": text} */
	WIRE_ROWS,                      /* both ways, swarm only */
	WIRE_PLAN, WIRE_PROGRESS, WIRE_MEET, WIRE_MET,
	WIRE_REPLAY,                    /* M to W, swarm only */
	WIRE_FLIGHT,                    /* both ways, swarm only */
	WIRE_FILES, WIRE_PART,          /* both ways (wire_files.h) */
	WIRE_TAKEN,                     /* W to M, swarm only: an order came */
	WIRE_CRASH,                     /* of a crashed worker, to M */
};

/* What a swarm worker's version says of swarm's own, else "unknown". */
const char *wire_program_of(const char *version);

/* A decoded envelope.  `data` points into the frame, which must stay until
 * wire_message_release(). */
struct wire_message {
	enum wire_type type;
	char type_name[64];
	char node_id[WIRE_MAX_NODE_ID + 1];
	msgpack_object data;
	msgpack_unpacked unpacked;
};

/* 0, or -1 on anything that is not such an array; then nothing is to be
 * released. */
int wire_decode(struct wire_message *, const void *frame, size_t len);
void wire_message_release(struct wire_message *);
/* WIRE_UNKNOWN: none of the protocol's. */
enum wire_type wire_type_of(const char *name);

/* A user count per class, as messages carry it. */
struct wire_count {
	const char *name;
	int64_t count;
};

/* Of a class's users, as numbers_encode() has them; malloc'ed. */
struct wire_numbers {
	char *data;                     /* NULL: nothing is said */
	size_t len;
};

/*
 * The number of an order to a swarm worker.  Orders are taken in turn; `since`
 * is the first that has not been taken when this one is made, or this one
 * itself: those before will not come (any more).
 */
struct wire_order {
	uint64_t number;                /* from 1; 0: none, Locust's */
	uint64_t since;
	uint64_t instance;              /* the master's, as in its ack */
};

struct wire_spawn {
	double timestamp;
	const char *host;               /* NULL: none */
	double stop_timeout;
	const struct wire_count *counts;
	size_t count;
	const char *plan;               /* swarm only: the run's text, or NULL */
	/* swarm only: for each of `counts`, or NULL. */
	struct wire_numbers *numbers;
	/* swarm only: the master's count of tests; 0: not said. */
	uint64_t test;
	struct wire_order order;        /* not read: wire_read_order() */
};

struct wire_heartbeat {
	const char *state;              /* "ready", "spawning", "running" */
	/* Of Locust's workers only cpu and memory are known. */
	struct health health;
	/* The loop's delays since the last one, as histogram_encode() has
	 * them; NULL: none.  Read: checked, points into the frame. */
	const void *delays;
	size_t delays_len;
	int64_t sent;                   /* clock_now() there; 0 unknown */
	int64_t clock_offset;           /* ns: the master's clock minus its own,
	                                 * when the error is known */
	int64_t clock_error;            /* ns, of its estimate of the master's
	                                 * clock; -1 unknown */
};

/* A swarm master's answer: the heartbeat's time, and the master's clock when
 * it came and when this goes. */
struct wire_pong {
	int64_t sent;
	uint64_t taken;                 /* the last report it has */
	int64_t received;               /* 0: the clock is not known */
	int64_t answered;
	int64_t error;                  /* of the clock it tells; a relay's is
	                                 * an estimate itself */
};

/* What a swarm master adds to its ack; absent from Locust's. */
struct wire_ack {
	int64_t index;                  /* -1 unknown */
	int64_t first;                  /* of a relay's own workers; -1: none */
	bool swarm;
	double report_interval;         /* seconds */
	uint64_t instance;              /* 48 bits: which master; another
	                                 * after a restart */
	uint64_t seed;                  /* of the run; 0: not said */
	unsigned level;                 /* WIRE_LEVEL there; not written */
	char program[32];               /* the version of swarm; likewise */
	char split_by[WIRE_MAX_SPLIT];  /* keys of tags, by commas */
};

/*
 * Encoders append one message to `out`; they fail only by `out` overflowing,
 * which its flag tells.
 */
void wire_encode_nil(struct buf *out, const char *type, const char *node_id);
/* `span`: indexes that a relay wants for workers of its own; 0: no relay. */
void wire_encode_client_ready(struct buf *out, const char *node_id,
    unsigned span);
/* The swarm part only when `ack->swarm`. */
void wire_encode_ack(struct buf *out, const char *node_id,
    const struct wire_ack *);
/* The swarm part only when health.loop_busy is not -1. */
void wire_encode_heartbeat(struct buf *out, const char *node_id,
    const struct wire_heartbeat *);
void wire_encode_pong(struct buf *out, const char *node_id,
    const struct wire_pong *);
void wire_encode_spawn(struct buf *out, const char *node_id,
    const struct wire_spawn *);
/* Worker to master. */
void wire_encode_spawning_complete(struct buf *out, const char *node_id,
    const struct wire_count *, size_t count);
/* Master to worker, once a ramp is through. */
void wire_encode_ramp_complete(struct buf *out, const char *node_id,
    int64_t users);
void wire_encode_exception(struct buf *out, const char *node_id,
    const char *message, const char *traceback);
/* Lines since the last message; `dropped` more were lost to the rate limit.
 * To a Locust master `level` and `dropped` mean nothing. */
struct wire_log {
	int level;                      /* enum log_level */
	const char *line;
};
void wire_encode_logs(struct buf *out, const char *node_id,
    const struct wire_log *, size_t count, uint64_t dropped);
void wire_encode_stop_test(struct buf *out, const char *node_id,
    const char *why);

/*
 * Decoders of `data`: 0, or -1 when malformed.  Strings they give are cleaned
 * and cut copies.
 */
/* The level of a swarm peer, 0 for Locust, -1 when it is to be refused.
 * `version` gets what it said: "-1" for a peer that skips the check, "" for
 * Debian's Locust, which does not know its own. */
int wire_read_client_ready(const msgpack_object *, char *version, size_t size);
int wire_read_ack(const msgpack_object *, struct wire_ack *);
/* `state` points to a constant, "ready" when the peer's is unknown. */
int wire_read_heartbeat(const msgpack_object *, struct wire_heartbeat *);
/* -1 also for a Locust master's, which carries nothing. */
int wire_read_pong(const msgpack_object *, struct wire_pong *);
/* Release it after success. */
int wire_read_spawn(const msgpack_object *, struct wire_spawn *);
void wire_spawn_release(struct wire_spawn *);
/* A map of class names and counts; nil or absent is empty.  All or nothing:
 * `on_count` may be NULL to only check. */
int wire_read_counts(const msgpack_object *,
    void (*on_count)(const char *name, int64_t count, void *), void *arg);
int wire_read_ramp_complete(const msgpack_object *, int64_t *users);
int wire_read_exception(const msgpack_object *, char *message, size_t size,
    char *traceback, size_t traceback_size);
/* `level` is -1 for a Locust peer, whose lines say it themselves. */
int wire_read_logs(const msgpack_object *,
    void (*on_line)(int level, const char *line, void *), void *arg,
    uint64_t *dropped);
int wire_read_stop_test(const msgpack_object *, char *why, size_t size);

/* ---- orders, between swarm peers (wire_order.c) ---- */

/* The member "order" of a swarm map. */
void wire_put_order(msgpack_packer *, const struct wire_order *);
/* Of the message's data; false: it has none. */
bool wire_read_order(const msgpack_object *, struct wire_order *);
/* An order of nothing more ("stop", "quit"). */
void wire_encode_order(struct buf *out, const char *type, const char *node_id,
    const struct wire_order *);
/* W to M: all up to that number have come. */
void wire_encode_taken(struct buf *out, const char *node_id, uint64_t number);
int wire_read_taken(const msgpack_object *, uint64_t *number);

/* ---- the last word on a worker (wire_crash.c) ---- */

#define WIRE_MAX_STACK   64             /* lines of a stack */
#define WIRE_MAX_FRAME   400            /* bytes of each */

struct wire_crash {
	char worker[WIRE_MAX_NODE_ID + 1];
	char summary[WIRE_MAX_FRAME];
	char stack[WIRE_MAX_STACK][WIRE_MAX_FRAME];
	size_t count;
};
/* `stack`: lines. */
void wire_encode_crash(struct buf *out, const char *node_id,
    const char *worker, const char *summary, const char *stack);
int wire_read_crash(const msgpack_object *, struct wire_crash *);

/* ---- rows and numbers (wire_rows.c) ---- */

/* A worker's question for positions of a feed. */
struct wire_rows_wanted {
	uint64_t feed;                  /* its index */
	uint64_t want;
	uint64_t used;                  /* in this test, in all */
	uint64_t check;                 /* of its file */
};
/* The answer; a count of 0: there are none. */
struct wire_rows {
	uint64_t feed;
	uint64_t from;
	uint64_t count;
};
void wire_encode_rows_wanted(struct buf *out, const char *node_id,
    const struct wire_rows_wanted *);
void wire_encode_rows(struct buf *out, const char *node_id,
    const struct wire_rows *);
int wire_read_rows_wanted(const msgpack_object *, struct wire_rows_wanted *);
int wire_read_rows(const msgpack_object *, struct wire_rows *);
/* The member "numbers" of a spawn's swarm map. */
void wire_put_numbers(msgpack_packer *, const struct wire_spawn *);
int wire_read_numbers(const msgpack_object *, struct wire_spawn *);
void wire_numbers_release(struct wire_spawn *);

/* ---- the run, between swarm peers (wire_run.c) ---- */

/* M to W: the plan alone, without counts of users. */
void wire_encode_plan(struct buf *out, const char *node_id, const char *plan,
    const struct wire_order *);
/* The text, the caller frees; NULL when malformed. */
char *wire_read_plan(const msgpack_object *);

/* W to M: how far an executor is there; numbers only rise within a lease. */
struct wire_progress {
	char name[80];
	unsigned lease;
	int64_t started;
	int64_t done;
	int64_t due;
	int64_t dropped;
	int64_t late;
	int64_t queued;
	int64_t idle;
	uint64_t settled;               /* of a replay: the first event that is
	                                 * not done with */
	/* When it has stopped: a bit for each event from there on, set when it
	 * is done with; the others were not begun.  NULL: not said.  Points
	 * into the message. */
	const void *beyond;
	size_t beyond_len;
};
void wire_encode_progress(struct buf *out, const char *node_id,
    const struct wire_progress *, size_t count);
/* Room for WIRE_MAX_EXECUTORS. */
int wire_read_progress(const msgpack_object *, struct wire_progress *,
    size_t *count);

/* W to M: users wait for others to come; numbers since the test began. */
struct wire_meet {
	char name[80];
	int64_t wanted;                 /* how many shall meet */
	int64_t arrived;
	int64_t left;                   /* gave up waiting */
};
void wire_encode_meet(struct buf *out, const char *node_id,
    const struct wire_meet *);
int wire_read_meet(const msgpack_object *, struct wire_meet *);
/* M to W: so many of them have met and may go on. */
void wire_encode_met(struct buf *out, const char *node_id, const char *name,
    int64_t released);
int wire_read_met(const msgpack_object *, char *name, size_t size,
    int64_t *released);
/* M to W: events to replay (user/record.h). */
struct wire_replay {
	const void *events;             /* points into the message */
	size_t len;
	uint64_t number;                /* of the first */
	bool hurry;                     /* tell soon which are done with */
};
void wire_encode_replay(struct buf *out, const char *node_id,
    const struct wire_replay *, const struct wire_order *);
int wire_read_replay(const msgpack_object *, struct wire_replay *);

/*
 * M to W: tell what your users did from so long before now to so long after.
 * W to M: that, as lines of JSON (report/flight.h), times in the master's
 * clock; `lines` points into the message.
 */
struct wire_flight {
	uint64_t id;                    /* the answer has the question's */
	uint64_t before_ns;
	uint64_t after_ns;
	const void *lines;
	size_t len;
};
void wire_encode_flight(struct buf *out, const char *node_id,
    const struct wire_flight *);
int wire_read_flight(const msgpack_object *, struct wire_flight *);

/* ---- reports (wire_stats.c writes, wire_report.c reads) ---- */

/* Which report it is, so that each counts once (cluster/ledger.h). */
struct wire_ticket {
	uint64_t seq;                   /* from 1; 0: not numbered */
	uint64_t since;                 /* earlier ones will not come */
	int64_t at;                     /* the master's clock_now() when it was
	                                 * made; 0: not known */
	uint64_t test;                  /* whose samples they are, as in the
	                                 * order to spawn; 0: not said */
	const struct wire_words *words; /* that go along; NULL: none */
};
/* For a swarm master: everything in `delta`; `ticket` may be NULL. */
void wire_stats_encode(struct buf *out, const char *node_id,
    const struct stats *delta, const struct wire_ticket *ticket,
    const struct wire_count *, size_t count);
/* For a Locust master: requests in its 14 keys, service time, its buckets. */
void wire_stats_encode_locust(struct buf *out, const char *node_id,
    const struct stats *delta, const struct wire_count *, size_t count);
/* The bucket Locust files a response time under, in ms (half to even). */
int64_t wire_stats_bucket_ms(double ms);

/*
 * Merges a report of either kind into `into`, all or not at all.  User counts
 * go to `on_count` (NULL: to nobody).  Times are moved to this machine's
 * clock, `now` (unix seconds): exactly for a swarm peer, which says its own
 * time, and when they are clearly off for a Locust peer.
 */
int wire_report_read(const msgpack_object *, struct stats *into, double now,
    void (*on_count)(const char *name, int64_t count, void *), void *arg);

#endif
