/* A counter and a key for each user. */
#include <redis.h>
#include <swarm/swarm.h>

#include <string.h>

static void write_and_read(struct swarm_user *u)
{
	unsigned id = swarm_user_id(u);
	const struct redisReply *r;

	redis_command(u, "SET user:%u %s", id, "hello");
	r = redis_command(u, "GET user:%u", id);
	if (r != NULL && (r->type != REDIS_REPLY_STRING ||
	    strcmp(r->str, "hello") != 0))
		swarm_raise(u, "somebody else's value");
}

static void count(struct swarm_user *u)
{
	redis_command(u, "INCR visits");
}

SWARM_SCENARIO({
	.name  = "visitor",
	.wait  = SWARM_CONSTANT(0.01),
	.tasks = SWARM_TASKS(SWARM_TASK(write_and_read), SWARM_TASK(count)),
});
