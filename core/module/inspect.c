/*
 * `swarm inspect` and `swarm plugins`: what a module is, needs and offers,
 * from its tables alone; of a script, from what its reader makes of it.  Even
 * for that its constructors run, which may crash or never end; so a child
 * process loads it, with a time limit.
 */
#include "module/tools.h"

#include <swarm/user.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/internal.h"
#include "module/names.h"
#include "module/spawn.h"
#include "module/verify.h"
#include "user/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT 5.0             /* seconds */
#define OUTPUT_MAX (4 << 20)
#define SET_DEPTH 8                     /* of task sets shown */

static const char *text(const char *s)
{
	return s ? s : "";
}

static const char *flow_name(enum swarm_flow flow)
{
	switch (flow) {
	case SWARM_RANDOM:
		return "random";
	case SWARM_SEQUENTIAL:
		return "sequential";
	case SWARM_MARKOV:
		return "markov";
	}
	return "unknown";
}

/* ---- as JSON ---- */

static void json_interfaces(struct jsonw *j, const struct module *m)
{
	struct swarm_export x;

	jsonw_key(j, "needs");
	jsonw_array(j);
	for (const struct swarm_import *p = m->imports; p; p = p->next) {
		jsonw_object(j);
		jsonw_put_string(j, "id", p->id);
		jsonw_put_int(j, "minor", p->minor);
		jsonw_end(j);
	}
	jsonw_end_array(j);
	jsonw_key(j, "offers");
	jsonw_array(j);
	for (size_t i = 0; bind_export_at(m, i, &x); i++) {
		jsonw_object(j);
		jsonw_put_string(j, "id", x.id);
		jsonw_put_int(j, "minor", x.iface->minor);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void json_options(struct jsonw *j, const struct module *m)
{
	struct swarm_option o;

	jsonw_key(j, "options");
	jsonw_array(j);
	for (size_t i = 0; module_option_at(m, i, &o); i++) {
		bool secret = o.flags & SWARM_SECRET;

		jsonw_object(j);
		jsonw_put_string(j, "name", o.name);
		jsonw_put_string(j, "type", module_option_type_name(o.type));
		jsonw_put_string(j, "default", secret ? NULL : o.deflt);
		jsonw_put_string(j, "choices", o.choices);
		jsonw_put_bool(j, "required", o.flags & SWARM_REQUIRED);
		jsonw_put_bool(j, "secret", secret);
		jsonw_put_string(j, "help", text(o.help));
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void json_tasks(struct jsonw *j, const struct user_set *set, int depth)
{
	jsonw_key(j, "tasks");
	jsonw_array(j);
	for (size_t i = 0; i < set->task_count; i++) {
		const struct user_task *t = &set->tasks[i];

		jsonw_object(j);
		jsonw_put_string(j, "name", t->name);
		jsonw_put_int(j, "weight", t->weight);
		jsonw_put_string(j, "tags", t->tags);
		if (t->set && depth > 0) {
			jsonw_put_string(j, "flow", flow_name(t->set->flow));
			json_tasks(j, t->set, depth - 1);
		}
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void json_users(struct jsonw *j)
{
	jsonw_key(j, "users");
	jsonw_array(j);
	for (size_t i = 0; i < user_class_count(); i++) {
		const struct user_class *c = user_class_at(i);

		jsonw_object(j);
		jsonw_put_string(j, "name", c->name);
		jsonw_put_double(j, "weight", c->def.weight);
		jsonw_put_int(j, "fixed_count", c->def.fixed_count);
		jsonw_put_string(j, "host", c->def.host);
		jsonw_put_string(j, "flow", flow_name(c->root.flow));
		/* JSONW_DEPTH is 16, and each set takes two levels. */
		json_tasks(j, &c->root, 4);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void json_field(const char *name, const char *value, void *j)
{
	jsonw_put_string(j, name, value);
}

static void json_executors(struct jsonw *j, const struct module *m)
{
	struct swarm_executor e;

	jsonw_key(j, "executors");
	jsonw_array(j);
	for (size_t i = 0; module_executor_at(m, i, &e); i++) {
		jsonw_object(j);
		jsonw_put_string(j, "name", e.name);
		module_executor_fields(&e, json_field, j);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

static void print_json(const struct module *m)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct jsonw j;

	jsonw_init(&j, &out, 2);
	jsonw_object(&j);
	jsonw_put_string(&j, "name", m->name);
	jsonw_put_string(&j, "path", m->path);
	jsonw_put_string(&j, "source", m->source);
	jsonw_put_string(&j, "reader", m->reader ? m->reader->name : NULL);
	jsonw_put_string(&j, "sha256", m->sha256);
	jsonw_put_string(&j, "version", text(m->def.version));
	jsonw_put_string(&j, "summary", text(m->def.summary));
	jsonw_put_string(&j, "help", text(m->def.help));
	jsonw_key(&j, "abi");
	jsonw_object(&j);
	jsonw_put_int(&j, "major", m->def.abi_major);
	jsonw_put_int(&j, "minor", m->def.abi_minor);
	jsonw_end(&j);
	json_interfaces(&j, m);
	json_options(&j, m);
	json_users(&j);
	json_executors(&j, m);
	jsonw_put_bool(&j, "adds_users_in_setup", m->def.setup != NULL);
	jsonw_end(&j);
	puts(buf_str(&out));
	buf_release(&out);
}

/* ---- as text ---- */

static void text_options(const struct module *m)
{
	struct swarm_option o;

	for (size_t i = 0; module_option_at(m, i, &o); i++) {
		const char *type = module_option_type_name(o.type);
		const char *value = o.flags & SWARM_SECRET ? "" :
		    text(o.deflt);

		printf("%-9s -o %s.%s=%s%s%s%s%s\n          %s\n",
		    i ? "" : "options", m->name, o.name,
		    o.choices ? o.choices : text(type),
		    value[0] ? ", default " : "", value,
		    o.flags & SWARM_REQUIRED ? ", required" : "",
		    o.flags & SWARM_SECRET ? ", secret" : "", text(o.help));
	}
}

static void text_tasks(const struct user_set *set, int depth)
{
	for (size_t i = 0; i < set->task_count; i++) {
		const struct user_task *t = &set->tasks[i];

		printf("%*s%s, weight %u%s%s%s\n",
		    12 + 2 * (SET_DEPTH - depth), "", t->name, t->weight,
		    t->tags ? ", tags " : "", text(t->tags),
		    t->set ? ", a set:" : "");
		if (t->set && depth > 0)
			text_tasks(t->set, depth - 1);
	}
}

static void text_users(const struct module *m)
{
	for (size_t i = 0; i < user_class_count(); i++) {
		const struct user_class *c = user_class_at(i);

		printf("%-9s %s, ", i ? "" : "users", c->name);
		if (c->def.fixed_count)
			printf("always %u, ", c->def.fixed_count);
		else
			printf("weight %g, ", c->def.weight);
		printf("%s\n", flow_name(c->root.flow));
		text_tasks(&c->root, SET_DEPTH);
	}
	if (m->def.setup)
		printf("%-9s when it is set up, it may add users and tasks\n",
		    user_class_count() ? "" : "users");
}

static void text_field(const char *name, const char *value, void *first)
{
	bool *is_first = first;

	printf("%s%s=%s", *is_first ? " " : ",", name, value);
	*is_first = false;
}

static void text_executors(const struct module *m)
{
	struct swarm_executor e;

	for (size_t i = 0; module_executor_at(m, i, &e); i++) {
		bool first = true;

		printf("%-9s %s:", i ? "" : "executors", e.name);
		module_executor_fields(&e, text_field, &first);
		printf("\n");
	}
}

static void print_text(const struct module *m)
{
	struct swarm_export x;

	printf("%-9s %s %s\n", "name", m->name, text(m->def.version));
	printf("%-9s %s\n", "path", m->path);
	if (m->source)
		printf("%-9s %s\n", "source", m->source);
	if (m->reader)
		printf("%-9s %s, %s\n", "read by", m->reader->name,
		    m->reader->path);
	if (m->def.summary)
		printf("%-9s %s\n", "summary", m->def.summary);
	printf("%-9s %u.%u\n", "abi", m->def.abi_major, m->def.abi_minor);
	for (const struct swarm_import *p = m->imports; p; p = p->next)
		printf("%-9s %s, minor %u\n", "needs", p->id, p->minor);
	for (size_t i = 0; bind_export_at(m, i, &x); i++)
		printf("%-9s %s, minor %u\n", "offers", x.id,
		    x.iface->minor);
	text_options(m);
	text_users(m);
	text_executors(m);
	if (m->def.help)
		printf("\n%s\n", m->def.help);
}

/* ---- the child and its parent ---- */

/* The users of its table; those of a file that another module reads are known
 * when that has set them up. */
static int declare_users(const struct module *m)
{
	if (!m->reader)
		return user_class_add_module(m->name, &m->def);
	return module_bind() == -1 || module_apply_options() == -1 ||
	    module_load_all() == -1 ? -1 : 0;
}

static int child(const char *form, const char *path)
{
	const struct module *m = module_open_plugin(path);

	if (!m || declare_users(m) == -1)
		return TOOLS_MODULE;
	if (strcmp(form, "--child-json") == 0)
		print_json(m);
	else if (strcmp(form, "--child-brief") == 0)
		printf("%s\t%s\n", text(m->def.version),
		    text(m->def.summary));
	else
		print_text(m);
	return fflush(stdout) == 0 ? TOOLS_OK : TOOLS_MODULE;
}

/* Loads `path` in a child; TOOLS_OK with what it wrote in `out`. */
static int inspect_in_child(const char *form, const char *path,
    double timeout, struct buf *out)
{
	struct buf err = BUF_INIT(OUTPUT_MAX);
	struct names argv = { 0 };
	int rc;

	names_add(&argv, find_exe());
	names_add(&argv, "inspect");
	names_add(&argv, form);
	names_add(&argv, path);
	rc = spawn_capture(names_argv(&argv), timeout, out, &err);
	names_release(&argv);
	fputs(buf_str(&err), stderr);
	buf_release(&err);
	if (rc == SPAWN_TIMEOUT)
		log_error("%s was not loaded within %g s: one of its "
		    "constructors, or " VERIFY_ENTRY "(), does not return",
		    path, timeout);
	else if (rc > 128)
		log_error("%s crashed while it was loaded (signal %d, SIG%s): "
		    "look at its constructors and at " VERIFY_ENTRY "()", path,
		    rc - 128, text(sigabbrev_np(rc - 128)));
	return rc == TOOLS_OK ? TOOLS_OK : TOOLS_MODULE;
}

char *tools_find(const char *what)
{
	char *path;

	if (strchr(what, '/') || access(what, F_OK) == 0) {
		path = realpath(what, NULL);
		if (!path)
			verify_say_absent(what);
		return path;
	}
	path = find_plugin(what, true);
	if (!path)
		module_open_plugin(what);       /* says what is there */
	return path;
}

static int usage(void)
{
	fputs("usage: swarm inspect [--json] [--timeout SECONDS] "
	    "FILE.so|FILE.c|SCRIPT|PLUGIN\n", stderr);
	return TOOLS_USAGE;
}

static int inspect(const char *what, bool json, double timeout)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	char *path = tools_find(what);
	char *compiled = NULL;
	int rc = TOOLS_MODULE;

	if (!path)
		return TOOLS_MODULE;
	/* Here, where no time limit holds; the child finds the result. */
	if (find_ends_with(path, ".c"))
		compiled = compile_source(path);
	if (!find_ends_with(path, ".c") || compiled)
		rc = inspect_in_child(json ? "--child-json" : "--child-text",
		    path, timeout, &out);
	if (rc == TOOLS_OK && (fputs(buf_str(&out), stdout) == EOF ||
	    fflush(stdout) != 0))
		rc = TOOLS_MODULE;
	buf_release(&out);
	free(compiled);
	free(path);
	return rc;
}

int module_inspect_main(int argc, char **argv)
{
	double timeout = DEFAULT_TIMEOUT;
	const char *what = NULL;
	bool json = false;

	if (argc == 3 && strncmp(argv[1], "--child-", 8) == 0)
		return child(argv[1], argv[2]);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc &&
		    parse_duration(argv[i + 1], &timeout) == 0)
			i++;
		else if (argv[i][0] == '-' || what)
			return usage();
		else
			what = argv[i];
	}
	return what ? inspect(what, json, timeout) : usage();
}

/* ---- swarm plugins ---- */

static void print_plugin(const struct find_dir *dir, const char *name,
    const struct names *seen)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	char *path = find_plugin_in(dir, name);
	const char *version = "?", *summary = "(cannot be loaded)";
	char *tab;

	if (inspect_in_child("--child-brief", path, DEFAULT_TIMEOUT,
	    &out) == TOOLS_OK && out.len > 0) {
		out.data[strcspn(out.data, "\n")] = '\0';
		tab = strchr(out.data, '\t');
		if (tab) {
			*tab = '\0';
			version = out.data;
			summary = tab + 1;
		}
	}
	printf("  %-14s %-8s %s%s\n", name, version, summary,
	    names_has(seen, name) ? " (shadowed by the one above)" : "");
	buf_release(&out);
	free(path);
}

int module_plugins_main(int argc, char **argv)
{
	struct names seen = { 0 };

	(void)argv;
	if (argc != 1) {
		fputs("usage: swarm plugins\n", stderr);
		return TOOLS_USAGE;
	}
	for (size_t i = 0; i < find_dir_count(); i++) {
		const struct find_dir *dir = find_dir_at(i);
		struct names here = { 0 };

		find_plugin_names_in(dir, &here);
		printf("%s (%s)%s\n", dir->path, dir->what,
		    here.count ? ":" : ": none");
		for (size_t k = 0; k < here.count; k++)
			print_plugin(dir, here.at[k], &seen);
		for (size_t k = 0; k < here.count; k++)
			if (!names_has(&seen, here.at[k]))
				names_add(&seen, here.at[k]);
		names_release(&here);
	}
	names_release(&seen);
	return fflush(stdout) == 0 ? TOOLS_OK : TOOLS_MODULE;
}
