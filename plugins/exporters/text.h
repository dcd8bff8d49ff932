/* A growing piece of text or bytes with a maximum, and the escapings that the
 * formats of the outputs ask for. */
#ifndef EXPORTERS_TEXT_H
#define EXPORTERS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX (128u << 20)

/* Zeroed memory is an empty one. */
struct text {
	char *data;                     /* followed by a NUL, or NULL */
	size_t len;
	size_t cap;
	bool failed;                    /* too large, or no memory: useless */
};

void text_release(struct text *);
void text_clear(struct text *);
void text_add(struct text *, const void *data, size_t len);
void text_puts(struct text *, const char *);
void text_putc(struct text *, char);
void text_printf(struct text *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Never NULL. */
const char *text_str(const struct text *);

/* A finite number in as many digits as it takes; 0 for others. */
void text_number(struct text *, double);
/* A JSON string with its quotes. */
void text_json(struct text *, const char *);
/* The value of a tag, and of a text field, of InfluxDB's line protocol. */
void text_influx_tag(struct text *, const char *);
void text_influx_string(struct text *, const char *);
/* One part of a dotted name: letters, digits, "-", "_"; others become "_". */
void text_name(struct text *, const char *);
/* A value of a tag after DogStatsD's fashion. */
void text_statsd_tag(struct text *, const char *);
/* Valid UTF-8, no control characters. */
void text_clean(struct text *, const char *);

#endif
