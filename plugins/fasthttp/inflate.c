/*
 * "deflate" means the zlib format (RFC 1950), and some servers send it bare
 * (RFC 1951): the first bytes tell, since a zlib header has a checksum in it.
 */
#include "inflate.h"

#include <stdlib.h>
#include <stdint.h>

#include <zlib.h>

#define POOL_MAX 64

struct inflate {
	struct inflate *next;
	z_stream z;
	bool gzip;
	bool checked;                   /* zlib or bare */
	bool ended;
	bool fed;                       /* a byte or more */
	unsigned char first;            /* held until the second is here */
	bool has_first;
	unsigned char both[2];
	const char *rest;               /* what follows `both` */
	size_t rest_len;
};

static struct inflate *pool;
static unsigned pooled;

struct inflate *inflate_take(bool gzip)
{
	struct inflate *i = pool;

	if (i) {
		pool = i->next;
		pooled--;
	} else {
		i = calloc(1, sizeof *i);
		if (!i)
			return NULL;
		if (inflateInit2(&i->z, 15 + 32) != Z_OK) {
			free(i);
			return NULL;
		}
	}
	i->gzip = gzip;
	i->checked = gzip;
	i->ended = i->fed = i->has_first = false;
	i->rest_len = 0;
	i->z.avail_in = 0;
	/* 15 + 32: gzip or zlib by itself. */
	inflateReset2(&i->z, 15 + 32);
	return i;
}

void inflate_give(struct inflate *i)
{
	if (!i)
		return;
	if (pooled < POOL_MAX) {
		i->next = pool;
		pool = i;
		pooled++;
		return;
	}
	inflateEnd(&i->z);
	free(i);
}

/* RFC 1950, 2.2: the method is 8, and the two bytes are a multiple of 31. */
static bool is_zlib(unsigned char a, unsigned char b)
{
	return (a & 15) == 8 && (a << 8 | b) % 31 == 0;
}

static void set_input(struct inflate *i, const void *data, size_t len)
{
	i->z.next_in = (Bytef *)(uintptr_t)data;
	i->z.avail_in = (uInt)len;
}

void inflate_feed(struct inflate *i, const char *data, size_t len)
{
	i->fed = i->fed || len > 0;
	if (i->checked || len == 0) {
		set_input(i, data, len);
		return;
	}
	if (!i->has_first) {
		i->first = (unsigned char)*data++;
		i->has_first = true;
		len--;
		if (len == 0)
			return;
	}
	i->checked = true;
	i->both[0] = i->first;
	i->both[1] = (unsigned char)*data;
	if (!is_zlib(i->both[0], i->both[1]))
		inflateReset2(&i->z, -15);
	i->rest = data + 1;
	i->rest_len = len - 1;
	set_input(i, i->both, 2);
}

long inflate_next(struct inflate *i, const char **out)
{
	static unsigned char plain[INFLATE_PIECE];
	int rc;

	*out = (const char *)plain;
	for (;;) {
		if (i->z.avail_in == 0 && i->rest_len > 0) {
			set_input(i, i->rest, i->rest_len);
			i->rest_len = 0;
		}
		/* What follows the end of the stream is padding. */
		if (i->ended)
			return 0;
		i->z.next_out = plain;
		i->z.avail_out = sizeof plain;
		rc = inflate(&i->z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			i->ended = true;
		else if (rc != Z_OK && rc != Z_BUF_ERROR)
			return -1;
		if (i->z.avail_out < sizeof plain)
			return (long)(sizeof plain - i->z.avail_out);
		if (i->ended || (i->z.avail_in == 0 && i->rest_len == 0))
			return 0;
		if (rc == Z_BUF_ERROR)
			return -1;
	}
}

bool inflate_ended(const struct inflate *i)
{
	return i->ended || !i->fed;
}
