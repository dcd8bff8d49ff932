/*
 * Where SQL statements end: at a semicolon outside of quotes, comments,
 * parentheses and the bodies of SQL-standard functions; or at a backslash,
 * which begins a command.  psql and pgbench read files by the same rules.
 */
#ifndef PGS_SQL_H
#define PGS_SQL_H

#include <stddef.h>

enum pgs_sql_end { PGS_SQL_EOF, PGS_SQL_SEMICOLON, PGS_SQL_BACKSLASH };

/*
 * Reads one statement from text[*pos..len) and writes it to `out`, which has
 * room for len - *pos + 1 bytes: without blanks and line comments before it,
 * with the semicolon, "\;" and "\:" without their backslash.  *out_len is its
 * length, 0 when there is none, and *start where it begins.  *pos is moved
 * behind what ended it.
 */
enum pgs_sql_end pgs_sql_scan(const char *text, size_t len, size_t *pos,
    char *out, size_t *out_len, size_t *start);

#endif
