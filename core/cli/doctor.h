/*
 * Whether this machine can bear a load before it is asked to: limits,
 * kernel settings, clocks, tools.  What it is told from is gathered once; each
 * verdict is a function of that and of the plan, so that every one is tested.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/machine.h"

/* Load that is meant for this machine. */
struct doctor_plan {
	int64_t users;
	int64_t processes;              /* workers here; at least 1 */
	int64_t user_bytes;             /* memory of a user and its connection */
};

#define DOCTOR_USER_BYTES (32 * 1024)

struct doctor_machine {
	struct machine at;
	bool guards_are_maps;           /* a fiber's stack costs two maps */
	bool not_root;                  /* commands need sudo */
	bool compiler;
	bool headers;
};

enum doctor_verdict {
	DOCTOR_FINE,
	DOCTOR_SLOWS,                   /* works; measures worse than it might */
	DOCTOR_LACKS,                   /* the plan does not fit */
};

struct doctor_finding {
	const char *name;
	enum doctor_verdict verdict;
	char text[160];
	char mend[240];                 /* a command; "" when fine */
};

#define DOCTOR_CHECKS 14

void doctor_gather(struct doctor_machine *);
/* All findings, in the order they are shown. */
void doctor_examine(const struct doctor_machine *, const struct doctor_plan *,
    struct doctor_finding out[DOCTOR_CHECKS]);

/* Before a test of many users: warns of what the plan lacks, and says nothing
 * when it fits. */
void doctor_warn(int64_t users, int64_t processes);

/* swarm doctor [-u N] [--processes N] [--json] */
int doctor_main(int argc, char **argv);

#endif
