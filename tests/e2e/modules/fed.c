/* Users that take rows of a file: each row is a sample of its own, and every
 * choice is written to a file, so that runs can be compared. */
#include <swarm/swarm.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *file = "rows.csv";
static const char *order = "sequential";
static const char *end = "default";
static const char *notes = "";
static int steps = 10;
static double pause_s;

static struct swarm_feed *feed;
static int name, number;

struct state {
	int done;
};

static int index_of(const char *word, const char *const *words)
{
	int i = 0;

	while (words[i] != NULL && strcmp(words[i], word) != 0)
		i++;
	return i;
}

static int setup(void)
{
	static const char *const orders[] = { "sequential", "shuffled",
		"random", "unique", NULL };
	static const char *const ends[] = { "default", "wrap", "stop", "wait",
		NULL };

	feed = SWARM_FEED(file,
	    .order = (enum swarm_feed_order)index_of(order, orders),
	    .end = (enum swarm_feed_end)index_of(end, ends));
	name = swarm_feed_column(feed, "name");
	number = feed == NULL ? -1 : swarm_feed_column(feed, "number");
	return name == -1 || number == -1 ? -1 : 0;
}

static void note(struct swarm_user *u, const char *task, const char *what)
{
	char line[256];
	int fd;

	if (notes[0] == '\0')
		return;
	snprintf(line, sizeof line, "%s %llu %s %s %llu\n",
	    swarm_user_class_name(u),
	    (unsigned long long)swarm_user_number(u), task, what,
	    (unsigned long long)swarm_below(u, 1000000));
	fd = open(notes, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, line, strlen(line)) == -1)
		swarm_raise(u, "notes: %s", strerror(errno));
	close(fd);
}

static void take(struct swarm_user *u, const char *task)
{
	struct state *s = swarm_data(u);
	struct swarm_row row;
	struct swarm_timer t;

	if (swarm_feed_next(feed, u, &row) == -1)
		return;
	if (swarm_field_number(u, &row, number, -1) != (double)row.number)
		swarm_raise(u, "row %llu is not itself",
		    (unsigned long long)row.number);
	t = swarm_begin(u, "ROW", swarm_field_text(u, &row, name));
	note(u, task, swarm_field_text(u, &row, name));
	if (pause_s > 0)
		swarm_sleep(pause_s);
	swarm_done(&t, 0);
	if (++s->done == steps)
		swarm_stop_user(u);
}

static void one(struct swarm_user *u)
{
	take(u, "one");
}

static void two(struct swarm_user *u)
{
	take(u, "two");
}

SWARM_MODULE(
	.name = "fed",
	.options = SWARM_OPTIONS(
	    SWARM_OPTION(file, NULL, "of rows: name, number"),
	    SWARM_OPTION(order, NULL, "of rows"),
	    SWARM_OPTION(end, NULL, "when no row is left"),
	    SWARM_OPTION(notes, NULL, "file for choices"),
	    SWARM_OPTION(steps, NULL, "rows a user takes"),
	    SWARM_OPTION_DURATION(pause_s, NULL, "of each sample")),
	.setup = setup,
	.users = SWARM_USERS(
	    { .name = "eater", .data_size = sizeof(struct state),
		.wait = SWARM_BETWEEN(0, 0.01), .weight = 3,
		.tasks = SWARM_TASKS(SWARM_TASK(one, .weight = 2),
		    SWARM_TASK(two)) },
	    { .name = "guest", .data_size = sizeof(struct state),
		.wait = SWARM_CONSTANT(0.001),
		.tasks = SWARM_TASKS(SWARM_TASK(two)) }),
);
