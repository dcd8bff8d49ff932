/*
 * Names and variables.  A variable keeps its value and its text side by side
 * and makes one from the other when first asked, because \set computes with
 * values while SQL takes text.
 */
#include "pgs_vars.h"

#include <stdlib.h>
#include <string.h>

static bool is_name_start(unsigned char c)
{
	return c >= 0x80 || c == '_' || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

size_t pgs_names_span(const char *text)
{
	size_t n = 0;

	if (!is_name_start((unsigned char)text[0]))
		return 0;
	while (is_name_start((unsigned char)text[n]) ||
	    (text[n] >= '0' && text[n] <= '9'))
		n++;
	return n;
}

bool pgs_names_valid(const char *name)
{
	size_t n = pgs_names_span(name);

	return n > 0 && name[n] == '\0';
}

int pgs_names_find(const struct pgs_names *names, const char *name,
    size_t len)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (strncmp(names->names[i], name, len) == 0 &&
		    names->names[i][len] == '\0')
			return (int)i;
	}
	return -1;
}

int pgs_names_add(struct pgs_names *names, const char *name, size_t len)
{
	int found = pgs_names_find(names, name, len);

	if (found != -1)
		return found;
	if (names->count >= PGS_NAMES_MAX)
		return -1;
	if (names->count == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 16;
		char **grown = realloc(names->names, cap * sizeof(*grown));

		if (grown == NULL)
			return -1;
		names->names = grown;
		names->cap = cap;
	}
	names->names[names->count] = strndup(name, len);
	if (names->names[names->count] == NULL)
		return -1;
	return (int)names->count++;
}

void pgs_names_release(struct pgs_names *names)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	memset(names, 0, sizeof(*names));
}

int pgs_vars_init(struct pgs_vars *vars, size_t count)
{
	vars->count = count;
	vars->slots = calloc(count ? count : 1, sizeof(*vars->slots));
	return vars->slots != NULL ? 0 : -1;
}

void pgs_vars_release(struct pgs_vars *vars)
{
	size_t i;

	for (i = 0; vars->slots != NULL && i < vars->count; i++)
		free(vars->slots[i].heap);
	free(vars->slots);
	vars->slots = NULL;
	vars->count = 0;
}

void pgs_vars_set(struct pgs_vars *vars, int slot,
    const struct pgs_value *value)
{
	struct pgs_var *var = &vars->slots[slot];

	var->value = *value;
	var->defined = true;
	var->has_text = false;
}

int pgs_vars_set_text(struct pgs_vars *vars, int slot, const char *text,
    size_t len)
{
	struct pgs_var *var = &vars->slots[slot];
	char *to = var->small;

	if (len > PGS_TEXT_MAX)
		return -1;
	if (len >= sizeof(var->small)) {
		if (len >= var->heap_size) {
			char *grown = realloc(var->heap, len + 1);

			if (grown == NULL)
				return -1;
			var->heap = grown;
			var->heap_size = len + 1;
		}
		to = var->heap;
	}
	memmove(to, text, len);
	to[len] = '\0';
	var->text = to;
	var->text_len = len;
	var->has_text = true;
	var->defined = true;
	var->value.type = PGS_NONE;
	return 0;
}

const char *pgs_vars_text(struct pgs_vars *vars, int slot, size_t *len)
{
	struct pgs_var *var = &vars->slots[slot];

	if (!var->defined)
		return NULL;
	if (!var->has_text) {
		var->text_len = pgs_value_to_text(&var->value, var->small,
		    sizeof(var->small));
		var->text = var->small;
		var->has_text = true;
	}
	*len = var->text_len;
	return var->text;
}

int pgs_vars_get(struct pgs_vars *vars, int slot, const char *name,
    struct pgs_value *out, struct pgs_error *err)
{
	struct pgs_var *var = &vars->slots[slot];
	struct pgs_error why;

	if (!var->defined)
		return pgs_error_set(err, "undefined variable \"%.64s\"",
		    name);
	if (var->value.type == PGS_NONE &&
	    pgs_value_from_text(var->text, &var->value, &why) == -1)
		return pgs_error_set(err, "variable \"%.64s\": %.160s", name,
		    why.text);
	*out = var->value;
	return 0;
}
