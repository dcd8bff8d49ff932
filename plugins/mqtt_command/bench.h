/*
 * `swarm mqtt conn|pub|sub|pubsub`: MQTT load without writing C, with the
 * options that users of emqtt-bench know.
 */
#ifndef MQTT_COMMAND_BENCH_H
#define MQTT_COMMAND_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/mqtt.h>

enum bench_mode { BENCH_CONN, BENCH_PUB, BENCH_SUB, BENCH_PUBSUB };

#define BENCH_TOPICS 16
#define BENCH_LIST 64

/* A list given with commas, or by repeating the option. */
struct bench_list {
	const char *text[BENCH_LIST];
	size_t count;
};

/* What emqtt-bench's receivers and senders put before a payload. */
enum bench_header { BENCH_CNT64 = 1, BENCH_TS };

/* A topic, and what is published to it. */
struct bench_topic {
	const char *name;               /* template */
	const char *row;                /* name of the sample */
	const char *message;            /* template, or NULL: the plan's */
	double interval;                /* seconds */
	long qos;
	bool retain;
	bool is_template;               /* the name has words to fill in */
	bool varies;                    /* it, or the payload */
};

/* What the command line said. */
struct bench_plan {
	enum bench_mode mode;
	struct bench_list hosts;
	const char *url[BENCH_LIST];    /* made from the hosts */
	long port;                      /* 0: the scheme's */
	bool tls;
	bool websocket;
	long version;
	long count;
	long start;                     /* number of the first client */
	double rate;                    /* connects a second */
	long keepalive;
	const char *username;           /* templates */
	const char *password;
	struct bench_list users;        /* "name,password" lines of a file */
	char **user_lines;
	size_t user_count;
	bool clean;
	long session_expiry;
	long receive_maximum;
	const char *prefix;
	bool short_ids;
	const char *client_id;          /* template */
	const char *cafile;
	const char *cert;               /* templates */
	const char *key;
	const char *tls_version;
	const char *ciphers;
	bool insecure;
	struct bench_list sources;
	long connect_retries;
	long reconnects;                /* attempts in a row; 0: none */
	double reconnect_delay;
	double flap;                    /* seconds; 0: never */
	struct bench_topic topic[BENCH_TOPICS];
	size_t topic_count;
	bool own_topics;                /* each with an interval of its own */
	long qos;
	bool retain;
	double interval;                /* seconds between messages */
	double wait_min;                /* before the first message */
	double wait_max;
	long limit;                     /* of each client; 0: none */
	bool keep_connected;            /* after the limit */
	long inflight;
	bool wait;                      /* for all to be connected */
	const char *message;            /* template, or NULL */
	char *file;                     /* a payload read from a file */
	size_t file_len;
	long size;
	bool random;                    /* a payload of random bytes */
	bool stamp;                     /* payloads begin with a stamp */
	enum bench_header headers[2];
	size_t header_count;
	long clock_error;
	long message_expiry;
	bool topic_alias;
	const char *content_type;
	const char *response_topic;
	const char *correlation;
	struct mqtt_property properties[BENCH_TOPICS];
	size_t property_count;
	bool no_local;
	bool retain_as_published;
	long retain_handling;
	long subscription_id;
	const char *will_topic;         /* templates */
	const char *will_payload;
	long will_qos;
	bool will_retain;
	long will_delay;
};

extern struct bench_plan bench_plan;

/* bench_args.c: reads the arguments; 0, -1 after swarm_error(), or 1 when all
 * is said (--help). */
int bench_args_read(int argc, char **argv);
/* Frees what the plan made beside the arguments; reading does it first. */
void bench_args_forget(void);
/* The plan owns `p`, from malloc(), from now on; returns it. */
void *bench_args_keep(void *p);
/* Calls fn with the name of each option. */
void bench_args_each(void (*fn)(const char *name, void *arg), void *arg);
extern const char bench_help[];

/* bench_take.c: options that are more than one value; 0, or -1 after
 * swarm_error(). */
int bench_take_list(struct bench_list *, const char *option,
    const char *value);
int bench_take_message(const char *value);
int bench_take_topic(const char *value);
int bench_take_headers(const char *value);
int bench_take_users(const char *path);
int bench_take_property(const char *value);
int bench_take_tls_version(const char *value);
/* What follows from several options together. */
int bench_take_complete(void);

/* bench_topics.c: several topics from a JSON file; 0, or -1 after
 * swarm_error(). */
int bench_topics_read(const char *path);
/* Reads a whole file of at most 16 MiB, with a NUL behind it; NULL after
 * swarm_error().  Freed by free(). */
char *bench_topics_load(const char *path, size_t *len);

/* bench_users.c: adds the class; 0, or -1 after swarm_error(). */
int bench_users_add(void);

/* bench_payload.c: what is published. */
struct swarm_user;
struct bench_values;
/* [main] 0, or -1 after swarm_error(). */
int bench_payload_prepare(void);
/* [fiber] The next payload of a topic; valid until the task ends or somebody
 * waits. */
const void *bench_payload_next(struct swarm_user *,
    const struct bench_topic *, const struct bench_values *, uint32_t run,
    size_t *len);
/* [worker] A message received: emqtt-bench's headers, when asked for. */
struct bench_received {
	uint64_t next;                  /* after the highest counter */
};
void bench_payload_check(struct bench_received *,
    const struct mqtt_message *);

/*
 * bench_template.c: replaces %c (client id), %u (user name), %i (client's
 * number), %s (message's number), %rand_N (a number below N), %TIMESTAMP%
 * (and MS, US, NS), %UNIQUE%, %RANDOM% and %% in `to`; returns the length, as
 * snprintf() does.
 */
struct bench_values {
	const char *client_id;
	const char *username;
	unsigned long number;
	uint64_t sequence;
	uint64_t random;
	int64_t wall_ns;                /* since 1970 */
	size_t size;                    /* of %RANDOM% */
};
size_t bench_template_fill(char *to, size_t size, const char *text,
    const struct bench_values *);

#endif
