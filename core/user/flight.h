/*
 * The flight recorder: the last samples of this worker's users, in a ring
 * that costs a few nanoseconds a sample and is read only when something has
 * gone wrong.
 *
 * One in a process, on the loop's thread.  Without flight_init() nothing is
 * recorded.
 */
#ifndef USER_FLIGHT_H
#define USER_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLIGHT_EVENTS 16384             /* of a worker's ring */
#define FLIGHT_USERS  8                 /* whose events are taken out */
#define FLIGHT_EACH   125               /* of each, at most */
#define FLIGHT_MOST   (FLIGHT_USERS * FLIGHT_EACH)

struct flight_event {
	int64_t end;                    /* clock_now() ns */
	int64_t service;                /* ns */
	int64_t lag;                    /* ns that it began too late */
	const char *task;               /* its name */
	uint32_t user;                  /* its id */
	uint32_t series;
	const char *error;              /* NULL: it passed */
};

/* Room for so many, a power of two. */
void flight_init(size_t events);
/* A test begins: what was before it is none of it. */
void flight_forget(void);
void flight_release(void);
/* `task` lives as long as its module; `error` is copied.  Times are kept to
 * the microsecond, up to an hour. */
void flight_record(uint32_t user, uint32_t series, int64_t end,
    int64_t service, int64_t lag, const char *task, const char *error);
/*
 * The users who fared worst since a time, failures before slow answers: who
 * they are, and how much of them was given.
 */
struct flight_pick {
	int64_t from;                   /* clock_now(); the rest is zero at
	                                 * first */
	uint64_t seen;                  /* events that were looked at */
	struct flight_worst {
		uint32_t user;
		bool failed;
		int64_t response;
		uint64_t number;        /* of its worst event */
		size_t given;
		size_t skip;
	} worst[FLIGHT_USERS];
	size_t count;
};

/*
 * Of each of them at most FLIGHT_EACH events, those around its worst one,
 * oldest first.  Called again it goes on with what has come since; those
 * users stay, and others join only when they are fewer than FLIGHT_USERS.
 * Room for FLIGHT_MOST less what was given before; returns how many.
 */
size_t flight_take(struct flight_pick *, struct flight_event *out);

#endif
