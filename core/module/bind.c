/*
 * Interfaces: which module provides what another wants.
 *
 * The rule, in order: a module's own table; the provider that the user named,
 * by --plugin or by an option of it (-o NAME.x=…); for "VENDOR.NAME/n" the
 * plugin fastNAME when there is one and its table is recent enough, as it
 * costs the load generator less; the plugin NAME; whatever else is loaded.
 * One interface has one provider in the whole process.  Where there was a
 * choice, a line says how it was made.
 */
#include "module/internal.h"

#include "base/log.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "module/find.h"

#include <stdlib.h>
#include <string.h>

static struct strmap decided;           /* id -> struct module */

bool bind_export_at(const struct module *m, size_t i, struct swarm_export *out)
{
	list_element(out, sizeof(*out), m->def.exports, m->def.export_size,
	    i);
	return out->id != NULL;
}

const struct swarm_iface *bind_export(const struct module *m, const char *id)
{
	struct swarm_export x;

	for (size_t i = 0; bind_export_at(m, i, &x); i++)
		if (strcmp(x.id, id) == 0)
			return x.iface;
	return NULL;
}

struct module *bind_provider(const struct swarm_import *import)
{
	for (size_t i = 0; i < module_count(); i++) {
		struct module *m = module_at(i);
		struct swarm_export x;

		for (size_t k = 0; bind_export_at(m, k, &x); k++)
			if (x.iface == *import->slot)
				return m;
	}
	return NULL;
}

/* NAME of "VENDOR.NAME/n" (free()); NULL when no file may be called so. */
static char *plugin_of(const char *id)
{
	const char *name = strchr(id, '.');
	size_t len;

	if (!name)
		return NULL;
	name++;
	len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	if (len == 0 || name[len] != '/')
		return NULL;
	return xstrndup(name, len);
}

static struct module *provider_chosen(const char *id)
{
	for (size_t i = 0; i < module_count(); i++)
		if (module_at(i)->chosen && bind_export(module_at(i), id))
			return module_at(i);
	return NULL;
}

/* The plugin `name`, loaded already or from the plugin folders, if it
 * provides `id`. */
static struct module *provider_named(const char *name, const char *id)
{
	struct module *m = module_find(name);
	char *path;

	if (!m || !bind_export(m, id)) {
		path = find_plugin(name, false);
		if (!path)
			return NULL;
		m = module_open_found(path);
		free(path);
	}
	return m && bind_export(m, id) ? m : NULL;
}

static struct module *provider_any(const char *id)
{
	for (size_t i = 0; i < module_count(); i++)
		if (bind_export(module_at(i), id))
			return module_at(i);
	return NULL;
}

static struct module *say_choice(struct module *m, const char *id,
    const char *why, const char *other)
{
	log_info("%s is provided by %s (%s); --plugin %s takes the other", id,
	    m->name, why, other);
	return m;
}

/* Between NAME and fastNAME, neither named by --plugin. */
static struct module *provider_by_name(const char *name, const char *id,
    uint32_t minor)
{
	char *fast = xasprintf("fast%s", name);
	char *there = find_plugin(fast, false);
	const char *wanted = option_naming(name);
	struct module *m, *slow = NULL;

	if ((!there && !module_find(fast)) ||
	    (wanted && !option_naming(fast))) {
		m = provider_named(name, id);
		if (m && there)
			say_choice(m, id, wanted, fast);
		goto done;
	}
	m = provider_named(fast, id);
	if (m && bind_export(m, id)->minor < minor) {
		slow = provider_named(name, id);
		if (slow) {
			log_warn("%s is too old a provider of %s for this "
			    "scenario; taking %s", m->path, id, slow->name);
			m = slow;
		}
	} else if (m) {
		say_choice(m, id, "the fast one", name);
	} else {
		m = provider_named(name, id);
	}
done:
	free(there);
	free(fast);
	return m;
}

static struct module *decide(const char *id, uint32_t minor)
{
	struct module *m = strmap_get(&decided, id);
	char *name;

	if (m)
		return m;
	m = provider_chosen(id);
	name = m ? NULL : plugin_of(id);
	if (name)
		m = provider_by_name(name, id, minor);
	free(name);
	if (!m)
		m = provider_any(id);
	if (m)
		strmap_put(&decided, id, m);
	return m;
}

static void say_unmet(const struct module *m, const char *id)
{
	struct names dirs = { 0 };
	char *name = plugin_of(id);
	char *list;

	for (size_t i = 0; i < find_dir_count(); i++)
		names_add(&dirs, find_dir_at(i)->path);
	list = names_join(&dirs, "nowhere");
	if (name)
		log_error("%s needs the interface %s, which no loaded module "
		    "provides, and no plugin %s.so that does was found in %s; "
		    "install it, or name it with --plugin PATH",
		    module_shown(m), id, name, list);
	else
		log_error("%s needs the interface %s, which no loaded module "
		    "provides; name the plugin that does with --plugin",
		    module_shown(m), id);
	free(list);
	free(name);
	names_release(&dirs);
}

static int bind_one(struct module *m, struct swarm_import *import)
{
	const struct swarm_iface *table = bind_export(m, import->id);
	struct module *provider = m;

	if (!table) {
		provider = decide(import->id, import->minor);
		if (!provider) {
			say_unmet(m, import->id);
			return -1;
		}
		table = bind_export(provider, import->id);
	}
	if (table->minor < import->minor) {
		log_error("%s needs %s of minor %u, and %s (%s) provides "
		    "minor %u; update that plugin, or rebuild %s with its "
		    "header", module_shown(m), import->id, import->minor,
		    provider->name, provider->path, table->minor, m->name);
		return -1;
	}
	*import->slot = table;
	return 0;
}

void bind_forget(void)
{
	strmap_release(&decided);
	decided = (struct strmap){ 0 };
}

int module_bind(void)
{
	/* Binding may load modules, which are then bound in their turn. */
	for (size_t i = 0; i < module_count(); i++) {
		struct module *m = module_at(i);

		for (struct swarm_import *p = m->imports; p; p = p->next)
			if (bind_one(m, p) == -1)
				return -1;
	}
	return 0;
}

const struct swarm_iface *module_interface(const char *id)
{
	struct module *m = strmap_get(&decided, id);

	if (!m)
		m = provider_chosen(id);
	if (!m)
		m = provider_any(id);
	return m ? bind_export(m, id) : NULL;
}

void bind_each_export(struct module *m, const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *arg)
{
	struct swarm_export x;

	for (size_t i = 0; bind_export_at(m, i, &x); i++)
		if (strcmp(x.id, id) == 0)
			fn(m, x.iface, arg);
}

void module_each_export(const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *arg)
{
	for (size_t i = 0; i < module_count(); i++)
		bind_each_export(module_at(i), id, fn, arg);
}
