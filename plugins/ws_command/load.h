/* `swarm ws URL`: WebSocket load without writing C. */
#ifndef WS_COMMAND_LOAD_H
#define WS_COMMAND_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_mode { LOAD_ECHO, LOAD_IDLE, LOAD_BROADCAST };

#define LOAD_HEADERS 32
#define LOAD_SOURCES 64

struct ws_header;

/* What the command line said. */
struct load_plan {
	enum load_mode mode;
	const char *url;
	long count;
	double connect_rate;            /* connects a second */
	const char *duration;           /* for --run-time, or NULL */
	double rate;                    /* messages a second of each socket */
	long limit;                     /* messages of each; 0: none */
	const char *message;            /* NULL: `size` bytes */
	char *payload;                  /* those, or the message */
	size_t size;
	bool binary;
	const char *expect;             /* regular expression, or NULL */
	const char *protocols;
	const char *origin;
	const char *cookies;
	struct ws_header *headers;
	size_t header_count;
	double ping;                    /* seconds; 0: none */
	double timeout;
	double reconnect;
	long senders;                   /* of a broadcast */
	bool insecure;
	const char *cafile;
	const char *sources[LOAD_SOURCES];
	size_t source_count;
	size_t fragment;                /* bytes; 0: whole messages */
	double session;                 /* seconds; 0: until the end */
};

extern struct load_plan load_plan;

/* load_args.c: reads the arguments; 0, -1 after swarm_error(), or 1 when all
 * is said (--help). */
int load_args_read(int argc, char **argv);
extern const char load_args_help[];

/* load_users.c: adds the class; 0, or -1 after swarm_error(). */
int load_users_add(void);
/* [worker] */
int load_users_start(void);

#endif
