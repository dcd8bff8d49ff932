/*
 * Local worker processes: started, watched, and gone when the master is.
 */
#ifndef CLUSTER_CHILD_H
#define CLUSTER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* What a child finds in its environment. */
#define CHILD_ID_ENV    "SWARM_WORKER_ID"       /* its identity */
#define CHILD_CRASH_ENV "SWARM_CRASH_FD"        /* where a crash is told */
/* And user/begun.h's. */

struct begun;
struct child;

/*
 * Runs this program with "--local-worker ENDPOINT" and `argv` (NULL-ended),
 * as a child that dies with this process, by SIGKILL should this one die so.
 * Signals are at their defaults in it, except SIGINT, which is ignored: a
 * terminal sends that to the whole group, and the master decides what it
 * means.  `ended` is called once on the loop.  NULL after log_error().
 */
struct child *child_start(const char *id, const char *endpoint,
    char *const *argv, void (*ended)(struct child *, void *), void *arg);
pid_t child_pid(const struct child *);
const char *child_id(const struct child *);
/* Once it has ended: wait()'s status, and what it wrote about a crash ("" for
 * nothing). */
int child_status(const struct child *);
const char *child_crash_text(const struct child *);
/* What it has begun of a replay; as long as the child is not freed.  NULL
 * when there is no such memory. */
const struct begun *child_begun(const struct child *);
/* Not yet ended. */
bool child_alive(const struct child *);
void child_kill(struct child *, int signal);
/* Kills and waits when it is still alive.  NULL is fine. */
void child_free(struct child *);

#endif
