/*
 * MQTT 3.1.1 and 5 for scenarios: the interface "swarm.mqtt/1".
 *
 * Two plugins provide it: `mqtt` on paho.mqtt.c, and `fastmqtt` with its own
 * codec.  A scenario is bound to the interface, so the same .so runs on
 * either; --plugin chooses.  What only one of them can do is said below, and
 * asking the other for it fails with ENOTSUP and a text that says so.
 *
 *	static void start(struct swarm_user *u)
 *	{
 *		struct device *d = swarm_data(u);
 *
 *		d->mqtt = mqtt_connect(u, .username = "device");
 *		mqtt_subscribe(d->mqtt, .filter = "commands/#", .qos = 1);
 *	}
 *
 *	static void report(struct swarm_user *u)
 *	{
 *		struct device *d = swarm_data(u);
 *
 *		mqtt_publish(d->mqtt, .topic = "telemetry", .text = "21.5",
 *		    .qos = 1);
 *	}
 *
 * Every call is one sample of type "MQTT", named as Locust's MqttUser names
 * it: "connect", "disconnect", "publish:<qos>:<topic>",
 * "subscribe:<qos>:<filter>", "unsubscribe:<filter>".  With many different
 * topics give `.name`, or there will be as many rows.
 *
 * A failure of the broker or of the network is a result: the sample fails,
 * the call returns -1 (or NULL) with errno, and mqtt_reason() and
 * mqtt_reason_text() say more.  errno is ETIMEDOUT, ECANCELED (the user is
 * being stopped), ENOTCONN (not connected, or the connection was lost),
 * EPROTO (the broker refused, or broke the protocol), EINVAL (an argument
 * that MQTT cannot carry), ENOTSUP (not with this provider or version).
 *
 * All functions are [fiber] unless marked otherwise.
 */
#ifndef SWARM_MQTT_H
#define SWARM_MQTT_H

#include <swarm/fiber.h>
#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One client: its session, and the connection while there is one.  Belongs to
 * the user that made it and is used on its fibers only.  Freed by
 * mqtt_free(), or by swarm when the user ends.
 */
struct mqtt;

/* Longest topic in bytes, and largest packet, that a client takes or sends;
 * the second can be lowered with .max_packet_size. */
#define MQTT_TOPIC_MAX  65535
#define MQTT_PACKET_MAX (16u << 20)

/* Keep-alive: never ping. */
#define MQTT_NO_KEEPALIVE (-1)

/* An MQTT 5 user property; both UTF-8, neither NULL.  Frozen. */
struct mqtt_property {
	const char *name;
	const char *value;
};

/*
 * The broker sends this when the connection is lost without a goodbye.
 * The properties need MQTT 5 and are left out when 0 or NULL.
 */
struct mqtt_will {
	uint32_t size;
	const char *topic;
	const void *data;
	size_t len;                     /* at most 65535 */
	const char *text;               /* instead of data and len */
	int qos;
	bool retain;
	uint32_t delay;                 /* seconds the broker waits */
	uint32_t message_expiry;        /* seconds */
	const char *content_type;
	const char *response_topic;
	const void *correlation;
	size_t correlation_len;
	bool payload_is_utf8;
	const struct mqtt_property *properties;
	size_t property_count;
};

/* How to secure mqtts:// and wss://; PEM files.  Clients that give the same
 * values share one context. */
struct mqtt_tls {
	uint32_t size;
	const char *ca_file;            /* NULL: the system's */
	const char *cert_file;          /* the client's own, or NULL */
	const char *key_file;
	bool insecure;                  /* do not verify the broker */
	const char *server_name;        /* to ask for and verify; NULL: the
	                                   URL's host */
	const char *alpn;               /* "mqtt", or NULL */
	const char *min_version;        /* "1.2" or "1.3"; fastmqtt only */
	const char *max_version;
	const char *ciphers;            /* OpenSSL's list, for TLS 1.2 */
};

struct mqtt_auth_data {
	uint8_t reason;                 /* 0x18 continue, 0x19 start again,
	                                   0 on the broker's CONNACK */
	const void *data;
	size_t len;
};

/*
 * Everything may be left out.  Strings and data are copied, except where
 * noted.
 */
