/*
 * Answers go to whoever asks, so they have a limit together: what is beyond
 * it is not answered, and asked for again.
 */
#include "cluster/shelf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/bucket.h"
#include "cluster/master_internal.h"

/* Parts a second, and at once: 50 MiB a second. */
#define PART_RATE  800
#define PART_BURST 1000

static struct {
	struct wire_file files[WIRE_FILES_MAX];
	char *data[WIRE_FILES_MAX];
	size_t count;
	char *settings[WIRE_SETTINGS_MAX];
	size_t setting_count;
	struct bucket bucket;
} shelf;

static char *read_all(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rbe");
	char *data = xmalloc(WIRE_FILE_SIZE + 1);

	*size = f == NULL ? 0 : fread(data, 1, WIRE_FILE_SIZE + 1, f);
	if (f == NULL || ferror(f)) {
		log_error("cannot read %s for the workers: %m", path);
		free(data);
		data = NULL;
	} else if (*size > WIRE_FILE_SIZE) {
		log_error("%s is too large to be sent to workers (over %u "
		    "MiB): strip it, or copy it there by hand", path,
		    WIRE_FILE_SIZE >> 20);
		free(data);
		data = NULL;
	}
	if (f != NULL)
		fclose(f);
	return data == NULL ? NULL : xrealloc(data, *size + 1);
}

int shelf_add(const char *path, const char *name, enum wire_file_kind kind)
{
	struct wire_file *f = &shelf.files[shelf.count];
	size_t size;
	char *data;

	if (shelf.count == WIRE_FILES_MAX || strlen(name) >= sizeof f->name) {
		log_error("%s cannot be sent to workers: %s", path,
		    shelf.count == WIRE_FILES_MAX ? "there are too many files" :
		    "its name is too long");
		return -1;
	}
	data = read_all(path, &size);
	if (data == NULL)
		return -1;
	snprintf(f->name, sizeof f->name, "%s", name);
	hash_data(data, size, f->sha256);
	f->size = size;
	f->kind = kind;
	shelf.data[shelf.count++] = data;
	return 0;
}

int shelf_set(const char *setting)
{
	if (shelf.setting_count == WIRE_SETTINGS_MAX ||
	    strlen(setting) >= WIRE_MAX_TEXT) {
		log_error("-o %.60s... cannot be sent to workers: it is too "
		    "long, or there are more than %d", setting,
		    WIRE_SETTINGS_MAX);
		return -1;
	}
	shelf.settings[shelf.setting_count++] = xstrdup(setting);
	return 0;
}

static int answer_part(struct zsock *sock, const char *from,
    const struct wire_message *msg)
{
	struct wire_part p;

	if (wire_read_part(&msg->data, &p) == -1)
		return -1;
	for (size_t i = 0; i < shelf.count; i++) {
		const struct wire_file *f = &shelf.files[i];

		if (strcmp(f->sha256, p.sha256) != 0 || p.from >= f->size)
			continue;
		p.data = shelf.data[i] + p.from;
		p.len = f->size - p.from < WIRE_FILE_PART ?
		    (size_t)(f->size - p.from) : WIRE_FILE_PART;
		wire_encode_part(&master_shared.out, from, &p);
		master_send(sock, from);
		break;
	}
	return 0;
}

int shelf_answer(struct zsock *sock, const char *from,
    const struct wire_message *msg)
{
	if (!bucket_take(&shelf.bucket, 1, PART_RATE, PART_BURST))
		return 0;
	if (msg->type == WIRE_PART)
		return answer_part(sock, from, msg);
	wire_encode_files(&master_shared.out, from, shelf.count > 0,
	    shelf.files, shelf.count, shelf.settings, shelf.setting_count);
	master_send(sock, from);
	return 0;
}

void shelf_release(void)
{
	for (size_t i = 0; i < shelf.count; i++)
		free(shelf.data[i]);
	for (size_t i = 0; i < shelf.setting_count; i++)
		free(shelf.settings[i]);
	memset(&shelf, 0, sizeof shelf);
}
