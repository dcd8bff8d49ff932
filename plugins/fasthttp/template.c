/*
 * A table of fixed size in which a newcomer takes the place of whoever has the
 * same slot: constant memory and no allocation, also for a scenario that asks
 * for a million different paths.  Those, and what is too long for a slot, are
 * built each time, which costs a few hundred nanoseconds.
 */
#include "template.h"

#include "body.h"
#include "settings.h"
#include "url.h"

#include <swarm/stats.h>

#include <stdlib.h>
#include <string.h>

#define SLOTS 1024                      /* a power of two */
#define SLOT_SIZE 512
#define NAME_MAX_BYTES 256
#define LARGEST (sizeof(struct template) + 3 * URL_MAX)

/* Most scenarios pass literals: the same pointers mean the same request, which
 * is checked, since memory is used again. */
struct hint {
	const struct base *base;
	const char *method;
	const char *path;
	const char *name;
	const struct template *template;
};

#define HINTS 64                        /* a power of two */

static struct hint hints[HINTS];
static char *table;                     /* SLOTS * SLOT_SIZE bytes */
static char *large;                     /* LARGEST bytes, used in turn */

/* Eight bytes at a time; good enough to spread paths that differ anywhere. */
static uint64_t mix(uint64_t h, const char *s, size_t len)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t word;

	for (; len >= sizeof word; s += sizeof word, len -= sizeof word) {
		memcpy(&word, s, sizeof word);
		h = (h ^ word) * k;
		h ^= h >> 29;
	}
	word = len;
	memcpy(&word, s, len < 7 ? len : 7);
	word ^= (uint64_t)len << 56;
	h = (h ^ word) * k;
	return h ^ h >> 32;
}

struct request {
	const struct base *base;
	const char *method;
	const char *path;
	const char *name;               /* "" for none */
	size_t method_len;
	size_t path_len;
	size_t name_len;
};

/* The key is the three strings with a NUL after each. */
static size_t key_length(const struct request *r)
{
	return r->method_len + r->path_len + r->name_len + 3;
}

static bool is_for(const struct template *t, const struct request *r)
{
	const char *at = t->data;

	if (t->base != r->base || t->key_len != key_length(r))
		return false;
	if (memcmp(at, r->method, r->method_len + 1) != 0)
		return false;
	at += r->method_len + 1;
	if (memcmp(at, r->path, r->path_len + 1) != 0)
		return false;
	return memcmp(at + r->path_len + 1, r->name, r->name_len + 1) == 0;
}

static size_t put(char *out, size_t at, size_t size, const char *s, size_t len)
{
	if (at + len <= size)
		memcpy(out + at, s, len);
	return at + len;
}

static size_t put_text(char *out, size_t at, size_t size, const char *s)
{
	return put(out, at, size, s, strlen(s));
}

/* The series of a request: by its own name, else by the path's. */
static uint32_t series_of(const struct request *r)
{
	char name[NAME_MAX_BYTES];

	if (r->name_len > 0)
		return swarm_series(r->method, r->name);
	fold_name(r->path, settings.fold, name, sizeof name);
	return swarm_series(r->method, name);
}

/* Fills `t`, whose data has `size` bytes: 0, or -1 when it does not fit. */
static int build(struct template *t, size_t size, const struct request *r,
    struct origin *origin, const char *prefix, size_t prefix_len,
    const char *path)
{
	size_t key = key_length(r), at = 0, len;

	if (key + r->method_len + 1 > size || key > UINT16_MAX)
		return -1;
	at = put(t->data, at, size, r->method, r->method_len + 1);
	at = put(t->data, at, size, r->path, r->path_len + 1);
	at = put(t->data, at, size, r->name, r->name_len + 1);
	at = put(t->data, at, size, r->method, r->method_len);
	at = put(t->data, at, size, " ", 1);
	len = url_put_path(prefix, prefix_len, path, t->data + at, size - at);
	if (len == 0)
		return -1;
	at = put_text(t->data, at + len, size, " HTTP/1.1\r\n");
	t->line_len = (uint16_t)(at - key);
	at = put_text(t->data, at, size, "Host: ");
	at = put_text(t->data, at, size, origin->header);
	at = put_text(t->data, at, size, "\r\nUser-Agent: ");
	at = put_text(t->data, at, size, settings.user_agent);
	at = put_text(t->data, at, size, "\r\nAccept: */*\r\n");
	if (settings.compress)
		at = put_text(t->data, at, size,
		    "Accept-Encoding: gzip, deflate\r\n");
	if (!settings.keepalive)
		at = put_text(t->data, at, size, "Connection: close\r\n");
	at = put_text(t->data, at, size, "\r\n");
	if (at > size || at > UINT16_MAX)
		return -1;
	t->key_len = (uint16_t)key;
	t->usual_len = (uint16_t)(at - key - t->line_len - 2);
	t->base = r->base;
	t->origin = origin;
	t->series = series_of(r);
	return 0;
}

