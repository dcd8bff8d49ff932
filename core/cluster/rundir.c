/*
 * The run's private folder.
 *
 * It holds a lock file for as long as its owner lives.  A folder whose lock
 * can be taken belongs to nobody any more: unlike a process number, a lock
 * also tells the truth across containers that share /tmp.
 */
#include "cluster/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"

#define PREFIX "swarm-"
#define PATH_ROOM 107
#define TRIES 20

struct rundir {
	char *path;
	int lock;
};

/* Only files and sockets are made in it, so nothing is followed. */
static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	rmdir(path);
}

/* Removes the folder if it is ours and its owner is gone. */
static void sweep(const char *parent, const char *name)
{
	char *path = xasprintf("%s/%s", parent, name);
	char *lock = xasprintf("%s/lock", path);
	struct stat st;
	int fd;

	if (lstat(path, &st) == -1 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid())
		goto free_names;
	fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		goto free_names;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_folder(path);
	close(fd);

free_names:
	free(lock);
	free(path);
}

static void sweep_all(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *e;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0)
			sweep(parent, e->d_name);
	}
	closedir(dir);
}

/*
 * 0, or -1: another that sweeps, between our making the file and locking it,
 * took it for nobody's.  It may have it still, or have removed it, and then no
 * name leads to what we hold.
 */
static int take_lock(struct rundir *r)
{
	char *path = xasprintf("%s/lock", r->path);
	struct stat st;

	r->lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	free(path);
	if (r->lock == -1 || flock(r->lock, LOCK_EX | LOCK_NB) == -1 ||
	    fstat(r->lock, &st) == -1)
		return -1;
	if (st.st_nlink > 0)
		return 0;
	errno = ENOENT;
	return -1;
}

/* A folder that is ours, by the lock in it. */
static int make(struct rundir *r, const char *parent)
{
	int saved;

	r->path = xasprintf("%s/" PREFIX "XXXXXX", parent);
	if (mkdtemp(r->path) == NULL)
		goto fail;
	if (take_lock(r) == 0)
		return 0;
	saved = errno;
	remove_folder(r->path);
	if (r->lock != -1)
		close(r->lock);
	errno = saved;
fail:
	free(r->path);
	return -1;
}

static bool was_swept(int error)
{
	return error == EWOULDBLOCK || error == ENOENT;
}

static struct rundir *try_below(const char *parent, size_t room)
{
	struct rundir *r;
	int rc = -1;

	if (parent == NULL || parent[0] != '/' ||
	    strlen(parent) + strlen("/" PREFIX "XXXXXX/") + room > PATH_ROOM) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	for (int i = 0; i < TRIES && rc == -1; i++) {
		rc = make(r, parent);
		if (rc == -1 && !was_swept(errno))
			break;
	}
	if (rc == -1) {
		free(r);
		return NULL;
	}
	sweep_all(parent);
	return r;
}

struct rundir *rundir_new(size_t room)
{
	const char *const parents[] = { getenv("XDG_RUNTIME_DIR"),
		getenv("TMPDIR"), "/tmp" };
	struct rundir *r = NULL;

	for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
		r = try_below(parents[i], room);
		if (r != NULL)
			return r;
	}
	log_error("cannot make a private folder for the workers' socket below "
	    "$XDG_RUNTIME_DIR, $TMPDIR or /tmp: %m");
	return NULL;
}

const char *rundir_path(const struct rundir *r)
{
	return r->path;
}

void rundir_free(struct rundir *r)
{
	if (r == NULL)
		return;
	remove_folder(r->path);
	close(r->lock);
	free(r->path);
	free(r);
}
