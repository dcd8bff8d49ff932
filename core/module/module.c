/*
 * The list of loaded modules and the order of their hooks.  A module loaded
 * twice (the same file by another path) is one module.
 */
#include "module/internal.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/guard.h"
#include "module/verify.h"
#include "user/feed.h"
#include "user/user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct module **modules;         /* as they were opened */
static struct module **order;           /* as they were load()ed */
static size_t count;
static size_t order_count;
static bool worker;

void module_init(const char *exe)
{
	find_init(exe);
}

void module_set_worker(bool w)
{
	worker = w;
}

SWARM_API bool swarm_is_worker(void)
{
	return worker;
}

const char *module_shown(const struct module *m)
{
	return m->source ? m->source : m->path;
}

size_t module_count(void)
{
	return count;
}

struct module *module_at(size_t i)
{
	return i < count ? modules[i] : NULL;
}

struct module *module_find(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(modules[i]->name, name) == 0)
			return modules[i];
	return NULL;
}

/* ---- opening ---- */

/* The folder's real path and the name as written (free()): a link may give a
 * module another name. */
static char *absolute(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) :
	    xstrdup(".");
	char *real = realpath(dir, NULL);
	char *full;

	if (real)
		full = xasprintf("%s/%s", strcmp(real, "/") == 0 ? "" : real,
		    slash ? slash + 1 : path);
	else
		full = xstrdup(path);
	free(real);
	free(dir);
	return full;
}

/* A scenario without a name of its own is called like its file; that must not
 * keep mqtt.c from being a scenario for the plugin mqtt. */
static bool yield_name(struct module *m, const struct module *other)
{
	char *name;

	if (!m->scenario || m->def.name || other->scenario)
		return false;
	name = xasprintf("%s-scenario", m->name);
	if (module_find(name)) {
		free(name);
		return false;
	}
	free(m->name);
	m->name = name;
	return true;
}

static int settle_name(struct module *m)
{
	struct module *other = module_find(m->name);

	if (!other || yield_name(m, other) || yield_name(other, m))
		return 0;
	log_error("two modules are called \"%s\", so that -o %s.NAME would be "
	    "ambiguous: %s and %s; load one of them, or rename one", m->name,
	    m->name, module_shown(other), module_shown(m));
	return -1;
}

static struct module *find_same(const struct module *m)
{
	for (size_t i = 0; i < count; i++)
		if (m->handle && modules[i]->handle == m->handle)
			return modules[i];
	return NULL;
}

static struct module *find_path(const char *path)
{
	for (size_t i = 0; i < count; i++) {
		const struct module *m = modules[i];

		if (strcmp(m->path, path) == 0 ||
		    (m->source && strcmp(m->source, path) == 0))
			return modules[i];
	}
	return NULL;
}

static void forget(struct module *m)
{
	free(m->name);
	free(m->path);
	free(m->source);
	free(m);
}

static bool reads(const struct module *m, const char *ending)
{
	return m && m->def.reads && m->def.read &&
	    strcmp(m->def.reads, ending) == 0;
}

/* Who reads files that end so (".lua"): a module that is there already, else
 * the plugin of that name; NULL: nobody. */
static struct module *reader_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *ending = strrchr(slash ? slash : path, '.');
	struct module *m;
	char *plugin;

	if (!ending || strcmp(ending, ".so") == 0 || strcmp(ending, ".c") == 0)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (reads(modules[i], ending))
			return modules[i];
	plugin = find_plugin(ending + 1, false);
	m = plugin ? module_open_found(plugin) : NULL;
	free(plugin);
	return reads(m, ending) ? m : NULL;
}

static struct module *load_path(const char *path)
{
	struct module *reader = reader_of(path);
	struct module *m;
	char *compiled;

	if (reader)
		return load_read(path, reader);
	if (!find_ends_with(path, ".c"))
		return load_module(path, NULL);
	compiled = compile_source(path);
	m = compiled ? load_module(compiled, path) : NULL;
	free(compiled);
	return m;
}

/* `path` is absolute; a .c is compiled first. */
static struct module *open_path(const char *path, bool scenario)
{
	struct module *m = find_path(path);
	struct module *same;

	if (m)
		return m;
	m = load_path(path);
	if (!m)
		return NULL;
	same = find_same(m);
	m->scenario = scenario;
	if (same || settle_name(m) == -1) {
		forget(m);
		return same;
	}
	modules = xreallocarray(modules, count + 1, sizeof(modules[0]));
	modules[count++] = m;
	if (m->handle)
		address_add(m);
	log_debug("loaded %s from %s (ABI %u.%u, sha256 %.12s)", m->name,
	    m->path, m->def.abi_major, m->def.abi_minor, m->sha256);
	return m;
}

static struct module *open_chosen(const char *path, bool scenario)
{
	char *full = absolute(path);
	struct module *m;

	if (access(full, F_OK) == -1 && errno == ENOENT) {
		verify_say_absent(full);
		free(full);
		return NULL;
	}
	m = open_path(full, scenario);
	free(full);
	if (m)
		m->chosen = true;
	return m;
}

struct module *module_open_found(const char *path)
{
	return open_path(path, false);
}

struct module *module_open_scenario(const char *path)
{
	char *known = NULL;
	struct module *m;

	if (!strchr(path, '/') && access(path, F_OK) == -1)
		known = find_scenario(path);
	if (known)
		log_info("taking the scenario \"%s\" that came with swarm: "
		    "%s", path, known);
	m = open_chosen(known ? known : path, true);
	free(known);
	if (m && !m->reader && !m->def.users && !m->def.setup) {
		log_error("%s declares no users, so it is no scenario; load "
		    "it with --plugin, or end it with SWARM_SCENARIO()",
		    module_shown(m));
		return NULL;
	}
	return m;
}

