/*
 * The log of single requests: its records in memory and on disk, and as CSV.
 *
 * A file begins with a head of 64 bytes:
 *
 *	 0  "SWARMREQ"
 *	 8  u32  version, 1
 *	12  u32  worker's number
 *	16  i64  unix time of its begin, ns
 *	24       zeros
 *
 * then records, each 48 bytes and a text, all numbers little-endian:
 *
 *	 0  u8   kind: 1 series, 2 sample, 3 gap, 4 end
 *	 1  u8   1 when the sample failed
 *	 2  u16  bytes of the text behind
 *	 4  u32  series
 *	 8  i64  unix time, ns: when the sample ended
 *	16  i64  service time, ns
 *	24  i64  lag, ns: how much later than intended it started
 *	32  u64  bytes received; of a gap: records that are
 *	         missing there; of the end: in all
 *	40  u32  user
 *	44  u32  0
 *
 * A series has its type and name as text, separated by a NUL, and stands in
 * front of its first sample; of a failed sample the text is the reason.  A file
 * that ended well has an end, with all that is missing.
 */
#ifndef REPORT_REQUEST_FORM_H
#define REPORT_REQUEST_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define REQUEST_HEAD     64
#define REQUEST_RECORD   48
#define REQUEST_MAX_TEXT 2048           /* longer is cut */
/* Of series in one file: what a worker may have, and room. */
#define REQUEST_MAX_SERIES 100000

enum request_kind { REQUEST_SERIES = 1, REQUEST_SAMPLE, REQUEST_GAP,
	REQUEST_END };

struct request {
	enum request_kind kind;
	bool failed;
	uint32_t series;
	int64_t end_ns;
	int64_t service_ns;
	int64_t lag_ns;
	uint64_t bytes;                 /* or missing records */
	uint32_t user;
	const char *text;               /* not ended by a NUL */
	size_t text_len;
};

struct request_head {
	uint32_t worker;
	int64_t begin_ns;
};

/* Names of the series that were read so far. */
struct request_names {
	struct request_name {
		char *type;
		char *name;
	} *at;
	size_t count;
};

void request_put_head(char out[REQUEST_HEAD], const struct request_head *);
/* 0, or -1: not such a file. */
int request_read_head(struct request_head *, const char *data);
/* Writes REQUEST_RECORD + text_len bytes to `out`. */
void request_put(char *out, const struct request *);
/*
 * The record at `data`: its length, 0 when `len` does not hold all of it, or
 * -1 when it is none.  Series are added to `names`, and a sample's is there.
 * Texts point into `data`.
 */
ssize_t request_read(struct request *, struct request_names *,
    const char *data, size_t len);
void request_names_release(struct request_names *);

/* The first line of CSV, and the line of a sample or gap; others add none. */
int request_csv_head(struct buf *);
int request_csv(struct buf *, const struct request *,
    const struct request_names *);

#endif