static const struct template *build_new(uint64_t hash,
    const struct request *r, const char **why)
{
	struct template *t = (struct template *)(void *)
	    (table + (hash & (SLOTS - 1)) * SLOT_SIZE);
	const char *prefix = "", *path = r->path;
	struct origin *origin;
	size_t prefix_len = 0;
	struct url u;

	*why = body_bad_method;
	if (!body_is_token(r->method))
		return NULL;
	if (r->base) {
		origin = r->base->origin;
		prefix = r->base->prefix;
		prefix_len = r->base->prefix_len;
	} else {
		if (url_parse(path, &u, why) == -1)
			return NULL;
		origin = target_origin(&u, why);
		if (!origin)
			return NULL;
		path = u.path;
	}
	t->hash = 0;
	if (build(t, SLOT_SIZE - sizeof *t, r, origin, prefix, prefix_len,
	    path) == 0) {
		t->hash = hash;
		return t;
	}
	t = (struct template *)(void *)large;
	t->hash = 0;
	if (build(t, LARGEST - sizeof *t, r, origin, prefix, prefix_len,
	    path) == 0)
		return t;
	*why = "it is longer than 8 KiB";
	return NULL;
}

static bool make_tables(void)
{
	if (!table)
		table = calloc(SLOTS, SLOT_SIZE);
	if (!large)
		large = malloc(LARGEST);
	return table && large;
}

static const struct template *template_find(const struct base *base,
    const char *method, const char *path, const char *name, const char **why)
{
	struct request r = {
		.base = base, .method = method, .path = path,
		.name = name ? name : "",
	};
	const struct template *t;
	uint64_t hash = (uint64_t)(uintptr_t)base;

	if (!table && !make_tables()) {
		*why = "out of memory";
		return NULL;
	}
	r.method_len = strlen(r.method);
	r.path_len = strlen(r.path);
	r.name_len = strlen(r.name);
	hash = mix(hash, r.method, r.method_len);
	hash = mix(hash, r.path, r.path_len);
	hash = mix(hash, r.name, r.name_len) | UINT64_C(1) << 63;
	t = (const struct template *)(const void *)
	    (table + (hash & (SLOTS - 1)) * SLOT_SIZE);
	if (t->hash == hash && is_for(t, &r))
		return t;
	return build_new(hash, &r, why);
}

static struct hint *hint_for(const char *path, const char *name)
{
	uintptr_t at = (uintptr_t)path ^ (uintptr_t)name >> 2;

	return &hints[(at ^ at >> 4 ^ at >> 10) & (HINTS - 1)];
}

/* The template is still there and still of these strings. */
static bool still_good(const struct hint *h, const struct base *base,
    const char *method, const char *path, const char *name)
{
	const char *at;

	if (h->path != path || h->method != method || h->name != name ||
	    h->base != base || h->template->hash == 0 ||
	    h->template->base != base)
		return false;
	at = h->template->data;
	return template_same(&at, method) && template_same(&at, path) &&
	    template_same(&at, name ? name : "");
}

const struct template *template_get(const struct base *base,
    const char *method, const char *path, const char *name, const char **why)
{
	struct hint *hint = hint_for(path, name);
	const struct template *t;

	if (hint->template && still_good(hint, base, method, path, name))
		return hint->template;
	t = template_find(base, method, path, name, why);
	if (t && t->hash != 0)
		*hint = (struct hint){ base, method, path, name, t };
	return t;
}

const char *template_path(const struct template *t, const char *method,
    char *out, size_t size)
{
	const char *at = template_line(t) + strlen(method) + 1;
	size_t len = t->line_len - strlen(method) - 1 -
	    strlen(" HTTP/1.1\r\n");

	if (len >= size)
		len = size - 1;
	memcpy(out, at, len);
	out[len] = '\0';
	return out;
}

void template_release(void)
{
	free(table);
	free(large);
	table = large = NULL;
	memset(hints, 0, sizeof hints);
}
