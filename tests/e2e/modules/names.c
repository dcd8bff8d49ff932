/* Names as long as generated ones are, some in wide characters. */
#include <swarm/swarm.h>

static void ask(struct swarm_user *u)
{
	static const char *const names[] = {
		"/a/very/long/name/that/nobody/would/type/but/everybody/generates/1",
		"/s/商品/カテゴリー/とても長い名前の商品がここにあります/詳細/レビュー",
		"/a/very/long/name/that/nobody/would/type/but/everybody/generates/2"
		"/and/this/one/goes/on/for/more/than/any/terminal/is/wide",
		"short" };
	static const char *const errors[] = { "the answer was 503 Service "
		"Unavailable, because of nothing that anybody could know",
		"x" };
	unsigned i = (unsigned)swarm_below(u, 4);
	struct swarm_timer t = swarm_begin(u, "NAME", names[i]);

	if (swarm_below(u, 20) == 0)
		swarm_fail(&t, "%s", errors[i % 2]);
	else
		swarm_done(&t, 100);
}

SWARM_SCENARIO({ .name = "namer", .wait = SWARM_CONSTANT(0.05),
	.tasks = SWARM_TASKS(SWARM_TASK(ask)) });
