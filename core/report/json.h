/*
 * The result of a run as JSON, schema "swarm-results/1", which
 * docs/results-json.md describes field by field.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include "base/buf.h"
#include "report/result.h"

#define JSON_SCHEMA "swarm-results/1"
#define JSON_MAX    (512u << 20)

/* 0, or -1 when it does not fit. */
int json_write(struct buf *, const struct result *);
/* Where --json-file NAME writes: Locust's option names the file without the
 * suffix.  The caller frees. */
char *json_path(const char *name);
/* Reads a file back, of this schema.  0, or -1 after log_error(), with
 * nothing to release. */
int json_read(struct result *, const char *path);
/* The same of a text that ends with a NUL after `len` bytes; `name` is for
 * messages. */
int json_read_text(struct result *, const char *text, size_t len,
    const char *name);

#endif
