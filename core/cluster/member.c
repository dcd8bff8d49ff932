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

#define RECORDS_MAX 100000
/* Indexes that there are ids of users for (unsigned, a million each). */
#define INDEXES 4294
#define SPAN_MAX 4096

static struct {
	struct member **at;
	size_t count;
	struct strmap by_id;            /* struct member */
	struct strmap records;          /* struct member_record */
	int64_t first_index;
	int64_t reserved;               /* from the top */
} table;

void member_number_from(int64_t first_index)
{
	table.first_index = first_index;
}

struct member_record *member_recall(const char *id)
{
	return strmap_get(&table.records, id);
}

struct member_record *member_remember(const char *id)
{
	struct member_record *r = member_recall(id);

	if (r != NULL || table.records.count >= RECORDS_MAX)
		return r;
	r = xcalloc(1, sizeof *r);
	r->index = table.first_index + (int64_t)table.records.count;
	r->first = -1;
	strmap_put(&table.records, id, r);
	return r;
}

/* From the top down, since our own workers are numbered from below. */
void member_reserve(struct member_record *r, unsigned span)
{
	if (r->first != -1)
		return;
	table.reserved += span < SPAN_MAX ? span : SPAN_MAX;
	r->first = INDEXES - table.reserved;
	if (r->first > (int64_t)table.records.count)
		return;
	log_warn("relays ask for more than %d indexes of workers in all: ids "
	    "of users may repeat", INDEXES);
	if (r->first < 0)
		r->first = 0;
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
	orders_forget(m);
	free(m);
}

void member_release(void)
{
	for (size_t i = 0; i < table.count; i++)
		member_free(table.at[i]);
	for (size_t i = 0; i < table.records.count; i++)
		free(table.records.entries[i].value);
	free(table.at);
	strmap_release(&table.by_id);
	strmap_release(&table.records);
	memset(&table, 0, sizeof table);
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
