/* The module's options, as given. */
#ifndef PGC_OPTIONS_H
#define PGC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <swarm/postgres.h>

struct pgc_options {
	const char *conninfo;
	int pool;
	enum pg_mode mode;
	double connect_timeout;
	double timeout;
	double retry_delay;
	double grace;                   /* for a server to heed a request to
	                                 * cancel */
	int64_t max_result;
	bool locust_names;
	int slot;                       /* of struct pgc_user in each user */
};

extern struct pgc_options pgc_options;

#endif
