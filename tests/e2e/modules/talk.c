/*
 * The master greets when a test starts, the workers answer with what they
 * heard and who their first user saw it, and the master writes down both.
 */
#include <swarm/swarm.h>
#include <swarm/hooks.h>
#include <swarm/message.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char heard[1000];
static bool first = true;
static int flood;

static void on_greet(const struct swarm_message *m, void *arg)
{
	(void)arg;
	snprintf(heard, sizeof heard, "%s", m->json);
	swarm_info("greeted with %s by '%s'", m->json, m->from);
}

static void on_answer(const struct swarm_message *m, void *arg)
{
	(void)arg;
	swarm_info("answer %s", m->json);
	/* To that one alone. */
	if (swarm_send_message(m->from, "thanks", "null") == -1)
		swarm_error("no thanks: %s", strerror(errno));
}

static void on_thanks(const struct swarm_message *m, void *arg)
{
	(void)arg;
	swarm_info("thanked with %s", m->json);
}

static int load(void)
{
	if (swarm_on_message("swarm_greet", on_greet, NULL) != -1 ||
	    swarm_on_message("stats", on_greet, NULL) != -1)
		return -1;
	if (swarm_on_message("thanks", on_thanks, NULL) == -1)
		return -1;
	return swarm_is_worker() ?
	    swarm_on_message("greet", on_greet, NULL) :
	    swarm_on_message("answer", on_answer, NULL);
}

static void test_start(void)
{
	if (!swarm_is_worker() && swarm_send_message(NULL, "greet",
	    "{\"to\":[\"all\",1,2.5,true,null],\"text\":\"gr\\u00fc\\u00df\"}") ==
	    -1)
		swarm_error("no greeting: %s", strerror(errno));
}

static void answer(struct swarm_user *u)
{
	int sent = 0;

	if (first && swarm_send_message(NULL, "answer", heard) == -1)
		swarm_error("no answer: %s", strerror(errno));
	if (first && swarm_send_message(NULL, "answer", "{no json") == -1)
		swarm_info("refused: %s", strerror(errno));
	first = false;
	for (int i = 0; i < flood; i++)
		sent += swarm_send_message(NULL, "noise", "1") == 0;
	if (flood > 0)
		swarm_info("noise %d", sent);
	swarm_stop_user(u);
}

static const struct swarm_hooks hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.test_start = test_start,
};

SWARM_MODULE(
	.name = "talk",
	.load = load,
	.options = SWARM_OPTIONS(
		SWARM_OPTION(flood, "0", "messages that each user sends")),
	.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head }),
	.users = SWARM_USERS({ .name = "talker",
		.tasks = SWARM_TASKS(SWARM_TASK(answer)) }),
);
