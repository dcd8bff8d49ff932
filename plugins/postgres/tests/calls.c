/*
 * The server and the core, for all tests of a program.
 */
#include "calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cluster.h"
#include "harness.h"
#include "pgc_options.h"

int calls_start(void **state)
{
	(void)state;
	if (cluster_start() == -1) {
		print_message("no PostgreSQL here\n");
		exit(getenv("CI") != NULL ? 1 : 77);
	}
	harness_init();
	pgc_options.conninfo = cluster_conninfo();
	return 0;
}

int calls_stop(void **state)
{
	(void)state;
	harness_release();
	cluster_stop();
	return 0;
}
