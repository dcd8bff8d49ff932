/*
 * Numbers and names as people read them, and a terminal's properties.
 *
 * Names and error texts come from the system under test: what is printed on a
 * terminal has no control characters, no broken UTF-8 and no marks that turn
 * the direction of writing.
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "report/report.h"

/* What a stream can show. */
struct terminal {
	bool tty;
	bool colour;
	bool utf8;
	int width;                      /* columns; 80 when not known */
	int height;                     /* rows; 24 when not known */
};

void text_terminal(struct terminal *, FILE *, enum report_colour);

/* Only the size, which changes with the window. */
void text_terminal_size(struct terminal *, FILE *);

/* Three digits: "3.81", "12.0", "640", "1 234"; of nanoseconds as ms.  Never
 * less than 0.0001 unless nothing. */
int text_ms(struct buf *, double ns);
/* With its unit: "410us", "3.8ms", "12ms", "1.2s"; two digits or more. */
int text_time(struct buf *, double ns);
/* "17 387 104". */
int text_count(struct buf *, uint64_t);
/* "1.2k", "17.4 M", for narrow columns. */
int text_short_count(struct buf *, uint64_t);
/* Per second: "0.42", "13.6", "9 671". */
int text_rate(struct buf *, double);
/* "512 B", "2.1 GB" (powers of 1000). */
int text_bytes(struct buf *, double);
/* Share as percent: "0.12 %", "0 %", "100 %"; never 0 or 100 by rounding. */
int text_percent(struct buf *, double share);
/* "mm:ss" or "h:mm:ss". */
int text_clock(struct buf *, double seconds);
/* "2026-11-21T08:25:39Z". */
int text_utc(struct buf *, double unix_time);

/* Columns that a text takes on a terminal. */
size_t text_width(const char *);
/*
 * A name made safe, at most `width` columns, shortened in the middle; `utf8`:
 * whether other than ASCII may be shown.  With `fill` spaces follow up to the
 * width.  `width` 0: any.
 */
int text_name(struct buf *, const char *, size_t width, bool utf8, bool fill);
/* A name that is valid UTF-8 without control characters: what files get. */
int text_clean(struct buf *, const char *);
/* The same, but line breaks stay. */
int text_clean_lines(struct buf *, const char *);
/* The same as it is, but "..." for each password of a URL (RFC 3986, 3.2.1) or
 * behind "password=": what is shown to more people than may know it. */
int text_no_password(struct buf *, const char *);
/* A field of CSV (RFC 4180), cleaned, in quotes where it needs them; `lines`:
 * line breaks stay. */
int text_csv(struct buf *, const char *, bool lines);
/* Right-aligned in `width` columns. */
int text_right(struct buf *, const char *, size_t width);

#endif
