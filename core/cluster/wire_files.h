/*
 * Messages by which modules travel, the files of rows that they read and what
 * -o said of them: a worker asks a swarm master which there are, then for
 * their bytes, part by part.  It does so before it registers, under an
 * identity of its own.
 */
#ifndef CLUSTER_WIRE_FILES_H
#define CLUSTER_WIRE_FILES_H

#include "base/hash.h"
#include "cluster/wire.h"

#define WIRE_FILES_MAX 164              /* 64 modules, 100 feeds */
#define WIRE_FILE_SIZE (64u << 20)      /* bytes of one at most */
#define WIRE_FILE_PART (64u << 10)
#define WIRE_HASH      HASH_HEX         /* of a SHA-256 */
#define WIRE_SETTINGS_MAX 256           /* "MODULE.NAME=VALUE" each */

enum wire_file_kind { WIRE_PLUGIN, WIRE_SCENARIO, WIRE_DATA };

struct wire_file {
	/* A module's: "NAME.so", no path.  Of data: what a module calls it,
	 * any text; no name of a file here. */
	char name[512];
	char sha256[WIRE_HASH];
	uint64_t size;
	enum wire_file_kind kind;
};

/* W to M, the question; M to W, the answer.  `allowed` false: the master
 * sends none. */
void wire_encode_files_wanted(struct buf *out, const char *node_id);
void wire_encode_files(struct buf *out, const char *node_id, bool allowed,
    const struct wire_file *, size_t count, char *const *settings,
    size_t setting_count);
/* Room for WIRE_FILES_MAX.  Names and hashes are of the right form. */
int wire_read_files(const msgpack_object *, bool *allowed,
    struct wire_file *, size_t *count);
/* Of the same message; all or none are told. */
int wire_read_settings(const msgpack_object *,
    void (*each)(const char *setting, void *), void *arg);

/* Bytes of a file; in the question `data` is NULL.  Read: `data` points into
 * the message. */
struct wire_part {
	char sha256[WIRE_HASH];
	uint64_t from;
	const void *data;
	size_t len;
};
void wire_encode_part(struct buf *out, const char *node_id,
    const struct wire_part *);
int wire_read_part(const msgpack_object *, struct wire_part *);

#endif
