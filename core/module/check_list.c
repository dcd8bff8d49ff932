/*
 * What is checked, in the order in which it is best mended.  The first ones
 * only read the file; then its tables; the last ones run its hooks and users
 * (check_run.c).
 */
#include "module/check.h"

#include <swarm/user.h>

#include "base/xalloc.h"
#include "module/elf.h"
#include "module/find.h"
#include "module/internal.h"
#include "module/verify.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_file(const struct check_subject *s)
{
	struct module *m = check_open(s, false);
	struct elf e;

	if (m && m->reader) {
		check_say("it is a script, read by %s", m->reader->name);
		return CHECK_SKIP;
	}
	if (verify_module(s->so, s->path, &e) == -1)
		return CHECK_BAD;
	elf_close(&e);
	return CHECK_OK;
}

static int with_elf(const struct check_subject *s,
    int (*fn)(const struct elf *))
{
	struct elf e;
	int rc = CHECK_SKIP;

	if (elf_open(&e, s->so) == ELF_OK)
		rc = fn(&e);
	else
		check_say("the file could not be read");
	elf_close(&e);
	return rc;
}

static int exported(const struct elf *e)
{
	const char *name;
	size_t at = 0;
	int others = 0;

	if (!e->symbols) {
		check_say("the file has no section headers");
		return CHECK_SKIP;
	}
	while ((name = elf_next_export(e, &at))) {
		if (strcmp(name, VERIFY_ENTRY) == 0)
			continue;
		check_say("it also exports %s", name);
		others++;
	}
	if (others)
		check_say("compile with -fvisibility=hidden or make them "
		    "static; of a C++ library's templates only a version "
		    "script takes the names away, as swarm_add_module() of "
		    "the CMake package gives");
	return others ? CHECK_BAD : CHECK_OK;
}

static int check_exported(const struct check_subject *s)
{
	return with_elf(s, exported);
}

static int hardened(const struct elf *e)
{
	int rc = CHECK_OK;

	if (elf_dynamic(e, DT_TEXTREL, 0) != 0 ||
	    (elf_dynamic(e, DT_FLAGS, 0) & DF_TEXTREL)) {
		check_say("it has text relocations; compile with -fPIC");
		rc = CHECK_BAD;
	}
	if (e->has_exec_stack) {
		check_say("it asks for an executable stack; avoid nested "
		    "functions whose address is taken, and end assembly "
		    "files with .section .note.GNU-stack");
		rc = CHECK_BAD;
	}
	return rc;
}

static int check_hardened(const struct check_subject *s)
{
	return with_elf(s, hardened);
}

static int known(const struct elf *e)
{
	const char *name;
	size_t at = 0;
	int rc = CHECK_OK;

	while ((name = elf_next_missing(e, &at))) {
		if (strncmp(name, "swarm_", 6) != 0 ||
		    dlsym(RTLD_DEFAULT, name))
			continue;
		check_say("this swarm has no %s", name);
		rc = CHECK_BAD;
	}
	return rc;
}

static int check_known(const struct check_subject *s)
{
	return with_elf(s, known);
}

struct module *check_open(const struct check_subject *s, bool bound)
{
	struct module *m;

	module_set_worker(true);
	for (size_t i = 0; i < s->settings.count; i++)
		if (module_set_option(s->settings.at[i]) == -1)
			return NULL;
	for (size_t i = 0; i < s->plugins.count; i++)
		if (!module_open_plugin(s->plugins.at[i]))
			return NULL;
	m = module_open_plugin(s->path);
	if (m && bound && module_bind() == -1)
		return NULL;
	return m;
}

struct module *check_open_bound(const struct check_subject *s)
{
	struct module *m = check_open(s, true);
	char *unset;

	if (!m) {
		check_say("see the checks before it");
		return NULL;
	}
	for (size_t i = 0; i < module_count(); i++) {
		unset = option_unset(module_at(i));
		if (!unset)
			continue;
		check_say("%s.%s must be given: -o %s.%s=VALUE",
		    module_at(i)->name, unset, module_at(i)->name, unset);
		free(unset);
		return NULL;
	}
	return m;
}

static int check_opens(const struct check_subject *s)
{
	return check_open(s, false) ? CHECK_OK : CHECK_BAD;
}

/* ---- options ---- */

