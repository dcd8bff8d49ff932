/*
 * A JSON array in memory, the same as in the file:
 * [{"name": "small", "fields": [["user_count", "10"], ...]}, ...]
 */
#include "web/presets.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "report/file.h"

static struct {
	char *file;
	json_t *all;
} presets;

static bool is_field(const json_t *f)
{
	return json_array_size(f) == 2 &&
	    json_is_string(json_array_get(f, 0)) &&
	    json_is_string(json_array_get(f, 1));
}

static bool is_preset(const json_t *p)
{
	const json_t *fields = json_object_get(p, "fields");

	if (!json_is_string(json_object_get(p, "name")) ||
	    !json_is_array(fields) ||
	    json_array_size(fields) > FORM_MAX_FIELDS)
		return false;
	for (size_t i = 0; i < json_array_size(fields); i++)
		if (!is_field(json_array_get(fields, i)))
			return false;
	return true;
}

static bool are_presets(const json_t *all)
{
	if (!json_is_array(all) || json_array_size(all) > PRESETS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(all); i++)
		if (!is_preset(json_array_get(all, i)))
			return false;
	return true;
}

void presets_load(const char *file)
{
	json_error_t error;
	json_t *all;

	presets.all = json_array();
	if (!file)
		return;
	if (access(file, F_OK) == -1) {
		presets.file = xstrdup(file);
		return;
	}
	all = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
	if (!are_presets(all)) {
		log_warn("%s holds no loads with names%s%s: it is left alone, "
		    "and what is saved now is forgotten at the end", file,
		    all ? "" : ": ", all ? "" : error.text);
		json_decref(all);
		return;
	}
	json_decref(presets.all);
	presets.all = all;
	presets.file = xstrdup(file);
}

void presets_release(void)
{
	json_decref(presets.all);
	free(presets.file);
	presets.all = NULL;
	presets.file = NULL;
}

void presets_write(struct jsonw *j)
{
	jsonw_array(j);
	for (size_t i = 0; i < json_array_size(presets.all); i++) {
		const json_t *p = json_array_get(presets.all, i);
		const json_t *fields = json_object_get(p, "fields");

		jsonw_object(j);
		jsonw_put_string(j, "name",
		    json_string_value(json_object_get(p, "name")));
		jsonw_key(j, "fields");
		jsonw_array(j);
		for (size_t k = 0; k < json_array_size(fields); k++) {
			const json_t *f = json_array_get(fields, k);

			jsonw_array(j);
			jsonw_string(j, json_string_value(
			    json_array_get(f, 0)));
			jsonw_string(j, json_string_value(
			    json_array_get(f, 1)));
			jsonw_end_array(j);
		}
		jsonw_end_array(j);
		jsonw_end(j);
	}
	jsonw_end_array(j);
}

/* Where the name is, or would be. */
static size_t place_of(const char *name, bool *there)
{
	size_t i = 0;

	for (*there = false; i < json_array_size(presets.all); i++) {
		const char *other = json_string_value(json_object_get(
		    json_array_get(presets.all, i), "name"));
		int order = strcmp(other, name);

		*there = order == 0;
		if (order >= 0)
			break;
	}
	return i;
}

static int keep(char *error, size_t size)
{
	char *text;
	int rc;

	if (!presets.file)
		return 0;
	text = json_dumps(presets.all, JSON_INDENT(1));
	rc = text && file_make_folders(presets.file) == 0 ?
	    file_try_replace(presets.file, text, strlen(text)) : -1;
	if (rc == -1)
		snprintf(error, size, "%s cannot be written: %m; it is kept "
		    "until this swarm ends", presets.file);
	free(text);
	return rc;
}

static json_t *make(const struct form *form)
{
	json_t *p = json_object(), *fields = json_array();

	json_object_set_new(p, "name", json_string(form_get(form, "name")));
	json_object_set_new(p, "fields", fields);
	for (size_t i = 0; i < form->count; i++) {
		const struct form_field *f = &form->field[i];

		if (strcmp(f->name, "name") != 0)
			json_array_append_new(fields, json_pack("[ss]",
			    f->name, f->value));
	}
	return p;
}

int presets_save(const struct form *form, char *error, size_t size)
{
	const char *name = form_get(form, "name");
	json_t *preset;
	size_t place;
	bool there;

	if (!name || !name[0] || strlen(name) > PRESETS_NAME) {
		snprintf(error, size, "a name of 1 to %d bytes is needed",
		    PRESETS_NAME);
		return -1;
	}
	place = place_of(name, &there);
	preset = make(form);
	/* A text that is not UTF-8 is none for JSON. */
	if (!is_preset(preset) ||
	    (!there && json_array_size(presets.all) == PRESETS_MAX)) {
		snprintf(error, size, is_preset(preset) ? "there are %d "
		    "already: delete one" : "only UTF-8 can be kept",
		    PRESETS_MAX);
		json_decref(preset);
		return -1;
	}
	if (there)
		json_array_set_new(presets.all, place, preset);
	else
		json_array_insert_new(presets.all, place, preset);
	return keep(error, size);
}

int presets_delete(const char *name, char *error, size_t size)
{
	size_t place;
	bool there;

	place = place_of(name, &there);
	if (!there) {
		snprintf(error, size, "there is none of that name");
		return -1;
	}
	json_array_remove(presets.all, place);
	return keep(error, size);
}
