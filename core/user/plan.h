/*
 * The plan of a run, as the master sends it to each worker beside the counts
 * of users: which executor each class belongs to, when its arrivals are due,
 * how many iterations it may begin, and whether all pause.  It is absolute:
 * the same plan again changes nothing, and one that is lost is made good by
 * the next.
 */
#ifndef USER_PLAN_H
#define USER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/arrivals.h"

#define PLAN_EXECUTORS_MAX 64

struct plan_executor {
	const char *name;               /* "": the only one, unnamed */
	const char **classes;           /* names */
	size_t class_count;
	bool open;
	struct arrivals_plan arrivals;  /* when open */
	/* Of a number of iterations that is shared: those that this worker
	 * may have begun since it got the lease; -1: not shared. */
	int64_t granted;
	unsigned lease;
	int64_t each;                   /* iterations of each user; 0: no end */
};

struct plan {
	bool paused;
	int64_t shift;                  /* ns of all pauses so far */
	struct plan_executor *executors;
	size_t count;
	char *text;                     /* what the names point into */
};

/* 0, or -1 when malformed; release it after success. */
int plan_parse(struct plan *, const char *text);
void plan_release(struct plan *);
/* Caller frees; NULL when it is too long to send. */
char *plan_text(const struct plan *);

#endif
