/*
 * End to end: a stamp at the head of a payload, and a ledger of what arrived.
 *
 * The stamp says who sent which message when.  From it a receiver knows how
 * long a message took and which are missing, doubled or out of order; it keeps
 * 32 bytes for each sender, however long the run.
 *
 *	char data[64];
 *
 *	mqtt_stamp(data, swarm_user_id(u), d->seq++);
 *	mqtt_publish(d->mqtt, .topic = "t", .data = data, .len = sizeof data);
 *
 * and at the other end, in a handler:
 *
 *	mqtt_ledger_note(&g->ledger, message);
 *
 * Latency is the difference of two readings of one clock, so it is recorded
 * only when sender and receiver run on the same machine (on any of its
 * workers); messages from other machines are counted as such and no number
 * is made up for them.
 *
 * Series of type "MQTT end to end", by QoS, and these counters:
 *   mqtt_audit_recv_qosN     different messages received
 *   mqtt_audit_sent_qosN     messages sent, by mqtt_ledger_sent()
 *   mqtt_audit_duplicate     received again
 *   mqtt_audit_reordered     after one sent later
 *   mqtt_audit_late          too late to tell from a duplicate; counted as
 *                            lost before
 *   mqtt_audit_lost          missing between others that arrived
 *   mqtt_audit_other_host    without a latency
 *   mqtt_audit_untracked     from more senders than the ledger has room for
 *
 * Everything here is [worker] and only functions in this header: it needs no
 * provider.
 */
#ifndef SWARM_MQTT_AUDIT_H
#define SWARM_MQTT_AUDIT_H

#include <swarm/fiber.h>
#include <swarm/mqtt.h>
#include <swarm/stats.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes of a stamp; payloads that hold one are at least so long. */
#define MQTT_STAMP_BYTES 32

/* A stamp's contents: magic, machine, run, sender (32 bits each), sequence
 * and time (64 bits), all big-endian. */
struct mqtt_stamp {
	uint32_t host;                  /* the machine, since its last boot */
	uint32_t run;
	uint32_t sender;
	uint64_t sequence;
	int64_t time;                   /* swarm_now() of the sender */
};

static inline void mqtt_audit_put_(unsigned char *to, uint64_t n,
    unsigned bytes)
{
	while (bytes-- > 0) {
		to[bytes] = (unsigned char)n;
		n >>= 8;
	}
}

static inline uint64_t mqtt_audit_get_(const unsigned char *from,
    unsigned bytes)
{
	uint64_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | *from++;
	return n;
}

/* A number of this machine and boot; processes of one machine agree. */
static inline uint32_t mqtt_audit_host_(void)
{
	static uint32_t host;
	char id[64] = "";
	int fd;

	if (host)
		return host;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		if (read(fd, id, sizeof id - 1) < 0)
			id[0] = 0;
		close(fd);
	}
	host = 2166136261u;
	for (const char *p = id; *p; p++)
		host = (host ^ (unsigned char)*p) * 16777619u;
	return host |= 1;
}

/* Writes a stamp of now into the first MQTT_STAMP_BYTES of `data`. */
static inline void mqtt_stamp(void *data, uint32_t run, uint32_t sender,
    uint64_t sequence)
{
	unsigned char *to = (unsigned char *)data;

	mqtt_audit_put_(to, 0x73774d51u, 4);    /* "swMQ" */
	mqtt_audit_put_(to + 4, mqtt_audit_host_(), 4);
	mqtt_audit_put_(to + 8, run, 4);
	mqtt_audit_put_(to + 12, sender, 4);
	mqtt_audit_put_(to + 16, sequence, 8);
	mqtt_audit_put_(to + 24, (uint64_t)swarm_now(), 8);
}

/* Reads the stamp of a payload; false when it has none. */
static inline bool mqtt_stamp_read(struct mqtt_stamp *s, const void *data,
    size_t len)
{
	const unsigned char *from = (const unsigned char *)data;

	if (len < MQTT_STAMP_BYTES || mqtt_audit_get_(from, 4) != 0x73774d51u)
		return false;
	s->host = (uint32_t)mqtt_audit_get_(from + 4, 4);
	s->run = (uint32_t)mqtt_audit_get_(from + 8, 4);
	s->sender = (uint32_t)mqtt_audit_get_(from + 12, 4);
	s->sequence = mqtt_audit_get_(from + 16, 8);
	s->time = (int64_t)mqtt_audit_get_(from + 24, 8);
	return true;
}

/* One sender as a receiver knows it: the sequence number after the highest
 * one seen, and which of the 64 before it were. */
struct mqtt_audit_sender {
	uint32_t run;
	uint32_t sender;
	uint64_t next;
	uint64_t seen;
	uint64_t used;                  /* 0: a free place */
};

/* A receiver's ledger.  All zero at first; `limit` may be set (0: 65536
 * senders). */
struct mqtt_ledger {
	struct mqtt_audit_sender *senders;
	size_t size;                    /* power of two */
	size_t count;
	size_t limit;
	uint64_t received;              /* different messages */
	uint64_t duplicate;
	uint64_t reordered;
	uint64_t late;
	uint64_t lost;
};

static inline void mqtt_audit_count_(const char *name)
{
	swarm_count(swarm_counter(name), 1);
}

