/*
 * Reading backslash commands: a name, then words or an expression, up to the
 * end of the line; a backslash right before that end continues it.
 */
#include "pgs_meta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum pgs_kind kind;
	enum pgs_store store;
	int max_args;
	bool has_expr;
} commands[] = {
	{ "set", PGS_SET, PGS_STORE_NOT, 0, true },
	{ "if", PGS_IF, PGS_STORE_NOT, 0, true },
	{ "elif", PGS_ELIF, PGS_STORE_NOT, 0, true },
	{ "else", PGS_ELSE, PGS_STORE_NOT, 0, false },
	{ "endif", PGS_ENDIF, PGS_STORE_NOT, 0, false },
	{ "sleep", PGS_SLEEP, PGS_STORE_NOT, 2, false },
	{ "gset", PGS_SQL, PGS_STORE_GSET, 1, false },
	{ "aset", PGS_SQL, PGS_STORE_ASET, 1, false },
	{ "startpipeline", PGS_STARTPIPELINE, PGS_STORE_NOT, 0, false },
	{ "syncpipeline", PGS_SYNCPIPELINE, PGS_STORE_NOT, 0, false },
	{ "endpipeline", PGS_ENDPIPELINE, PGS_STORE_NOT, 0, false },
	{ "shell", PGS_SHELL, PGS_STORE_NOT, PGS_META_ARGS, false },
	{ "setshell", PGS_SETSHELL, PGS_STORE_NOT, PGS_META_ARGS, false },
};

static int fail(const struct pgs_source *src, const struct pgs_meta *meta,
    const char *what, const char *more)
{
	char text[200];

	snprintf(text, sizeof(text), "%.100s%s%.40s%s in \\%.30s", what,
	    *more ? " (" : "", more, *more ? ")" : "",
	    meta->argc > 0 ? meta->argv[0] : "");
	return pgs_script_error(src, meta->line, text);
}

/* The length of a continuation at pos, or 0. */
static size_t continues(const struct pgs_source *src, size_t pos)
{
	const char *t = src->text + pos;
	size_t left = src->len - pos;

	if (left >= 2 && t[0] == '\\' && t[1] == '\n')
		return 2;
	if (left >= 3 && t[0] == '\\' && t[1] == '\r' && t[2] == '\n')
		return 3;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void skip_blanks(const struct pgs_source *src, size_t *pos)
{
	while (*pos < src->len) {
		size_t n = continues(src, *pos);

		if (n == 0 && is_blank(src->text[*pos]))
			n = 1;
		if (n == 0)
			return;
		*pos += n;
	}
}

static size_t line_end(const struct pgs_source *src, size_t pos)
{
	while (pos < src->len && src->text[pos] != '\n') {
		size_t n = continues(src, pos);

		pos += n ? n : 1;
	}
	return pos;
}

/* The next word of the line; 1, or 0 at the line's end, or -1. */
static int read_word(const struct pgs_source *src, size_t *pos,
    struct pgs_meta *meta)
{
	size_t start;

	skip_blanks(src, pos);
	start = *pos;
	while (*pos < src->len && !is_blank(src->text[*pos]) &&
	    src->text[*pos] != '\n' && continues(src, *pos) == 0)
		++*pos;
	if (*pos == start)
		return 0;
	if (meta->argc == PGS_META_ARGS)
		return fail(src, meta, "too many arguments", "");
	meta->argv[meta->argc] = strndup(src->text + start, *pos - start);
	if (meta->argv[meta->argc] == NULL)
		return fail(src, meta, "out of memory", "");
	meta->argc++;
	return 1;
}

static int find_command(const struct pgs_source *src,
    const struct pgs_meta *meta)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcasecmp(commands[i].name, meta->argv[0]) == 0)
			return (int)i;
	}
	return fail(src, meta, "invalid command", "");
}

int pgs_meta_read(struct pgs_source *src, size_t *pos, int line,
    struct pgs_meta *meta)
{
	int found;
	int rc;

	memset(meta, 0, sizeof(*meta));
	meta->line = line;
	rc = read_word(src, pos, meta);
	if (rc == 0)
		return pgs_script_error(src, line,
		    "a backslash without a command");
	if (rc == -1)
		return -1;
	found = find_command(src, meta);
	if (found == -1)
		return -1;
	meta->kind = commands[found].kind;
	meta->store = commands[found].store;
	if (meta->kind == PGS_SET) {
		rc = read_word(src, pos, meta);
		if (rc == 0)
			return fail(src, meta, "missing argument", "");
		if (rc == -1)
			return -1;
	}
	if (commands[found].has_expr) {
		meta->expr_start = *pos;
		meta->expr_end = *pos = line_end(src, *pos);
		return 0;
	}
	do
		rc = read_word(src, pos, meta);
	while (rc == 1);
	*pos = line_end(src, *pos);
	if (rc == 0 && meta->argc - 1 > commands[found].max_args)
		return fail(src, meta, commands[found].max_args == 0 ?
		    "unexpected argument" : "too many arguments", "");
	return rc;
}

void pgs_meta_release(struct pgs_meta *meta)
{
	while (meta->argc > 0)
		free(meta->argv[--meta->argc]);
}

static int finish_expr(struct pgs_source *src, const struct pgs_meta *meta,
    struct pgs_command *command)
{
	struct pgs_error why;
	char column[40];
	size_t at;
	size_t start;

