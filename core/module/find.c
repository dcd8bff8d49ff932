/*
 * The search path of plugins, first match wins:
 *
 *   $SWARM_PLUGIN_PATH           folders, separated by colons
 *   $XDG_DATA_HOME/swarm/plugins (or ~/.local/share/swarm/plugins)
 *   PREFIX/lib/swarm/plugins     beside the program's bin folder
 *   BUILD/plugins                when the program lies in a build tree
 *   the current folder           only for what a user named
 *
 * In a folder, a plugin is NAME.so or NAME/NAME.so (a build tree has one
 * folder for each).  A build tree is known by the file sdk/include-dirs, which
 * its configuration writes; it also lists the folders of headers.
 */
#include "module/find.h"

#include "base/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIMILAR_MAX 10000               /* names looked at in one folder */

static struct find_dir *dirs;
static size_t dir_count;
static char *exe_path;
static char *prefix;                    /* of an install, or NULL */
static char *build;                     /* root of a build tree, or NULL */

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static void add_dir(char *path, const char *what)
{
	char *real = realpath(path, NULL);

	if (real) {
		free(path);
		path = real;
	}
	for (size_t i = 0; i < dir_count; i++) {
		if (strcmp(dirs[i].path, path) == 0) {
			free(path);
			return;
		}
	}
	dirs = xreallocarray(dirs, dir_count + 1, sizeof(dirs[0]));
	dirs[dir_count++] = (struct find_dir){ path, what };
}

static void add_environment(void)
{
	const char *s = getenv("SWARM_PLUGIN_PATH");

	while (s && *s) {
		size_t len = strcspn(s, ":");

		if (len)
			add_dir(xstrndup(s, len), "SWARM_PLUGIN_PATH");
		s += len + (s[len] == ':');
	}
}

/* swarm's folder in the user's data (free()), or NULL. */
static char *user_data(void)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (data && data[0] == '/')
		return xasprintf("%s/swarm", data);
	if (home && home[0] == '/')
		return xasprintf("%s/.local/share/swarm", home);
	return NULL;
}

/* `path` without its last `n` components (free()); "/" at the least. */
static char *up(const char *path, int n)
{
	char *p = xstrdup(path);

	while (n-- > 0) {
		char *slash = strrchr(p, '/');

		if (!slash)
			break;
		*slash = '\0';
	}
	if (*p == '\0') {
		free(p);
		p = xstrdup("/");
	}
	return p;
}

/* Programs of a build tree are at most three folders below its root. */
static void find_build(void)
{
	for (int n = 1; n <= 4 && !build; n++) {
		char *root = up(exe_path, n);
		char *mark = xasprintf("%s/sdk/include-dirs", root);

		if (is_file(mark))
			build = root;
		else
			free(root);
		free(mark);
	}
}

static void forget(void)
{
	for (size_t i = 0; i < dir_count; i++)
		free(dirs[i].path);
	free(dirs);
	free(exe_path);
	free(prefix);
	free(build);
	dirs = NULL;
	dir_count = 0;
	prefix = build = NULL;
}

void find_init(const char *exe)
{
	char *data, *plugins;

	forget();
	exe_path = realpath(exe && exe[0] == '/' ? exe : "/proc/self/exe",
	    NULL);
	if (!exe_path)
		exe_path = xstrdup(exe ? exe : "/proc/self/exe");
	add_environment();
	data = user_data();
	if (data)
		add_dir(xasprintf("%s/plugins", data), "your data folder");
	free(data);
	find_build();
	if (build) {
		add_dir(xasprintf("%s/plugins", build), "build tree");
		return;
	}
	prefix = up(exe_path, 2);
	plugins = xasprintf("%s/" SWARM_PLUGIN_SUBDIR, prefix);
	add_dir(plugins, "installation");
}

size_t find_dir_count(void)
{
	return dir_count;
}

const struct find_dir *find_dir_at(size_t i)
{
	return i < dir_count ? &dirs[i] : NULL;
}

const char *find_exe(void)
{
	return exe_path;
}

bool find_ends_with(const char *path, const char *suffix)
{
	size_t len = strlen(path), n = strlen(suffix);

	return len >= n && strcmp(path + len - n, suffix) == 0;
}

char *find_stem(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	if (find_ends_with(name, ".so"))
		len -= 3;
	else if (find_ends_with(name, ".c"))
		len -= 2;
	return xstrndup(name, len);
}