static void say_no_plugin(const char *name)
{
	struct names dirs = { 0 }, plugins = { 0 };
	const char *near;
	char *list;

	for (size_t i = 0; i < find_dir_count(); i++)
		names_add(&dirs, find_dir_at(i)->path);
	names_add(&dirs, "the current folder");
	find_plugin_names(&plugins);
	near = names_suggest(&plugins, name);
	list = names_join(&dirs, "");
	if (near)
		log_error("there is no plugin \"%s\"; did you mean %s?  "
		    "Looked in: %s", name, near, list);
	else
		log_error("there is no plugin \"%s\" in %s; install it, or "
		    "give its path (with a slash)", name, list);
	free(list);
	names_release(&plugins);
	names_release(&dirs);
}

/* Where the plugin is (free()), last in the current folder, which is said. */
static char *locate(const char *name, bool say)
{
	char *path = find_plugin(name, false);

	if (path)
		return path;
	path = find_plugin(name, true);
	if (path && say)
		log_info("taking the plugin \"%s\" from the current folder: "
		    "%s", name, path);
	return path;
}

bool module_exists(const char *name)
{
	char *path = locate(name, false);

	free(path);
	return path != NULL;
}

struct module *module_open_plugin(const char *name)
{
	struct module *m;
	char *path;

	if (strchr(name, '/') || find_ends_with(name, ".c"))
		return open_chosen(name, false);
	path = locate(name, true);
	if (!path) {
		say_no_plugin(name);
		return NULL;
	}
	m = open_chosen(path, false);
	free(path);
	return m;
}

/* ---- hooks ---- */

static int load_one(struct module *m, bool *visited);

static int load_providers(struct module *m, bool *visited)
{
	for (struct swarm_import *p = m->imports; p; p = p->next) {
		struct module *provider = bind_provider(p);

		if (provider && load_one(provider, visited) == -1)
			return -1;
	}
	return 0;
}

/* A hook said -1: if it said nothing else, something must be said. */
static int say_failed(const struct module *m, const char *hook, unsigned before)
{
	if (api_log_errors() == before)
		log_error("%s: %s() failed without saying why; a module "
		    "reports by swarm_error()", module_shown(m), hook);
	return -1;
}

/* 0, or -1 after something was said. */
static int call_hook(const struct module *m, int (*fn)(void),
    const char *name)
{
	unsigned before = api_log_errors();
	char what[32];
	int rc;

	if (!fn)
		return 0;
	snprintf(what, sizeof(what), "%s()", name);
	feed_set_source(module_shown(m));
	guard_begin(module_shown(m), what);
	rc = fn();
	guard_end();
	return rc == 0 ? 0 : say_failed(m, name, before);
}

static size_t index_of(const struct module *m)
{
	size_t i = 0;

	while (modules[i] != m)
		i++;
	return i;
}

/* Providers first; a circle is entered where it is met. */
static int load_one(struct module *m, bool *visited)
{
	size_t i = index_of(m);

	if (visited[i] || m->loaded)
		return 0;
	visited[i] = true;
	if (load_providers(m, visited) == -1)
		return -1;
	if (call_hook(m, m->def.load, "load") == -1)
		return -1;
	m->loaded = true;
	order[order_count++] = m;
	return 0;
}

static int load_each(bool *visited)
{
	for (int scenarios = 0; scenarios < 2; scenarios++)
		for (size_t i = 0; i < count; i++)
			if (modules[i]->scenario == scenarios &&
			    load_one(modules[i], visited) == -1)
				return -1;
	return 0;
}

static int add_users(struct module *m)
{
	if (user_class_add_module(m->name, &m->def) == -1)
		return -1;
	user_class_set_owner(m->name, &m->def);
	return call_hook(m, m->def.setup, "setup");
}

int module_apply_options(void)
{
	int rc = option_check_unused();

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = option_apply(modules[i]);
	return rc;
}

int module_load_all(void)
{
	bool *visited = xcalloc(count + 1, sizeof(*visited));
	int rc;

	feed_set_finder(feeders_find);
	order = xreallocarray(order, count + 1, sizeof(order[0]));
	rc = load_each(visited);
	for (size_t i = 0; i < order_count && rc == 0; i++)
		rc = add_users(order[i]);
	free(visited);
	return rc;
}

void module_each_loaded_export(const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *arg)
{
	for (size_t i = 0; i < order_count; i++)
		bind_each_export(order[i], id, fn, arg);
}

int module_worker_start(void)
{
	for (size_t i = 0; i < order_count; i++) {
		struct module *m = order[i];
		unsigned before = api_log_errors();

		if (m->def.worker_start && m->def.worker_start() != 0) {
			say_failed(m, "worker_start", before);
			module_worker_stop();
			return -1;
		}
		m->started = true;
	}
	return 0;
}

void module_worker_stop(void)
{
	for (size_t i = order_count; i-- > 0;) {
		if (order[i]->started && order[i]->def.worker_stop)
			order[i]->def.worker_stop();
		order[i]->started = false;
	}
}

void module_unload_all(void)
{
	while (order_count > 0) {
		struct module *m = order[--order_count];

		if (m->def.unload)
			m->def.unload();
		m->loaded = false;
	}
	/* Theirs, from load() and setup(). */
	feed_release_all();
}

void module_forget_all(void)
{
	bind_forget();
	option_forget();
	address_forget();
	for (size_t i = 0; i < count; i++)
		forget(modules[i]);
	free(modules);
	free(order);
	modules = order = NULL;
	count = order_count = 0;
}
