/*
 * Command words: swarm's own, from a table, and those of plugins, by the
 * interface "swarm.command/1".
 */
#include <swarm/command.h>
#include <swarm/log.h>

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/doctor.h"
#include "cli/playback.h"
#include "cli/role.h"
#include "cli/target_watch.h"
#include "cli/try.h"
#include "cluster/keys.h"
#include "module/module.h"
#include "module/tools.h"
#include "report/baseline.h"
#include "report/compare.h"
#include "report/log_main.h"
#include "report/report_main.h"
#include "user/user.h"

static int command_help(int argc, char **argv);
static int command_keys(int argc, char **argv);
static int command_version(int argc, char **argv);

static const struct command table[] = {
	{ "agent", "on the target: tell how busy that machine is",
	  target_watch_agent },
	{ "baseline", "keep results by name, to compare later runs with",
	  baseline_main },
	/* As `run` it begins a run, in main.c. */
	{ "capacity", "find the highest load within objectives",
	  command_help },
	{ "check", "test a module for what breaks in the field",
	  module_check_main },
	{ "compare", "tell whether one run is slower than another",
	  compare_main },
	{ "completion", "print what a shell needs to complete options",
	  completion_main },
	{ "doctor", "tell whether this machine can bear a load, and mend it",
	  doctor_main },
	{ "help", "this list, or the options with `swarm --help`",
	  command_help },
	{ "inspect", "print what a module or scenario offers",
	  module_inspect_main },
	{ "keys", "make the key files of an encrypted fleet", command_keys },
	{ "log", "read the log of single requests", log_main },
	{ "new", "write a scenario or a plugin to begin with",
	  module_new_main },
	{ "plugins", "list the plugins found, and where",
	  module_plugins_main },
	{ "replay", "do again what a log or a recording holds",
	  playback_main },
	{ "report", "show the results of a run again, or make a report",
	  report_main },
	{ "test", "run the cases of a test module", module_test_main },
	{ "try", "run each task of a scenario once, and say what happened",
	  try_main },
	{ "version", "print the version", command_version },
	{ NULL, NULL, NULL },
};

/* A plugin's command, between command_take() and command_setup(). */
static struct {
	struct options *options;
	struct module *module;
	const struct swarm_command *command;
	int argc;
	char **argv;
} plugin;

void command_each(void (*fn)(const struct command *))
{
	for (const struct command *c = table; c->name != NULL; c++)
		fn(c);
}

static int command_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("usage: swarm -f SCENARIO [options]\n       swarm COMMAND ...\n"
	    "\nCommands\n");
	command_print_list(stdout);
	printf("\n`swarm --help` lists the options; a plugin may offer a "
	    "command of its own name.\n");
	return EXIT_PASSED;
}

static int command_keys(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] == '-') {
		printf("usage: swarm keys FOLDER\n\n"
		    "Writes FOLDER/master.key, which stays with the master, "
		    "and FOLDER/worker.key,\nwhich goes to every worker. "
		    "Each is then told its file:\n\n"
		    "  swarm -f iot.so --master --keys master.key\n"
		    "  swarm -f iot.so --worker --keys worker.key "
		    "--master-host HOST\n");
		return argc == 2 && strcmp(argv[1], "--help") == 0 ?
		    EXIT_PASSED : EXIT_USAGE;
	}
	if (keys_generate(argv[1]) == -1)
		return EXIT_USAGE;
	printf("%s/master.key   for the master\n"
	    "%s/worker.key   for every worker\n", argv[1], argv[1]);
	return EXIT_PASSED;
}

static int command_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("swarm %s (module ABI %d.%d)\n", SWARM_VERSION,
	    SWARM_ABI_MAJOR, SWARM_ABI_MINOR);
	return EXIT_PASSED;
}

