/*
 * `swarm mqtt conn|pub|sub|pubsub`: MQTT load without writing C, with the
 * options that users of emqtt-bench know.
 */
#ifndef MQTT_COMMAND_BENCH_H
#define MQTT_COMMAND_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_mode { BENCH_CONN, BENCH_PUB, BENCH_SUB, BENCH_PUBSUB };

#define BENCH_TOPICS 16

/* What the command line said. */
struct bench_plan {
	enum bench_mode mode;
	const char *host;
	const char *url;
	long port;                      /* 0: the scheme's */
	bool tls;
	bool websocket;
	long version;
	long count;
	long start;                     /* number of the first client */
	double rate;                    /* connects a second */
	long keepalive;
	const char *username;
	const char *password;
	bool keep_session;
	long session_expiry;
	const char *prefix;
	const char *client_id;          /* template */
	const char *cafile;
	const char *cert;
	const char *key;
	bool insecure;
	const char *source[BENCH_TOPICS];
	size_t source_count;
	double reconnect;               /* seconds; 0: never */
	const char *topic[BENCH_TOPICS];
	size_t topic_count;
	long qos;
	bool retain;
	double interval;                /* seconds between messages */
	long limit;                     /* of each client; 0: none */
	long inflight;
	bool wait;                      /* for all to be connected */
	const char *message;            /* template, or NULL */
	char *file;                     /* a payload read from a file */
	size_t file_len;
	size_t size;
	bool stamp;                     /* payloads begin with a stamp */
	double will_delay;
	const char *will_topic;
};

extern struct bench_plan bench_plan;

/* bench_args.c: reads the arguments; 0, -1 after swarm_error(), or 1 when all
 * is said (--help). */
int bench_args_read(int argc, char **argv);
extern const char bench_args_help[];

/* bench_users.c: adds the class; 0, or -1 after swarm_error(). */
int bench_users_add(void);

/*
 * bench_template.c: replaces %c (client id), %u (user name), %i (client's
 * number), %s (message's number), %rand_N (a number below N) and %% in `to`;
 * returns the length, as snprintf() does.
 */
struct bench_values {
	const char *client_id;
	const char *username;
	unsigned long number;
	uint64_t sequence;
	uint64_t random;
};
size_t bench_template_fill(char *to, size_t size, const char *text,
    const struct bench_values *);
/* Whether it differs from message to message. */
bool bench_template_varies(const char *text);

#endif
