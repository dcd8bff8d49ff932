/* finds: load: SIGSEGV
 * finds: load: crash_on_load.c:11 */
#include <swarm/swarm.h>

#include <string.h>

static char *volatile nothing;

static int load(void)
{
	return (int)strlen(nothing) + *nothing;
}

SWARM_MODULE(.summary = "falls over at once", .load = load);
