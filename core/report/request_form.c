/*
 * Records of one size, written with a copy: encoding happens where requests
 * end, and must cost next to nothing there.  Reading trusts nothing.
 */
#include "report/request_form.h"

#include "base/xalloc.h"
#include "report/text.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define NS_MAX  (INT64_C(1) << 62)

static const char magic[8] = "SWARMREQ";

struct packed {
	uint8_t kind;
	uint8_t failed;
	uint16_t text_len;
	uint32_t series;
	uint64_t end_ns;
	uint64_t service_ns;
	uint64_t lag_ns;
	uint64_t bytes;
	uint32_t user;
	uint32_t zero;
};

_Static_assert(sizeof(struct packed) == REQUEST_RECORD, "no padding");

struct packed_head {
	char magic[8];
	uint32_t version;
	uint32_t worker;
	uint64_t begin_ns;
	char zero[40];
};

_Static_assert(sizeof(struct packed_head) == REQUEST_HEAD, "no padding");

void request_put_head(char out[REQUEST_HEAD], const struct request_head *head)
{
	struct packed_head p = {
		.version = htole32(VERSION),
		.worker = htole32(head->worker),
		.begin_ns = htole64((uint64_t)head->begin_ns),
	};

	memcpy(p.magic, magic, sizeof(magic));
	memcpy(out, &p, sizeof(p));
}

int request_read_head(struct request_head *head, const char *data)
{
	struct packed_head p;

	memcpy(&p, data, sizeof(p));
	if (memcmp(p.magic, magic, sizeof(magic)) != 0 ||
	    le32toh(p.version) != VERSION)
		return -1;
	head->worker = le32toh(p.worker);
	head->begin_ns = (int64_t)le64toh(p.begin_ns);
	return 0;
}

void request_put(char *out, const struct request *r)
{
	const struct packed p = {
		.kind = (uint8_t)r->kind,
		.failed = r->failed,
		.text_len = htole16((uint16_t)r->text_len),
		.series = htole32(r->series),
		.end_ns = htole64((uint64_t)r->end_ns),
		.service_ns = htole64((uint64_t)r->service_ns),
		.lag_ns = htole64((uint64_t)r->lag_ns),
		.bytes = htole64(r->bytes),
		.user = htole32(r->user),
	};

	memcpy(out, &p, sizeof(p));
	if (r->text_len > 0)
		memcpy(out + sizeof(p), r->text, r->text_len);
}

static int add_name(struct request_names *names, const struct request *r)
{
	const char *end = memchr(r->text, '\0', r->text_len);
	struct request_name *one;

	if (!end || r->series >= REQUEST_MAX_SERIES)
		return -1;
	if (r->series >= names->count) {
		size_t count = (size_t)r->series + 64;

		names->at = xreallocarray(names->at, count,
		    sizeof(*names->at));
		memset(names->at + names->count, 0,
		    (count - names->count) * sizeof(*names->at));
		names->count = count;
	}
	one = &names->at[r->series];
	free(one->type);
	free(one->name);
	one->type = xstrndup(r->text, (size_t)(end - r->text));
	one->name = xstrndup(end + 1, r->text_len - 1 -
	    (size_t)(end - r->text));
	return 0;
}

static bool sane(const struct request *r, const struct request_names *names)
{
	if (r->kind != REQUEST_SAMPLE)
		return true;
	return r->series < names->count && names->at[r->series].type &&
	    r->service_ns >= 0 && r->lag_ns >= 0 && r->end_ns >= 0 &&
	    r->service_ns < NS_MAX && r->lag_ns < NS_MAX;
}

ssize_t request_read(struct request *r, struct request_names *names,
    const char *data, size_t len)
{
	struct packed p;

	if (len < sizeof(p))
		return 0;
	memcpy(&p, data, sizeof(p));
	*r = (struct request){
		.kind = (enum request_kind)p.kind,
		.failed = p.failed,
		.series = le32toh(p.series),
		.end_ns = (int64_t)le64toh(p.end_ns),
		.service_ns = (int64_t)le64toh(p.service_ns),
		.lag_ns = (int64_t)le64toh(p.lag_ns),
		.bytes = le64toh(p.bytes),
		.user = le32toh(p.user),
		.text = data + sizeof(p),
		.text_len = le16toh(p.text_len),
	};
	if (p.kind < REQUEST_SERIES || p.kind > REQUEST_END ||
	    p.failed > 1 || p.zero != 0 || r->text_len > REQUEST_MAX_TEXT)
		return -1;
	if (len - sizeof(p) < r->text_len)
		return 0;
	if (r->kind == REQUEST_SERIES && add_name(names, r) == -1)
		return -1;
	if (!sane(r, names))
		return -1;
	return (ssize_t)(sizeof(p) + r->text_len);
}

void request_names_release(struct request_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		free(names->at[i].type);
		free(names->at[i].name);
	}
	free(names->at);
	memset(names, 0, sizeof(*names));
}

/* ---- CSV ---- */

int request_csv_head(struct buf *out)
{
	return buf_puts(out, "time,type,name,service_ms,response_ms,bytes,"
	    "user,error\r\n");
}

static void put_time(struct buf *out, int64_t ns)
{
	buf_printf(out, "%lld.%06lld,", (long long)(ns / 1000000000),
	    (long long)(ns % 1000000000 / 1000));
}

/* A gap is a row of its own kind, so that no program takes the file for
 * whole. */
static int csv_gap(struct buf *out, const struct request *r)
{
	put_time(out, r->end_ns);
	return buf_printf(out, "(missing),,,,,,%llu requests are missing "
	    "here\r\n", (unsigned long long)r->bytes);
}

int request_csv(struct buf *out, const struct request *r,
    const struct request_names *names)
{
	const struct request_name *s;
	char text[REQUEST_MAX_TEXT + 1];

	if (r->kind == REQUEST_GAP)
		return csv_gap(out, r);
	if (r->kind != REQUEST_SAMPLE)
		return 0;
	s = &names->at[r->series];
	put_time(out, r->end_ns);
	text_csv(out, s->type, false);
	buf_putc(out, ',');
	text_csv(out, s->name, false);
	buf_printf(out, ",%.6f,%.6f,%llu,%u,", (double)r->service_ns / 1e6,
	    (double)(r->service_ns + r->lag_ns) / 1e6,
	    (unsigned long long)r->bytes, r->user);
	if (r->failed) {
		memcpy(text, r->text, r->text_len);
		text[r->text_len] = '\0';
		text_csv(out, text[0] ? text : "failed", false);
	}
	return buf_puts(out, "\r\n");
}
