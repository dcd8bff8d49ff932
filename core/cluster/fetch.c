/*
 * Files are kept under their hash, so each is fetched once; and one that is
 * there is hashed again before it is used, as are those that come.  A part
 * that does not come is asked for again.
 */
#include "cluster/fetch.h"

#include <swarm/version.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/write.h"
#include "base/xalloc.h"
#include "cluster/wire_files.h"
#include "cluster/wire_object.h"
#include "cluster/zsock.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#define ASK_NS    (2 * NS_PER_S)        /* until a question is asked again */
#define SILENT_NS (300 * NS_PER_S)

static struct {
	const struct fetch_options *o;
	struct zsock *sock;
	struct buf out;
	char id[WIRE_MAX_NODE_ID + 1];
	struct wire_file files[WIRE_FILES_MAX];
	size_t count;
	bool listed;
	uint64_t level;                 /* the master's, when it is not ours */
	bool allowed;
	size_t at;                      /* the file that is on its way */
	char *data;                     /* of it; NULL: none is */
	uint64_t got;
	int64_t heard;
	struct wheel_timer again;
} self;

/* By which its reader is found, of those we know; else "". */
static const char *ending(const char *name)
{
	static const char *const known[] = { ".ndjson", ".jsonl", ".json",
		".csv" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t n = strlen(known[i]);

		if (len > n && strcasecmp(name + len - n, known[i]) == 0)
			return known[i];
	}
	return "";
}

/* Data have a name of ours, for theirs may be a path. */
static char *path_of(const struct wire_file *f)
{
	if (f->kind == WIRE_DATA)
		return xasprintf("%s/%s/rows%s", self.o->folder, f->sha256,
		    ending(f->name));
	return xasprintf("%s/%s/%s", self.o->folder, f->sha256, f->name);
}

static void ask(void)
{
	struct wire_part p = { .from = self.got };

	if (!self.listed) {
		wire_encode_files_wanted(&self.out, self.id);
	} else {
		memcpy(p.sha256, self.files[self.at].sha256, WIRE_HASH);
		wire_encode_part(&self.out, self.id, &p);
	}
	/* One that cannot be sent is asked again. */
	zsock_send(self.sock, NULL, self.out.data, self.out.len);
	buf_clear(&self.out);
	wheel_add(&self.again, clock_now() + ASK_NS);
}

static void on_again(struct wheel_timer *t)
{
	(void)t;
	ask();
}

/* ---- what comes ---- */

static void take_list(const struct wire_message *m)
{
	uint64_t level;

	/* Of level 1 are those that do not say. */
	if (wire_object_get_uint(&m->data, "level", 1, &level) == 0 &&
	    level != WIRE_LEVEL)
		self.level = level;
	if (self.listed || wire_read_files(&m->data, &self.allowed,
	    self.files, &self.count) == -1 ||
	    wire_read_settings(&m->data, self.o->setting, self.o->arg) == -1)
		return;
	self.listed = true;
	self.heard = clock_now();
}

static void take_part(const struct wire_message *m)
{
	const struct wire_file *f = &self.files[self.at];
	struct wire_part p;

	if (self.data == NULL || wire_read_part(&m->data, &p) == -1 ||
	    p.data == NULL || strcmp(p.sha256, f->sha256) != 0 ||
	    p.from != self.got || p.len == 0 || p.len > f->size - self.got)
		return;
	memcpy(self.data + self.got, p.data, p.len);
	self.got += p.len;
	self.heard = clock_now();
	if (self.got < f->size)
		ask();
}

static void on_message(const char *from, const void *data, size_t len,
    void *arg)
{
	struct wire_message m;

	(void)from;
	(void)arg;
	if (wire_decode(&m, data, len) == -1)
		return;
	if (m.type == WIRE_FILES)
		take_list(&m);
	else if (m.type == WIRE_PART)
		take_part(&m);
	wire_message_release(&m);
}

/* ---- files ---- */

