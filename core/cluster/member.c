/*
 * The table of workers.  Order is that of arrival; the index of an id is kept
 * as long as the master lives, because users' numbers and the files of
 * workers hang on it.
 */
#include "cluster/member.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "user/ids.h"

#define RECORDS_MAX 100000
#define SPAN_MAX 4096
/* Of the indexes with many ids, so many are kept for our own workers. */
#define OWN_MIN (IDS_WIDE / 4)
/* A lost worker that was away for so long gives up after a minute. */
#define AWAY_NS (600 * NS_PER_S)
/* When nobody's place could be had, nobody looks again before. */
#define LOOK_NS NS_PER_S

static struct {
	struct member **at;
	size_t count;
	struct strmap by_id;            /* struct member */
	struct strmap records;          /* struct member_record */
	int64_t next;                   /* index */
	int64_t end;                    /* 0: of all there are */
	/* What relays have: of the large blocks of ids, and of the small;
	 * both from the top. */
	int64_t wide;
	int64_t narrow;
	int64_t looked;                 /* for a place in vain */
	bool told;                      /* that there is none */
} table;

void member_number_from(int64_t first, int64_t count)
{
	table.next = first;
	table.end = first + count;
}

/* -1: there is none any more. */
static int64_t new_index(void)
{
	int64_t end = table.end > 0 ? table.end : IDS_INDEXES - table.narrow;

	if (table.next < IDS_WIDE && table.next >= IDS_WIDE - table.wide)
		table.next = IDS_WIDE;
	return table.next < end ? table.next++ : -1;
}

static bool is_over(const struct strmap_entry *e)
{
	const struct member_record *r = e->value;

	return (r->gone || (r->lost_at != 0 &&
	    clock_now() - r->lost_at > AWAY_NS)) && r->first == -1 &&
	    strmap_get(&table.by_id, e->key) == NULL;
}

/* Forgets one that will not come again; its index, or -1. */
static int64_t take_place(void)
{
	if (table.looked != 0 && clock_now() - table.looked < LOOK_NS)
		return -1;
	for (size_t i = 0; i < table.records.count; i++) {
		const struct strmap_entry *e = &table.records.entries[i];
		struct member_record *r = e->value;
		int64_t index = r->index;

		if (!is_over(e))
			continue;
		strmap_remove(&table.records, e->key);
		free(r);
		return index;
	}
	table.looked = clock_now();
	return -1;
}

struct member_record *member_recall(const char *id)
{
	return strmap_get(&table.records, id);
}

struct member_record *member_remember(const char *id)
{
	struct member_record *r = member_recall(id);
	int64_t index;

	if (r != NULL)
		return r;
	index = table.records.count < RECORDS_MAX ? new_index() : -1;
	if (index == -1)
		index = take_place();
	if (index == -1) {
		if (!table.told)
			log_error("worker %s is refused: there are no numbers "
			    "for more workers; a relay has twice as many as it "
			    "was told to --expect-workers", id);
		table.told = true;
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	r->index = index;
	r->first = -1;
	strmap_put(&table.records, id, r);
	return r;
}

/* From the top down, since our own workers are numbered from below. */
int member_reserve(struct member_record *r, unsigned span)
{
	int64_t n = span < SPAN_MAX ? span : SPAN_MAX;
	int64_t own = table.next > OWN_MIN ? table.next : OWN_MIN;

	if (r->first != -1)
		return 0;
	r->span = n;
	if (IDS_WIDE - table.wide - n >= own) {
		table.wide += n;
		r->first = IDS_WIDE - table.wide;
		return 0;
	}
	own = table.next > IDS_WIDE ? table.next : IDS_WIDE;
	if (IDS_INDEXES - table.narrow - n < own)
		return -1;
	table.narrow += n;
	r->first = IDS_INDEXES - table.narrow;
	return 0;
}

struct member *member_add(const char *id, struct member_record *record,
    struct zsock *sock, size_t class_count)
{
	struct member *m = xcalloc(1, sizeof *m);
	struct peer *p = &m->peer;

	p->id = xstrdup(id);
	p->index = record == NULL ? -1 : record->index;
	p->swarm = record != NULL && record->swarm;
	p->version = xstrdup(record == NULL ? "" : record->version);
	p->last_seen = clock_now();
	health_init(&p->health);
	histogram_init(&p->delays);
	p->clock_error = -1;
	p->running = xcalloc(class_count + 1, sizeof *p->running);
	p->wanted = xcalloc(class_count + 1, sizeof *p->wanted);
	p->numbers = xcalloc(class_count + 1, sizeof *p->numbers);
	m->class_count = class_count;
	m->sock = sock;
	m->record = record;
	if (record == NULL)
		return m;
	table.at = xreallocarray(table.at, table.count + 1,
	    sizeof(struct member *));
	table.at[table.count++] = m;
	strmap_put(&table.by_id, id, m);
	return m;
}

struct member *member_find(const char *id)
{
	return strmap_get(&table.by_id, id);
}

size_t member_count(void)
{
	return table.count;
}

struct member *member_at(size_t i)
{
	return table.at[i];
}

void member_remove(struct member *m)
{
	size_t i = 0;

	if (strmap_get(&table.by_id, m->peer.id) != m)
		return;
	strmap_remove(&table.by_id, m->peer.id);
	while (table.at[i] != m)
		i++;
	table.count--;
	memmove(&table.at[i], &table.at[i + 1],
	    (table.count - i) * sizeof(struct member *));
}

void member_free(struct member *m)
{
	free(m->peer.id);
	free(m->peer.version);
	free(m->peer.running);
	free(m->peer.wanted);
	free(m->peer.plan);
	for (size_t i = 0; i < m->class_count; i++)
		free(m->peer.numbers[i].at);
	free(m->peer.numbers);
	histogram_release(&m->peer.delays);
	backlog_forget(&m->orders);
	free(m);
}

void member_forget(void)
{
	for (size_t i = 0; i < table.records.count; i++)
		free(table.records.entries[i].value);
	strmap_release(&table.records);
	strmap_release(&table.by_id);
	free(table.at);
	memset(&table, 0, sizeof table);
}

void member_release(void)
{
	for (size_t i = 0; i < table.count; i++)
		member_free(table.at[i]);
	member_forget();
}

/* Its version is at least 2.MINOR. */
static bool at_least(const struct member *m, int minor)
{
	long major_is;
	char *end;

	if (m->peer.swarm)
		return true;
	major_is = strtol(m->peer.version, &end, 10);
	if (*end != '.')
		return false;
	return major_is > 2 ||
	    (major_is == 2 && strtol(end + 1, NULL, 10) >= minor);
}

/* An adopted worker's version is "?"; "-1" is a client in another language,
 * which minds the master's heartbeats. */
bool member_knows_heartbeat(const struct member *m)
{
	return at_least(m, 19) || strcmp(m->peer.version, "-1") == 0 ||
	    strcmp(m->peer.version, "?") == 0;
}

bool member_knows_ramp(const struct member *m)
{
	return at_least(m, 29);
}