struct mqtt_connect_args {
	uint32_t size;
	/* The broker: mqtt:// (also tcp://), mqtts:// (ssl://), ws:// or
	 * wss://, a host, and optionally a port (1883, 8883, 80, 443) and, for
	 * the last two, a path (/mqtt).  NULL: swarm_host(). */
	const char *url;
	/* NULL: "swarm-", a number that differs between runs, and the user's
	 * id.  "": the broker chooses. */
	const char *client_id;
	const char *username;
	const void *password;           /* text unless password_len is given */
	size_t password_len;
	int version;                    /* 4: 3.1.1, 5; 0: the option */
	int keepalive;                  /* seconds, at most 65535;
	                                   0: the option */
	/* Go on with the session that the broker has for this client_id
	 * (clean start off).  Messages of QoS 1 and 2 not yet acknowledged are
	 * then sent again after a reconnect. */
	bool keep_session;
	uint32_t session_expiry;        /* v5: seconds the broker keeps the
	                                   session; UINT32_MAX: for ever */
	uint16_t receive_maximum;       /* v5: 0: 65535 */
	uint32_t max_packet_size;       /* bytes we accept; 0: MQTT_PACKET_MAX */
	uint16_t topic_alias_maximum;   /* v5: aliases we accept */
	/* Publishes with QoS 1 or 2 under way at a time; 0: the option.  A
	 * broker's receive maximum lowers it. */
	unsigned inflight;
	const struct mqtt_will *will;
	const struct mqtt_tls *tls;
	const char *source;             /* local address; fastmqtt only */
	double timeout;                 /* seconds until the CONNACK;
	                                   0: the option */
	/* When the connection is lost: connect again after a random part of
	 * reconnect_min seconds, doubled with each failure up to reconnect_max.
	 * Each attempt is a sample "reconnect".  0: leave it to the scenario
	 * (see mqtt_reconnect). */
	double reconnect_min;
	double reconnect_max;           /* 0: 64 times reconnect_min */
	const struct mqtt_property *properties;
	size_t property_count;
	bool request_response_information;
	bool no_problem_information;
	/* Enhanced authentication (v5; fastmqtt only): the method, the first
	 * data, and a function that is given the broker's data and points *out
	 * at the answer, valid until it is called again; it returns 0, or -1 to
	 * give up.  It must not wait. */
	const char *auth_method;
	const void *auth;
	size_t auth_len;
	int (*auth_step)(void *arg, const struct mqtt_auth_data *in,
	    struct mqtt_auth_data *out);
	void *auth_arg;
	const char *name;               /* of the sample; NULL: "connect" */
	/* After so many failed attempts in a row, leave it to the scenario;
	 * 0: never. */
	unsigned reconnect_limit;
};

struct mqtt_publish_args {
	uint32_t size;
	const char *topic;
	const void *data;
	size_t len;
	const char *text;               /* instead of data and len */
	int qos;
	bool retain;
	/* Return when the message is on its way (waiting only while the window
	 * is full) and record the sample when it is acknowledged.  The data are
	 * copied. */
	bool async;
	double timeout;                 /* seconds; 0: the option */
	const char *name;               /* of the sample */
	/* MQTT 5 only, left out when 0 or NULL. */
	uint32_t message_expiry;        /* seconds */
	/* The topic's text is sent only the first time on a connection; not
	 * above the broker's topic_alias_maximum. */
	uint16_t topic_alias;
	const char *content_type;
	const char *response_topic;
	const void *correlation;
	size_t correlation_len;
	bool payload_is_utf8;
	const struct mqtt_property *properties;
	size_t property_count;
};

enum mqtt_retain_handling {
	MQTT_RETAIN_SEND,               /* retained messages now */
	MQTT_RETAIN_IF_NEW,             /* only if not yet subscribed */
	MQTT_RETAIN_NEVER,
};

struct mqtt_subscribe_args {
	uint32_t size;
	const char *filter;             /* "$share/group/filter" too */
	int qos;
	double timeout;                 /* seconds; 0: the option */
	const char *name;               /* of the sample */
	/* MQTT 5 only. */
	bool no_local;
	bool retain_as_published;
	enum mqtt_retain_handling retain_handling;
	uint32_t subscription_id;       /* 1..268435455 */
	const struct mqtt_property *properties;
	size_t property_count;
};

struct mqtt_unsubscribe_args {
	uint32_t size;
	const char *filter;
	double timeout;
	const char *name;
	const struct mqtt_property *properties;
	size_t property_count;
};

struct mqtt_disconnect_args {
	uint32_t size;
	uint8_t reason;                 /* v5: 0, or 4: publish the will */
	bool set_session_expiry;        /* v5: change it to session_expiry */
	uint32_t session_expiry;
	/* Close the socket without a DISCONNECT, as a crash would; fastmqtt
	 * only. */
	bool abrupt;
	const char *name;               /* of the sample */
	const struct mqtt_property *properties;
	size_t property_count;
};

/*
 * A received message.  Topic, data and properties belong to the plugin; data
 * is followed by a NUL that len does not count.
 */
