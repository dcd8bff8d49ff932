/*
 * MQTT packets, versions 3.1.1 and 5, as bytes: no sockets, no state, no
 * memory of its own.
 *
 * Decoding points into the caller's bytes.  It accepts what the standards
 * allow a server to send and calls everything else malformed, with a text
 * that says what; a client then closes the connection (MQTT 5, 4.13).
 * Encoding appends whole packets to a buffer whose size is computed before the
 * first byte is written.
 */
#ifndef FASTMQTT_CODEC_H
#define FASTMQTT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/mqtt.h>

enum codec_type {
	CODEC_CONNECT = 1,
	CODEC_CONNACK,
	CODEC_PUBLISH,
	CODEC_PUBACK,
	CODEC_PUBREC,
	CODEC_PUBREL,
	CODEC_PUBCOMP,
	CODEC_SUBSCRIBE,
	CODEC_SUBACK,
	CODEC_UNSUBSCRIBE,
	CODEC_UNSUBACK,
	CODEC_PINGREQ,
	CODEC_PINGRESP,
	CODEC_DISCONNECT,
	CODEC_AUTH,
};

/* Property identifiers (MQTT 5, 2.2.2.2). */
enum codec_property {
	CODEC_PAYLOAD_FORMAT = 1,
	CODEC_MESSAGE_EXPIRY = 2,
	CODEC_CONTENT_TYPE = 3,
	CODEC_RESPONSE_TOPIC = 8,
	CODEC_CORRELATION = 9,
	CODEC_SUBSCRIPTION_ID = 11,
	CODEC_SESSION_EXPIRY = 17,
	CODEC_ASSIGNED_ID = 18,
	CODEC_SERVER_KEEPALIVE = 19,
	CODEC_AUTH_METHOD = 21,
	CODEC_AUTH_DATA = 22,
	CODEC_REQUEST_PROBLEM = 23,
	CODEC_WILL_DELAY = 24,
	CODEC_REQUEST_RESPONSE = 25,
	CODEC_RESPONSE_INFO = 26,
	CODEC_SERVER_REFERENCE = 28,
	CODEC_REASON_STRING = 31,
	CODEC_RECEIVE_MAXIMUM = 33,
	CODEC_ALIAS_MAXIMUM = 34,
	CODEC_TOPIC_ALIAS = 35,
	CODEC_MAXIMUM_QOS = 36,
	CODEC_RETAIN_AVAILABLE = 37,
	CODEC_USER_PROPERTY = 38,
	CODEC_MAXIMUM_PACKET = 39,
	CODEC_WILDCARD_AVAILABLE = 40,
	CODEC_SUBSCRIPTION_ID_AVAILABLE = 41,
	CODEC_SHARED_AVAILABLE = 42,
	CODEC_PROPERTY_END,
};

#define CODEC_BIT(property) (UINT64_C(1) << (property))

/* Bytes that belong to somebody else. */
struct codec_span {
	const uint8_t *data;
	size_t len;
};

/*
 * A block of properties.  `has` tells which are there (CODEC_BIT); `number`
 * and `text` hold their values by slot, see codec_number() and codec_text().
 * User properties and subscription identifiers may repeat: when decoded they
 * are counted here and walked with codec_next(); to be encoded they are
 * given by `user` and `number`.
 */
struct codec_props {
	uint64_t has;
	uint32_t number[17];
	struct codec_span text[9];
	struct codec_span block;
	uint32_t user_count;
	uint32_t id_count;
	const struct mqtt_property *user;
};

/* A received packet; what its type does not have is not set. */
struct codec_packet {
	uint8_t type;
	uint8_t qos;
	bool dup;
	bool retain;
	bool session_present;
	uint8_t reason;                 /* as in MQTT 5, also from 3.1.1 */
	uint16_t id;
	struct codec_span topic;
	struct codec_span payload;      /* of SUBACK, UNSUBACK: the codes */
	struct codec_props props;
};

/* Room for encoded packets; grows, up to `max` bytes (0: not limited). */
struct codec_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
};

/*
 * The length of the packet that starts at `data`: more than `len` when it is
 * not all there yet, 0 when not even its length is, -1 when the length is
 * malformed or more than `max`, with *why pointed at a constant text.
 */
int64_t codec_length(const uint8_t *data, size_t len, size_t max,
    const char **why);

/* Decodes one whole packet from a server; 0, or -1 with *why. */
int codec_decode(struct codec_packet *, int version, const uint8_t *data,
    size_t len, const char **why);

/* Walks user properties and subscription identifiers of decoded props: start
 * with *at = 0; returns the property's id, or 0 at the end. */
int codec_next(const struct codec_props *, size_t *at,
    struct codec_span *name, struct codec_span *value, uint32_t *number);

uint32_t codec_number(const struct codec_props *, enum codec_property,
    uint32_t otherwise);
/* data is NULL when absent. */
struct codec_span codec_text(const struct codec_props *,
    enum codec_property);
void codec_set_number(struct codec_props *, enum codec_property, uint32_t);
void codec_set_text(struct codec_props *, enum codec_property,
    const void *data, size_t len);

/* Whether the bytes are UTF-8 that MQTT allows (1.5.4): no NUL, no
 * surrogates. */
bool codec_utf8(const uint8_t *data, size_t len);

/* ---- encoding: 0, or -1 with errno ENOMEM or EMSGSIZE ---- */

struct codec_connect {
	int version;
	const char *client_id;
	bool clean_start;
	uint16_t keepalive;
	const char *username;
	const void *password;
	size_t password_len;
	struct codec_props *props;
	const struct mqtt_will *will;
	struct codec_props *will_props;
	size_t will_len;
	const void *will_data;
};

struct codec_publish {
	int version;
	const char *topic;
	size_t topic_len;
	const void *data;
	size_t len;
	int qos;
	bool retain;
	uint16_t id;
	const struct codec_props *props;        /* NULL: none */
};

int codec_put_connect(struct codec_buf *, const struct codec_connect *);
int codec_put_publish(struct codec_buf *, const struct codec_publish *);
/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
int codec_put_ack(struct codec_buf *, int version, enum codec_type,
    uint16_t id, uint8_t reason);
/* `options`: QoS and, in version 5, the bits of 3.8.3.1. */
int codec_put_subscribe(struct codec_buf *, int version, uint16_t id,
    const char *filter, uint8_t options, const struct codec_props *);
int codec_put_unsubscribe(struct codec_buf *, int version, uint16_t id,
    const char *filter, const struct codec_props *);
int codec_put_ping(struct codec_buf *);
/* DISCONNECT, or AUTH in version 5. */
int codec_put_reason(struct codec_buf *, int version, enum codec_type,
    uint8_t reason, const struct codec_props *);

/* An encoded PUBLISH once more, with the DUP flag set. */
int codec_put_again(struct codec_buf *, const uint8_t *packet, size_t len);

/* Makes room for `n` more bytes; 0, or -1 with errno. */
int codec_reserve(struct codec_buf *, size_t n);
/* Frees the memory; the buffer is empty and usable. */
void codec_release(struct codec_buf *);

/* Shared by the two halves: property tables. */
enum codec_kind { CODEC_BYTE, CODEC_U16, CODEC_U32, CODEC_VARINT,
	CODEC_BINARY, CODEC_STRING, CODEC_PAIR };
struct codec_property_info {
	uint8_t kind;
	uint8_t slot;                   /* in number[] or text[] */
	bool known;
};
extern const struct codec_property_info codec_info[CODEC_PROPERTY_END];

#endif
