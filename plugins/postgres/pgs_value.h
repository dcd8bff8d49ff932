/*
 * Values of pgbench's script language: null, boolean, 64-bit integer or
 * double.  Coercions follow pgbench, which is stricter than SQL: a boolean is
 * never a number.
 */
#ifndef PGS_VALUE_H
#define PGS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pgs_type { PGS_NONE, PGS_NULL, PGS_BOOL, PGS_INT, PGS_DOUBLE };

struct pgs_value {
	enum pgs_type type;
	union {
		bool b;
		int64_t i;
		double d;
	} v;
};

#define PGS_ERROR_MAX 256
/* One clear line, for the person who wrote the script. */
struct pgs_error {
	char text[PGS_ERROR_MAX];
};

struct pgs_value pgs_value_null(void);
struct pgs_value pgs_value_bool(bool);
struct pgs_value pgs_value_int(int64_t);
struct pgs_value pgs_value_double(double);
/* "none", "null", "boolean", "int", "double". */
const char *pgs_value_type(const struct pgs_value *);
/* Each: 0, or -1 with *err set. */
int pgs_value_to_int(const struct pgs_value *, int64_t *out,
    struct pgs_error *err);
int pgs_value_to_double(const struct pgs_value *, double *out,
    struct pgs_error *err);
int pgs_value_to_bool(const struct pgs_value *, bool *out,
    struct pgs_error *err);
/* For conditions: numbers other than zero are true, null is false. */
bool pgs_value_truth(const struct pgs_value *);
/*
 * What a variable given as text is worth: null, true/yes/on and false/no/off
 * and their prefixes, a whole number, else a double.  -1 with *err set when
 * it is none of them.
 */
int pgs_value_from_text(const char *text, struct pgs_value *out,
    struct pgs_error *err);
/* As SQL text; returns the length.  `size` of at least 32 is always enough. */
size_t pgs_value_to_text(const struct pgs_value *, char *buf, size_t size);
/* Sets the text; returns -1. */
int pgs_error_set(struct pgs_error *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
