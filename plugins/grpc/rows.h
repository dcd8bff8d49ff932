/*
 * The names of samples, phases and counters, made once, so that the hot path
 * uses numbers.
 */
#ifndef GRPC_ROWS_H
#define GRPC_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define ROWS_CODES 17

/* Phases of a call, each a series under the call's name. */
enum rows_phase {
	ROWS_QUEUED,                    /* until the request was written */
	ROWS_SERVER,                    /* from then to the first answer */
	ROWS_HEADERS,
	ROWS_FIRST_MESSAGE,
	ROWS_LIFETIME,                  /* of a stream */
	ROWS_GAP,                       /* between two of its messages */
	ROWS_PHASES,
};

/* Of the worker. */
enum rows_event {
	ROWS_RESOLVE,
	ROWS_HANDSHAKE,                 /* TCP, TLS, SETTINGS; apart: */
	ROWS_TCP,
	ROWS_TLS,                       /* and SETTINGS */
	ROWS_SETTINGS,
	ROWS_RECONNECT,
	ROWS_CONNECTED,                 /* how long a connection lived */
	ROWS_LAG,
	ROWS_EVENTS,
};

enum rows_counter {
	ROWS_CONNECTS,
	ROWS_CONNECT_FAIL,
	ROWS_LOST,
	ROWS_RECONNECTS,
	ROWS_GOAWAY,
	ROWS_RST_STREAM,
	ROWS_STREAMS,
	ROWS_STREAMS_OPEN,              /* goes up and down */
	ROWS_SENT,
	ROWS_SENT_BYTES,
	ROWS_RECEIVED,
	ROWS_RECEIVED_BYTES,
	ROWS_UNANSWERED,
	ROWS_UNMATCHED,
	ROWS_READ_PAUSED,
	ROWS_LATE_QUEUED,
	ROWS_LATE_WAITING,
	ROWS_LATE_STREAMING,
	ROWS_LATE_SOMEWHERE,
	ROWS_COUNTERS,
};

/* What is recorded under one name. */
struct rows {
	char *name;
	struct rows *next;              /* of the same hash */
	char *path;                     /* as a method: "/a.B/C" */
	uint32_t calls;
	uint32_t messages;
	uint32_t codes[ROWS_CODES];     /* series + 1; 0: not yet */
	uint32_t phases[ROWS_PHASES];   /* the same */
};

/* [worker] In worker_start(), in worker_stop(). */
void rows_start(void);
void rows_stop(void);
/* [worker] Never NULL; lives until rows_stop(). */
struct rows *rows_of(const char *name);
/* The path of the method of that name; lives as long. */
const char *rows_path(struct rows *);
void rows_phase(struct rows *, enum rows_phase, int64_t duration_ns);
/* A call ended with this code, one of the 17: its time under the code, and the
 * count. */
void rows_code(struct rows *, unsigned code, int64_t duration_ns,
    size_t bytes);
uint32_t rows_messages(struct rows *);
void rows_observe(enum rows_event, int64_t duration_ns);
void rows_add(enum rows_counter, int64_t add);

/* "NOT_FOUND"; "?" for what is no code. */
const char *rows_code_name(int code);

#endif