static inline struct mqtt_audit_sender *mqtt_audit_place_(
    struct mqtt_audit_sender *table, size_t size, uint32_t run,
    uint32_t sender)
{
	uint64_t hash = ((uint64_t)run << 32 | sender) *
	    UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(hash >> 32) & (size - 1);

	while (table[i].used &&
	    (table[i].run != run || table[i].sender != sender))
		i = (i + 1) & (size - 1);
	return &table[i];
}

static inline int mqtt_audit_grow_(struct mqtt_ledger *l)
{
	size_t size = l->size ? 2 * l->size : 8;
	struct mqtt_audit_sender *table = (struct mqtt_audit_sender *)calloc(
	    size, sizeof *table);

	if (!table)
		return -1;
	for (size_t i = 0; i < l->size; i++) {
		const struct mqtt_audit_sender *s = &l->senders[i];

		if (s->used)
			*mqtt_audit_place_(table, size, s->run, s->sender) = *s;
	}
	free(l->senders);
	l->senders = table;
	l->size = size;
	return 0;
}

/* The sender's place, made when new; NULL when the ledger is full. */
static inline struct mqtt_audit_sender *mqtt_audit_sender_(
    struct mqtt_ledger *l, const struct mqtt_stamp *s)
{
	struct mqtt_audit_sender *at;

	if (l->size) {
		at = mqtt_audit_place_(l->senders, l->size, s->run, s->sender);
		if (at->used)
			return at;
	}
	if (l->count >= (l->limit ? l->limit : 65536))
		return NULL;
	if (2 * (l->count + 1) > l->size && mqtt_audit_grow_(l) == -1)
		return NULL;
	at = mqtt_audit_place_(l->senders, l->size, s->run, s->sender);
	at->run = s->run;
	at->sender = s->sender;
	/* Whoever subscribes later misses nothing of what was before. */
	at->next = s->sequence;
	at->seen = ~UINT64_C(0);
	at->used = 1;
	l->count++;
	return at;
}

/* Notes a number; returns whether the message is a new one. */
static inline bool mqtt_audit_note_(struct mqtt_ledger *l,
    struct mqtt_audit_sender *s, uint64_t sequence)
{
	uint64_t back, gone;

	if (sequence >= s->next) {
		/* What leaves the window unseen is lost. */
		for (gone = sequence - s->next + 1; gone > 0; gone--) {
			if (gone > 64 && s->seen == 0) {
				/* A long gap at once. */
				l->lost += gone - 64;
				swarm_count(swarm_counter("mqtt_audit_lost"),
				    (int64_t)(gone - 64));
				gone = 64;
			}
			if (!(s->seen >> 63)) {
				l->lost++;
				mqtt_audit_count_("mqtt_audit_lost");
			}
			s->seen <<= 1;
		}
		s->seen |= 1;
		s->next = sequence + 1;
		return true;
	}
	back = s->next - 1 - sequence;
	if (back >= 64) {
		l->late++;
		mqtt_audit_count_("mqtt_audit_late");
		return false;
	}
	if (s->seen >> back & 1) {
		l->duplicate++;
		mqtt_audit_count_("mqtt_audit_duplicate");
		return false;
	}
	s->seen |= UINT64_C(1) << back;
	l->reordered++;
	mqtt_audit_count_("mqtt_audit_reordered");
	return true;
}

/*
 * Notes a received message: its latency, and its place in the sequence of its
 * sender.  False when it has no stamp.
 */
static inline bool mqtt_ledger_note(struct mqtt_ledger *l,
    const struct mqtt_message *m)
{
	static const char *const rows[] = { "qos 0", "qos 1", "qos 2" };
	static const char *const counters[] = { "mqtt_audit_recv_qos0",
		"mqtt_audit_recv_qos1", "mqtt_audit_recv_qos2" };
	struct mqtt_audit_sender *sender;
	struct mqtt_stamp s;

	if (!mqtt_stamp_read(&s, m->data, m->len))
		return false;
	if (s.host == mqtt_audit_host_())
		swarm_observe(swarm_series("MQTT end to end", rows[m->qos]),
		    m->received - s.time, m->len);
	else
		mqtt_audit_count_("mqtt_audit_other_host");
	sender = mqtt_audit_sender_(l, &s);
	if (!sender) {
		mqtt_audit_count_("mqtt_audit_untracked");
		return true;
	}
	if (mqtt_audit_note_(l, sender, s.sequence)) {
		l->received++;
		mqtt_audit_count_(counters[m->qos]);
	}
	return true;
}

/* Counts a message sent with this QoS. */
static inline void mqtt_ledger_sent(int qos)
{
	static const char *const counters[] = { "mqtt_audit_sent_qos0",
		"mqtt_audit_sent_qos1", "mqtt_audit_sent_qos2" };

	mqtt_audit_count_(counters[qos]);
}

/* Counts the gaps that are still open as lost, and frees the memory. */
static inline void mqtt_ledger_close(struct mqtt_ledger *l)
{
	for (size_t i = 0; i < l->size; i++) {
		if (!l->senders[i].used)
			continue;
		for (uint64_t open = ~l->senders[i].seen; open;
		    open &= open - 1) {
			l->lost++;
			mqtt_audit_count_("mqtt_audit_lost");
		}
	}
	free(l->senders);
	l->senders = NULL;
	l->size = l->count = 0;
}

#ifdef __cplusplus
}
#endif
#endif