struct mqtt_message {
	uint32_t size;
	const char *topic;
	const void *data;
	size_t len;
	int qos;
	bool retain;
	bool dup;
	int64_t received;               /* swarm_now() when it was read from
	                                   the socket (mqtt: when the library
	                                   handed it over) */
	/* MQTT 5; 0 or NULL when absent. */
	uint32_t message_expiry;
	const char *content_type;
	const char *response_topic;
	const void *correlation;
	size_t correlation_len;
	bool payload_is_utf8;
	const uint32_t *subscription_ids;
	size_t subscription_id_count;
	const struct mqtt_property *properties;
	size_t property_count;
};

/* What is known of a client.  Belongs to it; the numbers are those of the
 * moment of the call. */
struct mqtt_info {
	uint32_t size;
	bool connected;
	bool session_present;
	int version;
	const char *client_id;          /* assigned by the broker, or ours */
	/* What the broker allows. */
	int keepalive;
	int maximum_qos;
	bool retain_available;
	uint16_t receive_maximum;
	uint16_t topic_alias_maximum;
	uint32_t max_packet_size;       /* 0: not limited */
	const char *response_information;       /* v5, or NULL */
	const char *server_reference;           /* v5, or NULL */
	/* Counts since mqtt_connect(). */
	uint64_t published;             /* messages given to the socket */
	uint64_t acknowledged;          /* of those with QoS 1 and 2 */
	uint64_t received;              /* messages */
	uint64_t dropped;               /* received, but the queue was full */
	uint64_t reconnects;
	size_t inflight;                /* not yet acknowledged */
	size_t queued;                  /* received, not yet asked for */
};

/* Called on the loop, outside any fiber: must not wait.  The message is valid
 * until it returns.  It may publish with .async, when the window is not full
 * (else -1 with EAGAIN). */
typedef void mqtt_handler(struct mqtt *, const struct mqtt_message *,
    void *arg);

/* The table behind the names below. */
struct mqtt_api {
	struct swarm_iface head;
	struct mqtt *(*connect)(struct swarm_user *,
	    const struct mqtt_connect_args *);
	int (*reconnect)(struct mqtt *);
	int (*disconnect)(struct mqtt *, const struct mqtt_disconnect_args *);
	void (*free)(struct mqtt *);
	int (*publish)(struct mqtt *, const struct mqtt_publish_args *);
	int (*flush)(struct mqtt *, int64_t deadline);
	int (*wait_room)(struct mqtt *, int qos, int64_t deadline);
	int (*subscribe)(struct mqtt *, const struct mqtt_subscribe_args *);
	int (*unsubscribe)(struct mqtt *,
	    const struct mqtt_unsubscribe_args *);
	const struct mqtt_message *(*receive)(struct mqtt *, int64_t deadline);
	void (*on_message)(struct mqtt *, mqtt_handler *, void *arg);
	int (*ping)(struct mqtt *, double timeout);
	bool (*connected)(struct mqtt *);
	int (*reason)(struct mqtt *);
	const char *(*reason_text)(struct mqtt *);
	const struct mqtt_info *(*info)(struct mqtt *);
	const char *(*provider)(void);
};

#ifndef __cplusplus
/* For .will = &MQTT_WILL(...) and .tls = &MQTT_TLS(...). */
#define MQTT_WILL(...) \
	((struct mqtt_will){ .size = sizeof(struct mqtt_will), __VA_ARGS__ })
#define MQTT_TLS(...) \
	((struct mqtt_tls){ .size = sizeof(struct mqtt_tls), __VA_ARGS__ })
#endif

/* A provider defines MQTT_PROVIDER and gets the types only. */
#ifndef MQTT_PROVIDER
SWARM_IMPORT(mqtt_api, mqtt_api_, "swarm.mqtt/1", 1)

#ifndef __cplusplus
/*
 * mqtt_connect(u, .field = value, ...): connects and waits for the CONNACK.
 * Never NULL: when it fails the client exists without a connection, and what
 * is asked of it fails as "not connected".
 */
#define mqtt_connect(u, ...) \
	mqtt_api_->connect((u), &(struct mqtt_connect_args){ \
		.size = sizeof(struct mqtt_connect_args), __VA_ARGS__ })

/* mqtt_publish(m, .topic = ..., ...): QoS 0 until written, 1 until the PUBACK,
 * 2 until the PUBCOMP; 0 or -1.  A reason code below 0x80 is success, also
 * 0x10, no subscribers, which is counted apart. */
#define mqtt_publish(m, ...) \
	mqtt_api_->publish((m), &(struct mqtt_publish_args){ \
		.size = sizeof(struct mqtt_publish_args), __VA_ARGS__ })

/* mqtt_subscribe(m, .filter = ..., .qos = ...): until the SUBACK; the granted
 * QoS, or -1. */
#define mqtt_subscribe(m, ...) \
	mqtt_api_->subscribe((m), &(struct mqtt_subscribe_args){ \
		.size = sizeof(struct mqtt_subscribe_args), __VA_ARGS__ })

