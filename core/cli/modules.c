/*
 * Whoever sends a module runs code here.  So both sides have to ask for it,
 * and a worker takes none from a master that it cannot tell from another:
 * over the network it must hold the key that the worker was given.
 */
#include "cli/modules.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cli/plaintext.h"
#include "cluster/fetch.h"
#include "cluster/shelf.h"
#include "fiber/loop.h"
#include "module/cache.h"
#include "module/module.h"
#include "report/sinks.h"
#include "user/feed.h"

#define DATA_MAX (256u << 20)           /* bytes of all files of rows */

/* What came from above, and goes on below a relay. */
static struct option_list taken;

static void take_setting(const char *setting, void *arg)
{
	size_t name = strcspn(setting, ".");
	size_t len = strcspn(setting, "=");
	char *module = xstrndup(setting, name);
	char *option = xstrndup(setting + name + 1, len - name - 1);

	(void)arg;
	/* What this worker was told itself is stronger. */
	module_set_config(module, option, setting + len + 1,
	    "-o of the master");
	free(module);
	free(option);
	taken.items = xreallocarray(taken.items, taken.count + 1,
	    sizeof taken.items[0]);
	taken.items[taken.count++] = xstrdup(setting);
}

/* Outputs are the master's alone. */
static int offer_settings(const struct options *o,
    const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *setting = list->items[i];

		if (sinks_name(o->outs.items, setting, strcspn(setting, ".=")))
			continue;
		if (shelf_set(setting) == -1)
			return -1;
	}
	return 0;
}

/* One that cannot be sent may be there already: the worker will say. */
static int offer_data(void)
{
	uint64_t total = 0;

	for (size_t i = 0; i < feed_count(); i++) {
		const char *asked = feed_asked(i);
		bool twice = false;
		struct stat st;

		for (size_t k = 0; asked != NULL && k < i; k++)
			twice = twice || (feed_asked(k) != NULL &&
			    strcmp(feed_asked(k), asked) == 0);
		if (asked == NULL || twice || stat(feed_path(i), &st) == -1)
			continue;
		if (st.st_size > WIRE_FILE_SIZE ||
		    total + (uint64_t)st.st_size > DATA_MAX) {
			log_warn("%s is too large to be sent to workers (%u "
			    "MiB each, %u MiB in all): copy it there by hand",
			    asked, WIRE_FILE_SIZE >> 20, DATA_MAX >> 20);
			continue;
		}
		total += (uint64_t)st.st_size;
		if (shelf_add(feed_path(i), asked, WIRE_DATA) == -1)
			return -1;
	}
	return 0;
}

/* Data and settings are secrets more often than not, and a worker takes
 * nothing from whom it cannot know. */
static int check_offer(const struct options *o)
{
	const char *keys = o->relay ? o->relay_keys : o->keys;

	if (keys != NULL || plaintext_is_local(o->master_bind_host) ||
	    !(o->master || o->relay))
		return 0;
	log_error("--send-modules would hand scenarios, their data and options "
	    "to whoever reaches the port: give %s master.key, or "
	    "--master-bind-host 127.0.0.1", o->relay ? "--relay-keys" :
	    "--keys");
	return -1;
}

int modules_offer(const struct options *o)
{
	if (!o->send_modules)
		return 0;
	if (check_offer(o) == -1)
		return -1;
	for (size_t i = 0; i < module_count(); i++) {
		const struct module *m = module_at(i);
		char *name;
		int rc;

		/* Others come with swarm, there as well as here. */
		if (!m->chosen)
			continue;
		/* A script keeps its ending, by which its reader is found. */
		name = m->reader != NULL ?
		    xasprintf("%s%s", m->name, m->reader->def.reads) :
		    xasprintf("%s.so", m->name);
		rc = shelf_add(m->path, name, m->scenario ? WIRE_SCENARIO :
		    WIRE_PLUGIN);
		free(name);
		if (rc == -1)
			return -1;
	}
	if (offer_data() == -1 || offer_settings(o, &taken) == -1)
		return -1;
	return offer_settings(o, &o->settings);
}

static int open_one(const char *path, const struct wire_file *f, void *arg)
{
	(void)arg;
	if (f->kind == WIRE_DATA) {
		feed_provide(f->name, path);
		return 0;
	}
	return (f->kind == WIRE_SCENARIO ? module_open_scenario(path) :
	    module_open_plugin(path)) == NULL ? -1 : 0;
}

static int check(const struct options *o)
{
	if (o->scenarios.count > 0) {
		log_error("-f and --accept-modules exclude each other: does "
		    "this one bring its scenario, or does the master send "
		    "it?");
		return -1;
	}
	if (o->keys == NULL && !plaintext_is_local(o->master_host)) {
		log_error("--accept-modules runs what the master at %s sends, "
		    "so it must be known to be the master: give --keys "
		    "worker.key (--plaintext is not enough)",
		    o->master_host);
		return -1;
	}
	return 0;
}

/* A relay has no loop yet. */
static int fetch_all(const struct options *o, const struct fetch_options *f)
{
	bool relay = o->relay && o->local_worker == NULL;
	int rc;

	if (relay && loop_init() == -1)
		return -1;
	rc = fetch_modules(f);
	if (relay)
		loop_release();
	return rc;
}

int modules_accept(const struct options *o)
{
	struct fetch_options fetch = { .each = open_one,
		.setting = take_setting };
	struct keys keys = { 0 };
	char *connect;
	char *cache;
	char *folder;
	int rc = -1;

	if (check(o) == -1)
		return -1;
	if (o->keys != NULL && keys_read(&keys, o->keys, false) == -1)
		return -1;
	cache = cache_dir("the master's modules");
	if (cache == NULL)
		goto release;
	connect = xasprintf("tcp://%s:%lld", o->master_host,
	    (long long)o->master_port);
	folder = xasprintf("%s/modules", cache);
	if (cache_make(folder) == 0) {
		fetch.connect = connect;
		fetch.keys = o->keys != NULL ? &keys : NULL;
		fetch.folder = folder;
		rc = fetch_all(o, &fetch);
	}
	free(folder);
	free(connect);
	free(cache);

release:
	keys_release(&keys);
	return rc;
}
