/* See the header. */
#include "cluster/inbox_chat.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cluster/master_internal.h"

/* Crashes a second, and at once. */
#define CRASH_RATE  2
#define CRASH_BURST 20

static const struct master_options *options(void)
{
	return &master_shared.o;
}

int chat_exception(struct member *m, const struct wire_message *msg)
{
	char message[WIRE_MAX_TEXT];
	char traceback[WIRE_MAX_TEXT];

	if (wire_read_exception(&msg->data, message, sizeof message,
	    traceback, sizeof traceback) == -1)
		return -1;
	if (options()->exception != NULL)
		options()->exception(&m->peer, message, traceback,
		    options()->arg);
	return 0;
}

/* As of a local one.  What it sent before may come still. */
static void lose_crashed(struct member *m, const struct wire_crash *c)
{
	char why[WIRE_MAX_FRAME + 16];

	log_error("worker %lld (%.*s): stack of the crash",
	    (long long)m->peer.index, (int)strcspn(m->peer.id, "_"),
	    m->peer.id);
	for (size_t i = 0; i < c->count; i++)
		log_error("%s", c->stack[i]);
	snprintf(why, sizeof why, "crashed: %s", c->summary);
	m->record->gone = true;
	master_lose(m, why, true);
}

/* Of all together, so that nobody floods the log: what is beyond is a worker
 * without a heartbeat. */
int chat_crash(struct zsock *sock, const struct wire_message *msg)
{
	static struct bucket all;
	struct wire_crash c;
	struct member *m;

	if (!bucket_take(&all, 1, CRASH_RATE, CRASH_BURST)) {
		master_shared.refused.excess++;
		return 0;
	}
	if (wire_read_crash(&msg->data, &c) == -1)
		return -1;
	m = member_find(c.worker);
	if (m == NULL || m->sock != sock || m->peer.pid != 0 ||
	    !m->peer.swarm)
		master_shared.refused.unknown++;
	else
		lose_crashed(m, &c);
	return 0;
}

struct lines {
	struct member *m;
	size_t seen;
};

/* Locust writes "[time] host/LEVEL/logger: text". */
static int locust_level(const char *line)
{
	static const char *const marks[] = { "/DEBUG/", "/INFO/",
		"/WARNING/", "/ERROR/", "/CRITICAL/" };
	static const int levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO,
		LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR };

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (strstr(line, marks[i]) != NULL)
			return levels[i];
	}
	return LOG_LEVEL_INFO;
}

/* A Locust worker sends its whole ring each time: only what is new. */
static void on_line(int level, const char *line, void *arg)
{
	struct lines *l = arg;

	l->seen++;
	if (level == -1 && l->seen <= l->m->log_lines)
		return;
	if (options()->log != NULL)
		options()->log(&l->m->peer,
		    level == -1 ? locust_level(line) : level, line,
		    options()->arg);
}

int chat_logs(struct member *m, const struct wire_message *msg)
{
	struct lines l = { .m = m };
	uint64_t dropped;
	char text[80];

	if (wire_read_logs(&msg->data, on_line, &l, &dropped) == -1)
		return -1;
	m->log_lines = l.seen;
	if (dropped == 0 || options()->log == NULL)
		return 0;
	snprintf(text, sizeof text, "%llu more lines were dropped: it wrote "
	    "too many", (unsigned long long)dropped);
	options()->log(&m->peer, LOG_LEVEL_WARN, text, options()->arg);
	return 0;
}
