/*
 * The master's inbox.
 *
 * Every message is read, limited and checked here; who comes in at all is
 * decided in inbox_door.c.
 */
#include "cluster/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/inbox_chat.h"
#include "cluster/inbox_door.h"
#include "cluster/ledger.h"
#include "cluster/master_internal.h"
#include "cluster/shelf.h"
#include "cluster/wire.h"
#include "cluster/wire_object.h"

/* Messages a second, and at once, that a worker may send. */
#define TRAFFIC_RATE  200
#define TRAFFIC_BURST 2000
/* Locust's repeat theirs for five minutes while there is no master, and all
 * of them come at once. */
#define DOOR_RATE     1
#define DOOR_BURST    100
#define CHAT_RATE     50
#define CHAT_BURST    500
/* Bytes a second, and at once, of all it sends. */
#define BYTES_RATE    (16u << 20)
#define BYTES_BURST   (64u << 20)
/* Bytes of one message of somebody who is nobody yet. */
#define STRANGER_MAX  (64u << 10)
/* Of a scenario's own message. */
#define CUSTOM_MAX    (2u << 20)
/* Of messages that nobody can read, so many are told of. */
#define COMPLAINTS_MAX 10

static const struct master_options *options(void)
{
	return &master_shared.o;
}

void inbox_garbage(void)
{
	master_shared.refused.malformed++;
	if (master_shared.refused.malformed == COMPLAINTS_MAX)
		log_warn("more messages that are not a worker's: no more will "
		    "be shown");
}

void inbox_refuse(const char *from, const char *what)
{
	if (master_shared.refused.malformed < COMPLAINTS_MAX - 1)
		log_warn("a malformed %s from worker %s was ignored", what,
		    from);
	inbox_garbage();
}

/* ---- what members say ---- */

static void encode_pong(const struct member *m, int64_t sent,
    int64_t received)
{
	struct wire_pong pong = { .sent = sent, .taken = m->record->taken };
	int64_t offset = 0;

	if (options()->clock == NULL ||
	    options()->clock(&offset, &pong.error, options()->arg)) {
		pong.received = received + offset;
		pong.answered = clock_now() + offset;
	} else {
		pong.error = 0;
	}
	wire_encode_pong(&master_shared.out, m->peer.id, &pong);
}

/* It was away when its test ended, and has users still; there is no other
 * test, or it had been told of that. */
static void stop_forgotten(struct member *m)
{
	log_info("worker %lld still ran users of a test that is over: they "
	    "are stopped", (long long)m->peer.index);
	m->peer.state = PEER_STOPPING;
	master_order(m, "stop");
}

static void on_taken(struct member *m, const struct wire_message *msg)
{
	uint64_t number;

	if (wire_read_taken(&msg->data, &number) == -1)
		inbox_refuse(m->peer.id, "word on an order");
	else
		orders_taken(m, number);
}

static void on_heartbeat(struct member *m, const struct wire_message *msg)
{
	int64_t received = clock_now();
	struct peer *p = &m->peer;
	struct wire_heartbeat hb;

	if (wire_read_heartbeat(&msg->data, &hb) == -1) {
		inbox_refuse(p->id, "heartbeat");
		return;
	}
	p->health = hb.health;
	if (hb.delays != NULL)
		histogram_decode_add(&p->delays, hb.delays, hb.delays_len);
	p->clock_offset = hb.clock_offset;
	p->clock_error = hb.clock_error;
	if (p->swarm)
		orders_again(m);
	if (p->swarm && !m->ordered && strcmp(hb.state, "ready") != 0)
		stop_forgotten(m);
	else if (p->state != PEER_STOPPING)
		p->state = strcmp(hb.state, "running") == 0 ? PEER_RUNNING :
		    strcmp(hb.state, "spawning") == 0 ? PEER_SPAWNING :
		    PEER_READY;
	if (!member_knows_heartbeat(m))
		return;
	if (p->swarm && hb.sent != 0)
		encode_pong(m, hb.sent, received);
	else
		wire_encode_nil(&master_shared.out, "heartbeat", p->id);
	master_send(m->sock, p->id);
	if (options()->answered != NULL)
		options()->answered(p, options()->arg);
}

static void on_count(const char *name, int64_t count, void *arg)
{
	int64_t *counts = arg;

	for (size_t i = 0; i < options()->class_count; i++) {
		if (strcmp(options()->class_names[i], name) == 0)
			counts[i] = count;
	}
}

static void keep_counts(struct member *m, int64_t *counts)
{
	free(m->peer.running);
	m->peer.running = counts;
}

