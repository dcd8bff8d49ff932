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
 * Latency is the difference of two readings of one clock when sender and
 * receiver run on the same machine (on any of its workers).  Between machines
 * the two clocks are compared by what swarm_shared_now() knows of them; the
 * latency then is wrong by at most a known bound, and is left out when that
 * bound is more than a tenth (see `clock_error_percent`) of the latencies'
 * median so far.  Nothing is made up for what is left out: it is counted.
 *
 * Series of type "MQTT end to end", "qos N", and "qos N, other machine" for
 * the corrected ones; of type "MQTT clock error" the bounds that came with
 * these.  And counters:
 *   mqtt_audit_recv_qosN     different messages received
 *   mqtt_audit_sent_qosN     messages sent, by mqtt_ledger_sent()
 *   mqtt_audit_lost_qosN     missing between others that arrived, by the QoS
 *                            that their sender uses
 *   mqtt_audit_lost          the same, altogether
 *   mqtt_audit_duplicate     received again
 *   mqtt_audit_reordered     after one sent later
 *   mqtt_audit_late          too late to tell from a duplicate; counted as
 *                            lost before
 *   mqtt_audit_other_host    from another machine
 *   mqtt_audit_clock_unsure  of those, without a latency
 *   mqtt_audit_untracked     from more senders than the ledger has room for
 * When the last ledger of a worker is closed the delivery ratio of each QoS
 * goes to the log.
 *
 * Everything here is [worker] and only functions in this header: it needs no
 * provider.
 */
#ifndef SWARM_MQTT_AUDIT_H
#define SWARM_MQTT_AUDIT_H

#include <swarm/fiber.h>
#include <swarm/log.h>
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
#define MQTT_STAMP_BYTES 44

/* A stamp's contents: magic, clock, run, sender (32 bits each), sequence, time,
 * offset (64 bits) and error (32 bits), all big-endian. */
struct mqtt_stamp {
	uint32_t host;                  /* the machine's clock, since its boot */
	uint32_t run;
	uint32_t sender;
	uint64_t sequence;
	int64_t time;                   /* swarm_now() of the sender */
	int64_t offset;                 /* from it to the run's shared clock */
	uint32_t error;                 /* ns that may be off by; UINT32_MAX:
	                                   not known */
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

static inline uint32_t mqtt_audit_hash_(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

/* A number of the clock behind swarm_now(): processes of one machine and boot
 * agree, unless they were given a time of their own (a time namespace). */
static inline uint32_t mqtt_audit_host_(void)
{
	static uint32_t host;
	char id[64] = "", space[64] = "";
	int fd;

	if (host)
		return host;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		if (read(fd, id, sizeof id - 1) < 0)
			id[0] = 0;
		close(fd);
	}
	if (readlink("/proc/self/ns/time", space, sizeof space - 1) < 0)
		space[0] = 0;
	host = mqtt_audit_hash_(mqtt_audit_hash_(2166136261u, id), space);
	return host |= 1;
}

/* How far the shared clock is from `now`, and how far that may be off, looked
 * up again every 10 ms. */
static inline int64_t mqtt_audit_offset_(int64_t now, uint32_t *error)
{
	static int64_t offset, bound, looked;

	if (looked == 0 || now - looked > 10000000 || now < looked) {
		offset = swarm_shared_now(&bound) - swarm_now();
		looked = now;
	}
	/* The look, and what clocks drift apart until the next. */
	*error = bound < 0 || bound > 4000000000 ? UINT32_MAX :
	    (uint32_t)bound + 1000;
	return offset;
}

/* Writes a stamp of now into the first MQTT_STAMP_BYTES of `data`. */
static inline void mqtt_stamp(void *data, uint32_t run, uint32_t sender,
    uint64_t sequence)
{
	unsigned char *to = (unsigned char *)data;
	int64_t now = swarm_now();
	uint32_t error;
	int64_t offset = mqtt_audit_offset_(now, &error);

	mqtt_audit_put_(to, 0x73774d52u, 4);    /* "swMR" */
	mqtt_audit_put_(to + 4, mqtt_audit_host_(), 4);
	mqtt_audit_put_(to + 8, run, 4);
	mqtt_audit_put_(to + 12, sender, 4);
	mqtt_audit_put_(to + 16, sequence, 8);
	mqtt_audit_put_(to + 24, (uint64_t)now, 8);
	mqtt_audit_put_(to + 32, (uint64_t)offset, 8);
	mqtt_audit_put_(to + 40, error, 4);
}

/* Reads the stamp of a payload; false when it has none. */
static inline bool mqtt_stamp_read(struct mqtt_stamp *s, const void *data,
    size_t len)
{
	const unsigned char *from = (const unsigned char *)data;

	if (len < MQTT_STAMP_BYTES || mqtt_audit_get_(from, 4) != 0x73774d52u)
		return false;
	s->host = (uint32_t)mqtt_audit_get_(from + 4, 4);
	s->run = (uint32_t)mqtt_audit_get_(from + 8, 4);
	s->sender = (uint32_t)mqtt_audit_get_(from + 12, 4);
	s->sequence = mqtt_audit_get_(from + 16, 8);
	s->time = (int64_t)mqtt_audit_get_(from + 24, 8);
	s->offset = (int64_t)mqtt_audit_get_(from + 32, 8);
	s->error = (uint32_t)mqtt_audit_get_(from + 40, 4);
	return true;
}

/* One sender as a receiver knows it: the sequence number after the highest
 * one seen, and which of the 64 before it were. */
struct mqtt_audit_sender {
	uint32_t run;
	uint32_t sender;
	uint64_t next;
	uint64_t seen;
	uint32_t used;                  /* 0: a free place */
	uint32_t qos;                   /* of its last message */
};

/* A receiver's ledger.  All zero at first; `limit` (0: 65536 senders) and
 * `clock_error_percent` (0: 10) may be set. */
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
	unsigned clock_error_percent;
	int64_t median;                 /* of corrected latencies, so far */
};

