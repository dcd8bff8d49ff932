/*
 * `swarm new scenario NAME --from-KIND WHAT`: what a recording or a pasted
 * command says, as a scenario.  The kinds are those of the plugins' commands;
 * nothing here knows one.
 */
#include "module/internal.h"
#include "module/tools.h"

#include <swarm/command.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
	const char *kind;
	const struct swarm_command *found;
	struct names known;
};

/* Whether "har,curl" has the kind in it; notes all of them. */
static void match(struct module *m, const struct swarm_iface *iface, void *arg)
{
	const struct swarm_command *c = (const struct swarm_command *)
	    (const void *)iface;
	struct search *s = arg;
	const char *at = iface->minor >= 2 ? c->from : NULL;

	(void)m;
	while (at && *at) {
		size_t len = strcspn(at, ",");

		names_take(&s->known, xstrndup(at, len));
		if (strlen(s->kind) == len && strncmp(at, s->kind, len) == 0)
			s->found = c;
		at += len + (at[len] == ',');
	}
}

static void open_commands(void)
{
	struct names all = { 0 };

	find_plugin_names(&all);
	for (size_t i = 0; i < all.count; i++)
		if (find_ends_with(all.at[i], "_command"))
			module_open_plugin(all.at[i]);
	names_release(&all);
}

static int say_no_kind(const struct search *s)
{
	char *list = names_join(&s->known, "none; is swarm installed whole?");

	log_error("no plugin writes scenarios from \"%s\"; there are: %s",
	    s->kind, list);
	free(list);
	return TOOLS_USAGE;
}

int module_new_from(const char *kind, const char *what, const char *to)
{
	struct search s = { .kind = kind };
	char *option = xasprintf("--from-%s", kind);
	char *words[6] = { NULL };
	int rc = TOOLS_USAGE;

	open_commands();
	module_each_export(SWARM_COMMAND_ID, match, &s);
	if (!s.found) {
		rc = say_no_kind(&s);
	} else if (access(to, F_OK) == 0) {
		log_error("%s is there already; choose another name, or "
		    "remove it first", to);
	} else {
		words[0] = xstrdup(s.found->name);
		words[1] = option;
		words[2] = xstrdup(what);
		words[3] = xstrdup("-o");
		words[4] = xstrdup(to);
		if ((!s.found->prepare || s.found->prepare(5, words) == 0) &&
		    s.found->setup(5, words) == SWARM_COMMAND_DONE) {
			printf("created %s\nnext:  swarm try %s\n"
			    "then:  swarm -f %s\n", to, to, to);
			rc = TOOLS_OK;
		}
		free(words[0]);
		free(words[2]);
		free(words[3]);
		free(words[4]);
	}
	names_release(&s.known);
	free(option);
	return rc;
}