const struct command *command_find(const char *name)
{
	for (const struct command *c = table; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

void command_print_list(FILE *out)
{
	/* An option says the version too. */
	for (const struct command *c = table; c->name != NULL; c++) {
		if (c->run != command_version)
			fprintf(out, "  %-12s %s\n", c->name, c->summary);
	}
}

static void unknown_command(const char *word)
{
	const char *names[sizeof table / sizeof table[0]];
	const char *near;
	size_t n = 0;

	for (const struct command *c = table; c->name != NULL; c++)
		names[n++] = c->name;
	names[n] = NULL;
	near = parse_suggest(word, names);
	if (near != NULL)
		log_error("there is no command \"%s\"; did you mean \"%s\"?",
		    word, near);
	else
		log_error("there is no command \"%s\", and no plugin that "
		    "offers one; see swarm help", word);
}

struct search {
	struct module *module;
	const struct swarm_command *command;
	const char *word;
};

static void match(struct module *m, const struct swarm_iface *iface, void *arg)
{
	const struct swarm_command *c = (const struct swarm_command *)
	    (const void *)iface;
	struct search *s = arg;

	if (s->command == NULL && strcmp(c->name, s->word) == 0) {
		s->command = c;
		s->module = m;
	}
}

/*
 * The command `NAME` is in the plugin NAME_command, if there is one (so that
 * the interface it uses may have several providers), else in the plugin NAME.
 */
static int open_for(const char *word)
{
	char *own = xasprintf("%s_command", word);
	const char *name = module_exists(own) ? own : word;
	int rc = -1;

	if (!module_exists(name))
		unknown_command(word);
	else if (module_open_plugin(name) != NULL)
		rc = 0;
	free(own);
	return rc;
}

int command_take(struct options *o, int at, int *argc, char **argv)
{
	struct search s = { .word = argv[at] };
	int end = at;
	int left = at;

	while (end < *argc && strcmp(argv[end], "--") != 0)
		end++;
	if (open_for(argv[at]) == -1)
		return -1;
	module_each_export(SWARM_COMMAND_ID, match, &s);
	if (s.command == NULL) {
		log_error("the plugin %s offers no command; write a scenario "
		    "for it and run it with -f", argv[at]);
		return -1;
	}
	plugin.options = o;
	plugin.module = s.module;
	plugin.command = s.command;
	plugin.argc = end - at;
	plugin.argv = xcalloc((size_t)plugin.argc + 1,
	    sizeof plugin.argv[0]);
	/* Copies: a command cuts its words up, and workers are started with
	 * them whole. */
	for (int i = 0; i < plugin.argc; i++)
		plugin.argv[i] = xstrdup(argv[at + i]);
	if (plugin.command->prepare != NULL &&
	    plugin.command->prepare(plugin.argc, plugin.argv) == -1)
		return -1;
	/* What follows "--" is swarm's own. */
	for (int i = end + 1; i < *argc; i++)
		argv[left++] = argv[i];
	argv[left] = NULL;
	*argc = left;
	return 0;
}

const struct swarm_command *command_taken(void)
{
	return plugin.command;
}

int command_setup(void)
{
	for (int i = 1; i < plugin.argc; i++) {
		if (strcmp(plugin.argv[i], "--help") == 0) {
			printf("%s", plugin.command->help);
			return SWARM_COMMAND_DONE;
		}
	}
	user_class_set_owner(plugin.module->name, &plugin.module->def);
	return plugin.command->setup(plugin.argc, plugin.argv);
}

SWARM_API int swarm_run_option(const char *name, const char *value)
{
	if (plugin.options == NULL) {
		log_error("swarm_run_option() is for a command's setup()");
		return -1;
	}
	/* Not through the table, which is read later, and where the user's
	 * own would replace them. */
	if (strcmp(name, "option") == 0)
		return module_set_option(value);
	if (strcmp(name, "plugin") == 0)
		return module_open_plugin(value) == NULL ? -1 : 0;
	return options_default(plugin.options, name, value);
}
