/*
 * Read by hand: "42/news,7["said","x"]" is JSON only from its bracket on, and
 * what is looked for stands at its start.
 */
#include "packet.h"

#include <string.h>

#define ID_DIGITS 18u                   /* fit 64 bits */

static bool take_id(struct packet *p, const char **at, const char *end)
{
	const char *start = *at;

	p->id = 0;
	while (*at < end && **at >= '0' && **at <= '9') {
		if (*at - start == ID_DIGITS)
			return false;
		p->id = p->id * 10 + (unsigned long long)(**at - '0');
		++*at;
	}
	p->has_id = *at > start;
	return true;
}

bool packet_read(struct packet *p, const char *text, size_t len)
{
	const char *end = text + len, *at = text + 2, *comma;

	*p = (struct packet){ .space = "/", .space_len = 1 };
	if (len < 2 || text[0] != '4' || text[1] < PACKET_CONNECT ||
	    text[1] > PACKET_ERROR)
		return false;
	p->type = (enum packet_type)text[1];
	if (at < end && *at == '/') {
		comma = memchr(at, ',', (size_t)(end - at));
		p->space = at;
		p->space_len = (size_t)((comma ? comma : end) - at);
		at = comma ? comma + 1 : end;
	}
	if (!take_id(p, &at, end))
		return false;
	p->data = at;
	p->len = (size_t)(end - at);
	return true;
}

bool packet_in(const struct packet *p, const char *space)
{
	if (!space)
		space = "/";
	return strlen(space) == p->space_len &&
	    memcmp(space, p->space, p->space_len) == 0;
}

const char *packet_values(const struct packet *p, size_t *len)
{
	if (p->len < 2 || p->data[0] != '[' || p->data[p->len - 1] != ']')
		return NULL;
	*len = p->len - 2;
	return p->data + 1;
}

const char *packet_event(const struct packet *p, const char *event,
    size_t *len)
{
	size_t n = strlen(event), left;
	const char *at = packet_values(p, &left);

	if (p->type != PACKET_EVENT || !at || left < n + 2 || at[0] != '"' ||
	    memcmp(at + 1, event, n) != 0 || at[n + 1] != '"')
		return NULL;
	at += n + 2;
	left -= n + 2;
	if (left > 0 && *at != ',')
		return NULL;
	*len = left > 0 ? left - 1 : 0;
	return left > 0 ? at + 1 : at;
}

bool packet_is_plain(const char *event)
{
	for (const char *p = event; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\')
			return false;
	}
	return true;
}
