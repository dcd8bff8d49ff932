/*
 * Reading what a crashed worker wrote, and finding the lines of code.
 *
 * addr2line may take a second for a large binary, so it runs on a thread and
 * the loop goes on; the report is logged when the thread is done.
 */
#include "cluster/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"

extern char **environ;

#define FRAMES_MAX 64
#define OUTPUT_MAX (64u << 10)
/* For one file; the debug information of some is huge. */
#define LOOKUP_NS (10 * NS_PER_S)

struct frame {
	char *file;                     /* "?" when in none */
	char *offset;                   /* "0x1234", from the file's base */
	char *name;                     /* the linker's; NULL */
	char *line;                     /* found: "function at file:line" */
};

struct crash_report {
	char *who;
	char *signal;
	char *address;
	char *overflow;
	char *thread;
	char *module;
	char *class;
	char *task;
	char *user;
	struct frame frames[FRAMES_MAX];
	size_t count;
	char *summary;
	pthread_t finder;
	struct crash_report *next;      /* being looked up */
};

static struct crash_report *pending;

/* ---- parsing ---- */

static void set(char **field, const char *value)
{
	if (*field == NULL)
		*field = xstrdup(value);
}

/* "0x1234 /path/to/file" */
static void take_frame(struct crash_report *r, char *value)
{
	char *file = strchr(value, ' ');

	if (r->count == FRAMES_MAX || file == NULL)
		return;
	*file++ = '\0';
	r->frames[r->count].offset = xstrdup(value);
	r->frames[r->count++].file = xstrdup(file);
}

/* "3 function+0x12" */
static void take_name(struct crash_report *r, char *value)
{
	char *end;
	unsigned long i = strtoul(value, &end, 10);

	if (i < r->count && *end == ' ')
		set(&r->frames[i].name, end + 1);
}

static void take_line(struct crash_report *r, char *line)
{
	static const char *const keys[] = { "signal", "address", "overflow",
		"thread", "module", "class", "task", "user" };
	char **const fields[] = { &r->signal, &r->address, &r->overflow,
		&r->thread, &r->module, &r->class, &r->task, &r->user };
	char *value = strchr(line, ' ');

	if (value == NULL)
		return;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (strcmp(line, keys[i]) == 0)
			set(fields[i], value);
	}
	if (strcmp(line, "frame") == 0)
		take_frame(r, value);
	else if (strcmp(line, "name") == 0)
		take_name(r, value);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* The file the fault is in: the first frame's, or of a library's abort() the
 * first that is neither the C library nor the linker. */
static const char *guilty_file(const struct crash_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const char *name = base_name(r->frames[i].file);

		if (*name != '?' && strncmp(name, "libc.so", 7) != 0 &&
		    strncmp(name, "ld-linux", 8) != 0)
			return name;
	}
	return NULL;
}

static void summarise(struct crash_report *r)
{
	const char *file = guilty_file(r);
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, r->signal);
	if (r->overflow != NULL)
		buf_puts(&b, " (stack overflow)");
	else if (r->address != NULL)
		buf_printf(&b, " (address %s)", r->address);
	if (file != NULL)
		buf_printf(&b, " in %s", file);
	if (r->thread != NULL)
		buf_puts(&b, ", on a library's thread");
	if (r->task != NULL)
		buf_printf(&b, ", task %s", r->task);
	if (r->class != NULL)
		buf_printf(&b, " of class %s", r->class);
	if (r->module != NULL)
		buf_printf(&b, " (module %s)", r->module);
	if (r->user != NULL)
		buf_printf(&b, ", user %s", r->user);
	r->summary = buf_detach(&b);
}

struct crash_report *crash_parse(const char *text)
{
	struct crash_report *r;
	char *copy;
	char *rest;
	char *line;

	if (strncmp(text, "crash ", 6) != 0)
		return NULL;
	r = xcalloc(1, sizeof *r);
	copy = xstrdup(text);
	rest = copy;
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(r, line);
	free(copy);
	if (r->signal == NULL) {
		crash_free(r);
		return NULL;
	}
	summarise(r);
	return r;
}

void crash_free(struct crash_report *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++) {
		free(r->frames[i].file);
		free(r->frames[i].offset);
		free(r->frames[i].name);
		free(r->frames[i].line);
	}
	free(r->who);
	free(r->signal);
	free(r->address);
	free(r->overflow);
	free(r->thread);
	free(r->module);
	free(r->class);
	free(r->task);
	free(r->user);
	free(r->summary);
	free(r);
}

const char *crash_summary(const struct crash_report *r)
{
	return r->summary;
}

/* ---- finding lines ---- */