	if (pgs_expr_parse(&command->expr, src->names,
	    src->text + meta->expr_start, meta->expr_end - meta->expr_start,
	    &why, &at) == -1) {
		at += meta->expr_start;
		for (start = at; start > 0 && src->text[start - 1] != '\n';)
			start--;
		snprintf(column, sizeof(column), "column %zu",
		    at - start + 1);
		return fail(src, meta, why.text, column);
	}
	if (command->expr.depth > src->script->stack_depth)
		src->script->stack_depth = command->expr.depth;
	return 0;
}

static int finish_set(struct pgs_source *src, const struct pgs_meta *meta,
    struct pgs_command *command)
{
	const char *name = meta->argv[1];

	if (!pgs_names_valid(name))
		return fail(src, meta, "invalid variable name", name);
	command->slot = pgs_names_add(src->names, name, strlen(name));
	if (command->slot == -1)
		return fail(src, meta, "too many variables", "");
	return finish_expr(src, meta, command);
}

static int set_unit(struct pgs_source *src, const struct pgs_meta *meta,
    const char *unit, struct pgs_command *command)
{
	if (*unit == '\0' || strcasecmp(unit, "s") == 0)
		command->unit_us = 1000000;
	else if (strcasecmp(unit, "ms") == 0)
		command->unit_us = 1000;
	else if (strcasecmp(unit, "us") == 0)
		command->unit_us = 1;
	else
		return fail(src, meta,
		    "unrecognized time unit, must be us, ms or s", unit);
	return 0;
}

static int finish_sleep(struct pgs_source *src, const struct pgs_meta *meta,
    struct pgs_command *command)
{
	const char *arg;
	const char *unit = "";
	char *end;
	long amount;

	if (meta->argc < 2)
		return fail(src, meta, "missing argument", "");
	if (meta->argc > 2)
		unit = meta->argv[2];
	arg = meta->argv[1];
	if (arg[0] == ':') {
		if (!pgs_names_valid(arg + 1))
			return fail(src, meta, "invalid variable name", arg);
		command->slot = pgs_names_add(src->names, arg + 1,
		    strlen(arg + 1));
		if (command->slot == -1)
			return fail(src, meta, "too many variables", "");
		return set_unit(src, meta, unit, command);
	}
	errno = 0;
	amount = strtol(arg, &end, 10);
	if (end == arg || errno != 0 || amount > INT32_MAX ||
	    amount < INT32_MIN || (*end != '\0' && meta->argc > 2))
		return fail(src, meta,
		    "invalid sleep time, must be an integer", arg);
	command->amount = amount;
	return set_unit(src, meta, *end != '\0' ? end : unit, command);
}

/* One word behind those of before; a word that is :name stands for the
 * variable's value, one that begins with two colons for itself with one. */
static int add_word(struct pgs_source *src, const struct pgs_meta *meta,
    struct pgs_command *command, const char *word)
{
	struct pgs_part *part = &command->parts[command->part_count];
	size_t n;

	part->slot = -1;
	part->start = command->len;
	if (word[0] == ':' && word[1] != ':') {
		if (!pgs_names_valid(word + 1))
			return fail(src, meta, "invalid variable name", word);
		part->slot = pgs_names_add(src->names, word + 1,
		    strlen(word + 1));
		if (part->slot == -1)
			return fail(src, meta, "too many variables", "");
	}
	n = strlen(word += word[0] == ':');
	memcpy(command->text + command->len, word, n);
	part->len = n;
	command->len += n;
	command->part_count++;
	return 0;
}

/* The program's words, and before them the variable of \setshell. */
static int finish_shell(struct pgs_source *src, const struct pgs_meta *meta,
    struct pgs_command *command)
{
	int first = command->kind == PGS_SETSHELL ? 2 : 1;
	size_t size = 1;
	int i;

	if (meta->argc <= first)
		return fail(src, meta, "missing argument", "");
	if (first == 2) {
		if (!pgs_names_valid(meta->argv[1]))
			return fail(src, meta, "invalid variable name",
			    meta->argv[1]);
		command->slot = pgs_names_add(src->names, meta->argv[1],
		    strlen(meta->argv[1]));
		if (command->slot == -1)
			return fail(src, meta, "too many variables", "");
	}
	for (i = first; i < meta->argc; i++)
		size += strlen(meta->argv[i]);
	command->text = malloc(size);
	command->parts = calloc((size_t)meta->argc, sizeof(*command->parts));
	if (command->text == NULL || command->parts == NULL)
		return fail(src, meta, "out of memory", "");
	for (i = first; i < meta->argc; i++) {
		if (add_word(src, meta, command, meta->argv[i]) == -1)
			return -1;
	}
	command->text[command->len] = '\0';
	return 0;
}

int pgs_meta_finish(struct pgs_source *src, const struct pgs_meta *meta,
    struct pgs_command *command)
{
	switch (command->kind) {
	case PGS_SET:
		return finish_set(src, meta, command);
	case PGS_IF:
	case PGS_ELIF:
		return finish_expr(src, meta, command);
	case PGS_SLEEP:
		return finish_sleep(src, meta, command);
	case PGS_SHELL:
	case PGS_SETSHELL:
		return finish_shell(src, meta, command);
	default:
		return 0;
	}
}
