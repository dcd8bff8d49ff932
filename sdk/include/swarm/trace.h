/*
 * Traces: what once happened, to be done again at the same distances in time,
 * by `swarm replay FILE`.  A module that can read a format exports it as
 * "swarm.trace/1"; with the name NAME_trace and in a plugin folder it is found
 * by itself, elsewhere by --plugin.
 *
 *	static enum swarm_trace_result next(void *trace,
 *	    struct swarm_trace_event *e)
 *	{
 *		struct beats *b = trace;
 *		int64_t ms;
 *
 *		if (!fgets(b->line, sizeof b->line, b->file))
 *			return SWARM_TRACE_END;
 *		e->place = ++b->number;
 *		if (sscanf(b->line, "%" SCNd64 " %31s", &ms, b->who) != 2) {
 *			e->why = "not a time and a name";
 *			return SWARM_TRACE_SKIP;
 *		}
 *		e->time = ms * 1000000;
 *		e->user = b->who;
 *		e->user_len = strlen(b->who);
 *		return SWARM_TRACE_EVENT;
 *	}
 *
 *	static const struct swarm_trace trace = {
 *		SWARM_IFACE(struct swarm_trace, 0),
 *		.name = "beats", .help = "lines of a time in ms and a name",
 *		.probe = probe, .open = open_beats, .next = next,
 *		.close = close_beats, .perform = perform,
 *	};
 *
 *	SWARM_MODULE(.exports = SWARM_EXPORTS({ SWARM_TRACE_ID, &trace.head }));
 *
 * The master alone reads the file: probe() to close() are called there.  What
 * an event is to do it packs into a payload of bytes, which swarm carries to
 * the worker that has the event's user, and which perform() unpacks there.
 * Sorting, speed, sharing out, order and lag are swarm's part.
 */
#ifndef SWARM_TRACE_H
#define SWARM_TRACE_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_TRACE_ID "swarm.trace/1"

#define SWARM_TRACE_USER_MAX    1024            /* bytes */
#define SWARM_TRACE_PAYLOAD_MAX (8 * 1024 * 1024)

struct swarm_user;

enum swarm_trace_result {
	SWARM_TRACE_ERROR = -1,         /* no more of it; swarm_error() said
	                                 * why: the test ends */
	SWARM_TRACE_END = 0,
	SWARM_TRACE_EVENT = 1,
	SWARM_TRACE_SKIP = 2,           /* nothing to be done again: `place`
	                                 * and `why` say what; it is counted */
};

/* Flags of an event. */
/* It may change something over there: left out unless asked for. */
#define SWARM_TRACE_CHANGES 1u
/* For perform(): the swarm_user did something for another user of the trace
 * before, or nothing at all. */
#define SWARM_TRACE_FRESH   2u

/*
 * One event.  All zero before next(), which fills in what it knows; pointers
 * must stay until the next call.  For perform() it holds `flags`, `user` and
 * the payload, until perform() returns.
 */
struct swarm_trace_event {
	uint32_t size;
	uint32_t flags;
	int64_t time;                   /* ns; of any clock, but of the Unix
	                                 * epoch for --from and --to */
	int64_t resolution;             /* ns that the time is exact to, 1e9 for
	                                 * whole seconds: events of the same
	                                 * time are spread over it; 0: exact */
	const char *user;               /* whose events keep their order, on one
	                                 * worker; any bytes */
	size_t user_len;                /* 0: nobody's, in no order */
	const char *type;               /* for --methods ("GET"); NULL: none */
	uint64_t place;                 /* in the file, from 1: line or entry */
	const void *payload;
	size_t payload_len;
	const char *why;                /* of SWARM_TRACE_SKIP: a constant text,
	                                 * equal ones are counted together */
};

struct swarm_trace_open {
	uint32_t size;
	const char *path;
	const char *user_key;           /* --user-key, or NULL */
};

struct swarm_trace {
	struct swarm_iface head;
	const char *name;               /* for --format: letters, digits, _ - */
	const char *help;               /* one line */
	/* -H is not needed: perform() knows where to. */
	bool own_target;
	/* [main] How sure it is that this is its format, 0 (no) to 100, by the
	 * name and the first `len` bytes as they are in the file (up to
	 * 4096), or by a look of its own. */
	int (*probe)(const char *path, const void *head, size_t len);
	/* [main] What the other calls get as `trace`; NULL after
	 * swarm_error(). */
	void *(*open)(const struct swarm_trace_open *);
	/* [main] The next event, in the order of the file.  Must not wait, and
	 * must not hold more of the file in memory than an event. */
	enum swarm_trace_result (*next)(void *trace,
	    struct swarm_trace_event *);
	/* [main] */
	void (*close)(void *trace);
	/* [fiber] Does it again, as a task of `u`: samples are this function's
	 * (swarm_begin() and on); they count from when the event was due. */
	void (*perform)(struct swarm_user *u, const struct swarm_trace_event *);
};

#ifdef __cplusplus
}
#endif
#endif