/* Classes that a message does not name have no users. */
static int64_t *new_counts(void)
{
	return xcalloc(options()->class_count + 1, sizeof(int64_t));
}

static void on_spawning_complete(struct member *m,
    const struct wire_message *msg)
{
	int64_t *counts = new_counts();

	if (wire_read_counts(wire_object_get(&msg->data, "user_classes_count"),
	    on_count, counts) == -1) {
		free(counts);
		inbox_refuse(m->peer.id, "spawning_complete");
		return;
	}
	keep_counts(m, counts);
	if (m->peer.state == PEER_STOPPING)
		return;
	m->peer.state = PEER_RUNNING;
	if (options()->spawned != NULL)
		options()->spawned(&m->peer, options()->arg);
}

static void on_module(const struct wire_module *news, void *arg)
{
	struct member *m = arg;

	if (options()->module != NULL)
		options()->module(&m->peer, news, options()->arg);
}

/* A relay's own workers it may tell of, and no others. */
static void on_below(const struct wire_below *news, void *arg)
{
	struct member *m = arg;
	const struct member_record *r = m->record;

	if (r->first == -1 || news->index < r->first ||
	    news->index - r->first >= r->span)
		inbox_refuse(m->peer.id, "word on a worker below");
	else if (options()->below != NULL)
		options()->below(&m->peer, news, options()->arg);
}

static void tell_stopped(struct member *m)
{
	if (options()->stopped != NULL)
		options()->stopped(&m->peer, options()->arg);
	m->peer.awaited = false;
}

static void on_stats(struct member *m, const struct wire_message *msg)
{
	bool stopped = false;
	int64_t *counts = new_counts();
	enum ledger taken = ledger_take(m->record, &msg->data, on_count,
	    counts);

	if (taken != LEDGER_MERGED) {
		free(counts);
		if (taken == LEDGER_MALFORMED)
			inbox_refuse(m->peer.id, "report");
		return;
	}
	keep_counts(m, counts);
	wire_words_read(&msg->data, &stopped, on_module, on_below, m);
	if (options()->reported != NULL)
		options()->reported(&m->peer, options()->arg);
	/* It says so once more, which may be lost. */
	if (stopped && m->peer.awaited)
		tell_stopped(m);
}

static void on_client_stopped(struct member *m)
{
	/* By its report. */
	bool told = m->peer.state == PEER_STOPPING && !m->peer.awaited;

	memset(m->peer.running, 0,
	    options()->class_count * sizeof *m->peer.running);
	m->peer.state = PEER_STOPPING;
	if (!told)
		tell_stopped(m);
}

static void on_quit(struct member *m)
{
	m->record->gone = true;
	m->peer.left = true;
	master_lose(m, "quit", false);
}

static void on_stop_test(struct member *m, const struct wire_message *msg)
{
	char why[WIRE_MAX_NAME];

	if (wire_read_stop_test(&msg->data, why, sizeof why) == -1)
		inbox_refuse(m->peer.id, "request to stop");
	else if (options()->stop_test != NULL)
		options()->stop_test(&m->peer, why, options()->arg);
}

static void on_rows(struct member *m, const struct wire_message *msg)
{
	struct wire_rows_wanted wanted;

	if (wire_read_rows_wanted(&msg->data, &wanted) == -1)
		inbox_refuse(m->peer.id, "question for rows");
	else if (options()->rows != NULL)
		options()->rows(&m->peer, &wanted, options()->arg);
}

static void on_progress(struct member *m, const struct wire_message *msg)
{
	struct wire_progress all[WIRE_MAX_EXECUTORS];
	size_t count;

	if (wire_read_progress(&msg->data, all, &count) == -1)
		inbox_refuse(m->peer.id, "progress");
	else if (options()->progress != NULL)
		options()->progress(&m->peer, all, count, options()->arg);
}

static void on_flight(struct member *m, const struct wire_message *msg)
{
	struct wire_flight news;

	if (wire_read_flight(&msg->data, &news) == -1)
		inbox_refuse(m->peer.id, "flight record");
	else if (options()->flight != NULL)
		options()->flight(&m->peer, &news, options()->arg);
}

static void on_meet(struct member *m, const struct wire_message *msg)
{
	struct wire_meet meet;

	if (wire_read_meet(&msg->data, &meet) == -1)
		inbox_refuse(m->peer.id, "meeting");
	else if (options()->meet != NULL)
		options()->meet(&m->peer, &meet, options()->arg);
}

