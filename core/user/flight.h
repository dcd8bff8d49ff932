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

#include <stddef.h>
#include <stdint.h>

#define FLIGHT_EVENTS 16384             /* of a worker's ring */
#define FLIGHT_USERS  8                 /* whose events are taken out */

struct flight_event {
	int64_t end;                    /* clock_now() ns */
	int64_t service;                /* ns */
	int64_t lag;                    /* ns that it began too late */
	const char *task;               /* its name */
	uint32_t user;                  /* number */
	uint32_t series;
	const char *error;              /* NULL: it passed */
};

/* Room for so many, a power of two. */
void flight_init(size_t events);
void flight_release(void);
/* `task` lives as long as its module; `error` is copied.  Times are kept to
 * the microsecond, up to an hour. */
void flight_record(uint32_t user, uint32_t series, int64_t end,
    int64_t service, int64_t lag, const char *task, const char *error);
/*
 * The events since `from` of the users who fared worst, failures before slow
 * answers, oldest first, the newest `most` of them.  Returns how many.
 */
size_t flight_take(int64_t from, struct flight_event *out, size_t most);

#endif
