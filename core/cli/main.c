/*
 * swarm: which role this process plays.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include <swarm/command.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cli/author.h"
#include "cli/command.h"
#include "cli/find_capacity.h"
#include "cli/playback.h"
#include "cli/role.h"
#include "cluster/crash_send.h"
#include "module/module.h"

#define WIDTH 76

/* Before any library sizes its tables by it. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int set_log_level(const struct options *o)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "DEBUG", LOG_LEVEL_DEBUG }, { "INFO", LOG_LEVEL_INFO },
		{ "WARNING", LOG_LEVEL_WARN }, { "WARN", LOG_LEVEL_WARN },
		{ "ERROR", LOG_LEVEL_ERROR }, { "CRITICAL", LOG_LEVEL_ERROR },
	};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcasecmp(o->loglevel, levels[i].name) == 0) {
			log_set_level(o->debug ? LOG_LEVEL_DEBUG :
			    levels[i].level);
			return 0;
		}
	}
	log_error("--loglevel %s: use DEBUG, INFO, WARNING or ERROR",
	    o->loglevel);
	return -1;
}

static int open_log_file(const struct options *o)
{
	if (o->logfile == NULL)
		return 0;
	if (freopen(o->logfile, "ae", stderr) == NULL) {
		fprintf(stdout, "swarm: cannot write the log file %s: %m\n",
		    o->logfile);
		return -1;
	}
	setvbuf(stderr, NULL, _IOLBF, 0);
	return 0;
}

/* Their names alone: the whole is to fit a terminal of 24 lines. */
static void print_name(const struct command *c)
{
	static int column;

	if (column + (int)strlen(c->name) + 1 > WIDTH) {
		putchar('\n');
		column = 0;
	}
	column += printf(column == 0 ? "  %s" : " %s", c->name);
}

static void print_start(void)
{
	printf("swarm %s: load testing of many protocols\n\n"
	    "usage: swarm -f SCENARIO [options]     (swarm --help lists "
	    "them)\n       swarm COMMAND ...                "
	    "(swarm help does)\n\nCommands\n",
	    SWARM_VERSION);
	command_each(print_name);
	printf("\n");
	printf("\nExamples\n"
	    "  swarm new scenario shop     a scenario to begin with\n"
	    "  swarm try shop.c            each of its tasks once\n"
	    "  swarm -f shop.c -H URL --headless -u 200 -r 50 -t 30s\n");
}

/* Questions that need no run.  The exit code, or -1 to go on. */
static int answer(const struct options *o)
{
	if (o->list)
		return module_print_list() == -1 ? EXIT_MODULE : EXIT_PASSED;
	if (o->dump != NULL) {
		for (size_t i = 0; i < module_count(); i++) {
			if (strcmp(module_at(i)->name, o->dump) == 0)
				return module_print_dump(module_at(i)) == -1 ?
				    EXIT_MODULE : EXIT_PASSED;
		}
		log_error("--dump %s: no such module; see --list", o->dump);
		return EXIT_USAGE;
	}
	if (o->show_task_ratio || o->show_task_ratio_json)
		return ratio_print(o->show_task_ratio_json);
	return -1;
}

static int run(struct options *o, int argc, char **argv)
{
	int command;
	int rc;

	if (set_log_level(o) == -1 || open_log_file(o) == -1)
		return EXIT_USAGE;
	if (o->master + o->worker + o->relay > 1) {
		log_error("--master, --worker and --relay exclude each other: "
		    "start one process for each");
		return EXIT_USAGE;
	}
	if (o->accept_modules && !o->worker && !o->relay &&
	    o->local_worker == NULL) {
		log_error("--accept-modules is a --worker's or a --relay's; a "
		    "master needs -f, and may --send-modules");
		return EXIT_USAGE;
	}
	if (o->worker || o->local_worker != NULL)
		return role_worker(o);
	if (o->dump != NULL && module_exists(o->dump))
		module_open_plugin(o->dump);
	rc = role_load_modules(o, &command);
	if (rc != EXIT_PASSED)
		return rc;
	rc = answer(o);
	if (rc != -1)
		return rc;
	if (command == SWARM_COMMAND_DONE)
		return EXIT_PASSED;
	if (command == SWARM_COMMAND_ONCE)
		return role_once(o, command_taken()->once);
	if (o->relay)
		return role_relay(o, argv);
	return role_master(o, argc, argv);
}

/* argv as given; `own` is what is left for swarm's own options. */
static int start(int argc, char **argv)
{
	struct options o = { 0 };
	const struct command *c;
	char **own = xcalloc((size_t)argc + 1, sizeof own[0]);
	int own_argc = argc;
	bool capacity = false;
	bool replay = false;
	int first = 1;
	int rc;

	memcpy(own, argv, (size_t)argc * sizeof own[0]);
	if (argc > 2 && strcmp(argv[1], "--local-worker") == 0)
		first = 3;
	if (argc > first && (strcmp(argv[first], "run") == 0 ||
	    strcmp(argv[first], "capacity") == 0)) {
		capacity = argv[first][0] == 'c';
		memmove(own + first, own + first + 1,
		    (size_t)(argc - first) * sizeof own[0]);
		own_argc--;
		if (capacity)
			find_capacity_words(own_argc, own);
	} else if (playback_word(argc - first, own + first)) {
		replay = true;
	} else if (argc > first && argv[first][0] != '-') {
		c = command_find(argv[first]);
		if (c != NULL || command_take(&o, first, &own_argc, own) ==
		    -1) {
			free(own);
			return c != NULL ? c->run(argc - first, argv + first) :
			    EXIT_USAGE;
		}
	}
	if (options_parse(&o, own_argc, own) == -1 ||
	    (capacity && find_capacity_defaults(&o) == -1) ||
	    (replay && playback_defaults(&o) == -1)) {
		rc = EXIT_USAGE;
	} else if (o.help) {
		options_print_help(stdout, false);
		rc = EXIT_PASSED;
	} else if (o.version) {
		rc = command_find("version")->run(0, NULL);
	} else {
		rc = run(&o, argc, argv);
	}
	options_release(&o);
	free(own);
	return rc;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	/* A file at its limit (ulimit -f) is an error like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	raise_descriptor_limit();
	module_init(argv[0]);
	author_init();
	if (argc == 5 && strcmp(argv[1], CRASH_SEND_OPTION) == 0)
		return crash_send(argv[2], argv[3], argv[4]);
	if (argc == 1) {
		print_start();
		return EXIT_USAGE;
	}
	return start(argc, argv);
}
