/*
 * The master's table of workers, and what it remembers of those that left.
 */
#ifndef CLUSTER_MEMBER_H
#define CLUSTER_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/backlog.h"
#include "cluster/bucket.h"
#include "cluster/master.h"
#include "cluster/zsock.h"

struct member {
	struct peer peer;               /* first: master.h hands this out */
	struct zsock *sock;             /* the way to it */
	struct member_record *record;   /* NULL: it never joined */
	size_t class_count;
	size_t log_lines;               /* seen of a Locust worker's ring */
	struct bucket traffic;          /* reports, heartbeats */
	struct bucket door;             /* registrations */
	struct bucket chat;             /* logs, exceptions */
	struct bucket custom;           /* messages of scenarios */
	struct bucket bytes;            /* of all of them */
	bool warned;                    /* about its excess */
	struct backlog orders;          /* not known to have come */
	bool ordered;                   /* anything, since it is here */
	struct member *next;            /* lost, to be freed */
};

/* An id that has been here, for the master's life. */
struct member_record {
	int64_t index;
	bool swarm;
	bool gone;                      /* it quit or its process ended: what
	                                 * still comes was sent before */
	int64_t first;                  /* index of a relay's workers; -1 */
	int64_t span;                   /* so many of these */
	int64_t lost_at;                /* when it was last heard, if it was
	                                 * lost; 0: it was not */
	uint64_t taken;                 /* the last of its reports we have */
	uint64_t orders;                /* made for it so far */
	char version[96];
};

/* The indexes to be given out, instead of all; before any worker comes. */
void member_number_from(int64_t first, int64_t count);
/* A relay's workers get `span` indexes of their own, from record->first on; -1:
 * there are not so many. */
int member_reserve(struct member_record *, unsigned span);
/* Ids are a stranger's to choose, so their number has an end: then one that
 * has left for good is forgotten for it, and its index is given again.  NULL,
 * after one log_error(): there is none such. */
struct member_record *member_remember(const char *id);
struct member_record *member_recall(const char *id);

struct member *member_add(const char *id, struct member_record *,
    struct zsock *, size_t class_count);
struct member *member_find(const char *id);
size_t member_count(void);
struct member *member_at(size_t i);
/* Nobody has been here; while the table is empty. */
void member_forget(void);
/* Out of the table; the caller frees. */
void member_remove(struct member *);
void member_free(struct member *);
/* Forgets all. */
void member_release(void);

/* Whether it knows the master's heartbeats (2.19) and spawning_complete
 * (2.29); others would log a warning for each. */
bool member_knows_heartbeat(const struct member *);
bool member_knows_ramp(const struct member *);

#endif
