/*
 * What counts as an id in a path: a segment of digits, a UUID, or eight hex
 * digits and more with at least one figure among them ("deadbeef" is a word,
 * "deadbee4" an id); also before an extension ("42.json").  Without this a
 * path with an id in it makes a row of its own for each id, which is the first
 * thing that goes wrong in most load tests.
 */
#include "fold.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define EXTENSION_MAX 6

int fold_mode_parse(const char *text, enum fold_mode *mode)
{
	if (strcmp(text, "fold") == 0)
		*mode = FOLD_IDS;
	else if (strcmp(text, "path") == 0)
		*mode = FOLD_PATH;
	else if (strcmp(text, "full") == 0)
		*mode = FOLD_NOTHING;
	else
		return -1;
	return 0;
}

static bool is_uuid(const char *s, size_t len)
{
	size_t i;

	if (len != 36)
		return false;
	for (i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

static bool is_id(const char *s, size_t len)
{
	size_t i, digits = 0, hex = 0;

	for (i = 0; i < len; i++) {
		digits += isdigit((unsigned char)s[i]) != 0;
		hex += isxdigit((unsigned char)s[i]) != 0;
	}
	if (len > 0 && digits == len)
		return true;
	if (len >= 8 && hex == len && digits > 0)
		return true;
	return is_uuid(s, len);
}

/* The length of a segment without ".ext", for extensions of letters and a
 * few of figures ("mp4"). */
static size_t stem(const char *s, size_t len)
{
	size_t i = len, letters = 0;

	while (i > 0 && s[i - 1] != '.') {
		i--;
		if (!isalnum((unsigned char)s[i]))
			return len;
		letters += isalpha((unsigned char)s[i]) != 0;
	}
	if (i < 2 || i == len || len - i > EXTENSION_MAX || letters == 0)
		return len;
	return i - 1;
}

static size_t put(char *out, size_t at, size_t size, const char *s, size_t len)
{
	size_t room = size - 1 - at;

	if (len > room)
		len = room;
	memcpy(out + at, s, len);
	return at + len;
}

size_t fold_name(const char *path, enum fold_mode mode, char *out, size_t size)
{
	size_t end = strcspn(path, mode == FOLD_NOTHING ? "#" : "?#");
	size_t at = 0, i = 0, len, id;

	if (end == 0 || path[0] == '?')
		at = put(out, at, size, "/", 1);
	if (mode != FOLD_IDS) {
		at = put(out, at, size, path, end);
		i = end;
	}
	while (i < end) {
		if (path[i] == '/') {
			at = put(out, at, size, path + i++, 1);
			continue;
		}
		for (len = 0; i + len < end && path[i + len] != '/'; len++)
			continue;
		id = stem(path + i, len);
		if (!is_id(path + i, id))
			id = 0;
		if (id > 0)
			at = put(out, at, size, "[id]", 4);
		at = put(out, at, size, path + i + id, len - id);
		i += len;
	}
	out[at] = '\0';
	return at;
}
