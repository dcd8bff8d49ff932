/*
 * The names of samples, phases and counters, alike in both plugins, and found
 * without work on the hot path.
 */
#ifndef MQTT_ROWS_H
#define MQTT_ROWS_H

#include <stdint.h>

enum rows_phase {
	ROWS_TCP,
	ROWS_TLS,
	ROWS_UPGRADE,                   /* to a WebSocket */
	ROWS_CONNACK,
	ROWS_PUBACK,
	ROWS_PUBREC,
	ROWS_PUBCOMP,
	ROWS_SUBACK,
	ROWS_UNSUBACK,
	ROWS_PINGRESP,
	ROWS_WINDOW,                    /* waiting because the window is full */
	ROWS_PHASES,
};

enum rows_counter {
	ROWS_CONNECT_SUCC,
	ROWS_CONNECT_FAIL,
	ROWS_RECONNECT_SUCC,
	ROWS_RECONNECT_FAIL,
	ROWS_LOST,                      /* connections that ended unasked */
	ROWS_UNREACHABLE,
	ROWS_REFUSED,
	ROWS_TIMEOUT,
	ROWS_IDLE,                      /* open, but no CONNACK came */
	ROWS_SUB,
	ROWS_SUB_FAIL,
	ROWS_UNSUB,
	ROWS_UNSUB_FAIL,
	ROWS_PUB,
	ROWS_PUB_SUCC,
	ROWS_PUB_FAIL,
	ROWS_PUB_NO_SUBSCRIBERS,
	ROWS_RECV,
	ROWS_RECV_DROPPED,
	ROWS_RECV_DUP,
	ROWS_COUNTERS,
};

enum rows_packet {
	ROWS_IN_CONNACK,
	ROWS_IN_PUBACK,
	ROWS_IN_PUBREC,
	ROWS_IN_PUBCOMP,
	ROWS_IN_SUBACK,
	ROWS_IN_UNSUBACK,
	ROWS_IN_DISCONNECT,
	ROWS_PACKETS,
};

/* [worker] In worker_start(). */
void rows_start(void);

/* The series of "KIND:QOS:TOPIC", or of `name` when not NULL. */
uint32_t rows_series(const char *kind, int qos, const char *topic,
    const char *name);
void rows_phase(enum rows_phase, int64_t duration_ns);
void rows_count(enum rows_counter);
/* Counts a reason code of a packet: "mqtt_connack_0x87". */
void rows_reason(enum rows_packet, int code);

#endif
