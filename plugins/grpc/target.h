/* Where a channel goes to: parsed, and as the library wants it. */
#ifndef GRPC_TARGET_H
#define GRPC_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_HOST_MAX 256

struct target {
	char host[TARGET_HOST_MAX];     /* or the path of a Unix socket */
	uint16_t port;
	bool tls;
	bool is_unix;
};

/* 0, or -1 with *why. */
int target_parse(struct target *, const char *text, const char **why);
/* "host:port", with brackets around IPv6. */
void target_authority(const struct target *, char *to, size_t size);
/* "ipv4:1.2.3.4:5,6.7.8.9:5" of the addresses of one family, the first's;
 * `count` of at least 1.  0, or -1 when it does not fit. */
int target_addresses(const struct target *, const char (*addresses)[64],
    int count, char *to, size_t size);

#endif
