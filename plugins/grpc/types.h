/*
 * The types of messages, by method: from files that the options name, or from
 * the server's reflection; kept for each target.
 */
#ifndef GRPC_TYPES_H
#define GRPC_TYPES_H

#include "client.h"
#include "proto.h"

/* A method whose types are known. */
struct method;

/* Of the options; each may be "". */
struct types_sources {
	const char *protoset;           /* a file */
	const char *proto;              /* files, separated by commas */
	const char *import_path;        /* folders, separated by colons */
};
extern struct types_sources types_sources;

/* [fiber] NULL with errno and rpc_error(). */
const struct method *types_method(struct rpc *, const char *name);
/* [fiber] The bytes of a request, in the task's memory; 0, or -1 as above. */
int types_encode(struct rpc *, const char *method, const char *json,
    const void **data, size_t *len);
/* JSON of an answer (or, with `sent`, a request) in the task's memory; NULL
 * with errno and rpc_error(). */
const char *types_decode(struct rpc *, const char *method, bool sent,
    const void *data, size_t len);
/* [worker] The key of a message by a field; false: it is not there. */
bool types_key(const struct method *, bool sent, const void *data, size_t len,
    const char *field, uint64_t *key);

/* The calls of the interface. */
const char *types_services(struct rpc *);
const char *types_describe(struct rpc *, const char *symbol);
int types_kind(struct rpc *, const char *method);

/* [worker] Frees everything. */
void types_stop(void);

#endif