/* By rename(), so that another worker here sees a whole one or none. */
static int store(const char *path, const char *data, size_t size)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	char *made = xasprintf("%s/.XXXXXX", folder);
	int rc = -1;
	int fd;

	mkdir(folder, 0700);
	fd = mkostemp(made, O_CLOEXEC);
	if (fd == -1 || fchmod(fd, 0500) == -1 ||
	    write_all(fd, data, size) == -1 || fsync(fd) == -1 ||
	    rename(made, path) == -1)
		log_error("cannot store the master's file at %s: %m", path);
	else
		rc = 0;
	if (fd != -1) {
		close(fd);
		if (rc == -1)
			unlink(made);
	}
	free(made);
	free(folder);
	return rc;
}

static bool is_there(const char *path, const struct wire_file *f)
{
	char hex[HASH_HEX];
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && hash_file(path, hex) == 0 &&
	    strcmp(hex, f->sha256) == 0;
}

/* ---- the whole ---- */

/* Until `done`; -1 after log_error() when the master is silent for too long. */
static int wait_for(bool (*done)(void))
{
	bool told = false;

	self.heard = clock_now();
	ask();
	while (!done()) {
		int64_t silence = clock_now() - self.heard;

		if (self.level != 0) {
			log_error("the master at %s speaks level %llu of "
			    "swarm's protocol, this worker level %d (swarm "
			    "%s): install the same swarm on both",
			    self.o->connect, (unsigned long long)self.level,
			    WIRE_LEVEL, SWARM_VERSION);
			return -1;
		}
		if (silence > 2 * ASK_NS && !told)
			log_info("waiting for modules of the master at %s: "
			    "%s", self.o->connect,
			    zsock_why_silent(self.sock));
		told = told || silence > 2 * ASK_NS;
		if (silence > SILENT_NS) {
			log_error("the master at %s sends no modules: %s",
			    self.o->connect, zsock_why_silent(self.sock));
			return -1;
		}
		loop_once(true);
	}
	wheel_del(&self.again);
	return 0;
}

static bool has_list(void)
{
	return self.listed;
}

static bool has_file(void)
{
	return self.got == self.files[self.at].size;
}

static int fetch_file(const struct wire_file *f, const char *path)
{
	char hex[HASH_HEX];
	int rc;

	self.got = 0;
	self.data = xmalloc(f->size + 1);
	rc = wait_for(has_file);
	if (rc == 0) {
		hash_data(self.data, f->size, hex);
		if (strcmp(hex, f->sha256) != 0) {
			log_error("the file %s that the master sent is not "
			    "the one it had promised: its SHA-256 is %s "
			    "instead of %s; it is not used", f->name, hex,
			    f->sha256);
			rc = -1;
		}
	}
	if (rc == 0)
		rc = store(path, self.data, f->size);
	free(self.data);
	self.data = NULL;
	return rc;
}

static int take_file(const struct wire_file *f)
{
	char *path = path_of(f);
	bool there = is_there(path, f);
	int rc = there ? 0 : fetch_file(f, path);

	if (rc == 0) {
		log_info("%s %s of the master, SHA-256 %s%s",
		    f->kind == WIRE_DATA ? "data file" : "module", f->name,
		    f->sha256, there ? " (was here)" : "");
		rc = self.o->each(path, f, self.o->arg);
	}
	free(path);
	return rc;
}

static int take_each(bool data)
{
	for (self.at = 0; self.at < self.count; self.at++) {
		const struct wire_file *f = &self.files[self.at];

		if ((f->kind == WIRE_DATA) == data && take_file(f) == -1)
			return -1;
	}
	return 0;
}

static int take_all(void)
{
	if (wait_for(has_list) == -1)
		return -1;
	if (!self.allowed) {
		log_error("the master at %s does not send modules: start it "
		    "with --send-modules, or give this worker its scenario "
		    "with -f", self.o->connect);
		return -1;
	}
	return take_each(true) == -1 ? -1 : take_each(false);
}

int fetch_modules(const struct fetch_options *o)
{
	struct zsock_options options = { .identity = self.id,
		.keys = o->keys, .message = on_message };
	int rc = -1;

	self.o = o;
	self.again.fire = on_again;
	buf_init(&self.out, WIRE_FILE_PART);
	zsock_new_identity(self.id, sizeof self.id);
	self.sock = zsock_new(&options);
	if (self.sock != NULL && zsock_connect(self.sock, o->connect) == 0)
		rc = take_all();
	wheel_del(&self.again);
	zsock_free(self.sock, 0);
	buf_release(&self.out);
	memset(&self, 0, sizeof self);
	return rc;
}