/* Collects what comes until the end, too much, or too late; 0 at the end. */
static int collect(int fd, struct buf *out)
{
	int64_t end = clock_now() + LOOKUP_NS;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = (end - clock_now()) / NS_PER_MS;
		char *room = buf_reserve(out, 4096);
		ssize_t n;

		if (room == NULL || left <= 0 ||
		    (poll(&p, 1, (int)left) == -1 && errno != EINTR))
			return -1;
		if (p.revents == 0)
			continue;
		n = read(fd, room, 4096);
		if (n == 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return -1;
		out->len += n > 0 ? (size_t)n : 0;
	}
}

/* Runs a program and collects its output; none when it cannot be run. */
static void run_program(char *const *argv, struct buf *out)
{
	posix_spawn_file_actions_t actions;
	int fds[2];
	pid_t pid;
	int error;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
	    O_WRONLY, 0);
	error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (error == 0) {
		if (collect(fds[0], out) == -1)
			kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	close(fds[0]);
}

/* A return address is behind its call, which may be on another line. */
static char *lookup_address(const struct frame *f, bool is_return)
{
	uint64_t offset = strtoull(f->offset, NULL, 16);

	return xasprintf("0x%llx", (unsigned long long)
	    (offset - (is_return && offset > 0 ? 1 : 0)));
}

/* Keeps "function at file:line" for the frame when it says something. */
static void keep_line(struct frame *f, const char *function,
    const char *place)
{
	if (strcmp(function, "??") == 0)
		return;
	f->line = strncmp(place, "??", 2) == 0 ? xstrdup(function) :
	    xasprintf("%s at %s", function, place);
}

/* One call for all frames of one file: two lines of output each. */
static void find_lines_in(struct crash_report *r, size_t first)
{
	char *argv[FRAMES_MAX + 8] = { "addr2line", "-f", "-C", "-e",
		r->frames[first].file };
	struct buf out = BUF_INIT(OUTPUT_MAX);
	size_t used[FRAMES_MAX];
	size_t count = 0;
	char *rest;

	for (size_t i = first; i < r->count; i++) {
		if (strcmp(r->frames[i].file, r->frames[first].file) != 0)
			continue;
		argv[5 + count] = lookup_address(&r->frames[i], i > 0);
		used[count++] = i;
	}
	argv[5 + count] = NULL;
	run_program(argv, &out);
	rest = out.data;
	for (size_t i = 0; i < count; i++) {
		char *function = strsep(&rest, "\n");
		char *place = strsep(&rest, "\n");

		if (function != NULL && place != NULL)
			keep_line(&r->frames[used[i]], function, place);
		free(argv[5 + i]);
	}
	buf_release(&out);
}

static bool seen_before(const struct crash_report *r, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (strcmp(r->frames[j].file, r->frames[i].file) == 0)
			return true;
	}
	return false;
}

static void print_frame(const struct frame *f, size_t i, struct buf *out)
{
	const char *file = base_name(f->file);

	if (f->line != NULL || f->name != NULL)
		buf_printf(out, "  #%zu %s (%s)", i,
		    f->line != NULL ? f->line : f->name, file);
	else
		buf_printf(out, "  #%zu %s in %s", i, f->offset, file);
}

static void log_frame(const struct frame *f, size_t i)
{
	struct buf line = BUF_INIT(OUTPUT_MAX);

	print_frame(f, i, &line);
	log_error("%s", buf_str(&line));
	buf_release(&line);
}

/* The thread is done, or will be soon; the report is off the list. */
static void finish(struct crash_report *r)
{
	pthread_join(r->finder, NULL);
	log_error("%s: stack of the crash", r->who);
	for (size_t i = 0; i < r->count; i++)
		log_frame(&r->frames[i], i);
	crash_free(r);
}

static void on_found(void *arg)
{
	struct crash_report **at = &pending;

	while (*at != NULL && *at != arg)
		at = &(*at)->next;
	if (*at == NULL)
		return;                 /* crash_wait() was first */
	*at = (*at)->next;
	finish(arg);
}

static void find_all(struct crash_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->frames[i].file[0] == '/' && !seen_before(r, i))
			find_lines_in(r, i);
	}
}

void crash_print(struct crash_report *r, struct buf *out)
{
	find_all(r);
	buf_printf(out, "%s\n", r->summary);
	for (size_t i = 0; i < r->count; i++) {
		print_frame(&r->frames[i], i, out);
		buf_puts(out, "\n");
	}
	crash_free(r);
}

static void *find_lines(void *arg)
{
	struct crash_report *r = arg;

	find_all(r);
	loop_post(on_found, r);
	return NULL;
}

void crash_log(struct crash_report *r, const char *who)
{
	r->who = xstrdup(who);
	if (r->count == 0) {
		crash_free(r);
		return;
	}
	r->next = pending;
	pending = r;
	if (pthread_create(&r->finder, NULL, find_lines, r) != 0) {
		pending = r->next;
		crash_free(r);
	}
}

void crash_wait(void)
{
	while (pending != NULL) {
		struct crash_report *r = pending;

		pending = r->next;
		finish(r);
	}
}
