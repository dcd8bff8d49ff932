/* Each account of a database logs in once. */
#include <swarm/data.h>
#include <swarm/swarm.h>

#include <string.h>

static struct swarm_feed *accounts;
static int name, password;

static int setup(void)
{
	accounts = SWARM_FEED("sqlite:accounts.db?SELECT name, password "
	    "FROM accounts ORDER BY name", .end = SWARM_END_STOP);
	name = swarm_feed_column(accounts, "name");
	password = swarm_feed_column(accounts, "password");
	return name == -1 || password == -1 ? -1 : 0;
}

static void log_in(struct swarm_user *u)
{
	struct swarm_timer t;
	struct swarm_row row;

	if (swarm_feed_next(accounts, u, &row) == -1)
		return;
	t = swarm_begin(u, "LOGIN", swarm_field_text(u, &row, name));
	if (strcmp(swarm_field_text(u, &row, password), "a \"secret\",\n") == 0)
		swarm_done(&t, 1);
	else
		swarm_fail(&t, "wrong password");
}

SWARM_MODULE(
	.setup = setup,
	.users = SWARM_USERS({ .name = "customer",
		.tasks = SWARM_TASKS(SWARM_TASK(log_in)) }),
);
