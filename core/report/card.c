/* See card.h. */
#include "report/card.h"

#include <event2/event.h>
#include <math.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <swarm/version.h>
#include <zmq.h>

#include "base/machine.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "module/module.h"
#include "report/text.h"

#define ENTRIES_MAX 512
#define CHOSEN      " (chosen)"
#define MEMORY      0.02                /* share: the same memory */

static void add(struct card *c, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct card *c, const char *name, const char *fmt, ...)
{
	struct buf text = BUF_INIT(4096);
	va_list ap;

	if (c->count == ENTRIES_MAX)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	c->entries = xreallocarray(c->entries, c->count + 1,
	    sizeof(*c->entries));
	c->entries[c->count++] = (struct card_entry){ xstrdup(name),
		xstrdup(buf_str(&text)) };
	buf_release(&text);
}

static void add_number(struct card *c, const char *name, int64_t value)
{
	if (value >= 0)
		add(c, name, "%lld", (long long)value);
}

static void add_text(struct card *c, const char *name, const char *text)
{
	if (text[0])
		add(c, name, "%s", text);
}

static void add_machine(struct card *c)
{
	struct machine m;

	machine_read(&m);
	add_text(c, "kernel", m.kernel);
	add_text(c, "cpu", m.cpu);
	add_number(c, "cores", m.cores);
	if (m.quota >= 0)
		add(c, "core_quota", "%.2f", m.quota);
	add_text(c, "governor", m.governor);
	add_text(c, "clock_source", m.clock_source);
	add_number(c, "memory_bytes", m.memory_total);
	add_number(c, "descriptors", m.nofile);
	add_number(c, "ports", m.ports);
	add_number(c, "tcp_tw_reuse", m.tw_reuse);
	add_number(c, "somaxconn", m.somaxconn);
	add_number(c, "timer_slack_ns", m.timer_slack_ns);
}

/* Options of a module that are not at their defaults; never a secret. */
static void add_options(struct card *c, const struct module *m)
{
	struct swarm_option option;

	for (size_t i = 0; module_option_at(m, i, &option); i++) {
		char *text = module_option_text(&option);
		char *name = xasprintf("option %s.%s", m->name, option.name);

		if (!module_option_is_default(&option))
			add(c, name, "%s", text);
		free(name);
		free(text);
	}
}

static void add_modules(struct card *c)
{
	for (size_t i = 0; i < module_count(); i++) {
		const struct module *m = module_at(i);
		char *name = xasprintf("module %s", m->name);

		add(c, name, "%s%ssha256:%s", m->def.version ?
		    m->def.version : "", m->def.version ? " " : "",
		    m->sha256);
		free(name);
		add_options(c, m);
	}
}

static void add_load(struct card *c, char *const *load)
{
	for (; load && load[0] && load[1]; load += 2) {
		char *name = xasprintf("load %s", load[0]);

		if (strcmp(load[0], "seed") != 0)
			add(c, name, "%s", load[1]);
		free(name);
	}
}

void card_take(struct card *c, uint64_t seed, bool seed_chosen,
    char *const *load)
{
	int major, minor, patch;

	*c = (struct card){ 0 };
	zmq_version(&major, &minor, &patch);
	add(c, "swarm", "%s", SWARM_VERSION);
	add(c, "abi", "%d.%d", SWARM_ABI_MAJOR, SWARM_ABI_MINOR);
	add(c, "libraries", "libevent %s, libzmq %d.%d.%d, %s",
	    event_get_version(), major, minor, patch,
	    OpenSSL_version(OPENSSL_VERSION));
	add(c, "seed", "%llu%s", (unsigned long long)seed,
	    seed_chosen ? CHOSEN : "");
	add_load(c, load);
	add_modules(c);
	add_machine(c);
}

void card_release(struct card *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->entries[i].name);
		free(c->entries[i].text);
	}
	free(c->entries);
	*c = (struct card){ 0 };
}

const char *card_text(const struct card *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->entries[i].name, name) == 0)
			return c->entries[i].text;
	return NULL;
}

json_t *card_json(const struct card *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < c->count; i++)
		json_object_set_new(o, c->entries[i].name,
		    json_string(c->entries[i].text));
	return o;
}

void card_read(struct card *c, const json_t *o)
{
	const char *name;
	json_t *value;

	*c = (struct card){ 0 };
	json_object_foreach((json_t *)o, name, value) {
		struct buf clean_name = BUF_INIT(4096);
		struct buf clean = BUF_INIT(4096);

		/* A terminal shows them. */
		text_clean(&clean_name, name);
		if (json_is_string(value)) {
			text_clean(&clean, json_string_value(value));
			add(c, buf_str(&clean_name), "%s", buf_str(&clean));
		}
		buf_release(&clean_name);
		buf_release(&clean);
	}
}

/* A seed that nobody asked for is another one every time. */
static bool bears(const char *name, const char *text)
{
	size_t len = strlen(text), chosen = strlen(CHOSEN);

	return strcmp(name, "seed") != 0 || len < chosen ||
	    strcmp(text + len - chosen, CHOSEN) != 0;
}

/* Of a virtual machine it is never twice the same. */
static bool is_alike(const char *name, const char *a, const char *b)
{
	double x, y;

	if (strcmp(a, b) == 0)
		return true;
	return strcmp(name, "memory_bytes") == 0 &&
	    parse_double(a, 1, 1e18, &x) == 0 &&
	    parse_double(b, 1, 1e18, &y) == 0 && fabs(x / y - 1) < MEMORY;
}

size_t card_differences(const struct card *a, const struct card *b,
    const char **out, size_t max)
{
	size_t n = 0;

	if (a->count == 0 || b->count == 0)
		return 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct card_entry *e = &a->entries[i];
		const char *other = card_text(b, e->name);

		if (other && is_alike(e->name, e->text, other))
			continue;
		if (!bears(e->name, e->text) && (!other ||
		    !bears(e->name, other)))
			continue;
		if (n < max)
			out[n] = e->name;
		n++;
	}
	for (size_t i = 0; i < b->count; i++) {
		if (card_text(a, b->entries[i].name))
			continue;
		if (n < max)
			out[n] = b->entries[i].name;
		n++;
	}
	return n;
}
