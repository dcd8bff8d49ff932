/*
 * A worker's log lines.
 *
 * A scenario that complains on every request must not cost the run its
 * network, nor the master its time: a bucket of tokens lets a burst through
 * and then a few lines a second.
 */
#include "cluster/worker_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/bucket.h"
#include "cluster/wire.h"
#include "cluster/worker.h"
#include "fiber/loop.h"

#define RATE 20.0                       /* lines a second */
#define BURST 100.0
#define WAITING_MAX 300
/* What a Locust master is shown. */
#define SHOWN_MAX 100

static struct {
	pthread_mutex_t lock;
	bool started;
	void (*ready)(void *);
	struct bucket rate;
	struct wire_log waiting[WAITING_MAX];
	size_t count;
	uint64_t dropped;
	/* The last lines, for Locust; a ring from `oldest`. */
	char *shown[SHOWN_MAX];
	size_t shown_count;
	size_t oldest;
	bool shown_news;
} lines = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool take_token(void)
{
	return bucket_take(&lines.rate, 1, RATE, BURST);
}

bool worker_log_allow(void)
{
	bool allowed;

	pthread_mutex_lock(&lines.lock);
	allowed = take_token();
	lines.dropped += !allowed;
	pthread_mutex_unlock(&lines.lock);
	return allowed;
}

void worker_log_start(void (*ready)(void *))
{
	pthread_mutex_lock(&lines.lock);
	lines.started = true;
	lines.ready = ready;
	pthread_mutex_unlock(&lines.lock);
}

void worker_log(int level, const char *line)
{
	bool first = false;

	pthread_mutex_lock(&lines.lock);
	if (!lines.started) {
		/* Nobody to send it to. */
	} else if (lines.count == WAITING_MAX || !take_token()) {
		lines.dropped++;
	} else {
		first = lines.count == 0;
		lines.waiting[lines.count++] = (struct wire_log){ level,
			xstrndup(line, WIRE_MAX_TEXT - 1) };
	}
	pthread_mutex_unlock(&lines.lock);
	if (first)
		loop_post(lines.ready, NULL);
}

static void clear_waiting(void)
{
	for (size_t i = 0; i < lines.count; i++)
		free((char *)lines.waiting[i].line);
	lines.count = 0;
	lines.dropped = 0;
}

bool worker_log_encode(struct buf *out, const char *node_id)
{
	bool any;

	pthread_mutex_lock(&lines.lock);
	any = lines.count > 0 || lines.dropped > 0;
	if (any)
		wire_encode_logs(out, node_id, lines.waiting, lines.count,
		    lines.dropped);
	clear_waiting();
	pthread_mutex_unlock(&lines.lock);
	return any;
}

/* "[time] host/LEVEL/swarm: text" */
static char *locust_line(int level, const char *text)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARNING",
		"ERROR" };
	struct timespec now;
	struct tm tm;
	char when[32];
	char host[65] = "";

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	gethostname(host, sizeof host - 1);
	return xasprintf("[%s,%03ld] %s/%s/swarm: %s", when,
	    now.tv_nsec / 1000000, host,
	    level >= 0 && level <= LOG_LEVEL_ERROR ? names[level] : "INFO",
	    text);
}

static void show(int level, const char *text)
{
	size_t at = (lines.oldest + lines.shown_count) % SHOWN_MAX;

	if (lines.shown_count == SHOWN_MAX) {
		free(lines.shown[at]);
		lines.oldest = (lines.oldest + 1) % SHOWN_MAX;
	} else {
		lines.shown_count++;
	}
	lines.shown[at] = locust_line(level, text);
	lines.shown_news = true;
}

bool worker_log_encode_locust(struct buf *out, const char *node_id)
{
	struct wire_log all[SHOWN_MAX];
	bool news;

	pthread_mutex_lock(&lines.lock);
	for (size_t i = 0; i < lines.count; i++)
		show(lines.waiting[i].level, lines.waiting[i].line);
	clear_waiting();
	for (size_t i = 0; i < lines.shown_count; i++)
		all[i] = (struct wire_log){ LOG_LEVEL_INFO,
			lines.shown[(lines.oldest + i) % SHOWN_MAX] };
	news = lines.shown_news;
	lines.shown_news = false;
	if (news)
		wire_encode_logs(out, node_id, all, lines.shown_count, 0);
	pthread_mutex_unlock(&lines.lock);
	return news;
}

void worker_log_stop(void)
{
	pthread_mutex_lock(&lines.lock);
	for (size_t i = 0; i < lines.count; i++)
		fprintf(stderr, "%s\n", lines.waiting[i].line);
	clear_waiting();
	for (size_t i = 0; i < lines.shown_count; i++)
		free(lines.shown[(lines.oldest + i) % SHOWN_MAX]);
	lines.shown_count = 0;
	lines.oldest = 0;
	lines.shown_news = false;
	lines.started = false;
	pthread_mutex_unlock(&lines.lock);
}
