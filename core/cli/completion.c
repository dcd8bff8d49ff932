/*
 * `swarm completion SHELL`: what a shell needs to complete swarm's commands
 * and options, made from the same tables as --help.
 */
#include "cli/completion.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/role.h"

static bool takes_file(const struct option *o)
{
	return o->value != NULL && (strcmp(o->value, "FILE") == 0 ||
	    strcmp(o->value, "PREFIX") == 0);
}

/* "auto|always|never": one of a few words. */
static bool takes_word(const struct option *o)
{
	return o->value != NULL && strchr(o->value, '|') != NULL;
}

static void put_words(const char *value)
{
	for (; *value; value++)
		putchar(*value == '|' ? ' ' : *value);
}

/* Inside of '...': a quote ends it, is put in, and begins it again. */
static void put_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void each(void (*fn)(const struct option *))
{
	for (const struct option *o = options_table(); o->name; o++) {
		if (o->group != NULL)
			fn(o);
	}
}

/* ---- bash ---- */

static void bash_value(const struct option *o)
{
	if (!takes_file(o) && !takes_word(o))
		return;
	printf("\t--%s%s%c)\n\t\tCOMPREPLY=($(compgen ", o->name,
	    o->letter ? "|-" : "", o->letter ? o->letter : ' ');
	if (takes_word(o)) {
		printf("-W '");
		put_words(o->value);
		printf("'");
	} else {
		printf("-f");
	}
	printf(" -- \"$word\"))\n\t\treturn\n\t\t;;\n");
}

static void bash_name(const struct option *o)
{
	printf("--%s ", o->name);
}

static void put_command(const struct command *c)
{
	printf("%s ", c->name);
}

static void bash(void)
{
	printf("# swarm: completion for bash; to be sourced\n_swarm()\n{\n"
	    "\tlocal word=\"${COMP_WORDS[COMP_CWORD]}\"\n\n"
	    "\tcase \"${COMP_WORDS[COMP_CWORD-1]}\" in\n");
	each(bash_value);
	printf("\tesac\n\tif [[ $word == -* ]]; then\n"
	    "\t\tCOMPREPLY=($(compgen -W '");
	each(bash_name);
	printf("' -- \"$word\"))\n\telif [[ $COMP_CWORD == 1 ]]; then\n"
	    "\t\tCOMPREPLY=($(compgen -W '");
	command_each(put_command);
	printf("' -- \"$word\"))\n\telse\n"
	    "\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n\tfi\n}\n"
	    "complete -o filenames -F _swarm swarm\n");
}

/* ---- zsh ---- */

/* What was given is not offered again, but for what may be repeated. */
static void zsh_option(const struct option *o)
{
	const char *again = o->kind == OPTION_LIST ? "*" : "";

	if (o->letter && *again)
		printf("\t'*'{-%c,--%s}'", o->letter, o->name);
	else if (o->letter)
		printf("\t'(-%c --%s)'{-%c,--%s}'", o->letter, o->name,
		    o->letter, o->name);
	else
		printf("\t'%s--%s", again, o->name);
	printf("[");
	put_quoted(o->help, "[]:\\");
	printf("]");
	if (o->value != NULL) {
		printf(":");
		put_quoted(o->value, ":\\");
		printf(":");
	}
	if (takes_word(o)) {
		printf("(");
		put_words(o->value);
		printf(")");
	} else if (takes_file(o)) {
		printf("_files");
	}
	printf("' \\\n");
}

static void zsh(void)
{
	printf("#compdef swarm\n# swarm: completion for zsh; to be put into "
	    "$fpath as _swarm\n_arguments -s \\\n");
	each(zsh_option);
	printf("\t'1:command:(");
	command_each(put_command);
	printf(")' \\\n\t'*:argument:_files'\n");
}

/* ---- fish ---- */

static void fish_option(const struct option *o)
{
	printf("complete -c swarm -l %s", o->name);
	if (o->letter)
		printf(" -s %c", o->letter);
	if (takes_word(o)) {
		printf(" -x -a '");
		put_words(o->value);
		printf("'");
	} else if (takes_file(o)) {
		printf(" -r -F");
	} else if (o->value != NULL) {
		printf(" -x");
	}
	printf(" -d '");
	put_quoted(o->help, "\\");
	printf("'\n");
}

static void fish_command(const struct command *c)
{
	printf("complete -c swarm -n __fish_use_subcommand -a %s -d '",
	    c->name);
	put_quoted(c->summary, "\\");
	printf("'\n");
}

static void fish(void)
{
	printf("# swarm: completion for fish; to be put into "
	    "~/.config/fish/completions/swarm.fish\n");
	command_each(fish_command);
	each(fish_option);
}

int completion_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; argc == 2 && i < 3; i++) {
		if (strcmp(argv[1], shells[i].name) != 0)
			continue;
		shells[i].print();
		return EXIT_PASSED;
	}
	printf("usage: swarm completion bash|zsh|fish\n\n"
	    "Prints what the shell needs to complete swarm's options:\n\n"
	    "  . <(swarm completion bash)\n"
	    "  swarm completion zsh > \"${fpath[1]}/_swarm\"\n"
	    "  swarm completion fish > ~/.config/fish/completions/"
	    "swarm.fish\n");
	return argc == 2 && strcmp(argv[1], "--help") == 0 ? EXIT_PASSED :
	    EXIT_USAGE;
}
