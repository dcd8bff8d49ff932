/*
 * What servers send beside the framing of answers: Set-Cookie values, Location
 * headers, event streams; and paths that become names.  The first byte of the
 * input says which.
 */
#include "http/common/cookies.h"
#include "http/common/fold.h"
#include "http/common/sse.h"
#include "http/common/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cookies(const char *text, size_t len)
{
	struct cookie_place place = { "www.example.test", "/a/b?c", true,
		1700000000 };
	struct jar jar = { 0 };
	char out[512];
	const char *stop, *end = text + len;

	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			stop = end;
		jar_set(&jar, &place, text, (size_t)(stop - text));
		if (jar.count > COOKIES_MAX ||
		    jar_header(&jar, &place, out, sizeof out) > sizeof out)
			abort();
		jar_value(&jar, &place, "a");
	}
	jar_clear(&jar);
}

static void location(const char *text)
{
	char out[256], again[256];
	struct url u;
	const char *why;

	if (url_join("http://h:81/a/b?c", text, out, sizeof out) == -1)
		return;
	/* What comes out leads somewhere, and stays where it is. */
	if (url_parse(out, &u, &why) == -1 ||
	    url_join(out, "", again, sizeof again) == -1)
		abort();
	if (url_put_path("/p", 2, u.path, again, sizeof again) > sizeof again)
		abort();
}

static void fold(const char *text)
{
	char out[64], again[64];

	if (fold_name(text, FOLD_IDS, out, sizeof out) >= sizeof out)
		abort();
	fold_name(out, FOLD_IDS, again, sizeof again);
	if (strlen(out) < sizeof out - 1 && strcmp(out, again) != 0)
		abort();
}

/* Events are the same however the stream is cut. */
static uint64_t events(const char *text, size_t len, size_t step)
{
	struct sse s = { 0 };
	uint64_t h = 1;
	size_t at, n, data_len;
	const char *from;
	int rc;

	for (at = 0; at < len; at += n) {
		n = len - at < step ? len - at : step;
		from = text + at;
		while ((rc = sse_feed(&s, &from, text + at + n)) == 1) {
			const char *d = sse_data(&s, &data_len);

			for (; data_len > 0; d++, data_len--)
				h = h * 31 + (unsigned char)*d;
			for (d = sse_event(&s); *d; d++)
				h = h * 37 + (unsigned char)*d;
			for (d = sse_id(&s); *d; d++)
				h = h * 41 + (unsigned char)*d;
		}
		if (rc == -1)
			break;
	}
	sse_release(&s);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] & 3) {
	case 0:
		cookies(text, size - 1);
		break;
	case 1:
		location(text);
		break;
	case 2:
		fold(text);
		break;
	default:
		if (events(text, size - 1, size) != events(text, size - 1, 1) ||
		    events(text, size - 1, size) != events(text, size - 1, 3))
			abort();
	}
	free(text);
	return 0;
}
