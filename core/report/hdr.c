/*
 * --hdr-log: one line per second of all requests, and one with a tag for each
 * endpoint that had any, in the log format 1.3 of HdrHistogram.
 *
 * An HdrHistogram of two significant digits from 1 on has 128 sub-buckets per
 * octave above 256: its counts have the very indexes of our buckets, so that
 * nothing is lost or moved.
 */
#include "report/hdr.h"

#include "report/append.h"
#include "report/output.h"
#include "report/text.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#define COOKIE            0x1c849313u   /* V2, eight-byte words */
#define COOKIE_COMPRESSED 0x1c849314u
#define DIGITS            2
#define HIGHEST           ((INT64_C(1) << 42) - 1)
#define LINE_MAX_BYTES    (1u << 20)

static struct {
	struct append file;
	double last;                    /* elapsed seconds of the last line */
} hdr;

static void put32(struct buf *out, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_putc(out, (char)(v >> shift));
}

static void put64(struct buf *out, uint64_t v)
{
	put32(out, (uint32_t)(v >> 32));
	put32(out, (uint32_t)v);
}

/* ZigZag LEB128; a negative count stands for so many empty buckets. */
static void put_count(struct buf *out, int64_t n)
{
	uint64_t v = ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);

	for (int i = 0; i < 8 && v >= 0x80; i++) {
		buf_putc(out, (char)(v | 0x80));
		v >>= 7;
	}
	/* The ninth byte holds eight bits. */
	buf_putc(out, (char)v);
}

static void put_counts(struct buf *out, const struct histogram *h)
{
	unsigned next = 0;
	uint64_t n;

	for (unsigned i = histogram_next(h, 0, &n); i < HISTOGRAM_BUCKETS;
	    i = histogram_next(h, i + 1, &n)) {
		if (i > next)
			put_count(out, -(int64_t)(i - next));
		/* What is too long for it is counted at its end. */
		if (i == HISTOGRAM_BUCKETS - 1)
			n += h->overflow;
		put_count(out, (int64_t)n);
		next = i + 1;
	}
	if (h->overflow && next < HISTOGRAM_BUCKETS) {
		if (next < HISTOGRAM_BUCKETS - 1)
			put_count(out,
			    -(int64_t)(HISTOGRAM_BUCKETS - 1 - next));
		put_count(out, (int64_t)h->overflow);
	}
}

int hdr_encode(struct buf *out, const struct histogram *h)
{
	struct buf counts = BUF_INIT(LINE_MAX_BYTES);
	struct buf plain = BUF_INIT(LINE_MAX_BYTES);
	struct buf packed = BUF_INIT(LINE_MAX_BYTES);
	uLongf len;
	double ratio = 1;
	uint64_t bits;
	char *room;
	int rc = -1;

	put_counts(&counts, h);
	memcpy(&bits, &ratio, sizeof(bits));
	put32(&plain, COOKIE);
	put32(&plain, (uint32_t)counts.len);
	put32(&plain, 0);
	put32(&plain, DIGITS);
	put64(&plain, 1);
	put64(&plain, (uint64_t)HIGHEST);
	put64(&plain, bits);
	buf_add(&plain, buf_str(&counts), counts.len);
	len = compressBound(plain.len);
	buf_clear(&counts);
	room = buf_reserve(&counts, len);
	if (!room || compress((Bytef *)room, &len,
	    (const Bytef *)plain.data, plain.len) != Z_OK)
		goto release;
	put32(&packed, COOKIE_COMPRESSED);
	put32(&packed, (uint32_t)len);
	buf_add(&packed, room, len);
	room = buf_reserve(out, 4 * ((packed.len + 2) / 3) + 1);
	if (!room)
		goto release;
	out->len += (size_t)EVP_EncodeBlock((unsigned char *)room,
	    (const unsigned char *)packed.data, (int)packed.len);
	rc = 0;
release:
	buf_release(&counts);
	buf_release(&plain);
	buf_release(&packed);
	return rc;
}

/* Tags end at a comma and are split at blanks by some readers. */
static void put_tag(struct buf *out, const struct series *s)
{
	struct buf clean = BUF_INIT(8192);

	buf_puts(out, "Tag=");
	buf_printf(&clean, "%s%s%s", s->type, s->type[0] ? " " : "", s->name);
	for (const char *c = buf_str(&clean); *c; c++)
		buf_putc(out, (unsigned char)*c <= ' ' || *c == ',' ? '_' :
		    *c);
	buf_putc(out, ',');
	buf_release(&clean);
}

static void add_line(struct buf *out, const struct report *r,
    const struct series *s)
{
	struct window_sum sum;

	windows_last(r->windows, s, &sum);
	if (sum.response.count > 0) {
		if (s)
			put_tag(out, s);
		buf_printf(out, "%.3f,%.3f,%.3f,", hdr.last,
		    r->elapsed - hdr.last,
		    (double)sum.response.max / 1e6);
		hdr_encode(out, &sum.response);
		buf_putc(out, '\n');
	}
	window_sum_release(&sum);
}

static bool hdr_wanted(const struct report *r)
{
	return r->options.hdr_log != NULL;
}

static int hdr_start(const struct report *r)
{
	struct buf head = BUF_INIT(1000);
	int rc;

	memset(&hdr, 0, sizeof(hdr));
	buf_printf(&head, "#[Response times in nanoseconds]\n"
	    "#[Histogram log format version 1.3]\n"
	    "#[StartTime: %.3f (seconds since epoch), ", r->wall);
	text_utc(&head, r->wall);
	buf_puts(&head, "]\n\"StartTimestamp\",\"Interval_Length\","
	    "\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
	rc = append_open(&hdr.file, r->options.hdr_log, buf_str(&head),
	    head.len);
	buf_release(&head);
	return rc;
}

static void hdr_tick(const struct report *r)
{
	struct buf out = BUF_INIT(256u << 20);

	if (!r->run.started || !r->fresh)
		return;
	if (r->elapsed < hdr.last)
		hdr.last = 0;
	if (hdr.file.missing > 0)
		buf_printf(&out, "#[%u seconds could not be written]\n",
		    hdr.file.missing);
	add_line(&out, r, NULL);
	for (size_t i = 0; i < r->options.stats->count; i++)
		add_line(&out, r, r->options.stats->series[i]);
	hdr.last = r->elapsed;
	if (append_lines(&hdr.file, buf_str(&out), out.len) == 0)
		append_gap(&hdr.file);
	buf_release(&out);
}

static int hdr_finish(const struct report *r, const struct result *result)
{
	(void)result;
	hdr_tick(r);
	return append_close(&hdr.file);
}

const struct output output_hdr = {
	.name = "hdr-log",
	.wanted = hdr_wanted,
	.start = hdr_start,
	.tick = hdr_tick,
	.finish = hdr_finish,
};
