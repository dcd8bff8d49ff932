/*
 * The user dispatcher: which worker starts a user of which class next.
 *
 * Fairness is Locust's (greedy Kullback-Leibler over the weights, workers in
 * turn, classes with a fixed count first, ramp-down in reverse order of
 * start), so that both give the same distribution.  Unlike there, the choice
 * is a function of the counts alone: after a ramp-down the same users come
 * back, and when a worker joins or leaves the others keep their users and
 * only the difference moves.
 *
 * Pure computation: no I/O, no clock, no randomness.  One thread.
 */
#ifndef CLUSTER_DISPATCHER_H
#define CLUSTER_DISPATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dispatcher;

struct dispatcher_class {
	const char *name;               /* copied; breaks ties */
	double weight;                  /* share of the users; 0 or less: only
	                                 * the fixed count */
	int64_t fixed_count;            /* so many, before any weight; 0: none */
};

/* `wanted` is the caller's: one number for each class, written by the
 * dispatcher, and it must stay until the worker is left out of a later
 * dispatcher_set_workers(). A struct peer's id and wanted fit. */
struct dispatcher_worker {
	const char *id;                 /* copied; "host_anything" */
	int64_t *wanted;
};

/* Classes keep their index here; never NULL. */
struct dispatcher *dispatcher_new(const struct dispatcher_class *,
    size_t count);
void dispatcher_free(struct dispatcher *);

/*
 * The workers there are now, in any order; ids must differ.  A worker known
 * by its id keeps its users.  Users of workers that are gone are given to the
 * others, and just as many users move as evening out needs, the youngest
 * first.  Classes keep their counts.  Every `wanted` is written.
 * Without workers all users are forgotten.
 * Returns how many users changed place (lost ones included).
 */
size_t dispatcher_set_workers(struct dispatcher *,
    const struct dispatcher_worker *, size_t count);

/* Takes effect from the next user added.  A class that is not `enabled`
 * gets no new users; those it has stay. */
void dispatcher_set_class(struct dispatcher *, size_t index, double weight,
    int64_t fixed_count, bool enabled);

/* Among workers with as few users, the one at this place (modulo their number)
 * is the first to get one; 0 at the beginning. */
void dispatcher_begin_with(struct dispatcher *, size_t worker);

/* Adds up to n users; returns how many: fewer when there is no worker, or
 * only fixed counts and these are reached. */
size_t dispatcher_add_users(struct dispatcher *, size_t n);
/* Takes away up to n users, the last added first; returns how many. */
size_t dispatcher_remove_users(struct dispatcher *, size_t n);

/* Users in all `wanted` together, and of one class. */
size_t dispatcher_total(const struct dispatcher *);
int64_t dispatcher_class_total(const struct dispatcher *, size_t index);

/* Locust's pace: *users at once every *interval seconds make `rate` (over 0)
 * users a second; about one step a second, or one user a step. */
void dispatcher_pace(double rate, size_t *users, double *interval);

#endif
