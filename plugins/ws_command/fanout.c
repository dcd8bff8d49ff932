/*
 * A small table of the broadcasts under way, by sender and number.  One that
 * is pushed out by another was not received by all.
 */
#include "fanout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 256u                      /* power of two */

static struct slot {
	uint64_t number;
	uint32_t sender;
	unsigned reached;               /* 0: free */
	int64_t first;
	int64_t last;
} slots[SLOTS];

void fanout_put(char *to, const struct fanout_stamp *s)
{
	char text[FANOUT_STAMP_BYTES + 1];

	snprintf(text, sizeof text, "swarm:%08x:%016llx:%016llx", s->sender,
	    (unsigned long long)s->number, (unsigned long long)s->sent);
	memset(to, ' ', FANOUT_STAMP_BYTES);
	memcpy(to, text, strlen(text));
}

static bool get_hex(const char **at, int digits, uint64_t *to)
{
	const char *p = *at;

	*to = 0;
	for (int i = 0; i < digits; i++, p++) {
		int c = *p;
		int digit = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (digit < 0)
			return false;
		*to = *to << 4 | (unsigned)digit;
	}
	*at = p;
	return true;
}

/* Wherever it is: servers wrap what they pass on. */
bool fanout_get(const char *data, size_t len, struct fanout_stamp *s)
{
	const char *at = memmem(data, len, "swarm:", 6);
	uint64_t n;

	if (!at || (size_t)(data + len - at) < FANOUT_STAMP_BYTES)
		return false;
	at += 6;
	if (!get_hex(&at, 8, &n) || *at++ != ':')
		return false;
	s->sender = (uint32_t)n;
	if (!get_hex(&at, 16, &s->number) || *at++ != ':' ||
	    !get_hex(&at, 16, &n))
		return false;
	s->sent = (int64_t)n;
	return true;
}

bool fanout_note(const struct fanout_stamp *s, int64_t now, unsigned receivers,
    struct fanout_result *result)
{
	struct slot *slot = &slots[(s->number * 31 + s->sender) & (SLOTS - 1)];
	bool same = slot->reached && slot->number == s->number &&
	    slot->sender == s->sender;
	bool over = slot->reached && !same;

	if (over)
		*result = (struct fanout_result){ slot->last - slot->first,
			slot->reached };
	if (!same)
		*slot = (struct slot){ .number = s->number,
			.sender = s->sender, .first = now };
	slot->reached++;
	slot->last = now;
	if (over || slot->reached < receivers)
		return over;
	*result = (struct fanout_result){ now - slot->first, slot->reached };
	slot->reached = 0;
	return true;
}
