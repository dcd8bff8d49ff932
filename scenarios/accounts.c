/* Each user logs in as somebody else, from accounts.csv beside this file;
 * what they search for comes in turn from words.ndjson.  One transaction
 * times a whole visit. */
#include <swarm/swarm.h>
#include <swarm/http.h>

static struct swarm_feed *accounts, *words;
static int name, password, word;

static int setup(void)
{
	accounts = SWARM_FEED("accounts.csv", .order = SWARM_UNIQUE_ROWS);
	name = swarm_feed_column(accounts, "name");
	password = swarm_feed_column(accounts, "password");
	words = SWARM_FEED("words.ndjson", .order = SWARM_SHUFFLED_ROWS);
	word = swarm_feed_column(words, "word");
	return name == -1 || password == -1 || word == -1 ? -1 : 0;
}

static void login(struct swarm_user *u)
{
	struct swarm_row row;

	/* More users than accounts: the user is stopped. */
	if (swarm_feed_next(accounts, u, &row) == -1)
		return;
	http_post(u, "/login", .form = HTTP_FIELDS(
	    { "name", swarm_field_text(u, &row, name) },
	    { "password", swarm_field_text(u, &row, password) }));
}

static void visit(struct swarm_user *u)
{
	struct swarm_row row;

	if (swarm_feed_next(words, u, &row) == -1)
		return;
	swarm_transaction_begin(u, "visit");
	http_get(u, "/");
	http_get(u, "/search", .query = HTTP_FIELDS(
	    { "q", swarm_field_text(u, &row, word) }));
	swarm_transaction_end(u);
}

SWARM_MODULE(
	.name = "accounts",
	.setup = setup,
	.users = SWARM_USERS({
		.name = "customer",
		.wait = SWARM_BETWEEN(0.5, 2),
		.start = login,
		.tasks = SWARM_TASKS(SWARM_TASK(visit)),
	}),
);
