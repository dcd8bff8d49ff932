/*
 * What a user does to its samples: transactions they belong to, a name for
 * all of them, tags.  For core/user; most users have none of it, so it is a
 * pointer that stays NULL.
 */
#ifndef USER_MEASURE_H
#define USER_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include <swarm/user.h>

#define MEASURE_DEEP     8              /* transactions in each other */
#define MEASURE_KEYS     16
#define MEASURE_VALUES   100            /* of a key */
#define MEASURE_TAG_TEXT 64             /* bytes of a value */

struct measure;

/* Before the first user: the tag keys that split rows (NULL-ended, may be
 * NULL); copied.  Forgets what was before. */
void measure_init(const char *const *split_by);
void measure_release(void);

/* sample.c: the row that a sample of this series belongs to. */
uint32_t measure_series(struct swarm_user *u, uint32_t series);
/* sample.c: one of the user's samples has failed. */
void measure_failed(struct swarm_user *u, const char *reason);
/* "key=value,key=value", or NULL; valid until the next call. */
const char *measure_tags(const struct swarm_user *u);
/* The task or hook has returned; `keep`: its tags stay (start()). */
void measure_end_task(struct swarm_user *u, bool keep);
void measure_free(struct swarm_user *u);

#endif
