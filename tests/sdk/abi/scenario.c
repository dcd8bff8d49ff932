/* What a scenario may hold, for headers of any level: compiled with frozen
 * ones and with those of the future, run by today's swarm. */
#include <swarm/swarm.h>

#include <swarm/hooks.h>
#include <swarm/shape.h>

#include <string.h>

static int count;
static const char *word;
static double patience;

static void plain(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "ABI", "plain");

	if (count != 7 || strcmp(word, "old") != 0 || patience != 1.5)
		swarm_raise(u, "options are not what they should be");
	swarm_done(&t, 3);
}

static void inside(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "ABI", "inside");

	swarm_done(&t, 0);
	swarm_leave(u, true);
}

static void added(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "ABI", "added");

	swarm_done(&t, 0);
}

static void hello(struct swarm_user *u)
{
	int *n = swarm_data(u);

	*n = 5;
	swarm_info("hello from %s", swarm_user_class_name(u));
}

static void bye(struct swarm_user *u)
{
	const int *n = swarm_data(u);

	swarm_info("bye %d", *n);
}

static const struct swarm_task_set set = {
	.tasks = SWARM_TASKS(SWARM_TASK(inside), SWARM_TASK(inside)),
	.flow = SWARM_SEQUENTIAL,
};

/* Behind these there must be nothing that a longer struct would take for its
 * own: bytes that are no pointer. */
struct fenced_class {
	struct swarm_user_class c;
	unsigned char fence[256];
};

struct fenced_task {
	struct swarm_task t;
	unsigned char fence[256];
};

static int setup(void)
{
	static struct fenced_class c;
	static struct fenced_task t;
	static struct fenced_task nested;
	int index;

	memset(c.fence, 0xee, sizeof(c.fence));
	memset(t.fence, 0xee, sizeof(t.fence));
	memset(nested.fence, 0xee, sizeof(nested.fence));
	c.c.name = "Added";
	c.c.tasks = SWARM_TASKS(SWARM_TASK(added, .weight = 2),
	    SWARM_TASK(added, .tags = "more"));
	index = swarm_class_add(&c.c);
	t.t.name = "later";
	t.t.run = added;
	nested.t.name = "nested";
	nested.t.set = &set;
	return swarm_task_add(index, &t.t) == -1 ? -1 :
	    swarm_task_add(index, &nested.t);
}

static void test_start(void)
{
	swarm_info("hooks work");
}

static const struct swarm_hooks hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.test_start = test_start,
};

static bool tick(double seconds, struct swarm_load *load)
{
	load->users = 2;
	return seconds < 1;
}

static const struct swarm_shape shape = {
	SWARM_IFACE(struct swarm_shape, 0),
	.name = "short",
	.help = "a second",
	.tick = tick,
};

#ifdef USE_FUTURE
static int load(void)
{
	swarm_future();
	return 0;
}
#endif

SWARM_MODULE(
	.name = "level",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(count, "7", "a number"),
		SWARM_OPTION(word, "old", "a text", .choices = "old|new"),
		SWARM_OPTION_DURATION(patience, "1.5s", "a duration")),
	.users = SWARM_USERS(
		{ .name = "First", .data_size = sizeof(int), .start = hello,
		  .stop = bye, .wait = SWARM_CONSTANT(0.01),
		  .tasks = SWARM_TASKS(SWARM_TASK(plain, .weight = 2),
			SWARM_SET(set, .tags = "deep")),
		  .flow = SWARM_SEQUENTIAL },
		{ .name = "Second", .wait = SWARM_BETWEEN(0.01, 0.02),
		  .tasks = SWARM_TASKS(SWARM_TASK(plain)) }),
	.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head },
		{ SWARM_SHAPE_ID, &shape.head }),
#ifdef USE_FUTURE
	.load = load,
#endif
	.setup = setup,
);
