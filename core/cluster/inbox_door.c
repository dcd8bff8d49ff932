/*
 * Who gets into the master's table of workers.
 *
 * Who is not in the table may only register, and, when it was here before,
 * come back: a worker that was silent for some seconds is not sent away.  A
 * Locust worker whose master was restarted never registers again by itself;
 * its heartbeat is taken for a registration.  A swarm worker is asked to.
 */
#include "cluster/inbox_door.h"

#include <swarm/version.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "cluster/inbox.h"
#include "cluster/ledger.h"
#include "cluster/master_internal.h"

#define KNOCKS_MAX 10000
/* Workers of another level that are told of. */
#define LEVELS_TOLD 20

static const struct master_options *options(void)
{
	return &master_shared.o;
}

static void send_ack(struct zsock *sock, const struct member *m)
{
	struct wire_ack ack = { .index = m->peer.index,
		.first = m->record->first,
		.swarm = m->peer.swarm,
		.report_interval = options()->report_interval,
		.instance = master_shared.instance,
		.seed = options()->seed };

	snprintf(ack.split_by, sizeof ack.split_by, "%s",
	    options()->split_by);
	wire_encode_ack(&master_shared.out, m->peer.id, &ack);
	master_send(sock, m->peer.id);
}

/* Who comes while all are leaving is told to leave, too. */
static void tell_joined(struct member *m)
{
	if (master_shared.quitting) {
		master_order(m, "quit");
	} else if (options()->joined != NULL) {
		options()->joined(&m->peer, options()->arg);
	}
	/* It may register again after its first word, and is back once. */
	m->peer.away = 0;
}

/* Into the table, from its record. */
static struct member *add_member(struct zsock *sock, const char *from,
    struct member_record *record)
{
	struct member *m = member_add(from, record, sock,
	    options()->class_count);

	record->gone = false;
	if (record->lost_at != 0)
		m->peer.away = clock_now() - record->lost_at;
	record->lost_at = 0;
	master_child_of(&m->peer);
	return m;
}

/* Again from one that is here: it has stopped and is ready, or it has lost
 * its users some other way and is to be given them anew. */
static void register_again(struct member *m)
{
	bool had_stopped = m->peer.state == PEER_STOPPING ||
	    m->peer.state == PEER_READY;

	m->peer.state = PEER_READY;
	memset(m->peer.running, 0,
	    options()->class_count * sizeof *m->peer.running);
	/* It knows none of them any more. */
	for (size_t i = 0; i < options()->class_count; i++)
		m->peer.numbers[i].told = 0;
	send_ack(m->sock, m);
	if (!had_stopped)
		tell_joined(m);
}

/* One that asked to be let in. */
struct knock {
	struct zsock *sock;
	bool swarm;
	char version[96];
};

/* While the master is closed: id -> struct knock. */
static struct strmap knocks;

/* This master is a relay's: its indexes are another's to give. */
static bool is_relay(void)
{
	return options()->knocked != NULL;
}

/* A relay says in its version how many indexes it wants. */
static int reserve(struct member_record *record)
{
	const char *relay = strstr(record->version, WIRE_RELAY);
	long span = relay == NULL ? 0 :
	    strtol(relay + strlen(WIRE_RELAY), NULL, 10);

	if (!record->swarm || span <= 0 || span > INT_MAX)
		return 0;
	return is_relay() ? -1 : member_reserve(record, (unsigned)span);
}

/* An answer to somebody who is not let in, and understands why. */
static void send_no(struct zsock *sock, const char *from)
{
	const struct wire_ack ack = { .index = -1, .first = -1, .swarm = true,
		.report_interval = 1 };

	wire_encode_ack(&master_shared.out, from, &ack);
	master_send(sock, from);
}

static void refuse_relay(struct zsock *sock, const char *from)
{
	if (master_shared.refused.unknown++ < LEVELS_TOLD)
		log_error("relay %s is refused: %s", from, is_relay() ?
		    "there is a relay above it, this one; give it the "
		    "master's own --master-host" : "there are no numbers for "
		    "so many workers below it; start relays with "
		    "--expect-workers as they are");
	send_no(sock, from);
}

static void let_in(const char *from, const struct knock *knock)
{
	struct member *m = member_find(from);
	struct member_record *record;

	if (m != NULL && m->sock != knock->sock) {
		inbox_refuse(from, "registration (the name is taken)");
		return;
	}
	record = member_remember(from);
	if (record == NULL) {
		master_shared.refused.unknown++;
		return;
	}
	record->swarm = knock->swarm;
	memcpy(record->version, knock->version, sizeof record->version);
	if (reserve(record) == -1) {
		refuse_relay(knock->sock, from);
		return;
	}
	if (m != NULL) {
		m->peer.last_seen = clock_now();
		register_again(m);
		return;
	}
	m = add_member(knock->sock, from, record);
	send_ack(knock->sock, m);
	tell_joined(m);
}

