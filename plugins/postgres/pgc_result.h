/* Reading results: the table's functions. */
#ifndef PGC_RESULT_H
#define PGC_RESULT_H

#include <swarm/postgres.h>

const char *pgc_result_value(const struct pg_result *, int64_t row, int col);
int64_t pgc_result_length(const struct pg_result *, int64_t row, int col);
bool pgc_result_null(const struct pg_result *, int64_t row, int col);
int64_t pgc_result_integer(const struct pg_result *, int64_t row, int col);
double pgc_result_real(const struct pg_result *, int64_t row, int col);
int pgc_result_column(const struct pg_result *, const char *name);
const char *pgc_result_column_name(const struct pg_result *, int col);
uint32_t pgc_result_column_type(const struct pg_result *, int col);

#endif
