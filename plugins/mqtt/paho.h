/*
 * The plugin's parts: a client (what the user holds), its link (one Paho
 * handle) and operations (what was asked of Paho and not yet answered).
 *
 * Paho knows links and operations only, and may still call back while its
 * handle is being destroyed; so these outlive the client until the last event
 * that Paho's threads have queued was run.  Everything else happens on the
 * loop thread.
 */
#ifndef MQTT_PAHO_H
#define MQTT_PAHO_H

#include <MQTTAsync.h>

#include "client.h"
#include "door.h"

/* Paho's cost per message grows with each client of a process. */
#define CLIENT_CEILING 250

enum op_kind {
	OP_CONNECT,
	OP_PUBLISH,
	OP_SUBSCRIBE,
	OP_UNSUBSCRIBE,
	OP_DISCONNECT,
};

struct op {
	struct door_event event;        /* first: the door hands this back */
	struct op *next;                /* of the link's */
	struct op **prev;
	struct link *link;
	struct swarm_timer timer;
	struct swarm_waiters waiters;
	int64_t deadline;
	size_t len;
	uint8_t kind;
	uint8_t qos;
	uint8_t refs;
	bool in_library;                /* may still be called back */
	bool finished;
	bool answered;                  /* the library's thread was here */
	bool repeated;                  /* of an earlier connection */
	int error;                      /* errno, when finished */
	int reason;
	/* Written on the library's thread, read after the event. */
	int64_t when;
	bool ok;
	int code;
	int granted;
	bool refused;                   /* `granted` is a reason code */
};

struct link {
	MQTTAsync handle;
	struct mqtt *client;            /* NULL: let go */
	struct op *ops;
	struct op *connect;             /* the last one started */
	struct client_limits limits;    /* of the last CONNACK */
	struct door_event bury;
	int version;
	char **aliases;                 /* topics by alias, from the broker */
	size_t alias_count;
};

struct mqtt {
	struct client c;
	struct link *link;
	int64_t expiry_at;              /* look for late publishes; 0: none */
	unsigned repeated;              /* publishes of earlier connections */
	unsigned relapses;              /* losses since while there are any */
};

/* conn.c: see struct provider. */
const char *conn_unsupported(const struct settings *);
int conn_open(struct mqtt *, int64_t deadline, int64_t *when);
int conn_close(struct mqtt *, const struct mqtt_disconnect_args *,
    int64_t deadline, int64_t *when);
void conn_abandon(struct mqtt *, bool keep, int error, const char *why);
void conn_release(struct mqtt *);
/* The CONNACK came.  Said on the loop in the order of Paho's events, so that a
 * loss right behind it is not overlooked. */
void conn_up(struct mqtt *, int64_t when);
/* The link was lost: reason >= 0x80 when the broker said why, else 0. */
void conn_lost(struct mqtt *, int reason);

/* link.c: one Paho handle. */
struct link *link_new(struct mqtt *, const char *uri);
/* Closes, fails what is under way, frees when Paho is done.  NULL is fine. */
void link_free(struct link *);
/* What the broker's aliases mean ends with each connection. */
void link_forget_aliases(struct link *);
/* Starts connecting; 0 or Paho's error. */
int link_connect(struct link *, struct op *);

/* op.c */
/* The timer is NULL for what the caller records: connect, disconnect.  NULL
 * without memory. */
struct op *op_new(struct link *, enum op_kind, const struct swarm_timer *);
void op_unref(struct op *);
/* Paho refused the call: nothing will come back.  -1 with errno. */
int op_refused(struct op *, int code);
/* [fiber] Waits for its end: 0, or -1 as the interface says; drops the
 * caller's reference. */
int op_wait(struct op *, int64_t deadline);
/* Ends it by `error`, an errno, with the reason as text. */
void op_abort(struct op *, int error, const char *why);
/* Callbacks for Paho's structs, by version. */
void op_success(void *op, MQTTAsync_successData *);
void op_failure(void *op, MQTTAsync_failureData *);
void op_success5(void *op, MQTTAsync_successData5 *);
void op_failure5(void *op, MQTTAsync_failureData5 *);

/* publish.c: see struct provider, with client.h. */
int64_t publish_next(const struct mqtt *);
void publish_tick(struct mqtt *, int64_t now);

/* target.c: [fiber] the URI that Paho is given, with an address in place of
 * the name: 0, or -1 with errno and *why; and why a connect failed. */
int target_uri(const struct settings *, int64_t deadline, char *uri,
    size_t size, char *why, size_t why_size);
const char *target_why(const struct settings *, int64_t deadline);

#endif
