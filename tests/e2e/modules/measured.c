/* Users that group, tag, name and count what they do, so that every figure of
 * a run of `loops` tasks a user is known beforehand. */
#include <swarm/swarm.h>

static int loops = 5;

struct state {
	int done;
};

static void start(struct swarm_user *u)
{
	swarm_tag(u, "tier", swarm_user_id(u) % 2 ? "odd" : "even");
}

static void call(struct swarm_user *u, const char *name, bool passes)
{
	struct swarm_timer t = swarm_begin(u, "CALL", name);

	swarm_sleep(0.002);
	if (passes)
		swarm_done(&t, 10);
	else
		swarm_fail(&t, "refused");
}

static void measure(struct swarm_user *u)
{
	struct state *s = swarm_data(u);
	struct swarm_timer t;

	swarm_transaction_begin(u, "order");
	call(u, "look", true);
	swarm_transaction_begin(u, "pay");
	call(u, "card", s->done % 5 != 0);
	swarm_transaction_end(u);
	swarm_transaction_end(u);

	swarm_name(u, "/item/[id]");
	call(u, swarm_printf(u, "/item/%d", s->done), true);
	swarm_name(u, NULL);

	t = swarm_begin(u, "CALL", "unknown");
	swarm_rename(&t, "LATE", "known");
	swarm_done(&t, 0);

	swarm_record(swarm_metric(SWARM_GAUGE, "depth", "jobs"), s->done);
	swarm_record(swarm_metric(SWARM_RATE, "hits", NULL), s->done % 2);
	swarm_record(swarm_metric(SWARM_DISTRIBUTION, "size", "kB"),
	    s->done * 1.5);
	swarm_count(swarm_counter("orders"), 1);
	if (++s->done == loops)
		swarm_stop_user(u);
}

/* Left by a return in the middle of a transaction. */
static void careless(struct swarm_user *u)
{
	swarm_transaction_begin(u, "careless");
	swarm_stop_user(u);
}

/* Says what a terminal would obey, as a server might. */
static void hostile(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "CALL", "name\033[31m");

	swarm_tag(u, "tier", "\033]0;tag\a");
	swarm_fail(&t, "error\033[2J \302\2332J\r");
	swarm_raise(u, "raised\033c");
}

SWARM_MODULE(
	.name = "measured",
	.options = SWARM_OPTIONS(SWARM_OPTION(loops, "5", "tasks a user")),
	.users = SWARM_USERS({ .name = "measurer", .start = start,
		.data_size = sizeof(struct state),
		.tasks = SWARM_TASKS(SWARM_TASK(measure, .tags = "full"),
		    SWARM_TASK(careless, .tags = "careless"),
		    SWARM_TASK(hostile, .tags = "hostile")) }),
);
