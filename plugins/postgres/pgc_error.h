/*
 * Failures as results: a SQLSTATE and one line, fit for counting equal ones
 * together.
 */
#ifndef PGC_ERROR_H
#define PGC_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#define PGC_TEXT_MAX 256

struct pgc_error {
	char state[6];                  /* "" when there is none */
	char text[PGC_TEXT_MAX];        /* as the server put it */
};

/* SQLSTATEs that libpq has no words for. */
#define PGC_CANNOT_CONNECT "08001"
#define PGC_CONNECTION_LOST "08006"
#define PGC_TOO_LARGE "54000"
#define PGC_CANCELLED "57014"
#define PGC_STOPPED "57000"
#define PGC_MISUSE "58000"

void pgc_error_clear(struct pgc_error *);
void pgc_error_set(struct pgc_error *, const char *state, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
/* From a failed result; what libpq itself reports becomes 08006. */
void pgc_error_from_result(struct pgc_error *, const PGresult *);
/* From a connection that could not be made, asked for verbose errors. */
void pgc_error_from_connect(struct pgc_error *, const PGconn *);
/* True for 40001 and 40P01: the transaction may be tried again. */
bool pgc_error_retryable(const struct pgc_error *);
/*
 * "40001 could not serialize access …" with runs of digits, and quoted data,
 * replaced, so that failures that differ only there count as one.  Names in
 * quotes stay, except in class 22, where what is quoted is data.
 */
void pgc_error_group(const struct pgc_error *, char *out, size_t size);

#endif
