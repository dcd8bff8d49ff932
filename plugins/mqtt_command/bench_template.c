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
	default:
		return put_random(o, at, v);
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

bool bench_template_varies(const char *text)
{
	for (const char *p = text; (p = strchr(p, '%')); p += 2) {
		if (p[1] == 's' || p[1] == 'r')
			return true;
		if (!p[1])
			break;
	}
	return false;
}
