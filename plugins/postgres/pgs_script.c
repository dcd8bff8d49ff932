/*
 * From the text of a script to its commands.
 */
#include "pgs_script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pgs_meta.h"
#include "pgs_sql.h"

#define TITLE_MAX 60

int pgs_script_error(const struct pgs_source *src, int line,
    const char *what)
{
	return pgs_error_set(src->err, "%.100s:%d: %.140s",
	    src->script->name, line, what);
}

static int no_memory(const struct pgs_source *src)
{
	return pgs_error_set(src->err, "%.100s: out of memory",
	    src->script->name);
}

static struct pgs_command *add_command(struct pgs_source *src,
    enum pgs_kind kind, int line)
{
	struct pgs_script *script = src->script;
	struct pgs_command *command;

	if (script->count >= PGS_COMMANDS_MAX) {
		pgs_script_error(src, line, "too many commands");
		return NULL;
	}
	if (script->count == script->cap) {
		size_t cap = script->cap ? script->cap * 2 : 16;
		struct pgs_command *grown = realloc(script->commands,
		    cap * sizeof(*grown));

		if (grown == NULL) {
			no_memory(src);
			return NULL;
		}
		script->commands = grown;
		script->cap = cap;
	}
	command = &script->commands[script->count++];
	memset(command, 0, sizeof(*command));
	command->kind = kind;
	command->line = line;
	command->slot = -1;
	return command;
}

/* The first line, blanks squeezed, cut at a limit. */
static char *make_title(const char *text)
{
	char title[TITLE_MAX + 4];
	size_t n = 0;

	for (; *text != '\0' && *text != '\n' && n < TITLE_MAX; text++) {
		bool blank = isspace((unsigned char)*text);

		if (!blank)
			title[n++] = *text;
		else if (n > 0 && title[n - 1] != ' ')
			title[n++] = ' ';
	}
	while (n > 0 && (title[n - 1] == ' ' || title[n - 1] == ';'))
		n--;
	title[n] = '\0';
	if (*text != '\0' && n >= TITLE_MAX - 2)
		memcpy(title + n, "...", 4);
	return strdup(title);
}