/* mqtt_unsubscribe(m, .filter = ...): until the UNSUBACK; 0 or -1. */
#define mqtt_unsubscribe(m, ...) \
	mqtt_api_->unsubscribe((m), &(struct mqtt_unsubscribe_args){ \
		.size = sizeof(struct mqtt_unsubscribe_args), __VA_ARGS__ })

/* mqtt_disconnect(m, ...): says goodbye and closes; 0 or -1.  Publishes under
 * way get up to a second to be acknowledged, which is no part of the sample,
 * and then fail.  The client stays and can mqtt_reconnect(). */
#define mqtt_disconnect(m, ...) \
	mqtt_api_->disconnect((m), &(struct mqtt_disconnect_args){ \
		.size = sizeof(struct mqtt_disconnect_args), __VA_ARGS__ })
#endif

/* The common calls as functions, for C++ as well, where the macros above do
 * not exist: fill the argument structs and call mqtt_api_ for the rest. */
static inline struct mqtt *mqtt_open(struct swarm_user *u,
    const char *client_id)
{
	struct mqtt_connect_args a = {};

	a.size = sizeof a;
	a.client_id = client_id;
	return mqtt_api_->connect(u, &a);
}

static inline int mqtt_send(struct mqtt *m, const char *topic,
    const void *data, size_t len, int qos)
{
	struct mqtt_publish_args a = {};

	a.size = sizeof a;
	a.topic = topic;
	a.data = data;
	a.len = len;
	a.qos = qos;
	return mqtt_api_->publish(m, &a);
}

static inline int mqtt_listen(struct mqtt *m, const char *filter, int qos)
{
	struct mqtt_subscribe_args a = {};

	a.size = sizeof a;
	a.filter = filter;
	a.qos = qos;
	return mqtt_api_->subscribe(m, &a);
}

/* Connects again, with the arguments of mqtt_connect(), a client that has no
 * connection; a sample "reconnect".  0 or -1; 0 at once when connected. */
static inline int mqtt_reconnect(struct mqtt *m)
{
	return mqtt_api_->reconnect(m);
}

/* Frees the client; a connection is closed without a sample.  NULL is
 * fine. */
static inline void mqtt_free(struct mqtt *m)
{
	mqtt_api_->free(m);
}

/* Waits until nothing published with .async is under way: 0, or -1 with
 * ETIMEDOUT or ECANCELED. */
static inline int mqtt_flush(struct mqtt *m, int64_t deadline)
{
	return mqtt_api_->flush(m, deadline);
}

/* Waits until a publish of this QoS would not have to wait for the window or
 * the socket, for payloads that say when they were sent: 0, or -1 with
 * ETIMEDOUT, ECANCELED or ENOTCONN. */
static inline int mqtt_wait_room(struct mqtt *m, int qos, int64_t deadline)
{
	return mqtt_api_->wait_room(m, qos, deadline);
}

/* The next message, waiting for it; valid until the next mqtt_receive() or
 * mqtt_free().  NULL with ETIMEDOUT, ECANCELED, or ENOTCONN when the
 * connection is lost and nothing will make it again. */
static inline const struct mqtt_message *mqtt_receive(struct mqtt *m,
    int64_t deadline)
{
	return mqtt_api_->receive(m, deadline);
}

/* From now on messages go to `fn` instead of mqtt_receive()'s queue; NULL
 * undoes it.  What is queued is handed over at once. */
static inline void mqtt_on_message(struct mqtt *m, mqtt_handler *fn,
    void *arg)
{
	mqtt_api_->on_message(m, fn, arg);
}

/* One PINGREQ until its PINGRESP, a sample "ping"; fastmqtt only.
 * 0 or -1. */
static inline int mqtt_ping(struct mqtt *m, double timeout)
{
	return mqtt_api_->ping(m, timeout);
}

/* [worker] Whether there is a connection.  NULL: no. */
static inline bool mqtt_connected(struct mqtt *m)
{
	return mqtt_api_->connected(m);
}

/* [worker] The last reason code the broker gave (3.1.1's codes are given as
 * those of MQTT 5); 0 for none. */
static inline int mqtt_reason(struct mqtt *m)
{
	return mqtt_api_->reason(m);
}

/* [worker] Why the last call failed; never NULL; valid until the next call. */
static inline const char *mqtt_reason_text(struct mqtt *m)
{
	return mqtt_api_->reason_text(m);
}

/* [worker] Never NULL; valid until the next call. */
static inline const struct mqtt_info *mqtt_info(struct mqtt *m)
{
	return mqtt_api_->info(m);
}

/* [worker] The plugin behind the interface: "mqtt" or "fastmqtt". */
static inline const char *mqtt_provider(void)
{
	return mqtt_api_->provider();
}
#endif

#ifdef __cplusplus
}
#endif
#endif
