/*
 * What goes along in a report between swarm peers, and so comes as surely as
 * the samples and once, as they do: words of modules to their own in the
 * master, what became of workers below a relay, and that all users have
 * stopped.
 */
#ifndef CLUSTER_WIRE_WORDS_H
#define CLUSTER_WIRE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "base/buf.h"

/* Bytes of modules' words in one report. */
#define WIRE_WORDS_MAX (4u << 20)
/* Workers below that one report tells of. */
#define WIRE_BELOW_MAX 1000
#define WIRE_BELOW_WHY 400

/* Read: `data` points into the message. */
struct wire_module {
	char module[80];
	const void *data;
	size_t len;
};

/* A relay's worker was lost, or is back. */
struct wire_below {
	int64_t index;
	int64_t ago;                    /* ns: since its last word; of one that
	                                 * is back, how long it was away */
	bool back;
	bool crashed;
	char why[WIRE_BELOW_WHY];       /* of one that is lost; one line */
};

/* Those of the next report, packed as they come. */
struct wire_words {
	struct buf modules;
	size_t module_count;
	struct buf below;
	size_t below_count;
	bool stopped;                   /* all users; it is the test's last */
};

void wire_words_init(struct wire_words *);
/* Empties them, keeping the memory. */
void wire_words_clear(struct wire_words *);
void wire_words_release(struct wire_words *);
/* 0, or -1 when there is no room for it in this report. */
int wire_words_add_module(struct wire_words *, const struct wire_module *);
int wire_words_add_below(struct wire_words *, const struct wire_below *);

/* Members of a report's swarm map: how many, and these. */
unsigned wire_words_count(const struct wire_words *);
void wire_words_put(msgpack_packer *, const struct wire_words *);
/* Of a report's data: 0, or -1 when malformed, and then nobody was told of
 * anything.  `module` and `below` may be NULL, to only check. */
int wire_words_read(const msgpack_object *data, bool *stopped,
    void (*module)(const struct wire_module *, void *),
    void (*below)(const struct wire_below *, void *), void *arg);

#endif
