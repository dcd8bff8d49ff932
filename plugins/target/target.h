/* What the parts of the target share. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct swarm_user;

/* How long a request is worked on. */
enum delay_kind { DELAY_FIXED, DELAY_UNIFORM, DELAY_EXPONENTIAL,
	DELAY_LOGNORMAL };

struct delay {
	enum delay_kind kind;
	double a;                       /* seconds: value, low, mean, median */
	double b;                       /* seconds: high; or sigma */
};

struct target {
	struct delay delay;
	int servers;                    /* requests worked on at once; 0: all */
	double freeze;                  /* seconds of each period ... */
	double freeze_period;           /* ... in which nothing is answered */
	double speed;                   /* service times are divided by it */
	double errors;                  /* share answered with 500 */
	int64_t size;                   /* bytes of a body */
	int64_t started;
	uint64_t requests;
	uint64_t failed;
	uint64_t messages;
	uint64_t connections;
};
extern struct target target;

/* One connection: a buffer of what was read and not used yet. */
#define CONN_BUFFER 65536
struct conn {
	int fd;
	struct swarm_io *io;
	struct swarm_user *user;
	size_t len;
	char data[CONN_BUFFER + 1];
};

/* server.c */
/* Serves until cancelled; the exit code. */
int server_run(struct swarm_user *, const char *host, const char *port);
/* Reads more into the buffer: bytes, 0 at the end, -1 with errno (ENOBUFS:
 * full). */
int64_t conn_fill(struct conn *);
void conn_consume(struct conn *, size_t n);
int conn_write(struct conn *, const void *data, size_t len);

/* http.c: one request; false: the connection ends. */
bool http_serve(struct conn *);

/* websocket.c: answers the upgrade, then echoes until the end. */
void websocket_serve(struct conn *, const char *key);

/* delay.c */
/* "5ms", "exp:5ms", "uniform:1ms-9ms", "lognormal:5ms,0.8"; 0 or -1. */
int delay_parse(struct delay *, const char *text);
/* [fiber] Works for a time drawn from `d`: waits for a free server first, and
 * for the end of a freeze last. */
int delay_work(struct swarm_user *, const struct delay *d);
/* What it was in fact: means of all requests worked on. */
struct delay_figures {
	double service_ms;              /* with freezes */
	double wait_ms;                 /* for a server */
	double late_ms;                 /* an answer, by the timer */
	double late_max_ms;
	double utilisation;             /* of --servers; 0 without */
};
void delay_figures(struct delay_figures *);
/* [worker] The precise timer: the wheel's 1 ms would show in the answers. */
int delay_init(void);
void delay_release(void);

#endif
