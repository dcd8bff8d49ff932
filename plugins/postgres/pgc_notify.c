/*
 * Notifications.  They arrive on the loop whether a fiber waits or not, so
 * their delivery is measured at that moment and they wait in a bounded ring.
 *
 * The sender's time travels before the payload, as monotonic and as wall
 * clock, with a mark of the machine: on the same machine the monotonic one
 * is compared, which no correction of the clock disturbs.
 */
#include "pgc_notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <swarm/fiber.h>
#include <swarm/stats.h>

#include "pgc_pipe.h"
#include "pgc_query.h"
#include "pgc_stat.h"

#define INBOX_MAX 4096          /* a power of two */
#define STAMP "swarm1 "
#define PAYLOAD_MAX 7999        /* PostgreSQL's limit */

struct item {
	PGnotify *notify;
	int64_t arrived;
	int64_t latency_ns;
	const char *payload;            /* behind the stamp */
};

struct channel {
	struct channel *next;
	char *name;
};

struct pgc_inbox {
	struct item *ring;
	size_t first;
	size_t count;
	struct item taken;              /* shown to the scenario */
	struct pg_notification shown;
	struct channel *channels;
	struct swarm_waker *waker;      /* of the fiber in pg_wait() */
	bool was_lost;                  /* and pg_wait() has not said so */
};

/* ---- time stamps ---- */

static int64_t wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The same for all processes of one machine, until it boots again. */
static uint64_t machine(void)
{
	static uint64_t mark;
	char id[64] = "";
	FILE *file;
	size_t i;

	if (mark != 0)
		return mark;
	file = fopen("/proc/sys/kernel/random/boot_id", "r");
	if (file != NULL) {
		if (fgets(id, sizeof(id), file) == NULL)
			id[0] = '\0';
		fclose(file);
	}
	mark = UINT64_C(0xcbf29ce484222325);
	for (i = 0; id[i] != '\0'; i++)
		mark = (mark ^ (unsigned char)id[i]) *
		    UINT64_C(0x100000001b3);
	return mark;
}

/* Splits the payload; the latency, or -1. */
static int64_t read_stamp(struct item *item)
{
	const char *p = item->notify->extra;
	int64_t waited = swarm_now() - item->arrived;
	uint64_t from;
	int64_t sent;
	int64_t sent_wall;
	char *end;

	item->payload = p;
	if (strncmp(p, STAMP, strlen(STAMP)) != 0)
		return -1;
	from = strtoull(p + strlen(STAMP), &end, 16);
	sent = strtoll(end, &end, 10);
	sent_wall = strtoll(end, &end, 10);
	/* Anyone may notify: what no pg_notify() wrote is no stamp. */
	if (*end != ' ' || sent < 0 || sent_wall < 0)
		return -1;
	item->payload = end + 1;
	if (from == machine())
		sent = item->arrived - sent;
	else
		sent = wall_now() - waited - sent_wall;
	return sent > 0 ? sent : 0;
}

/* ---- arriving ---- */

static void notified(PGnotify *n, int64_t arrived, void *arg)
{
	struct pg *s = arg;
	struct pgc_inbox *box = s->inbox;
	struct item *item;

	pgc_stat_count(PGC_NOTIFICATIONS, 1);
	if (box->count == INBOX_MAX) {
		PQfreemem(box->ring[box->first].notify);
		box->first = (box->first + 1) & (INBOX_MAX - 1);
		box->count--;
		pgc_stat_count(PGC_NOTIFICATIONS_DROPPED, 1);
	}
	item = &box->ring[(box->first + box->count++) & (INBOX_MAX - 1)];
	item->notify = n;
	item->arrived = arrived;
	item->latency_ns = read_stamp(item);
	if (item->latency_ns >= 0)
		pgc_stat_observe("SQL notify", n->relname, item->latency_ns,
		    (int64_t)strlen(item->payload));
	if (box->waker != NULL)
		swarm_wake(box->waker);
}

static void dropped(void *arg)
{
	struct pg *s = arg;

	s->inbox->was_lost = true;
	if (s->inbox->waker != NULL)
		swarm_wake(s->inbox->waker);
}

static void attach(struct pg *s)
{
	s->conn->notified = notified;
	s->conn->dropped = dropped;
	s->conn->arg = s;
}

/* ---- listening ---- */

static struct pgc_inbox *inbox_new(void)
{
	struct pgc_inbox *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return NULL;
	box->ring = calloc(INBOX_MAX, sizeof(*box->ring));
	if (box->ring == NULL) {
		free(box);
		return NULL;
	}
	return box;
}

bool pgc_inbox_is_waited(const struct pgc_inbox *box)
{
	return box != NULL && box->waker != NULL;
}

void pgc_inbox_free(struct pgc_inbox *box)
{
	if (box == NULL)
		return;
	while (box->channels != NULL) {
		struct channel *c = box->channels;

		box->channels = c->next;
		free(c->name);
		free(c);
	}
	while (box->count > 0) {
		PQfreemem(box->ring[box->first].notify);
		box->first = (box->first + 1) & (INBOX_MAX - 1);
		box->count--;
	}
	PQfreemem(box->taken.notify);
	free(box->ring);
	free(box);
}

