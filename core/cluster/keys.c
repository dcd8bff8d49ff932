/*
 * Files of keys: lines "NAME KEY", with comments, so that they can be read,
 * compared and, in a master's, extended by hand.
 */
#include "cluster/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/write.h"
#include "base/xalloc.h"

#define FILE_MAX (1u << 20)
#define OTHERS_MAX 10000

/* ---- writing ---- */

static int write_file(const char *folder, const char *name,
    const struct buf *text)
{
	char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = -1;

	if (fd == -1) {
		log_error("cannot write %s: %m%s", path, errno == EEXIST ?
		    "; remove it first if it is to be replaced" : "");
		goto free_path;
	}
	rc = write_all(fd, text->data, text->len);
	if (rc == -1) {
		log_error("cannot write %s: %m", path);
		unlink(path);
	}
	close(fd);

free_path:
	free(path);
	return rc;
}

static int write_master(const char *folder, const char *public,
    const char *secret, const char *worker)
{
	struct buf b = BUF_INIT(4096);
	int rc;

	buf_printf(&b, "# For the master: swarm --master --keys master.key\n"
	    "# More workers' keys may follow, one a line.\n"
	    "master-public %s\nmaster-secret %s\nworker-public %s\n",
	    public, secret, worker);
	rc = write_file(folder, "master.key", &b);
	buf_release(&b);
	return rc;
}

static int write_worker(const char *folder, const char *public,
    const char *secret, const char *master)
{
	struct buf b = BUF_INIT(4096);
	int rc;

	buf_printf(&b, "# For every worker: swarm --worker --keys worker.key\n"
	    "worker-public %s\nworker-secret %s\nmaster-public %s\n",
	    public, secret, master);
	rc = write_file(folder, "worker.key", &b);
	buf_release(&b);
	return rc;
}

int keys_generate(const char *folder)
{
	char master[2][KEYS_TEXT];
	char worker[2][KEYS_TEXT];
	char *path;

	if (mkdir(folder, 0700) == -1 && errno != EEXIST) {
		log_error("cannot make the folder %s: %m", folder);
		return -1;
	}
	if (zmq_curve_keypair(master[0], master[1]) == -1 ||
	    zmq_curve_keypair(worker[0], worker[1]) == -1) {
		log_error("this ZeroMQ library is built without CURVE");
		return -1;
	}
	if (write_master(folder, master[0], master[1], worker[0]) == -1)
		return -1;
	if (write_worker(folder, worker[0], worker[1], master[0]) == 0)
		return 0;
	/* One without the other would fit none that is there. */
	path = xasprintf("%s/master.key", folder);
	unlink(path);
	free(path);
	return -1;
}

/* ---- reading ---- */

static bool is_key(const char *text)
{
	unsigned char raw[32];

	return strlen(text) == KEYS_TEXT - 1 &&
	    zmq_z85_decode(raw, text) != NULL;
}

static int add_other(struct keys *k, const char *key)
{
	if (k->other_count == OTHERS_MAX)
		return -1;
	k->others = xreallocarray(k->others, k->other_count + 1,
	    sizeof *k->others);
	memcpy(k->others[k->other_count++], key, KEYS_TEXT);
	return 0;
}

/* "NAME KEY"; 0, or -1 when it is neither that nor empty. */
static int take_line(struct keys *k, char *line)
{
	const char *own = k->server ? "master" : "worker";
	const char *other = k->server ? "worker" : "master";
	char *rest = NULL;
	char *name = strtok_r(line, " \t\r", &rest);
	char *key = strtok_r(NULL, " \t\r", &rest);
	size_t n = strlen(own);

	if (name == NULL || name[0] == '#')
		return 0;
	if (key == NULL || !is_key(key) ||
	    strtok_r(NULL, " \t\r", &rest) != NULL)
		return -1;
	if (strncmp(name, own, n) == 0 && strcmp(name + n, "-public") == 0)
		memcpy(k->own_public, key, KEYS_TEXT);
	else if (strncmp(name, own, n) == 0 &&
	    strcmp(name + n, "-secret") == 0)
		memcpy(k->own_secret, key, KEYS_TEXT);
	else if (strncmp(name, other, strlen(other)) == 0 &&
	    strcmp(name + strlen(other), "-public") == 0)
		return add_other(k, key);
	else
		return -1;
	return 0;
}

static int take_text(struct keys *k, const char *path, char *text)
{
	int number = 0;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		number++;
		if (take_line(k, line) == 0)
			continue;
		log_error("%s:%d: not a line of %s's key file; make one with "
		    "`swarm keys FOLDER`", path, number,
		    k->server ? "a master" : "a worker");
		return -1;
	}
	if (k->own_public[0] == '\0' || k->own_secret[0] == '\0' ||
	    k->other_count == 0 || (!k->server && k->other_count != 1)) {
		log_error("%s: keys are missing; make the file with `swarm "
		    "keys FOLDER`", path);
		return -1;
	}
	return 0;
}

/* The file's text; only its owner may be able to read it.  NULL after
 * log_error(). */
static char *read_secret(const char *path)
{
	struct buf b = BUF_INIT(FILE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd == -1 || fstat(fd, &st) == -1) {
		log_error("cannot read the keys in %s: %m", path);
	} else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		log_error("others may read the keys in %s: chmod 600 it",
		    path);
	} else if (st.st_size < FILE_MAX) {
		n = read(fd, buf_reserve(&b, (size_t)st.st_size + 1),
		    (size_t)st.st_size);
		if (n == -1)
			log_error("cannot read the keys in %s: %m", path);
	} else {
		log_error("%s is too large for a file of keys", path);
	}
	if (fd != -1)
		close(fd);
	if (n == -1) {
		buf_release(&b);
		return NULL;
	}
	b.len = (size_t)n;
	b.data[n] = '\0';
	return buf_detach(&b);
}

int keys_read(struct keys *k, const char *path, bool server)
{
	char *text = read_secret(path);
	int rc;

	memset(k, 0, sizeof *k);
	k->server = server;
	if (text == NULL)
		return -1;
	rc = take_text(k, path, text);
	explicit_bzero(text, strlen(text));
	free(text);
	if (rc == -1)
		keys_release(k);
	return rc;
}

void keys_release(struct keys *k)
{
	free(k->others);
	explicit_bzero(k, sizeof *k);
}
