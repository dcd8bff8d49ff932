/*
 * Strict parsers of people's values: the whole text must match, ranges are
 * checked.  Each returns 0, or -1 with errno EINVAL or ERANGE and *out kept.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int parse_int64(const char *s, int64_t min, int64_t max, int64_t *out);
/* Finite decimal numbers only: no hex, no inf, no nan. */
int parse_double(const char *s, double min, double max, double *out);
/* true/false, yes/no, on/off, 1/0. */
int parse_bool(const char *s, bool *out);
/* Seconds: "30", "1.5s", "200ms", "50us", "10m", "1h20m30s", "2d". */
int parse_duration(const char *s, double *out);
/* Bytes: "512", "64k", "1m", "2g", "1.5m" (binary multiples). */
int parse_size(const char *s, int64_t *out);
/* "host", "host:port", "[v6]:port", "scheme://host:port/path": the parts that
 * are there; text copied into `host` (size bytes). Port 0 when absent. */
struct parse_target {
	char scheme[16];
	char host[256];
	uint16_t port;
	const char *path;               /* into s; "" when none */
};
int parse_target(const char *s, struct parse_target *out);

/* The candidate nearest to `word` (edit distance at most 2, or a prefix), or
 * NULL.  `candidates` ends with NULL. */
const char *parse_suggest(const char *word, const char *const *candidates);

#endif
