/* What is sent: read once, before anything runs. */
#include "load.h"

#include <swarm/log.h>

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (64u << 20)
#define MESSAGES_MAX   100000u

static const char *const codes[] = {
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
	"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
	"OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED",
};

#define CODES (sizeof codes / sizeof *codes)

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data;

	if (!f) {
		swarm_error("cannot read %s: %m", path);
		return NULL;
	}
	data = malloc(FILE_MAX_BYTES + 1);
	*len = data ? fread(data, 1, FILE_MAX_BYTES + 1, f) : 0;
	/* A folder can be opened, and not read. */
	if (!data || ferror(f) || *len > FILE_MAX_BYTES) {
		swarm_error("%s is no file of at most 64 MiB", path);
		free(data);
		fclose(f);
		return NULL;
	}
	fclose(f);
	data = realloc(data, *len + 1);
	if (data)
		data[*len] = 0;
	return data;
}

static int add(struct load_plan *p, struct load_message m)
{
	struct load_message *grown = realloc(p->messages,
	    (p->message_count + 1) * sizeof *grown);

	if (!grown || p->message_count == MESSAGES_MAX) {
		swarm_error("too many messages: at most %u", MESSAGES_MAX);
		return -1;
	}
	p->messages = grown;
	grown[p->message_count++] = m;
	return 0;
}

static int add_all(struct load_plan *p, const json_t *root)
{
	size_t n = json_is_array(root) ? json_array_size(root) : 1;

	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_is_array(root) ?
		    json_array_get(root, i) : root;
		struct load_message m = { .json = NULL };

		if (!json_is_object(one)) {
			swarm_error("-d: a message is a JSON object");
			return -1;
		}
		m.json = json_dumps(one, JSON_COMPACT);
		if (!m.json || add(p, m) == -1) {
			free(m.json);
			return -1;
		}
	}
	if (n == 0) {
		swarm_error("-d: an empty array has no message");
		return -1;
	}
	return 0;
}

int load_data_json(struct load_plan *p, const char *text)
{
	char *file = NULL;
	json_error_t error;
	json_t *root;
	size_t len;
	int rc;

	if (*text == '@') {
		file = read_file(text + 1, &len);
		if (!file)
			return -1;
	}
	root = json_loads(file ? file : text, JSON_REJECT_DUPLICATES, &error);
	free(file);
	if (!root) {
		swarm_error("-d: not JSON: %s (line %d, column %d)",
		    error.text, error.line, error.column);
		return -1;
	}
	rc = add_all(p, root);
	json_decref(root);
	return rc;
}

int load_data_binary(struct load_plan *p, const char *path)
{
	struct load_message m = { .json = NULL };

	m.data = read_file(path, &m.len);
	if (!m.data)
		return -1;
	if (add(p, m) == 0)
		return 0;
	free(m.data);
	return -1;
}

static int code_of(const char *word, size_t n)
{
	char *end;
	long number;

	for (size_t i = 0; i < CODES; i++) {
		if (strlen(codes[i]) == n && strncasecmp(codes[i], word, n) ==
		    0)
			return (int)i;
	}
	number = strtol(word, &end, 10);
	return end == word + n && n > 0 && number >= 0 &&
	    number < (long)CODES ? (int)number : -1;
}

int load_data_codes(const char *text, unsigned *mask)
{
	*mask = 0;
	for (;;) {
		size_t n = strcspn(text, ",");
		int code = code_of(text, n);

		if (code == -1) {
			swarm_error("--expect: \"%.*s\" is no status: give "
			    "names or numbers, as NOT_FOUND,6", (int)n, text);
			return -1;
		}
		*mask |= 1u << code;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

void load_data_free(struct load_plan *p)
{
	for (size_t i = 0; i < p->message_count; i++) {
		free(p->messages[i].json);
		free(p->messages[i].data);
	}
	free(p->messages);
	p->messages = NULL;
	p->message_count = 0;
}
