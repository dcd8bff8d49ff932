/*
 * A temporary file in the same folder and rename(): atomic on every local
 * file system.  A path that is no regular file (/dev/stdout, a pipe) is
 * written in place, because replacing it would not be what was meant.
 */
#include "report/file.h"

#include "base/log.h"
#include "base/write.h"
#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_make_folders(const char *path)
{
	char *copy = xstrdup(path);
	int rc = 0;

	/* Not the root. */
	for (char *slash = strchr(copy + strspn(copy, "/"), '/');
	    slash && rc == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) == -1 && errno != EEXIST) {
			log_error("cannot make the folder %s: %m", copy);
			rc = -1;
		}
		*slash = '/';
	}
	free(copy);
	return rc;
}

int file_check(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) :
	    xstrdup(".");
	struct stat st;
	int rc = -1;

	if (file_make_folders(path) == -1)
		goto free_folder;
	if (path[0] == '\0')
		errno = ENOENT;
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		rc = access(path, W_OK);
	else
		rc = access(folder, W_OK | X_OK);
	if (rc == 0 && stat(folder, &st) == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		rc = -1;
	}
	if (rc == -1)
		log_error("cannot write %s: %m", path[0] != '\0' ? path :
		    "a file without a name");
free_folder:
	free(folder);
	return rc;
}

static int write_in_place(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc, saved;

	if (fd == -1)
		return -1;
	rc = write_all(fd, data, len);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

/* A fresh file with the permissions that the user's mask gives. */
static int temporary(const char *path, char **name)
{
	for (unsigned i = 0; i < 100; i++) {
		int fd;

		*name = xasprintf("%s.%ld.%u.tmp", path, (long)getpid(), i);
		fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0666);
		if (fd != -1 || errno != EEXIST)
			return fd;
		free(*name);
	}
	*name = NULL;
	errno = EEXIST;
	return -1;
}

int file_try_replace(const char *path, const void *data, size_t len)
{
	char *name = NULL;
	struct stat st;
	int fd, rc, saved;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_in_place(path, data, len);
	fd = temporary(path, &name);
	if (fd == -1) {
		free(name);
		return -1;
	}
	rc = write_all(fd, data, len);
	saved = errno;
	if (close(fd) == -1 && rc == 0) {
		rc = -1;
		saved = errno;
	}
	if (rc == 0 && rename(name, path) == -1) {
		rc = -1;
		saved = errno;
	}
	if (rc == -1)
		unlink(name);
	free(name);
	errno = saved;
	return rc;
}

int file_replace(const char *path, const void *data, size_t len)
{
	if (file_make_folders(path) == -1)
		return -1;
	if (file_try_replace(path, data, len) == 0)
		return 0;
	log_error("cannot write %s: %m", path);
	return -1;
}
