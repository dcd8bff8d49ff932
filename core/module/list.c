/*
 * What modules offer, for people and scripts: one key=value line each, keys of
 * letters, digits, ".", "_" and "-", values to the end of the line with
 * backslash, newline and carriage return written \\ \n \r.
 */
#include "module/internal.h"

#include <swarm/user.h>

#include "base/xalloc.h"
#include "user/user.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 2))) static void line(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (const char *s = text; *s; s++) {
		if (*s == '\n')
			fputs("\\n", stdout);
		else if (*s == '\r')
			fputs("\\r", stdout);
		else if (*s == '\\')
			fputs("\\\\", stdout);
		else
			putchar(*s);
	}
	putchar('\n');
	free(text);
}

void list_element(void *out, size_t size, const void *list, size_t stride,
    size_t i)
{
	memset(out, 0, size);
	if (list)
		memcpy(out, (const char *)list + i * stride,
		    stride < size ? stride : size);
}

bool module_user_at(const struct module *m, size_t i,
    struct swarm_user_class *out)
{
	list_element(out, sizeof(*out), m->def.users, m->def.user_size, i);
	return out->name != NULL;
}

bool module_task_at(const struct module *m, const struct swarm_user_class *c,
    size_t i, struct swarm_task *out)
{
	list_element(out, sizeof(*out), c->tasks, m->def.task_size, i);
	return out->name != NULL;
}

static void print_user(const char *name, unsigned fixed_count, double weight)
{
	line("user=%s", name);
	if (fixed_count)
		line("user.%s.fixed_count=%u", name, fixed_count);
	else
		line("user.%s.weight=%g", name, weight > 0 ? weight : 1);
}

static void print_users(const struct module *m)
{
	struct swarm_user_class c;
	struct swarm_task t;

	for (size_t i = 0; module_user_at(m, i, &c); i++) {
		print_user(c.name, c.fixed_count, c.weight);
		for (size_t k = 0; module_task_at(m, &c, k, &t); k++)
			line("user.%s.task.%s.weight=%u", c.name, t.name,
			    t.weight ? t.weight : 1);
	}
}

static void print_field(const char *name, const char *value, void *executor)
{
	line("executor.%s.%s=%s", (const char *)executor, name, value);
}

static void print_executors(const struct module *m)
{
	struct swarm_executor e;

	for (size_t i = 0; module_executor_at(m, i, &e); i++) {
		line("executor=%s", e.name);
		module_executor_fields(&e, print_field,
		    (void *)(uintptr_t)e.name);
	}
}

/* Those of setup(), if that has been called. */
static void print_added(const struct module *m)
{
	struct swarm_user_class declared;

	for (size_t i = 0; i < user_class_count(); i++) {
		const struct user_class *c = user_class_at(i);
		size_t k = 0;

		if (strcmp(c->module, m->name) != 0)
			continue;
		while (module_user_at(m, k, &declared) &&
		    strcmp(declared.name, c->name) != 0)
			k++;
		if (declared.name)
			continue;
		print_user(c->name, c->def.fixed_count, c->def.weight);
		for (size_t t = 0; t < c->root.task_count; t++)
			line("user.%s.task.%s.weight=%u", c->name,
			    c->root.tasks[t].name, c->root.tasks[t].weight);
	}
}

int module_print_list(void)
{
	for (size_t i = 0; i < module_count(); i++) {
		const struct module *m = module_at(i);

		line("module=%s", m->name);
		line("module.%s.path=%s", m->name, m->path);
		print_users(m);
		print_added(m);
		print_executors(m);
	}
	return fflush(stdout) == 0 ? 0 : -1;
}

static void print_interfaces(const struct module *m)
{
	struct swarm_export x;

	for (size_t i = 0; bind_export_at(m, i, &x); i++) {
		line("export=%s", x.id);
		line("export.%s.minor=%u", x.id, x.iface->minor);
	}
	for (const struct swarm_import *p = m->imports; p; p = p->next) {
		line("import=%s", p->id);
		line("import.%s.minor=%u", p->id, p->minor);
	}
}

static void print_option(const struct swarm_option *o)
{
	const char *type = module_option_type_name(o->type);

	line("option=%s", o->name);
	line("option.%s.type=%s", o->name, type ? type : "unknown");
	if (o->deflt && !(o->flags & SWARM_SECRET))
		line("option.%s.default=%s", o->name, o->deflt);
	if (o->choices)
		line("option.%s.choices=%s", o->name, o->choices);
	if (o->flags & SWARM_REQUIRED)
		line("option.%s.required=true", o->name);
	if (o->flags & SWARM_SECRET)
		line("option.%s.secret=true", o->name);
	line("option.%s.help=%s", o->name, o->help ? o->help : "");
}

int module_print_dump(const struct module *m)
{
	struct swarm_option o;

	line("name=%s", m->name);
	line("path=%s", m->path);
	if (m->source)
		line("source=%s", m->source);
	line("sha256=%s", m->sha256);
	line("abi=%u.%u", m->def.abi_major, m->def.abi_minor);
	line("version=%s", m->def.version ? m->def.version : "");
	line("summary=%s", m->def.summary ? m->def.summary : "");
	if (m->def.help)
		line("help=%s", m->def.help);
	print_interfaces(m);
	for (size_t i = 0; module_option_at(m, i, &o); i++)
		print_option(&o);
	print_users(m);
	print_added(m);
	print_executors(m);
	return fflush(stdout) == 0 ? 0 : -1;
}

int module_print_help(const struct module *m)
{
	struct swarm_option o;
	bool any = false;

	printf("%s%s%s%s%s\n", m->name, m->def.version ? " " : "",
	    m->def.version ? m->def.version : "", m->def.summary ? ": " : "",
	    m->def.summary ? m->def.summary : "");
	if (m->def.help)
		printf("\n%s\n", m->def.help);
	for (size_t i = 0; module_option_at(m, i, &o); i++) {
		const char *type = module_option_type_name(o.type);

		if (!any)
			printf("\nOptions:\n");
		any = true;
		printf("  -o %s.%s=%s\n      %s", m->name, o.name, o.choices ?
		    o.choices : type ? type : "unknown", o.help ? o.help :
		    "(no description)");
		if (o.flags & SWARM_REQUIRED)
			printf("; must be given");
		else if (o.deflt && o.deflt[0] && !(o.flags & SWARM_SECRET))
			printf("; default %s", o.deflt);
		printf("\n");
	}
	return fflush(stdout) == 0 ? 0 : -1;
}
