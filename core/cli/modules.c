/*
 * Whoever sends a module runs code here.  So both sides have to ask for it,
 * and a worker takes none from a master that it cannot tell from another:
 * over the network it must hold the key that the worker was given.
 */
#include "cli/modules.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cli/plaintext.h"
#include "cluster/fetch.h"
#include "cluster/shelf.h"
#include "module/cache.h"
#include "module/module.h"

int modules_offer(const struct options *o)
{
	for (size_t i = 0; o->send_modules && i < module_count(); i++) {
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
		rc = shelf_add(m->path, name, m->sha256, m->scenario);
		free(name);
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int open_one(const char *path, bool scenario, void *arg)
{
	(void)arg;
	return (scenario ? module_open_scenario(path) :
	    module_open_plugin(path)) == NULL ? -1 : 0;
}

static int check(const struct options *o)
{
	if (o->scenarios.count > 0) {
		log_error("-f and --accept-modules exclude each other: does "
		    "this worker bring its scenario, or does the master send "
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

int modules_accept(const struct options *o)
{
	struct fetch_options fetch = { .each = open_one };
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
		rc = fetch_modules(&fetch);
	}
	free(folder);
	free(connect);
	free(cache);

release:
	keys_release(&keys);
	return rc;
}