static int add_part(struct pgs_source *src, struct pgs_command *command,
    const struct pgs_part *part)
{
	struct pgs_part *grown;

	grown = realloc(command->parts,
	    (command->part_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return no_memory(src);
	command->parts = grown;
	command->parts[command->part_count++] = *part;
	return 0;
}

/* Cuts the text at each :name.  Quotes are not looked at, as in pgbench; two
 * colons are a cast. */
static int cut_parts(struct pgs_source *src, struct pgs_command *command)
{
	const char *text = command->text;
	struct pgs_part part = { .slot = -1 };
	size_t i = 0;

	while (i < command->len) {
		size_t n;

		if (text[i] != ':') {
			i++;
			continue;
		}
		n = pgs_names_span(text + i + 1);
		if (n == 0) {
			while (text[i] == ':')
				i++;
			continue;
		}
		part.slot = pgs_names_add(src->names, text + i + 1, n);
		if (part.slot == -1)
			return pgs_script_error(src, command->line,
			    "too many variables");
		part.len = i - part.start;
		part.reference = n + 1;
		if (add_part(src, command, &part) == -1)
			return -1;
		i += n + 1;
		part = (struct pgs_part){ .start = i, .slot = -1 };
	}
	part.len = command->len - part.start;
	return add_part(src, command, &part);
}

/* The same text with $1, $2, … for servers to parse. */
static int number_parts(struct pgs_source *src, struct pgs_command *command)
{
	size_t count = command->part_count - 1;
	size_t n = 0;
	size_t i;

	if (count > PGS_PARAMS_MAX)
		return pgs_script_error(src, command->line,
		    "the statement has more than 255 variables");
	/* "$255" is at most two bytes longer than ":x". */
	command->numbered = malloc(command->len + count * 2 + 1);
	command->params = calloc(count + 1, sizeof(*command->params));
	if (command->numbered == NULL || command->params == NULL)
		return no_memory(src);
	for (i = 0; i < command->part_count; i++) {
		const struct pgs_part *part = &command->parts[i];
		struct pgs_value number = pgs_value_int((int64_t)i + 1);

		memcpy(command->numbered + n, command->text + part->start,
		    part->len);
		n += part->len;
		if (part->slot == -1)
			break;
		command->params[i] = part->slot;
		command->numbered[n++] = '$';
		n += pgs_value_to_text(&number, command->numbered + n, 8);
	}
	command->numbered[n] = '\0';
	command->param_count = (int)count;
	return 0;
}

static int add_sql(struct pgs_source *src, const char *sql, size_t len,
    int line)
{
	struct pgs_command *command = add_command(src, PGS_SQL, line);

	if (command == NULL)
		return -1;
	command->text = strndup(sql, len);
	command->title = make_title(sql);
	if (command->text == NULL || command->title == NULL)
		return no_memory(src);
	command->len = strlen(command->text);
	if (cut_parts(src, command) == -1)
		return -1;
	return number_parts(src, command);
}

/* \gset and \aset belong to the statement before them. */
static int attach_store(struct pgs_source *src,
    const struct pgs_meta *meta)
{
	struct pgs_script *script = src->script;
	struct pgs_command *command;
	const char *prefix = meta->argc > 1 ? meta->argv[1] : "";

	if (script->count == 0)
		return pgs_script_error(src, meta->line,
		    "\\gset must follow an SQL command");
	command = &script->commands[script->count - 1];
	if (command->kind != PGS_SQL || command->store != PGS_STORE_NOT)
		return pgs_script_error(src, meta->line,
		    "\\gset must follow an SQL command");
	command->prefix = strdup(prefix);
	if (command->prefix == NULL)
		return no_memory(src);
	command->store = meta->store;
	return 0;
}

static int add_meta(struct pgs_source *src, struct pgs_meta *meta)
{
	struct pgs_command *command;

	if (meta->store != PGS_STORE_NOT)
		return attach_store(src, meta);
	command = add_command(src, meta->kind, meta->line);
	if (command == NULL)
		return -1;
	command->title = make_title(meta->argv[0]);
	if (command->title == NULL)
		return no_memory(src);
	return pgs_meta_finish(src, meta, command);
}

/* ---- branches ---- */

struct branch {
	size_t start;                   /* the \if */
	size_t last;                    /* the last \if, \elif or \else */
};

/* From the \endif back to the \if, every branch learns where it ends. */
static void close_branch(struct pgs_script *script, size_t at,
    const struct branch *branch)
{
	size_t i = branch->start;

	script->commands[branch->last].otherwise = at;
	for (;;) {
		size_t following = script->commands[i].otherwise;

		script->commands[i].end = at;
		if (i == branch->last)
			break;
		i = following;
	}
	script->commands[at].end = at;
}

static const char *link_one(struct pgs_script *script, size_t at,
    struct branch *stack, size_t *depth)
{
	struct pgs_command *command = &script->commands[at];
	struct branch *top = *depth > 0 ? &stack[*depth - 1] : NULL;

	switch (command->kind) {
	case PGS_IF:
		if (*depth == PGS_NESTING_MAX)
			return "\\if is nested too deeply";
		stack[(*depth)++] = (struct branch){ at, at };
		return NULL;
	case PGS_ELIF:
	case PGS_ELSE:
		if (top == NULL)
			return command->kind == PGS_ELIF ?
			    "\\elif without matching \\if" :
			    "\\else without matching \\if";
		if (script->commands[top->last].kind == PGS_ELSE)
			return command->kind == PGS_ELIF ?
			    "\\elif after \\else" : "\\else after \\else";
		script->commands[top->last].otherwise = at;
		top->last = at;
		return NULL;
	case PGS_ENDIF:
		if (top == NULL)
			return "\\endif without matching \\if";
		close_branch(script, at, top);
		(*depth)--;
		return NULL;
	default:
		return NULL;
	}
}

static int link_branches(struct pgs_source *src)
{
	struct pgs_script *script = src->script;
	struct branch stack[PGS_NESTING_MAX];
	size_t depth = 0;
	size_t i;

	for (i = 0; i < script->count; i++) {
		const char *wrong = link_one(script, i, stack, &depth);

		if (wrong != NULL)
			return pgs_script_error(src,
			    script->commands[i].line, wrong);
	}
	if (depth > 0)
		return pgs_script_error(src,
		    script->commands[stack[depth - 1].start].line,
		    "\\if without matching \\endif");
	return 0;
}

/* ---- the whole ---- */

static int count_lines(const char *text, size_t from, size_t to)
{
	int n = 0;

	for (; from < to; from++)
		n += text[from] == '\n';
	return n;
}

static int parse_meta(struct pgs_source *src, size_t *pos, int line)
{
	struct pgs_meta meta;
	int rc = pgs_meta_read(src, pos, line, &meta);

	if (rc == 0)
		rc = add_meta(src, &meta);
	pgs_meta_release(&meta);
	return rc;
}

static int parse_commands(struct pgs_source *src, char *sql)
{
	enum pgs_sql_end end;
	size_t counted = 0;
	size_t pos = 0;
	int line = 1;

	do {
		size_t start;
		size_t n;

		end = pgs_sql_scan(src->text, src->len, &pos, sql, &n,
		    &start);
		if (n > 0) {
			line += count_lines(src->text, counted, start);
			counted = start;
			if (add_sql(src, sql, n, line) == -1)
				return -1;
		}
		line += count_lines(src->text, counted, pos);
		counted = pos;
		if (end == PGS_SQL_BACKSLASH &&
		    parse_meta(src, &pos, line) == -1)
			return -1;
	} while (end != PGS_SQL_EOF);
	return 0;
}

int pgs_script_parse(struct pgs_script *script, struct pgs_names *names,
    const char *name, const char *text, size_t len, struct pgs_error *err)
{
	struct pgs_source src = { .script = script, .names = names,
		.text = text, .len = len, .err = err };
	char *sql;
	int rc;

	memset(script, 0, sizeof(*script));
	script->weight = 1;
	script->name = strdup(name);
	if (script->name == NULL)
		return pgs_error_set(err, "out of memory");
	if (len > PGS_SCRIPT_MAX)
		return pgs_script_error(&src, 1, "larger than 16 MiB");
	if (memchr(text, '\0', len) != NULL)
		return pgs_script_error(&src, 1, "holds a NUL byte");
	sql = malloc(len + 1);
	if (sql == NULL)
		return no_memory(&src);
	rc = parse_commands(&src, sql);
	free(sql);
	if (rc == -1)
		return -1;
	if (script->count == 0)
		return pgs_script_error(&src, 1, "no command in the script");
	return link_branches(&src);
}

void pgs_script_release(struct pgs_script *script)
{
	size_t i;

	for (i = 0; i < script->count; i++) {
		struct pgs_command *command = &script->commands[i];

		free(command->text);
		free(command->title);
		free(command->parts);
		free(command->numbered);
		free(command->params);
		free(command->prefix);
		pgs_expr_release(&command->expr);
	}
	free(script->commands);
	free(script->name);
	memset(script, 0, sizeof(*script));
}
