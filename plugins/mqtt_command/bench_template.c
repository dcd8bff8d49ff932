/*
 * Topics, client ids and payloads with a few words in them that are filled in
 * for each client or message.
 */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out {
	char *to;
	size_t size;
	size_t len;
};

static void put(struct out *o, const char *text, size_t n)
{
	if (o->len < o->size) {
		size_t room = o->size - o->len - 1;

		memcpy(o->to + o->len, text, n < room ? n : room);
		o->to[o->len + (n < room ? n : room)] = 0;
	}
	o->len += n;
}

static void put_number(struct out *o, uint64_t n)
{
	char text[24];

	put(o, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, n));
}

/* %rand_N; how many bytes of the template it was, or 0. */
static size_t put_random(struct out *o, const char *at,
    const struct bench_values *v)
{
	char *end;
	unsigned long long n;

	if (strncmp(at, "%rand_", 6) != 0 || at[6] < '0' || at[6] > '9')
		return 0;
	n = strtoull(at + 6, &end, 10);
	put_number(o, n ? v->random % n : 0);
	return (size_t)(end - at);
}

/* Letters from the message's random number on: different for each message,
 * and cheap. */
static void put_letters(struct out *o, const struct bench_values *v)
{
	uint64_t x = v->random | 1;
	char text[64];

	for (size_t left = v->size, n; left > 0; left -= n) {
		n = left < sizeof text ? left : sizeof text;
		for (size_t i = 0; i < n; i++) {
			x = x * UINT64_C(6364136223846793005) + 1;
			text[i] = (char)('a' + (x >> 33) % 26);
		}
		put(o, text, n);
	}
}

static void put_unique(struct out *o, const struct bench_values *v)
{
	put(o, v->client_id, strlen(v->client_id));
	put(o, "-", 1);
	put_number(o, (uint64_t)v->wall_ns);
	put(o, "-", 1);
	put_number(o, v->sequence);
}

/* %WORD%; how many bytes of the template it was, or 0. */
static size_t put_upper(struct out *o, const char *at,
    const struct bench_values *v)
{
	static const struct {
		const char *word;
		int64_t unit;           /* ns; 0: no time */
	} words[] = {
		{ "%TIMESTAMP%", 1000000000 }, { "%TIMESTAMPMS%", 1000000 },
		{ "%TIMESTAMPUS%", 1000 }, { "%TIMESTAMPNS%", 1 },
		{ "%UNIQUE%", 0 }, { "%RANDOM%", 0 },
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i].word);

		if (strncmp(at, words[i].word, n) != 0)
			continue;
		if (words[i].unit)
			put_number(o, (uint64_t)(v->wall_ns / words[i].unit));
		else if (at[1] == 'U')
			put_unique(o, v);
		else
			put_letters(o, v);
		return n;
	}
	return 0;
}

static size_t put_word(struct out *o, const char *at,
    const struct bench_values *v)
{
	switch (at[1]) {
	case 'c':
		put(o, v->client_id, strlen(v->client_id));
		return 2;
	case 'u':
		put(o, v->username, strlen(v->username));
		return 2;
	case 'i':
		put_number(o, v->number);
		return 2;
	case 's':
		put_number(o, v->sequence);
		return 2;
	case '%':
		put(o, "%", 1);
		return 2;
	case 'r':
		return put_random(o, at, v);
	default:
		return put_upper(o, at, v);
	}
}

size_t bench_template_fill(char *to, size_t size, const char *text,
    const struct bench_values *v)
{
	struct out o = { to, size, 0 };

	if (size)
		to[0] = 0;
	while (*text) {
		size_t n = strcspn(text, "%");

		put(&o, text, n);
		text += n;
		if (!*text)
			break;
		n = put_word(&o, text, v);
		if (n == 0) {
			put(&o, text, 1);
			n = 1;
		}
		text += n;
	}
	return o.len;
}
