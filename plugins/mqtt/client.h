/*
 * The plugin's parts: a client (what the user holds), its link (one Paho
 * handle) and operations (what was asked of Paho and not yet answered).
 *
 * Paho knows links and operations only, and may still call back while its
 * handle is being destroyed; so these outlive the client until the last event
 * that Paho's threads have queued was run.  Everything else happens on the
 * loop thread.
 */
#ifndef MQTT_CLIENT_H
#define MQTT_CLIENT_H

#include <swarm/loop.h>
#include <swarm/mqtt.h>
#include <swarm/stats.h>

#include <MQTTAsync.h>

#include "door.h"
#include "inbox.h"
#include "settings.h"
#include "waiters.h"

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
	struct waiters waiters;
	int64_t deadline;
	size_t len;
	uint8_t kind;
	uint8_t qos;
	uint8_t refs;
	bool in_library;                /* may still be called back */
	bool finished;
	bool answered;                  /* the library's thread was here */
	int error;                      /* errno, when finished */
	int reason;
	/* Written on the library's thread, read after the event. */
	int64_t when;
	bool ok;
	int code;
	int granted;
	bool refused;                   /* `granted` is a reason code */
};

/* What a CONNACK says. */
struct link_limits {
	bool session_present;
	int keepalive;
	int maximum_qos;
	bool retain_available;
	uint16_t receive_maximum;
	uint16_t alias_maximum;
	uint32_t max_packet;
	char *assigned_id;
	char *response_information;
	char *server_reference;
};

struct link {
	MQTTAsync handle;
	struct mqtt *client;            /* NULL: let go */
	struct op *ops;
	struct op *connect;             /* the last one started */
	struct link_limits limits;
	struct door_event bury;
	int version;
	char tls_error[96];
	char **aliases;                 /* topics by alias, from the broker */
	size_t alias_count;
};

struct mqtt {
	struct mqtt *next;              /* of the user's */
	struct swarm_user *user;
	struct settings *settings;      /* NULL: the arguments were wrong */
	struct link *link;
	struct swarm_alarm *retry;      /* connect again */
	struct swarm_alarm *expiry;     /* of asynchronous publishes */
	struct inbox inbox;
	struct waiters changed;         /* inflight, connected, connecting */
	unsigned inflight;
	unsigned window;
	unsigned failures;              /* reconnects in a row */
	unsigned refs;
	bool connected;
	bool connecting;
	bool retrying;
	bool closing;                   /* disconnected by the user */
	bool freed;
	int reason;
	char text[120];
	struct mqtt_info info;
	uint64_t published;
	uint64_t acknowledged;
	uint64_t reconnects;
};

/* Options, see mqtt.c. */
extern struct settings_defaults client_defaults;
extern int client_queue;

/* client.c: the calls of the interface. */
struct mqtt *client_connect(struct swarm_user *,
    const struct mqtt_connect_args *);
int client_reconnect(struct mqtt *);
int client_disconnect(struct mqtt *, const struct mqtt_disconnect_args *);
void client_free(struct mqtt *);
void client_free_all(struct swarm_user *, void *slot);
extern int client_slot;
/* The link was lost: reason >= 0x80 when the broker said why, else 0. */
void client_lost(struct mqtt *, int reason);
/* Remembers why a call fails: returns -1 with errno `error`. */
int client_fail(struct mqtt *, int error, int reason, const char *fmt, ...)
    SWARM_PRINTF(4, 5);
/* NULL, or why nothing can be sent now (recorded by client_fail()). */
bool client_ready(struct mqtt *);

/* link.c: one Paho handle. */
struct link *link_new(struct mqtt *, const char *uri);
/* Closes, fails what is under way, frees when Paho is done.  NULL is fine. */
void link_free(struct link *);
/* Starts connecting; 0 or Paho's error. */
int link_connect(struct link *, struct op *);

/* op.c */
struct op *op_new(struct link *, enum op_kind, const struct swarm_timer *);
void op_unref(struct op *);
/* Paho refused the call: nothing will come back. */
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

/* publish.c: the calls of the interface. */
int publish_send(struct mqtt *, const struct mqtt_publish_args *);
int publish_flush(struct mqtt *, int64_t deadline);
int publish_wait_room(struct mqtt *, int qos, int64_t deadline);
int publish_subscribe(struct mqtt *, const struct mqtt_subscribe_args *);
int publish_unsubscribe(struct mqtt *, const struct mqtt_unsubscribe_args *);
/* Ends asynchronous publishes past their deadline. */
void publish_expire(void *client);

/* target.c: [fiber] the URI that Paho is given, with an address in place of
 * the name, and why a connect failed. */
int target_uri(const struct settings *, char *uri, size_t size);
const char *target_why(const struct settings *, int64_t deadline);

#endif
