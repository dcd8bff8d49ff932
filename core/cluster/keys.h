/*
 * Keys of an encrypted fleet (CURVE: Curve25519, as in CurveCP).
 *
 * `swarm keys FOLDER` writes two files.  master.key stays with the master: its
 * own pair and the public keys of the workers it lets in.  worker.key goes to
 * every worker: the workers' pair and the master's public key.  Both sides
 * are told theirs by --keys FILE.  A worker without the right key is refused
 * before it can say a word.
 */
#ifndef CLUSTER_KEYS_H
#define CLUSTER_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define KEYS_TEXT 41                    /* a key as Z85, with its NUL */

struct keys {
	bool server;                    /* a master's */
	char own_public[KEYS_TEXT];
	char own_secret[KEYS_TEXT];
	/* A worker: the master's.  A master: its workers', any number. */
	char (*others)[KEYS_TEXT];
	size_t other_count;
};

/* 0, or -1 after log_error(): files that are there are not overwritten. */
int keys_generate(const char *folder);
/* `server`: for a master.  0, or -1 after log_error(); nothing to release
 * then. */
int keys_read(struct keys *, const char *path, bool server);
void keys_release(struct keys *);

#endif
