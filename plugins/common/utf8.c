/*
 * By the table of RFC 3629, section 4: no overlong forms, no surrogates,
 * nothing above U+10FFFF.
 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

/* The bytes that follow `lead`, and the range of the first of them; 0 for a
 * byte that cannot lead. */
static size_t after(unsigned char lead, unsigned char *low,
    unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0;
		if (lead == 0xed)
			*high = 0x9f;
		return 2;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90;
		if (lead == 0xf4)
			*high = 0x8f;
		return 3;
	}
	return 0;
}

static size_t ascii(const unsigned char *p, const unsigned char *end)
{
	const unsigned char *start = p;
	uint64_t eight;

	while (end - p >= 8) {
		memcpy(&eight, p, 8);
		if (eight & UINT64_C(0x8080808080808080))
			break;
		p += 8;
	}
	while (p < end && *p < 0x80)
		p++;
	return (size_t)(p - start);
}

bool utf8_valid(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	const unsigned char *end = p + len;
	unsigned char low, high;

	for (;;) {
		size_t n;

		p += ascii(p, end);
		if (p == end)
			return true;
		n = after(*p++, &low, &high);
		if (n == 0 || (size_t)(end - p) < n)
			return false;
		if (*p < low || *p > high)
			return false;
		for (p++; n > 1; n--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
		}
	}
}
