/*
 * Feeders: where rows of data come from when they are in no file.  A module
 * exports one as "swarm.feeder/1"; a scenario names it before a colon,
 *
 *	accounts = SWARM_FEED("redis:accounts:*", .order = SWARM_UNIQUE_ROWS);
 *
 * and gets rows as of a file (data.h), in every order and with every end.  The
 * module must have been loaded: by --plugin, or because the scenario is itself
 * the one that exports it.
 */
#ifndef SWARM_FEEDER_H
#define SWARM_FEEDER_H

#include <swarm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_FEEDER_ID "swarm.feeder/1"

/* All rows as text, at least one.  Frozen. */
struct swarm_rows {
	const char *data;
	size_t len;
	bool json;                      /* NDJSON; else CSV, of which the first
	                                 * line names the columns */
};

struct swarm_feeder {
	struct swarm_iface head;
	const char *name;               /* letters, digits, "_" and "-" */
	const char *help;               /* the form of a target, one line */
	/*
	 * [main] Fetches the rows of a target, which is what followed the
	 * colon.  Called after this module's load(), in every process of the
	 * run, and must answer the same in all of them, which swarm checks;
	 * may block.  0, or -1 after swarm_error().
	 */
	int (*fetch)(const char *target, struct swarm_rows *);
	/* [main] Frees what fetch() filled in, once swarm has copied it.
	 * NULL: there is nothing to free. */
	void (*release)(struct swarm_rows *);
};

#ifdef __cplusplus
}
#endif
#endif
