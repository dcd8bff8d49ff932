/*
 * What bears on a load in this machine and in the limits of this process, as
 * the kernel tells it: read for `swarm doctor` and for the card of a result.
 */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include <stdint.h>

/* -1 or "" where the machine does not say, or where there is no limit. */
struct machine {
	char kernel[128];               /* name, release, architecture */
	char cpu[96];                   /* model */
	int64_t cores;                  /* this process may use; 1 or more */
	double quota;                   /* of a core, by a cgroup */
	char governor[32];              /* of the first core that is slowed */
	int64_t memory_total;           /* bytes */
	int64_t memory;                 /* that may still be taken */
	const char *memory_of;          /* what sets that */
	int64_t nofile;                 /* hard limit of a process */
	int64_t nofile_most;            /* that root may set */
	int64_t file_room;              /* free in the whole system */
	int64_t processes_max;          /* threads of this user */
	int64_t map_max;
	int64_t ports;                  /* ephemeral */
	int64_t time_wait;              /* connections that hold one */
	int64_t tw_reuse;
	int64_t somaxconn;
	int64_t conntrack_room;
	int64_t timer_slack_ns;
	char clock_source[32];
	int64_t clock_ns;               /* cost of one reading */
};

void machine_read(struct machine *);

#endif