/* Takes over `path`; NULL when there is no such file. */
static char *if_file(char *path)
{
	if (is_file(path))
		return path;
	free(path);
	return NULL;
}

char *find_plugin_in(const struct find_dir *dir, const char *name)
{
	char *stem = find_stem(name);
	char *path = if_file(xasprintf("%s/%s.so", dir->path, stem));

	if (!path)
		path = if_file(xasprintf("%s/%s/%s.so", dir->path, stem,
		    stem));
	free(stem);
	return path;
}

/* NAME or NAME.so here: an absolute path (free()), or NULL. */
static char *find_here(const char *name)
{
	char *path = NULL, *real = NULL;

	if (find_ends_with(name, ".so"))
		path = if_file(xstrdup(name));
	else
		path = if_file(xasprintf("%s.so", name));
	if (path)
		real = realpath(path, NULL);
	free(path);
	return real;
}

char *find_plugin(const char *name, bool here)
{
	for (size_t i = 0; i < dir_count; i++) {
		char *path = find_plugin_in(&dirs[i], name);

		if (path)
			return path;
	}
	return here ? find_here(name) : NULL;
}

char *find_scenario(const char *name)
{
	char *dir = build ? xasprintf("%s/scenarios", build) :
	    xasprintf("%s/" SWARM_SCENARIO_SUBDIR, prefix);
	char *stem = find_stem(name);
	char *path = if_file(xasprintf("%s/%s.so", dir, stem));

	/* One that a plugin reads is known by its whole name. */
	if (!path && strchr(name, '.'))
		path = if_file(xasprintf("%s/%s", dir, name));
	free(stem);
	free(dir);
	return path;
}

void find_plugin_names_in(const struct find_dir *dir, struct names *out)
{
	DIR *d = opendir(dir->path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *stem, *path;

		if (e->d_name[0] == '.')
			continue;
		stem = find_stem(e->d_name);
		path = find_plugin_in(dir, stem);
		if (path && !names_has(out, stem))
			names_add(out, stem);
		free(path);
		free(stem);
	}
	if (d)
		closedir(d);
	names_sort(out);
}

void find_plugin_names(struct names *out)
{
	for (size_t i = 0; i < dir_count; i++)
		find_plugin_names_in(&dirs[i], out);
}

static void add_if_dir(struct names *out, char *path)
{
	if (is_dir(path))
		names_take(out, path);
	else
		free(path);
}

static void add_build_includes(struct names *out)
{
	char *path = xasprintf("%s/sdk/include-dirs", build);
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while (f && (len = getline(&line, &size, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (line[0] == '/')
			names_add(out, line);
	}
	free(line);
	if (f)
		fclose(f);
	free(path);
}

void find_include_dirs(struct names *out)
{
	char *data = user_data();

	if (build)
		add_build_includes(out);
	else
		names_take(out, xasprintf("%s/" SWARM_INCLUDE_SUBDIR, prefix));
	if (data)
		add_if_dir(out, xasprintf("%s/include", data));
	free(data);
	for (size_t i = 0; i < dir_count; i++)
		add_if_dir(out, xasprintf("%s/include", dirs[i].path));
}

static char *if_there(char *path)
{
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *find_data(const char *relative)
{
	char *data = user_data();
	char *path = NULL;

	if (data)
		path = if_there(xasprintf("%s/%s", data, relative));
	free(data);
	if (path)
		return path;
	if (build)
		return if_there(xasprintf("%s/share/swarm/%s", build,
		    relative));
	return if_there(xasprintf("%s/" SWARM_DATA_SUBDIR "/%s", prefix,
	    relative));
}

char *find_similar(const char *path)
{
	char *dir = up(path, 1);
	const char *slash = strrchr(path, '/');
	const char *wanted = slash ? slash + 1 : path;
	struct names all = { 0 };
	const char *near;
	char *found = NULL;
	struct dirent *e;
	DIR *d = opendir(slash ? dir : ".");

	while (d && (e = readdir(d)) && all.count < SIMILAR_MAX)
		if (e->d_name[0] != '.' && strcmp(e->d_name, wanted) != 0)
			names_add(&all, e->d_name);
	if (d)
		closedir(d);
	near = names_suggest(&all, wanted);
	if (near)
		found = xstrdup(near);
	names_release(&all);
	free(dir);
	return found;
}
