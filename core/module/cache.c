/*
 * The key of an entry covers the source and how it is compiled, but which
 * headers it includes is known only afterwards; so each entry lists them, and
 * is right as long as their sums are.  Every file gets its name by rename():
 * readers see a whole one or none.
 */
#include "module/cache.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MONTH_S (30 * 24 * 3600)
#define LIST_MAX (1 << 20)

/* Makes `path` and what leads to it; only we may enter what is made. */
static bool make_dirs(char *path)
{
	struct stat st;

	for (char *s = path + 1; *s; s++) {
		if (*s != '/')
			continue;
		*s = '\0';
		mkdir(path, 0700);
		*s = '/';
	}
	mkdir(path, 0700);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    access(path, W_OK | X_OK) == 0;
}

/* In a folder that others can write to, the entry must really be ours. */
static char *temporary_dir(const char *source)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/swarm-%u", tmp && tmp[0] == '/' ? tmp :
	    "/tmp", (unsigned)geteuid());
	struct stat st;

	mkdir(path, 0700);
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 0077) == 0)
		return path;
	log_error("cannot compile %s: no folder for the result: neither "
	    "XDG_CACHE_HOME nor HOME can be written to, and %s is not ours "
	    "alone; set XDG_CACHE_HOME", source, path);
	free(path);
	return NULL;
}

char *cache_dir(const char *source)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;

	if (cache && cache[0] == '/')
		path = xasprintf("%s/swarm", cache);
	else if (home && home[0] == '/')
		path = xasprintf("%s/.cache/swarm", home);
	if (path && make_dirs(path))
		return path;
	free(path);
	return temporary_dir(source);
}

int cache_make(const char *folder)
{
	struct stat st;

	mkdir(folder, 0700);
	if (lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 0022) == 0)
		return 0;
	log_error("%s is no folder of ours alone: remove it, or set "
	    "XDG_CACHE_HOME", folder);
	return -1;
}

static char *beside(const char *so, const char *suffix)
{
	return xasprintf("%.*s%s", (int)strlen(so) - 3, so, suffix);
}

int cache_lock(const char *so)
{
	char *path = beside(so, ".lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	free(path);
	while (fd != -1 && flock(fd, LOCK_EX) == -1) {
		if (errno == EINTR)
			continue;
		close(fd);
		fd = -1;
	}
	return fd;
}

void cache_unlock(int fd)
{
	if (fd != -1)
		close(fd);
}

/* "SUM PATH" of each header. */
static bool headers_unchanged(FILE *f)
{
	char hex[HASH_HEX];
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool same = true;

	while (same && (len = getline(&line, &size, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		same = strlen(line) > HASH_HEX &&
		    hash_file(line + HASH_HEX, hex) == 0 &&
		    memcmp(line, hex, HASH_HEX - 1) == 0;
	}
	free(line);
	return same;
}

bool cache_is_fresh(const char *so)
{
	char *deps = beside(so, ".deps");
	struct stat st;
	FILE *f = NULL;
	bool fresh = false;

	if (stat(so, &st) == 0 && st.st_uid == geteuid())
		f = fopen(deps, "re");
	if (f) {
		fresh = headers_unchanged(f);
		fclose(f);
	}
	if (fresh) {
		utimensat(AT_FDCWD, so, NULL, 0);
		utimensat(AT_FDCWD, deps, NULL, 0);
	}
	free(deps);
	return fresh;
}

/* One file name of a make rule, unescaped, from *at on (free()). */
static char *next_file(const char **at)
{
	const char *s = *at;
	char *name, *to;

	while (*s == ' ' || *s == '\n' || (*s == '\\' && s[1] == '\n'))
		s += *s == '\\' ? 2 : 1;
	if (*s == '\0')
		return NULL;
	name = to = xmalloc(strlen(s) + 1);
	for (; *s && *s != ' ' && *s != '\n'; s++) {
		if ((*s == '\\' && (s[1] == ' ' || s[1] == '#')) ||
		    (*s == '$' && s[1] == '$'))
			s++;
		*to++ = *s;
	}
	*to = '\0';
	*at = s;
	return name;
}

static int list_headers(const char *rule, struct buf *out)
{
	const char *at = strstr(rule, ": ");
	char hex[HASH_HEX];
	char *name;

	if (!at)
		return -1;
	at += 2;
	while ((name = next_file(&at))) {
		char *real = realpath(name, NULL);

		if (real && hash_file(real, hex) == 0)
			buf_printf(out, "%s %s\n", hex, real);
		free(real);
		free(name);
	}
	return out->overflow ? -1 : 0;
}

static int read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f)
		return -1;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	fclose(f);
	return out->overflow ? -1 : 0;
}

static int write_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "we");
	size_t n;

	if (!f)
		return -1;
	n = fwrite(buf_str(b), 1, b->len, f);
	if (fclose(f) != 0 || n != b->len) {
		unlink(path);
		return -1;
	}
	return 0;
}

int cache_store(const char *so, const char *so_made, const char *d_made)
{
	struct buf rule = BUF_INIT(LIST_MAX), list = BUF_INIT(LIST_MAX);
	char *deps = beside(so, ".deps");
	int rc = -1;

	/* The list goes first: a .so without one counts as absent. */
	if (read_file(d_made, &rule) == 0 &&
	    list_headers(buf_str(&rule), &list) == 0 &&
	    write_file(d_made, &list) == 0 && chmod(so_made, 0644) == 0 &&
	    rename(d_made, deps) == 0 && rename(so_made, so) == 0)
		rc = 0;
	if (rc == -1)
		log_error("cannot write the compiled scenario %s: %m", so);
	unlink(d_made);
	unlink(so_made);
	free(deps);
	buf_release(&rule);
	buf_release(&list);
	return rc;
}

void cache_prune(const char *dir)
{
	time_t now = time(NULL);
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		const char *name = e->d_name;

		if (!find_ends_with(name, ".so") &&
		    !find_ends_with(name, ".deps") &&
		    !find_ends_with(name, ".lock") &&
		    !find_ends_with(name, ".tmp"))
			continue;
		if (fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && now - st.st_mtime > MONTH_S)
			unlinkat(dirfd(d), name, 0);
	}
	if (d)
		closedir(d);
}
