/* Two rings of texts; see the header. */
#include "web/feed.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"

struct entry {
	uint64_t number;
	double time;
	int level;
	char *source;                   /* an event's kind */
	char *text;
};

struct ring {
	struct entry *entries;
	size_t size;
	uint64_t newest;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ring rings[2];

void feed_init(void)
{
	pthread_mutex_lock(&lock);
	rings[FEED_LOG].size = FEED_LOG_LINES;
	rings[FEED_EVENT].size = FEED_EVENTS;
	for (int i = 0; i < 2; i++)
		if (!rings[i].entries)
			rings[i].entries = xcalloc(rings[i].size,
			    sizeof(*rings[i].entries));
	pthread_mutex_unlock(&lock);
}

void feed_release(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; rings[i].entries && k < rings[i].size;
		    k++) {
			free(rings[i].entries[k].source);
			free(rings[i].entries[k].text);
		}
		free(rings[i].entries);
		rings[i] = (struct ring){ 0 };
	}
	pthread_mutex_unlock(&lock);
}

static void add(enum feed_kind kind, const char *source, int level,
    const char *text)
{
	struct ring *r = &rings[kind];

	pthread_mutex_lock(&lock);
	if (r->entries) {
		struct entry *e = &r->entries[++r->newest % r->size];

		free(e->source);
		free(e->text);
		*e = (struct entry){ r->newest, clock_wall(), level,
			xstrdup(source), xstrdup(text) };
	}
	pthread_mutex_unlock(&lock);
}

void feed_log(const char *source, int level, const char *text)
{
	add(FEED_LOG, source, level, text);
}

void feed_event(const char *kind, const char *text)
{
	add(FEED_EVENT, kind, LOG_LEVEL_INFO, text);
}

uint64_t feed_newest(enum feed_kind kind)
{
	uint64_t newest;

	pthread_mutex_lock(&lock);
	newest = rings[kind].newest;
	pthread_mutex_unlock(&lock);
	return newest;
}

/* The first number to show. */
static uint64_t first_of(const struct ring *r, uint64_t after, size_t max)
{
	uint64_t first = after + 1;

	if (r->newest >= r->size && first < r->newest - r->size + 1)
		first = r->newest - r->size + 1;
	if (r->newest >= max && first < r->newest - max + 1)
		first = r->newest - max + 1;
	return first;
}

void feed_write(enum feed_kind kind, uint64_t after, size_t max,
    struct jsonw *j)
{
	const struct ring *r = &rings[kind];

	jsonw_array(j);
	pthread_mutex_lock(&lock);
	for (uint64_t n = first_of(r, after, max);
	    r->entries && n <= r->newest; n++) {
		const struct entry *e = &r->entries[n % r->size];

		jsonw_object(j);
		jsonw_put_int(j, "id", (int64_t)n);
		jsonw_put_double(j, "time", e->time);
		if (kind == FEED_LOG) {
			jsonw_put_string(j, "level", log_level_name(
			    (enum log_level)e->level));
			jsonw_put_string(j, "source", e->source);
		} else {
			jsonw_put_string(j, "kind", e->source);
		}
		jsonw_put_string(j, "text", e->text);
		jsonw_end(j);
	}
	pthread_mutex_unlock(&lock);
	jsonw_end_array(j);
}

void feed_each_log(void (*fn)(const char *, const char *, void *), void *arg)
{
	const struct ring *r = &rings[FEED_LOG];

	pthread_mutex_lock(&lock);
	for (uint64_t n = first_of(r, 0, r->size);
	    r->entries && n <= r->newest; n++) {
		const struct entry *e = &r->entries[n % r->size];

		fn(e->source, e->text, arg);
	}
	pthread_mutex_unlock(&lock);
}
