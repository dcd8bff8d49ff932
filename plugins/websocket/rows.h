/*
 * The names of samples, phases and counters, made once, so that the hot path
 * uses numbers.
 */
#ifndef WEBSOCKET_ROWS_H
#define WEBSOCKET_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum rows_phase {
	ROWS_RESOLVE,
	ROWS_TCP,
	ROWS_TLS,
	ROWS_UPGRADE,
	ROWS_FIRST_MESSAGE,
	ROWS_PING,
	ROWS_SEND_BLOCKED,
	ROWS_SESSION,
	ROWS_PHASES,
};

enum rows_counter {
	ROWS_OPENED,
	ROWS_OPEN,                      /* goes up and down */
	ROWS_CLOSED,
	ROWS_CONNECT_FAIL,
	ROWS_SENT,
	ROWS_SENT_BYTES,
	ROWS_RECEIVED,
	ROWS_RECEIVED_BYTES,
	ROWS_DROPPED,
	ROWS_SEND_BLOCKS,
	ROWS_PINGS_OUT,                 /* goes up and down */
	ROWS_COUNTERS,
};

/* [worker] In worker_start(). */
void rows_start(void);
/* A sample's series, of type "WS". */
uint32_t rows_series(const char *name);
void rows_phase(enum rows_phase, int64_t duration_ns);
void rows_send_blocked(int64_t duration_ns, int64_t bytes);
void rows_add(enum rows_counter, int64_t add);
/* How a connection ended: "ws_closed_by_server_1001", "ws_lost". */
void rows_end(const char *by, int code);
/* What an upgrade was answered with instead of 101: "ws_upgrade_403". */
void rows_refused(int status);

#endif
