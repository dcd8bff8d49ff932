/*
 * NOTIFY fan-out: one session speaks, every other hears it.
 *
 *	swarm -f notify.so --host postgres://postgres@127.0.0.1/postgres -u 200
 *
 * The row "SQL notify" holds the time from sending to each arrival; the
 * counters notify_sent and notify_heard tell what became of every message.
 *
 *	-o notify.speakers=1 -o notify.pause=0.1s
 */
#include <swarm/swarm.h>
#include <swarm/postgres.h>

static int speakers;
static double pause_between;

struct ear {
	bool listens;
};

static void tune_in(struct swarm_user *u)
{
	struct ear *ear = swarm_data(u);

	ear->listens = pg_listen(u, "news", NULL) == 0;
}

static void hear(struct swarm_user *u)
{
	struct ear *ear = swarm_data(u);

	if (!ear->listens) {
		tune_in(u);
		return;
	}
	/* After a loss the next call connects and listens again. */
	if (pg_wait(u, .timeout = 1) != NULL)
		swarm_count(swarm_counter("notify_heard"), 1);
}

static void speak(struct swarm_user *u)
{
	if (pg_notify(u, .channel = "news", .payload = "something") == 0)
		swarm_count(swarm_counter("notify_sent"), 1);
}

static int setup(void)
{
	static const struct swarm_task speaking[] = {
		SWARM_TASK(speak), { .name = NULL },
	};
	struct swarm_user_class speaker = {
		.name = "speaker",
		.fixed_count = (unsigned)speakers,
		.wait = SWARM_CONSTANT(pause_between),
		.tasks = speaking,
	};

	if (speakers < 1) {
		swarm_error("speakers must be at least 1");
		return -1;
	}
	return swarm_class_add(&speaker) == -1 ? -1 : 0;
}

SWARM_MODULE(
	.name = "notify",
	.summary = "one session notifies, all others listen",
	.setup = setup,
	.options = SWARM_OPTIONS(
		SWARM_OPTION(speakers, "1", "sessions that notify"),
		{ .name = "pause", .type = SWARM_DURATION,
		  .dest = &pause_between, .deflt = "0.1s",
		  .help = "between two notifications of a speaker" }),
	.users = SWARM_USERS({
		.name = "listener",
		.data_size = sizeof(struct ear),
		.start = tune_in,
		.tasks = SWARM_TASKS(SWARM_TASK(hear)),
	}),
);
