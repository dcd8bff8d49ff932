/* -f FOLDER: the scenarios in it; see the header. */
#include "cli/folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"

#define DEEPEST 16

bool folder_is(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int is_shown(const struct dirent *d)
{
	return d->d_name[0] != '.' && d->d_name[0] != '_';
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name);
	size_t n = strlen(end);

	return len > n && strcmp(name + len - n, end) == 0;
}

/* A .c whose .so is beside it has been built already. */
static bool is_scenario(const char *path)
{
	char *built;
	bool found;

	if (ends_with(path, ".so"))
		return true;
	if (!ends_with(path, ".c"))
		return false;
	built = xasprintf("%.*s.so", (int)strlen(path) - 2, path);
	found = access(built, F_OK) == 0;
	free(built);
	return !found;
}

/* How many there were; -1 when fn said so. */
static long walk(const char *path, unsigned depth, int (*fn)(const char *))
{
	struct dirent **names = NULL;
	int count = scandir(path, &names, is_shown, alphasort);
	long found = 0;

	if (count == -1)
		log_error("cannot read the folder %s: %m", path);
	for (int i = 0; i < count; i++) {
		char *file = xasprintf("%s/%s", path, names[i]->d_name);
		long more = 0;

		if (found != -1 && folder_is(file))
			more = depth < DEEPEST ? walk(file, depth + 1, fn) : 0;
		else if (found != -1 && is_scenario(file))
			more = fn(file) == -1 ? -1 : 1;
		found = found == -1 || more == -1 ? -1 : found + more;
		free(file);
		free(names[i]);
	}
	free(names);
	return count == -1 ? -1 : found;
}

int folder_each(const char *path, int (*fn)(const char *file))
{
	size_t len = strlen(path);
	char *clean;
	long found;

	while (len > 1 && path[len - 1] == '/')
		len--;
	clean = xstrndup(path, len);
	found = walk(clean, 0, fn);
	if (found == 0)
		log_error("there is no scenario (.so or .c) in the folder %s",
		    clean);
	free(clean);
	return found > 0 ? 0 : -1;
}
