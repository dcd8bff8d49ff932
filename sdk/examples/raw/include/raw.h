/* Bytes over TCP and UDP, to --host HOST:PORT. */
#ifndef RAW_H
#define RAW_H

#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAW_ID    "example.raw/1"
#define RAW_MINOR 0

struct raw_api {
	struct swarm_iface head;
	int64_t (*tcp)(struct swarm_user *, const void *data, size_t len,
	    void *answer, size_t size);
	int64_t (*udp)(struct swarm_user *, const void *data, size_t len,
	    void *answer, size_t size);
};

SWARM_IMPORT(raw_api, raw_api_, RAW_ID, RAW_MINOR)

/* [fiber] Sends `data` on the user's connection and waits for exactly `size`
 * bytes.  Their number, or -1; a sample either way. */
static inline int64_t raw_tcp(struct swarm_user *u, const void *data,
    size_t len, void *answer, size_t size)
{
	return raw_api_->tcp(u, data, len, answer, size);
}

/* [fiber] Sends one datagram and waits for one, which is cut at `size`. */
static inline int64_t raw_udp(struct swarm_user *u, const void *data,
    size_t len, void *answer, size_t size)
{
	return raw_api_->udp(u, data, len, answer, size);
}

#ifdef __cplusplus
}
#endif
#endif
