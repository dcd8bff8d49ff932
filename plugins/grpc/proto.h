/*
 * Messages whose types are known at run time only: protobuf's C++ runtime
 * behind a C interface (proto.cc).  Nothing here knows of swarm.
 *
 * All functions but proto_free() may run on any thread.  Errors are texts for
 * free().
 */
#ifndef GRPC_PROTO_H
#define GRPC_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct proto;                           /* a set of descriptors */
struct proto_type;                      /* a message's, of a set */

/* A method's two types, owned by the set, and how it is called. */
struct proto_shape {
	const struct proto_type *input;
	const struct proto_type *output;
	bool client_streams;
	bool server_streams;
};

struct proto *proto_new(void);
void proto_free(struct proto *);

/* One FileDescriptorProto, serialized; a file that is there already is left
 * out.  0, or -1. */
int proto_add_file(struct proto *, const void *data, size_t len);
/* How many there are. */
size_t proto_files(struct proto *);
/* A file that others need and that is not there; NULL: none.  Files of
 * protobuf's own are taken from its library.  For free(). */
char *proto_missing(struct proto *);
/* A FileDescriptorSet in a file, as protoc --descriptor_set_out writes it. */
int proto_add_set(struct proto *, const char *path, char **error);
/* A .proto file, and what it imports from these folders, joined by ":". */
int proto_add_source(struct proto *, const char *folders, const char *file,
    char **error);

/* "package.Service/Method": 0, or -1 when there is none. */
int proto_method(struct proto *, const char *name, struct proto_shape *);
/* 0 with *data for free(); or -1 with *error. */
int proto_encode(const struct proto_type *, const char *json, char **data,
    size_t *len, char **error);
/* JSON for free(); NULL with *error. */
char *proto_decode(const struct proto_type *, const void *data, size_t len,
    bool pretty, char **error);
/* A field by the names that JSON uses, joined by dots, as text; for free().
 * NULL: not there. */
char *proto_field(const struct proto_type *, const void *data, size_t len,
    const char *path);
/* All services, a line each; a service, method, message or enum as it would be
 * written in a .proto file.  For free(); NULL: there is none. */
char *proto_services(struct proto *);
char *proto_describe(struct proto *, const char *symbol);

#ifdef __cplusplus
}
#endif
#endif
