/*
 * The plugin's parts: a client with its connection, what it has sent and not
 * yet got acknowledged (pending), and the bytes in both directions (wire).
 *
 * All reading happens in a callback on the loop, so that a client whose user
 * sleeps costs this struct, its stream and an alarm, and no stack.  Fibers
 * only wait: for an acknowledgement, for room in the window, for a message.
 */
#ifndef FASTMQTT_FAST_H
#define FASTMQTT_FAST_H

#include <swarm/net.h>

#include "client.h"
#include "codec.h"
#include "ws.h"

enum pending_kind { PENDING_PUBLISH, PENDING_SUBSCRIBE, PENDING_UNSUBSCRIBE };

/* One packet with an id that the broker has not yet acknowledged. */
struct pending {
	struct pending *chain;          /* same bucket */
	struct pending *next;           /* in the order of sending */
	struct pending *prev;
	struct swarm_timer timer;
	struct swarm_waiters waiters;
	int64_t deadline;
	size_t len;                     /* of the payload */
	uint8_t *packet;                /* to send again; NULL: not kept */
	size_t packet_len;
	int error;                      /* errno, when finished */
	uint16_t id;
	uint8_t kind;
	uint8_t qos;
	uint8_t refs;                   /* the table's and a waiting fiber's */
	uint8_t reason;
	bool released;                  /* QoS 2: PUBREC came, PUBREL sent */
	bool finished;
};

struct pending_table {
	struct pending **buckets;
	size_t size;                    /* power of two, or 0 */
	size_t count;
	struct pending *first;
	struct pending *last;
};

/* Packet ids of QoS 2 messages received and not yet released. */
struct idset {
	uint16_t few[8];
	uint32_t count;
	uint64_t *many;                 /* 65536 bits, when few is too small */
};

/* What only some clients need. */
struct extras {
	char **sent_aliases;            /* topics, by alias, this connection */
	size_t sent_count;
	char **received_aliases;
	size_t received_count;
};

struct mqtt {
	struct client c;
	struct swarm_stream *stream;
	struct extras *extras;
	struct ws_reader *ws;           /* NULL: no WebSocket */
	struct codec_buf rx;            /* a packet that is not all there */
	struct codec_buf tx;            /* what the socket did not take yet */
	size_t tx_at;
	struct pending_table pending;
	struct idset incoming;
	int64_t last_sent;
	int64_t ping_sent;              /* 0: none under way */
	int64_t expiry_at;              /* of asynchronous publishes */
	uint64_t queued_bytes;
	uint64_t written_bytes;
	uint32_t reply_bytes;           /* in tx at most */
	uint16_t last_id;
	uint8_t unwaited;               /* QoS 0 publishes since a wait */
	bool shaking;                   /* CONNECT sent, no CONNACK yet */
};

/* ---- conn.c: connections ---- */

int conn_open(struct mqtt *, int64_t deadline, int64_t *when);
int conn_close(struct mqtt *, const struct mqtt_disconnect_args *,
    int64_t deadline, int64_t *when);
void conn_release(struct mqtt *);
int64_t conn_next(const struct mqtt *);
void conn_tick(struct mqtt *, int64_t now);
/* The connection is over, for the reason given (or 0). */
void conn_lost(struct mqtt *, int reason, const char *why);
/* NULL without memory. */
struct extras *conn_extras(struct mqtt *);

/* ---- connack.c ---- */

/* A CONNACK came while connecting; 0, or -1 when it refuses. */
int connack_take(struct mqtt *, const struct codec_packet *);
/* Encodes the CONNECT; 0, or -1 with errno. */
int connack_put_connect(struct codec_buf *, const struct settings *);

/* ---- upgrade.c ---- */

/* [fiber] Makes the stream a WebSocket; 0, or -1 after client_fail(). */
int upgrade_stream(struct mqtt *, int64_t deadline);

/* ---- wire.c ---- */

/* For packets about to be sent; empty between calls. */
extern struct codec_buf wire_out;
/* For replies to what is being read: they leave in one write after it, and
 * apart from what a message handler may send meanwhile. */
extern struct codec_buf wire_replies;

void wire_ready(struct swarm_stream *, unsigned bits, void *client);
/* Sends what is in wire_out: at once, or when the socket takes it.  `now` may
 * be a little late: the next ping counts from it. */
void wire_send(struct mqtt *, int64_t now);
/* [fiber] Waits until no more than `left` bytes wait: 0 or -1. */
int wire_drain(struct mqtt *, size_t left, int64_t deadline);
size_t wire_waiting(const struct mqtt *);
/* The broker broke the protocol: says so if it can, and closes. */
void wire_broken(struct mqtt *, uint8_t reason, const char *why);

/* ---- dispatch.c: received packets ---- */

/* Hands what an AUTH or CONNACK says of authentication to the scenario and
 * answers an AUTH; 0, or -1 when the connection has ended. */
int dispatch_auth(struct mqtt *, const struct codec_packet *);
/* Handles one; false when the connection has ended. */
bool dispatch_packet(struct mqtt *, struct codec_packet *);

/* ---- pending.c ---- */

/* A new one with a free id, in the table; NULL without memory or ids. */
struct pending *pending_new(struct mqtt *, enum pending_kind,
    const struct swarm_timer *);
struct pending *pending_find(struct mqtt *, uint16_t id);
/* Records it as done and takes it off the table. */
void pending_done(struct mqtt *, struct pending *, uint8_t reason);
/* Records it as failed; it keeps its id when `stay`, because the broker may
 * still answer. */
void pending_failed(struct mqtt *, struct pending *, int error, int reason,
    const char *why, bool stay);
/* Takes it off the table and drops the table's reference. */
void pending_remove(struct mqtt *, struct pending *);
void pending_unref(struct pending *);
/* [fiber] Waits for its end, drops the caller's reference; 0 or -1. */
int pending_wait(struct mqtt *, struct pending *, int64_t deadline);
/* The connection ended: fails them all, except publishes to be resent. */
void pending_abandon(struct mqtt *, bool keep_publishes, int error,
    const char *why);
/* Sends again what the broker's session knows of. */
void pending_resend(struct mqtt *);
/* Fails asynchronous ones past their deadline; the next deadline. */
int64_t pending_expire(struct mqtt *, int64_t now);
void pending_table_release(struct mqtt *);

/* ---- idset.c ---- */

bool idset_has(const struct idset *, uint16_t id);
/* 0, or -1 without memory. */
int idset_add(struct idset *, uint16_t id);
bool idset_remove(struct idset *, uint16_t id);
void idset_clear(struct idset *);

#endif