/* They go on knocking until they are answered. */
static void keep_knock(const char *from, const struct knock *knock)
{
	struct knock *kept = strmap_get(&knocks, from);

	if (kept == NULL && knocks.count >= KNOCKS_MAX)
		return;
	if (kept == NULL) {
		kept = xmalloc(sizeof *kept);
		strmap_put(&knocks, from, kept);
	}
	*kept = *knock;
	if (options()->knocked != NULL)
		options()->knocked(knocks.count, options()->arg);
}

void inbox_door_open(void)
{
	for (size_t i = 0; i < knocks.count; i++) {
		const char *id = knocks.entries[i].key;

		let_in(id, knocks.entries[i].value);
	}
	inbox_door_release();
}

void inbox_door_release(void)
{
	for (size_t i = 0; i < knocks.count; i++)
		free(knocks.entries[i].value);
	strmap_release(&knocks);
}

/* It understands the ack, and says so; one of level 1 takes that for a
 * welcome, but obeys. */
static void refuse_level(struct zsock *sock, const char *from, int level,
    const char *version)
{
	if (master_shared.refused.levels++ < LEVELS_TOLD)
		log_error("worker %s is refused: it speaks level %d of swarm's "
		    "protocol (swarm %s), this master level %d (swarm %s): "
		    "install the same swarm on both", from, level,
		    wire_program_of(version), WIRE_LEVEL, SWARM_VERSION);
	send_no(sock, from);
	wire_encode_nil(&master_shared.out, "quit", from);
	master_send(sock, from);
}

/* What a relay shares out and adds up, Locust's workers do not know. */
static void refuse_locust(const char *from)
{
	if (master_shared.refused.unknown++ < LEVELS_TOLD)
		log_error("worker %s is refused: it is Locust's, and a relay "
		    "has swarm's workers alone; give it the --master-host of "
		    "the master", from);
}

void inbox_door_knock(struct zsock *sock, const char *from,
    const struct wire_message *msg)
{
	struct knock knock = { .sock = sock };
	int kind = wire_read_client_ready(&msg->data, knock.version,
	    sizeof knock.version);

	if (kind == -1) {
		log_error("worker %s is refused: it does not say its version "
		    "(Locust before 2.0?)", from);
		return;
	}
	if (kind != 0 && kind != WIRE_LEVEL) {
		refuse_level(sock, from, kind, knock.version);
		return;
	}
	if (kind == 0 && is_relay()) {
		refuse_locust(from);
		return;
	}
	knock.swarm = kind != 0;
	if (options()->closed)
		keep_knock(from, &knock);
	else
		let_in(from, &knock);
}

/* A heartbeat of a Locust worker that another master had. */
static struct member *adopt(struct zsock *sock, const char *from)
{
	struct member_record *record = member_remember(from);
	struct member *m;

	if (record == NULL)
		return NULL;
	snprintf(record->version, sizeof record->version, "?");
	m = add_member(sock, from, record);
	log_info("worker %s was another master's and is taken over", from);
	tell_joined(m);
	return m;
}

static struct member *bring_back(struct zsock *sock, const char *from,
    struct member_record *record)
{
	struct member *m = add_member(sock, from, record);

	tell_joined(m);
	return m;
}

/* What came was sent before the end that is known already. */
static void take_late(struct member_record *record,
    const struct wire_message *msg)
{
	if (msg->type == WIRE_STATS &&
	    ledger_take(record, &msg->data, NULL, NULL) == LEDGER_MALFORMED)
		inbox_garbage();
}

struct member *inbox_door_meet(struct zsock *sock, const char *from,
    const struct wire_message *msg)
{
	struct member_record *record = member_recall(from);
	struct wire_heartbeat hb;

	if (options()->closed) {
		master_shared.refused.unknown++;
		return NULL;
	}
	if (record != NULL && record->gone) {
		take_late(record, msg);
		return NULL;
	}
	if (record != NULL && msg->type != WIRE_QUIT)
		return bring_back(sock, from, record);
	if (msg->type == WIRE_HEARTBEAT &&
	    wire_read_heartbeat(&msg->data, &hb) == 0) {
		if (hb.health.loop_busy < 0 && !is_relay())
			return adopt(sock, from);
		wire_encode_nil(&master_shared.out, "reconnect", from);
		master_send(sock, from);
	}
	master_shared.refused.unknown++;
	return NULL;
}