enum mqtt_audit_counter_ {
	MQTT_AUDIT_RECV_, MQTT_AUDIT_SENT_ = 3, MQTT_AUDIT_LOST_QOS_ = 6,
	MQTT_AUDIT_LOST_ = 9, MQTT_AUDIT_DUPLICATE_, MQTT_AUDIT_REORDERED_,
	MQTT_AUDIT_LATE_, MQTT_AUDIT_OTHER_HOST_, MQTT_AUDIT_CLOCK_UNSURE_,
	MQTT_AUDIT_UNTRACKED_, MQTT_AUDIT_COUNTERS_
};

/* What this worker's ledgers have seen. */
struct mqtt_audit_totals_ {
	uint64_t received[3];
	uint64_t lost[3];
	size_t open;                    /* ledgers that know a sender */
	bool warned;
};

static inline struct mqtt_audit_totals_ *mqtt_audit_totals_(void)
{
	static struct mqtt_audit_totals_ totals;

	return &totals;
}

static inline void mqtt_audit_count_(unsigned which, uint64_t add)
{
	static const char *const names[MQTT_AUDIT_COUNTERS_] = {
		"mqtt_audit_recv_qos0", "mqtt_audit_recv_qos1",
		"mqtt_audit_recv_qos2", "mqtt_audit_sent_qos0",
		"mqtt_audit_sent_qos1", "mqtt_audit_sent_qos2",
		"mqtt_audit_lost_qos0", "mqtt_audit_lost_qos1",
		"mqtt_audit_lost_qos2", "mqtt_audit_lost",
		"mqtt_audit_duplicate", "mqtt_audit_reordered",
		"mqtt_audit_late", "mqtt_audit_other_host",
		"mqtt_audit_clock_unsure", "mqtt_audit_untracked",
	};
	/* Numbers plus 1: a look-up for each message would show. */
	static uint32_t numbers[MQTT_AUDIT_COUNTERS_];

	if (numbers[which] == 0)
		numbers[which] = swarm_counter(names[which]) + 1;
	swarm_count(numbers[which] - 1, (int64_t)add);
}

static inline void mqtt_audit_lose_(struct mqtt_ledger *l,
    const struct mqtt_audit_sender *s, uint64_t n)
{
	l->lost += n;
	mqtt_audit_totals_()->lost[s->qos] += n;
	mqtt_audit_count_(MQTT_AUDIT_LOST_, n);
	mqtt_audit_count_(MQTT_AUDIT_LOST_QOS_ + s->qos, n);
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
	mqtt_audit_totals_()->open += l->count == 0;
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
				mqtt_audit_lose_(l, s, gone - 64);
				gone = 64;
			}
			if (!(s->seen >> 63))
				mqtt_audit_lose_(l, s, 1);
			s->seen <<= 1;
		}
		s->seen |= 1;
		s->next = sequence + 1;
		return true;
	}
	back = s->next - 1 - sequence;
	if (back >= 64) {
		l->late++;
		mqtt_audit_count_(MQTT_AUDIT_LATE_, 1);
		return false;
	}
	if (s->seen >> back & 1) {
		l->duplicate++;
		mqtt_audit_count_(MQTT_AUDIT_DUPLICATE_, 1);
		return false;
	}
	s->seen |= UINT64_C(1) << back;
	l->reordered++;
	mqtt_audit_count_(MQTT_AUDIT_REORDERED_, 1);
	return true;
}

/* A series' number, looked up once. */
static inline uint32_t mqtt_audit_series_(int qos, bool other_clock)
{
	static const char *const rows[] = { "qos 0", "qos 1", "qos 2",
		"qos 0, other machine", "qos 1, other machine",
		"qos 2, other machine" };
	static uint32_t numbers[6];     /* plus 1 */
	int row = qos + 3 * other_clock;

	if (numbers[row] == 0)
		numbers[row] = swarm_series("MQTT end to end", rows[row]) + 1;
	return numbers[row] - 1;
}

