/* `swarm grpc`: gRPC load without writing C. */
#ifndef GRPC_COMMAND_LOAD_H
#define GRPC_COMMAND_LOAD_H

#include <swarm/grpc.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_METADATA 32

enum load_act { LOAD_CALL, LOAD_LIST, LOAD_DESCRIBE };

/* How a method is called; the bits of rpc_kind(). */
enum load_kind {
	LOAD_UNARY = 0,
	LOAD_CLIENT_STREAM = 1,
	LOAD_SERVER_STREAM = 2,
	LOAD_BIDI = 3,
	LOAD_ASK,                       /* its types tell */
};

/* A message: JSON, or bytes. */
struct load_message {
	char *json;
	char *data;
	size_t len;
};

/* What the command line said. */
struct load_plan {
	enum load_act act;
	bool help;
	const char *target;
	const char *what;               /* a method, or a symbol to describe */
	enum load_kind kind;
	long count;                     /* users */
	long share;                     /* connections of a worker; 0: own */
	const char *rate;               /* calls a second in all, or NULL */
	const char *duration;
	long limit;                     /* calls in all; 0: none */
	struct load_message *messages;  /* taken in turn */
	size_t message_count;
	struct rpc_metadata metadata[LOAD_METADATA];
	size_t metadata_count;
	bool tls;
	const char *authority;
	const char *compression;
	const char *name;
	double timeout;
	double keepalive;
	bool wait_for_ready;
	unsigned expect;
	long stream_messages;
	double interval;
	enum rpc_match match;
	const char *key_field;
};

extern struct load_plan load_plan;

/* load_args.c: reads the arguments and hands on the options of the plugin
 * grpc; 0, or -1 after swarm_error(). */
int load_args_read(int argc, char **argv);
extern const char load_args_help[];

/* load_data.c: messages from a JSON text (an array: several), or a file's
 * bytes; "@FILE" reads the text from a file.  0, or -1 after swarm_error(). */
int load_data_json(struct load_plan *, const char *text);
int load_data_binary(struct load_plan *, const char *path);
/* "NOT_FOUND,5" as a mask for .expect; 0, or -1 after swarm_error(). */
int load_data_codes(const char *text, unsigned *mask);
void load_data_free(struct load_plan *);

/* load_users.c: adds the class; 0, or -1 after swarm_error(). */
int load_users_add(void);
/* [fiber] A channel as the command line describes it. */
struct rpc *load_users_connect(struct swarm_user *);

#endif