static void dispatch(struct member *m, const struct wire_message *msg)
{
	switch (msg->type) {
	case WIRE_HEARTBEAT:
		on_heartbeat(m, msg);
		break;
	case WIRE_SPAWNING:
		if (m->peer.state != PEER_STOPPING)
			m->peer.state = PEER_SPAWNING;
		break;
	case WIRE_SPAWNING_COMPLETE:
		on_spawning_complete(m, msg);
		break;
	case WIRE_STATS:
		on_stats(m, msg);
		break;
	case WIRE_EXCEPTION:
		if (chat_exception(m, msg) == -1)
			inbox_refuse(m->peer.id, "exception");
		break;
	case WIRE_LOGS:
		if (chat_logs(m, msg) == -1)
			inbox_refuse(m->peer.id, "log");
		break;
	case WIRE_CLIENT_STOPPED:
		on_client_stopped(m);
		break;
	case WIRE_QUIT:
		on_quit(m);
		break;
	case WIRE_STOP_TEST:
		on_stop_test(m, msg);
		break;
	case WIRE_ROWS:
		on_rows(m, msg);
		break;
	case WIRE_PROGRESS:
		on_progress(m, msg);
		break;
	case WIRE_MEET:
		on_meet(m, msg);
		break;
	case WIRE_FLIGHT:
		on_flight(m, msg);
		break;
	case WIRE_TAKEN:
		on_taken(m, msg);
		break;
	case WIRE_UNKNOWN:
		if (options()->custom != NULL)
			options()->custom(&m->peer, msg, options()->arg);
		break;
	default:
		/* The master's own. */
		break;
	}
}

/* Whether the member may send this one more. */
static bool within_limits(struct member *m, enum wire_type type)
{
	switch (type) {
	case WIRE_EXCEPTION:
	case WIRE_LOGS:
		return bucket_take(&m->chat, 1, CHAT_RATE, CHAT_BURST);
	case WIRE_UNKNOWN:
		return bucket_take(&m->custom, 1, BUCKET_CUSTOM_SLACK *
		    BUCKET_CUSTOM_RATE, BUCKET_CUSTOM_SLACK *
		    BUCKET_CUSTOM_BURST);
	default:
		return bucket_take(&m->traffic, 1, TRAFFIC_RATE,
		    TRAFFIC_BURST);
	}
}

/* Before a word of it is read. */
static bool within_bytes(struct member *m, const char *from, size_t len)
{
	if (m != NULL)
		return bucket_take(&m->bytes, (double)len, BYTES_RATE,
		    BYTES_BURST);
	/* The last report of one that has just gone may be long.  No limit for
	 * all strangers together: it would shut out the honest one among
	 * them. */
	return len <= STRANGER_MAX || member_recall(from) != NULL;
}

static void refuse_excess(struct member *m)
{
	master_shared.refused.excess++;
	if (m == NULL || m->warned)
		return;
	log_warn("worker %lld sends more than can be handled; some messages "
	    "are dropped", (long long)m->peer.index);
	m->warned = true;
}

void inbox_take(struct zsock *sock, const char *from, const void *data,
    size_t len)
{
	struct member *m = member_find(from);
	struct wire_message msg;

	if (!within_bytes(m, from, len)) {
		refuse_excess(m);
		return;
	}
	if (wire_decode(&msg, data, len) == -1) {
		inbox_refuse(from, "message");
		return;
	}
	if (strcmp(msg.node_id, from) != 0) {
		inbox_refuse(from, "message (another's name in it)");
		goto release;
	}
	if (msg.type == WIRE_CLIENT_READY) {
		/* Each may move users of all others. */
		if (m != NULL && !bucket_take(&m->door, 1, DOOR_RATE,
		    DOOR_BURST))
			refuse_excess(m);
		else
			inbox_door_knock(sock, from, &msg);
		goto release;
	}
	if (msg.type == WIRE_FILES || msg.type == WIRE_PART) {
		if (shelf_answer(sock, from, &msg) == -1)
			inbox_refuse(from, "question for modules");
		goto release;
	}
	if (msg.type == WIRE_CRASH) {
		if (chat_crash(sock, &msg) == -1)
			inbox_refuse(from, "word on a crash");
		goto release;
	}
	if (msg.type == WIRE_UNKNOWN && len > CUSTOM_MAX) {
		inbox_refuse(from, "message (too long)");
		goto release;
	}
	if (m == NULL)
		m = inbox_door_meet(sock, from, &msg);
	if (m == NULL || m->sock != sock)
		goto release;
	if (!within_limits(m, msg.type)) {
		refuse_excess(m);
		goto release;
	}
	m->peer.last_seen = clock_now();
	dispatch(m, &msg);

release:
	wire_message_release(&msg);
}
