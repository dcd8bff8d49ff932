/*
 * What both providers of "swarm.mqtt/1" have in common: a client's state, its
 * life (connect, reconnect, loss, end) and the calls of the interface, with
 * their checks, samples and counters.  A provider adds how bytes get to the
 * broker and back, by the table `provider`; so the two cannot come to mean
 * different things by the same call.
 */
#ifndef MQTT_CLIENT_H
#define MQTT_CLIENT_H

#include <swarm/loop.h>
#include <swarm/mqtt.h>
#include <swarm/stats.h>

#include "inbox.h"
#include "settings.h"

/* What a CONNACK says; the texts are freed with it. */
struct client_limits {
	char *assigned_id;
	char *response_information;
	char *server_reference;
	uint32_t max_packet;            /* 0: not limited */
	uint16_t receive_maximum;
	uint16_t alias_maximum;
	uint16_t keepalive;             /* seconds; 0: none */
	uint8_t maximum_qos;
	bool retain_available;
	bool session_present;
};

/* The first member of each provider's struct mqtt. */
struct client {
	struct mqtt *next;              /* of the user's */
	struct swarm_user *user;
	struct settings *settings;      /* NULL: the arguments were wrong */
	struct swarm_alarm *alarm;
	struct client_limits limits;
	struct inbox inbox;
	struct swarm_waiters changed;   /* anything a fiber may wait for */
	int64_t retry_at;
	int64_t last_event;             /* when the broker last said anything */
	uint64_t published;
	uint64_t acknowledged;
	uint64_t reconnects;
	uint32_t inflight;
	uint32_t window;
	uint32_t failures;              /* reconnects in a row */
	uint32_t refs;
	int reason;
	bool connected;                 /* a CONNACK came, and no end since */
	bool connecting;                /* a fiber is at it */
	bool retrying;
	bool closing;                   /* disconnected by the user */
	bool freed;
	char text[104];
};

static inline struct client *client_of(struct mqtt *m)
{
	return (struct client *)m;
}

/* The provider's half. */
struct provider {
	size_t size;                    /* of its struct mqtt */
	int (*worker_start)(void);      /* or NULL */
	void (*worker_stop)(void);      /* or NULL */
	/* NULL, or why it cannot do what is asked for; may be NULL. */
	const char *(*unsupported)(const struct settings *);
	/* [fiber] Connects and waits for the CONNACK; sets limits, connected
	 * and *when, the time of the answer.  0, or -1 with errno after
	 * client_fail(); then nothing of the attempt is left. */
	int (*open)(struct mqtt *, int64_t deadline, int64_t *when);
	/* [fiber] Says goodbye, or does not, and closes, with a call of
	 * client_lost().  0, or -1 as above. */
	int (*close)(struct mqtt *, const struct mqtt_disconnect_args *,
	    int64_t deadline, int64_t *when);
	/* Fails what waits for an acknowledgement, except, with `keep`,
	 * publishes that the next connection will repeat. */
	void (*abandon)(struct mqtt *, bool keep, int error, const char *why);
	/* The client's end: closes and frees what is the provider's. */
	void (*release)(struct mqtt *);
	/* Whether a publish would have to wait, and whether any is under
	 * way. */
	bool (*full)(const struct mqtt *, int qos);
	bool (*busy)(const struct mqtt *);
	/* [fiber] or, with .async, [worker].  The arguments are checked, there
	 * is room, and the timer runs: each records it.  0 (subscribe: the
	 * reason code) or -1 with errno after client_fail(). */
	int (*publish)(struct mqtt *, struct swarm_timer *,
	    const struct mqtt_publish_args *, int64_t deadline);
	int (*subscribe)(struct mqtt *, struct swarm_timer *,
	    const struct mqtt_subscribe_args *, int64_t deadline);
	int (*unsubscribe)(struct mqtt *, struct swarm_timer *,
	    const struct mqtt_unsubscribe_args *, int64_t deadline);
	int (*ping)(struct mqtt *, struct swarm_timer *, int64_t deadline);
	/* What it wants to be woken for, or SWARM_FOREVER; and the wake. */
	int64_t (*next)(const struct mqtt *);
	void (*tick)(struct mqtt *, int64_t now);
};
extern const struct provider provider;

/* Of that, what each provider has in its publish.c. */
bool publish_full(const struct mqtt *, int qos);
bool publish_busy(const struct mqtt *);
int publish_send(struct mqtt *, struct swarm_timer *,
    const struct mqtt_publish_args *, int64_t deadline);
int publish_subscribe(struct mqtt *, struct swarm_timer *,
    const struct mqtt_subscribe_args *, int64_t deadline);
int publish_unsubscribe(struct mqtt *, struct swarm_timer *,
    const struct mqtt_unsubscribe_args *, int64_t deadline);
int publish_ping(struct mqtt *, struct swarm_timer *, int64_t deadline);

/* Options, see module.c. */
extern struct settings_defaults client_defaults;
extern int client_queue;

/* ---- for providers ---- */

/* Says why a call fails: returns -1 with errno `error`. */
int client_fail(struct mqtt *, int error, int reason, const char *fmt, ...)
    SWARM_PRINTF(4, 5);
/* The same, and the sample fails with that text. */
int client_refuse(struct mqtt *, struct swarm_timer *, int error,
    const char *why);
/* The connection is over, for the reason given (or 0). */
void client_lost(struct mqtt *, int reason, const char *why);
/* Sets the alarm to the next thing to do. */
void client_arm(struct mqtt *);
/* Keeps a client's memory while a callback runs. */
void client_unref(struct mqtt *);
/* Of this worker. */
unsigned client_count(void);
void client_limits_release(struct client_limits *);

/* ---- for module.c and calls.c ---- */

void client_start(void);
struct mqtt *client_connect(struct swarm_user *,
    const struct mqtt_connect_args *);
int client_reconnect(struct mqtt *);
int client_disconnect(struct mqtt *, const struct mqtt_disconnect_args *);
void client_free(struct mqtt *);
/* [fiber] Waits until nothing is under way: 0 or -1. */
int client_flush(struct mqtt *, int64_t deadline);

#endif