static inline void mqtt_audit_warn_(int64_t error, unsigned percent,
    int64_t median)
{
	struct mqtt_audit_totals_ *t = mqtt_audit_totals_();

	if (t->warned)
		return;
	t->warned = true;
	if (error == -1)
		swarm_warn("latencies of messages from other machines are left "
		    "out while it is not known how their clocks differ");
	else
		swarm_warn("latencies of messages from other machines are left "
		    "out while the clocks may differ by %.3f ms, more than "
		    "%u %% of the median of %.3f ms", (double)error / 1e6,
		    percent, (double)median / 1e6);
}

/* The difference of two times, one of them from a stranger: kept within some
 * days, so that what is computed from it cannot overflow. */
static inline int64_t mqtt_audit_minus_(uint64_t a, uint64_t b)
{
	const int64_t most = INT64_C(1) << 50;
	int64_t d = (int64_t)(a - b);

	return d > most ? most : d < -most ? -most : d;
}

/* The latency of a message from a machine with another clock, if it can be
 * told. */
static inline void mqtt_audit_correct_(struct mqtt_ledger *l,
    const struct mqtt_message *m, const struct mqtt_stamp *s)
{
	unsigned percent = l->clock_error_percent ? l->clock_error_percent :
	    10;
	uint32_t mine;
	int64_t offset = mqtt_audit_offset_(swarm_now(), &mine);
	int64_t took = mqtt_audit_minus_(
	    (uint64_t)m->received + (uint64_t)offset,
	    (uint64_t)s->time + (uint64_t)s->offset);
	int64_t error = (int64_t)s->error + mine;

	mqtt_audit_count_(MQTT_AUDIT_OTHER_HOST_, 1);
	if (s->error == UINT32_MAX || mine == UINT32_MAX) {
		mqtt_audit_count_(MQTT_AUDIT_CLOCK_UNSURE_, 1);
		mqtt_audit_warn_(-1, percent, 0);
		return;
	}
	/* Half of them are above it, half below: it follows in small steps. */
	if (l->median <= 0)
		l->median = took;
	else
		l->median += (took > l->median ? 1 : -1) *
		    (l->median / 32 + 1);
	if (error > l->median / 100 * percent) {
		mqtt_audit_count_(MQTT_AUDIT_CLOCK_UNSURE_, 1);
		mqtt_audit_warn_(error, percent, l->median);
		return;
	}
	swarm_observe(mqtt_audit_series_(m->qos, true), took, m->len);
	swarm_observe(swarm_series("MQTT clock error", "other machine"),
	    error, 0);
}

/*
 * Notes a received message: its latency, and its place in the sequence of its
 * sender.  False when it has no stamp.
 */
static inline bool mqtt_ledger_note(struct mqtt_ledger *l,
    const struct mqtt_message *m)
{
	struct mqtt_audit_sender *sender;
	struct mqtt_stamp s;

	if (!mqtt_stamp_read(&s, m->data, m->len))
		return false;
	if (s.host == mqtt_audit_host_())
		swarm_observe(mqtt_audit_series_(m->qos, false),
		    mqtt_audit_minus_((uint64_t)m->received,
			(uint64_t)s.time), m->len);
	else
		mqtt_audit_correct_(l, m, &s);
	sender = mqtt_audit_sender_(l, &s);
	if (!sender) {
		mqtt_audit_count_(MQTT_AUDIT_UNTRACKED_, 1);
		return true;
	}
	sender->qos = (uint32_t)m->qos;
	if (mqtt_audit_note_(l, sender, s.sequence)) {
		l->received++;
		mqtt_audit_totals_()->received[m->qos]++;
		mqtt_audit_count_(MQTT_AUDIT_RECV_ + (unsigned)m->qos, 1);
	}
	return true;
}

/* Counts a message sent with this QoS. */
static inline void mqtt_ledger_sent(int qos)
{
	mqtt_audit_count_(MQTT_AUDIT_SENT_ + (unsigned)qos, 1);
}

/* Says what share was delivered, when no ledger is open any more. */
static inline void mqtt_audit_tell_(void)
{
	struct mqtt_audit_totals_ *t = mqtt_audit_totals_();
	uint64_t all;

	for (int qos = 0; qos < 3; qos++) {
		all = t->received[qos] + t->lost[qos];
		if (all)
			swarm_info("QoS %d: %llu of %llu messages delivered, "
			    "%.6g %%", qos,
			    (unsigned long long)t->received[qos],
			    (unsigned long long)all, 100.0 *
			    (double)t->received[qos] / (double)all);
		t->received[qos] = t->lost[qos] = 0;
	}
}

/* Counts the gaps that are still open as lost, and frees the memory. */
static inline void mqtt_ledger_close(struct mqtt_ledger *l)
{
	for (size_t i = 0; i < l->size; i++) {
		if (!l->senders[i].used)
			continue;
		for (uint64_t open = ~l->senders[i].seen; open;
		    open &= open - 1)
			mqtt_audit_lose_(l, &l->senders[i], 1);
	}
	free(l->senders);
	if (l->count > 0 && --mqtt_audit_totals_()->open == 0)
		mqtt_audit_tell_();
	l->senders = NULL;
	l->size = l->count = 0;
}

#ifdef __cplusplus
}
#endif
#endif