static struct channel **find_channel(struct pgc_inbox *box, const char *name)
{
	struct channel **at = &box->channels;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

/* LISTEN or UNLISTEN on a session that has begun. */
static int command(struct pg *s, const char *verb, const char *channel)
{
	char *quoted = PQescapeIdentifier(s->conn->pq, channel,
	    strlen(channel));
	char sql[300];
	int n;

	if (quoted == NULL)
		n = -1;
	else
		n = snprintf(sql, sizeof(sql), "%s %s", verb, quoted);
	PQfreemem(quoted);
	if (n < 0 || (size_t)n >= sizeof(sql)) {
		pgc_error_set(&s->error, PGC_MISUSE, "bad channel name");
		return -1;
	}
	return pgc_query_simple(s, sql, verb, 0);
}

int pgc_inbox_resume(struct pg *s)
{
	struct channel *c;

	attach(s);
	for (c = s->inbox->channels; c != NULL; c = c->next) {
		if (command(s, "LISTEN", c->name) == 0)
			continue;
		pgc_session_drop(s);
		errno = ENOTCONN;
		return -1;
	}
	return 0;
}

static int add_channel(struct pgc_inbox *box, const char *name)
{
	struct channel **at = find_channel(box, name);
	struct channel *c;

	if (*at != NULL)
		return 0;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (c->name = strdup(name)) == NULL) {
		free(c);
		return -1;
	}
	*at = c;
	return 0;
}

int pgc_notify_listen(struct swarm_user *u, const char *channel,
    struct pg *on)
{
	struct pg *s = pgc_session_of(u, on);
	int rc;

	if (s->busy || pgc_pipe_is_open(s)) {
		errno = EBUSY;
		return -1;
	}
	/* A listener that kept a pool's connection would starve the pool. */
	pgc_session_leave_pool(s);
	if (pgc_session_begin(s) == NULL)
		return -1;
	if (s->inbox == NULL && (s->inbox = inbox_new()) == NULL) {
		pgc_session_end(s);
		return -1;
	}
	attach(s);
	rc = command(s, "LISTEN", channel);
	if (rc == 0)
		rc = add_channel(s->inbox, channel);
	pgc_session_end(s);
	return rc;
}

int pgc_notify_unlisten(struct swarm_user *u, const char *channel,
    struct pg *on)
{
	struct pg *s = pgc_session_of(u, on);
	struct channel **at;
	int rc;

	if (s->busy || pgc_pipe_is_open(s)) {
		errno = EBUSY;
		return -1;
	}
	if (s->inbox == NULL)
		return 0;
	at = find_channel(s->inbox, channel);
	if (*at != NULL) {
		struct channel *c = *at;

		*at = c->next;
		free(c->name);
		free(c);
	}
	if (pgc_session_begin(s) == NULL)
		return -1;
	rc = command(s, "UNLISTEN", channel);
	pgc_session_end(s);
	return rc;
}

/* ---- sending and waiting ---- */

int pgc_notify_send(struct swarm_user *u, const struct pg_notify_args *args)
{
	const char *payload = args->payload != NULL ? args->payload : "";
	const struct pg_result *r;
	char *text = swarm_alloc(u, PAYLOAD_MAX + 1);
	int n;

	if (args->raw)
		n = snprintf(text, PAYLOAD_MAX + 1, "%s", payload);
	else
		n = snprintf(text, PAYLOAD_MAX + 1,
		    STAMP "%" PRIx64 " %" PRId64 " %" PRId64 " %s", machine(),
		    swarm_now(), wall_now(), payload);
	if (n < 0 || n > PAYLOAD_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	r = pgc_query(u, "SELECT pg_notify($1, $2)",
	    &(const struct pg_query_args){
		.size = sizeof(struct pg_query_args), .on = args->on,
		.name = "NOTIFY", .mode = PG_PREPARED,
		.params = PG_PARAMS(PG_TEXT(args->channel), PG_TEXT(text)) });
	if (r->ok)
		return 0;
	errno = EIO;
	return -1;
}

static const struct pg_notification *take(struct pgc_inbox *box)
{
	struct item *item = &box->ring[box->first];

	PQfreemem(box->taken.notify);
	box->taken = *item;
	box->first = (box->first + 1) & (INBOX_MAX - 1);
	box->count--;
	box->shown = (struct pg_notification){
		.size = sizeof(box->shown),
		.channel = box->taken.notify->relname,
		.payload = box->taken.payload,
		.pid = box->taken.notify->be_pid,
		.arrived = box->taken.arrived,
		.latency_ns = box->taken.latency_ns,
	};
	return &box->shown;
}

const struct pg_notification *pgc_notify_wait(struct swarm_user *u,
    const struct pg_wait_args *args)
{
	struct pg *s = pgc_session_of(u, args->on);
	int64_t deadline = args->timeout > 0 ? swarm_in(args->timeout) :
	    SWARM_FOREVER;
	struct pgc_inbox *box = s->inbox;
	int rc = 0;

	if (box == NULL || s->busy || box->waker != NULL) {
		errno = box == NULL ? EINVAL : EBUSY;
		return NULL;
	}
	if (box->count > 0)
		return take(box);
	/* What happened to a pipeline's connection is for pg_drain() to say. */
	if (!box->was_lost && !pgc_pipe_is_open(s)) {
		if (pgc_session_begin(s) == NULL)
			return NULL;
		pgc_session_end(s);
	}
	box->waker = swarm_waker();
	while (rc == 0 && box->count == 0 && !box->was_lost)
		rc = swarm_park(deadline);
	swarm_waker_free(box->waker);
	box->waker = NULL;
	if (box->count > 0)
		return take(box);
	if (rc == 0) {
		box->was_lost = false;
		errno = ENOTCONN;
	}
	return NULL;
}
