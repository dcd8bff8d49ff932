/*
 * Straight to write(2): what a call has taken is with the kernel, and outlives
 * this process.
 */
#include "report/append.h"

#include "base/log.h"
#include "base/write.h"
#include "base/xalloc.h"
#include "report/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int append_open(struct append *a, const char *path, const void *head,
    size_t head_len)
{
	struct stat st;

	memset(a, 0, sizeof(*a));
	if (file_make_folders(path) == -1)
		return -1;
	a->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (a->fd == -1)
		goto fail;
	if (fstat(a->fd, &st) == -1 || !S_ISREG(st.st_mode))
		a->size = -1;
	if (write_all(a->fd, head, head_len) == -1) {
		close(a->fd);
		goto fail;
	}
	if (a->size != -1)
		a->size = (off_t)head_len;
	a->path = xstrdup(path);
	return 0;
fail:
	log_error("cannot write %s: %m", path);
	return -1;
}

int append_whole(struct append *a, const void *data, size_t len)
{
	int saved;

	if (write_all(a->fd, data, len) == 0) {
		if (a->size != -1)
			a->size += (off_t)len;
		return 0;
	}
	saved = errno;
	/* Half of it would spoil the file for its readers. */
	if (a->size != -1 && ftruncate(a->fd, a->size) == 0)
		lseek(a->fd, a->size, SEEK_SET);
	errno = saved;
	return -1;
}

int append_lines(struct append *a, const void *data, size_t len)
{
	int saved;

	if (append_whole(a, data, len) == 0)
		return 0;
	saved = errno;
	if (a->missing == 0)
		log_error("cannot write %s: %m; tried again each second",
		    a->path);
	a->missing++;
	a->missed++;
	errno = saved;
	return -1;
}

unsigned append_gap(struct append *a)
{
	unsigned missing = a->missing;

	a->missing = 0;
	return missing;
}

int append_close(struct append *a)
{
	int rc = close(a->fd);

	if (rc == -1)
		log_error("cannot write %s: %m", a->path);
	if (a->missed > 0)
		log_error("%s: %u second%s missing", a->path, a->missed,
		    a->missed == 1 ? " is" : "s are");
	free(a->path);
	return rc == -1 || a->missed > 0 ? -1 : 0;
}
