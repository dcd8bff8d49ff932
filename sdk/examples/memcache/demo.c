/* Each user stores what it has, and finds it again. */
#include <memcache.h>
#include <swarm/swarm.h>

#include <string.h>

static void store_and_find(struct swarm_user *u)
{
	const char *key = swarm_printf(u, "user:%u", swarm_user_id(u));
	const char *found;
	size_t len;

	memcache_set(u, key, "a value\r\nof two lines", 21);
	found = memcache_get(u, key, &len);
	/* What is not there because the user is being stopped is no error. */
	if (found == NULL && !swarm_stopping(u))
		swarm_raise(u, "it was not there");
	if (found != NULL && strcmp(found, "a value\r\nof two lines") != 0)
		swarm_raise(u, "it was another");
	memcache_get(u, "nothing", &len);
}

SWARM_SCENARIO({
	.name  = "visitor",
	.wait  = SWARM_CONSTANT(0.01),
	.tasks = SWARM_TASKS(SWARM_TASK(store_and_find)),
});