static bool good_option_name(const char *name)
{
	if (!isalpha((unsigned char)name[0]))
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

static int option_mistakes(const struct module *m,
    const struct swarm_option *o, size_t index)
{
	struct swarm_option other;
	int mistakes = 0;

	if (!good_option_name(o->name)) {
		check_say("\"%s\": an option's name is letters, digits and "
		    "\"_\"", o->name);
		mistakes++;
	}
	if (!o->help || !o->help[0]) {
		check_say("%s has no help text", o->name);
		mistakes++;
	}
	if ((o->flags & SWARM_REQUIRED) && o->deflt) {
		check_say("%s is required and has a default", o->name);
		mistakes++;
	}
	if (o->choices && o->type != SWARM_STRING) {
		check_say("%s has choices and is no string", o->name);
		mistakes++;
	}
	for (size_t i = 0; i < index && module_option_at(m, i, &other); i++) {
		if (strcmp(other.name, o->name) == 0 ||
		    other.dest == o->dest) {
			check_say("%s and %s share a name or a variable",
			    other.name, o->name);
			mistakes++;
		}
	}
	return mistakes;
}

static int check_options(const struct check_subject *s)
{
	struct module *m = check_open(s, false);
	struct swarm_option o;
	char *unset;
	int mistakes = 0;

	if (!m)
		return CHECK_SKIP;
	for (size_t i = 0; module_option_at(m, i, &o); i++)
		mistakes += option_mistakes(m, &o, i);
	if (mistakes)
		return CHECK_BAD;
	/* Defaults that do not parse are said by option_apply(). */
	unset = option_unset(m);
	if (unset) {
		free(unset);
		return CHECK_OK;
	}
	return option_apply(m) == -1 ? CHECK_BAD : CHECK_OK;
}

/* ---- users ---- */

static int task_mistakes(const struct module *m,
    const struct swarm_user_class *c)
{
	struct swarm_task t;
	int mistakes = 0;
	size_t i;

	for (i = 0; module_task_at(m, c, i, &t); i++) {
		if (!t.run == !t.set) {
			check_say("%s.%s needs a function or a set, and not "
			    "both", c->name, t.name);
			mistakes++;
		}
	}
	if (i == 0 && !m->def.setup) {
		check_say("the user class %s has no tasks", c->name);
		mistakes++;
	}
	return mistakes;
}

static int check_tables(const struct check_subject *s)
{
	struct module *m = check_open(s, false);
	struct swarm_user_class c;
	int mistakes = 0;

	if (!m)
		return CHECK_SKIP;
	if (m->reader) {
		check_say("its users are known when it runs");
		return CHECK_SKIP;
	}
	for (size_t i = 0; module_user_at(m, i, &c); i++) {
		mistakes += task_mistakes(m, &c);
		if (!(c.weight >= 0) || c.weight > 1e9) {
			check_say("the user class %s has the weight %g",
			    c.name, c.weight);
			mistakes++;
		}
	}
	if (!m->def.users && !m->def.setup && !m->def.exports &&
	    !m->def.load && !m->def.worker_start) {
		check_say("it declares neither users nor exports nor hooks");
		mistakes++;
	}
	return mistakes ? CHECK_BAD : CHECK_OK;
}

static int check_bound(const struct check_subject *s)
{
	struct module *m = check_open(s, false);

	if (!m)
		return CHECK_SKIP;
	if (!m->imports) {
		check_say("it needs no interface");
		return CHECK_SKIP;
	}
	return module_bind() == -1 ? CHECK_BAD : CHECK_OK;
}

/* ---- documentation ---- */

static int check_summary(const struct check_subject *s)
{
	struct module *m = check_open(s, false);

	if (!m)
		return CHECK_SKIP;
	if ((m->def.users || m->reader) && !m->def.exports) {
		check_say("a scenario needs none");
		return CHECK_SKIP;
	}
	if (m->def.summary && m->def.summary[0] &&
	    !strchr(m->def.summary, '\n'))
		return CHECK_OK;
	check_say("set .summary in SWARM_MODULE() to one line");
	return CHECK_BAD;
}

/* Whether NAME.7 is beside the module, where a build keeps it, above it, as in
 * a stranger's build folder, or where an install has it, which a distribution
 * may have compressed. */
static bool has_manual(const struct module *m)
{
	static const char *const folders[] = {
		"", "/..", "/../../..", "/../../../share/man/man7",
		"/../../../../share/man/man7",
	};
	static const char *const endings[] = { "7", "7.gz" };
	size_t len = (size_t)(strrchr(m->path, '/') - m->path);
	bool found = false;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		for (size_t k = 0; k < 2; k++) {
			char *path = xasprintf("%.*s%s/%s.%s", (int)len,
			    m->path, folders[i], m->name, endings[k]);

			found = found || access(path, R_OK) == 0;
			free(path);
		}
	}
	return found;
}

static int check_manual(const struct check_subject *s)
{
	struct module *m = check_open(s, false);

	if (!m)
		return CHECK_SKIP;
	if ((m->def.users || m->reader) && !m->def.exports) {
		check_say("a scenario needs none");
		return CHECK_SKIP;
	}
	if (has_manual(m))
		return CHECK_OK;
	check_say("no manual page %s.7 beside it or where it is installed",
	    m->name);
	return CHECK_BAD;
}

const struct check check_list[] = {
	{ "file", "it is a swarm module for this machine", check_file },
	{ "exported", "it exports one name only", check_exported },
	{ "hardened", "its code and stack need no unusual rights",
	  check_hardened },
	{ "known", "this swarm has every function it calls", check_known },
	{ "opens", "it loads, and its ABI fits", check_opens },
	{ "options", "its options are described and their defaults valid",
	  check_options },
	{ "tables", "its users and tasks are complete", check_tables },
	{ "offers", "what it offers to swarm is complete", check_offers },
	{ "bound", "what it needs is there", check_bound },
	{ "load", "load(), setup() and unload() succeed", check_load },
	{ "threads", "load() starts no thread", check_threads },
	{ "signals", "it leaves signal handlers alone", check_signals },
	{ "worker", "worker_start() and worker_stop() succeed, twice",
	  check_worker },
	{ "users", "its users end when stopped, at any moment", check_users },
	{ "blocking", "its tasks never block the worker", check_blocking },
	{ "output", "it leaves standard output alone", check_output },
	{ "stack", "its tasks leave room on their stacks", check_stack },
	{ "leaks", "its hooks and users leave nothing behind", check_leaks },
	{ "summary", "it says in one line what it is", check_summary },
	{ "manual", "it has a manual page", check_manual },
	{ NULL, NULL, NULL },
};
