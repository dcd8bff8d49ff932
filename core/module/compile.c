/*
 * -f x.c: compiled on the way, so that the first minutes need no build.
 *
 * The compiler is $CC, else cc, gcc or clang; its flags are those that
 * swarm_add_module() uses, the folders of the SDK's and the plugins' headers,
 * $CFLAGS, and what the source itself asks for by a comment in its first line
 * that says "swarm: cflags=-lm -DDEPTH=3".
 *
 * The master and its workers all open the same file; a lock lets one of them
 * compile and the others take the result from the cache.
 */
#include "module/internal.h"

#include <swarm/version.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "module/cache.h"
#include "module/find.h"
#include "module/names.h"
#include "module/spawn.h"
#include "module/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_MAX (16u << 20)
#define CAPTURE_MAX 65536               /* of the compiler's messages */

static const char *const fixed_flags[] = {
	"-shared", "-fPIC", "-std=gnu17", "-O2", "-g", "-Wall",
	"-D_GNU_SOURCE", "-fvisibility=hidden", "-fno-omit-frame-pointer",
	"-fno-optimize-sibling-calls", "-fno-plt",
	"-Werror=implicit-function-declaration",
	"-Werror=incompatible-pointer-types", "-Werror=int-conversion",
	"-Wl,-z,nodelete", NULL,
};

struct job {
	const char *source;
	struct buf text;                /* of the source */
	struct names compiler;          /* its words, the first a path */
	struct names flags;
	char *so;                       /* where the result belongs */
	char *made;                     /* where it is made */
	char *list;                     /* make-style list of its headers */
	char *copy;                     /* the source without "#!", or NULL */
};

static int read_source(struct job *j)
{
	int fd = open(j->source, O_RDONLY | O_CLOEXEC);
	char part[16384];
	ssize_t n = -1;

	while (fd != -1 && (n = read(fd, part, sizeof(part))) > 0)
		buf_add(&j->text, part, (size_t)n);
	if (n == -1)
		log_error("cannot read %s: %m", j->source);
	if (fd != -1)
		close(fd);
	if (j->text.overflow)
		log_error("%s is larger than %u bytes: no scenario's source",
		    j->source, SOURCE_MAX);
	return n == -1 || j->text.overflow ? -1 : 0;
}

/* `name` in $PATH, or itself with a slash (free()); NULL when absent. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? xstrdup(name) : NULL;
	while (path && *path) {
		size_t len = strcspn(path, ":");
		char *full = xasprintf("%.*s/%s", (int)len, path, name);

		if (len && access(full, X_OK) == 0)
			return full;
		free(full);
		path += len + (path[len] == ':');
	}
	return NULL;
}

static char *find_usual_compiler(void)
{
	static const char *const usual[] = { "cc", "gcc", "clang" };
	char *path = NULL;

	for (size_t i = 0; !path && i < sizeof(usual) / sizeof(*usual); i++)
		path = find_program(usual[i]);
	return path;
}

bool module_can_compile(void)
{
	const char *cc = getenv("CC");
	struct names words = { 0 };
	char *path;

	if (cc)
		names_add_words(&words, cc);
	path = words.count > 0 ? find_program(words.at[0]) :
	    find_usual_compiler();
	names_release(&words);
	free(path);
	return path != NULL;
}

/* $CC may hold several words ("ccache gcc"). */
static int find_compiler(struct job *j)
{
	const char *cc = getenv("CC");
	char *path;

	if (cc && cc[strspn(cc, " \t")]) {
		names_add_words(&j->compiler, cc);
		path = find_program(j->compiler.at[0]);
		if (!path) {
			log_error("cannot compile %s: CC is \"%s\", and there "
			    "is no such program; correct or unset CC",
			    j->source, cc);
			return -1;
		}
		free(j->compiler.at[0]);
		j->compiler.at[0] = path;
		return 0;
	}
	path = find_usual_compiler();
	if (!path) {
		log_error("cannot compile %s: there is no C compiler (cc, gcc "
		    "or clang) in PATH; install one (Debian: apt install gcc "
		    "libc6-dev), name it in CC, or give a .so built elsewhere",
		    j->source);
		return -1;
	}
	names_take(&j->compiler, path);
	return 0;
}

/* The words after "swarm: cflags=" in the first line, or the second when the
 * first is "#!". */
static void add_own_flags(struct job *j)
{
	const char *line = buf_str(&j->text);
	const char *newline = strchr(line, '\n');
	char *text, *at;

	if (strncmp(line, "#!", 2) == 0 && newline)
		line = newline + 1;
	text = xstrndup(line, strcspn(line, "\n"));
	at = strstr(text, "swarm:");
	at = at ? strstr(at, "cflags=") : NULL;
	if (at) {
		char *end = strstr(at, "*/");

		if (end)
			*end = '\0';
		names_add_words(&j->flags, at + strlen("cflags="));
	}
	free(text);
}

static void add_flags(struct job *j)
{
	const char *cflags = getenv("CFLAGS");
	struct names dirs = { 0 };

	for (size_t i = 0; fixed_flags[i]; i++)
		names_add(&j->flags, fixed_flags[i]);
	find_include_dirs(&dirs);
	for (size_t i = 0; i < dirs.count; i++)
		names_take(&j->flags, xasprintf("-I%s", dirs.at[i]));
	names_release(&dirs);
	add_own_flags(j);
	if (cflags)
		names_add_words(&j->flags, cflags);
}

/* What changes the result, except headers. */
static void name_result(struct job *j, const char *dir)
{
	struct buf key = BUF_INIT(2 * SOURCE_MAX);
	char hex[HASH_HEX];
	struct stat st = { 0 };
	char *stem = find_stem(j->source);

	stat(j->compiler.at[0], &st);
	buf_printf(&key, "%s %d.%d\n%s\n%lld %lld.%09ld\n", SWARM_VERSION,
	    SWARM_ABI_MAJOR, SWARM_ABI_MINOR, j->source,
	    (long long)st.st_size, (long long)st.st_mtim.tv_sec,
	    st.st_mtim.tv_nsec);
	for (size_t i = 0; i < j->compiler.count; i++)
		buf_printf(&key, "%s\n", j->compiler.at[i]);
	for (size_t i = 0; i < j->flags.count; i++)
		buf_printf(&key, "%s\n", j->flags.at[i]);
	buf_add(&key, buf_str(&j->text), j->text.len);
	hash_data(buf_str(&key), key.len, hex);
	j->so = xasprintf("%s/%.100s-%.32s.so", dir, stem, hex);
	j->made = xasprintf("%s.%ld.tmp", j->so, (long)getpid());
	j->list = xasprintf("%s.%ld.d.tmp", j->so, (long)getpid());
	free(stem);
	buf_release(&key);
}

/* "#!" is no C: the rest is compiled from a copy that keeps the source's name
 * and lines in messages. */
static int copy_script(struct job *j)
{
	const char *rest = strchr(buf_str(&j->text), '\n');
	bool whole;
	FILE *f;

	if (strncmp(buf_str(&j->text), "#!", 2) != 0 || !rest)
		return 0;
	j->copy = xasprintf("%s.c.tmp", j->made);
	f = fopen(j->copy, "we");
	if (!f) {
		log_error("cannot write %s: %m", j->copy);
		return -1;
	}
	whole = fprintf(f, "#line 2 \"%s\"\n%s", j->source, rest + 1) > 0;
	if (fclose(f) == 0 && whole)
		return 0;
	log_error("cannot write %s: %m", j->copy);
	unlink(j->copy);
	return -1;
}

static void command_line(const struct job *j, struct names *argv)
{
	for (size_t i = 0; i < j->compiler.count; i++)
		names_add(argv, j->compiler.at[i]);
	/* Ours is a pipe; the terminal is behind it. */
	if (isatty(STDERR_FILENO))
		names_add(argv, "-fdiagnostics-color=always");
	names_add(argv, "-MMD");
	names_add(argv, "-MF");
	names_add(argv, j->list);
	if (j->copy) {
		const char *slash = strrchr(j->source, '/');

		names_add(argv, "-iquote");
		names_take(argv, xstrndup(j->source,
		    (size_t)(slash - j->source) + 1));
		names_add(argv, "-x");
		names_add(argv, "c");
	}
	names_add(argv, j->copy ? j->copy : j->source);
	if (j->copy) {
		names_add(argv, "-x");
		names_add(argv, "none");
	}
	/* After the source, because libraries are among them. */
	for (size_t i = 0; i < j->flags.count; i++)
		names_add(argv, j->flags.at[i]);
	names_add(argv, "-o");
	names_add(argv, j->made);
}

/* What follows `before` up to one of `stops`, in the messages (free()). */
static char *said(const struct buf *out, const char *before, const char *stops)
{
	const char *at = strstr(buf_str(out), before);
	size_t len;

	if (!at)
		return NULL;
	at += strlen(before);
	at += strspn(at, "'`\033[mK01");
	len = strcspn(at, stops);
	return len ? xstrndup(at, len) : NULL;
}

static void say_no_header(const struct job *j, const char *header)
{
	char *stem = find_stem(header);

	if (strcmp(header, "swarm/swarm.h") == 0)
		log_error("cannot compile %s: swarm's headers are not where "
		    "this swarm looks; install them, or give their folder: "
		    "CFLAGS=-I…", j->source);
	else if (strncmp(header, "swarm/", 6) == 0)
		log_error("cannot compile %s: there is no %s, so the plugin "
		    "\"%.*s\" is not installed; \"swarm plugins\" lists "
		    "what is", j->source, header, (int)strcspn(stem, "."),
		    stem);
	else
		log_error("cannot compile %s: there is no %s; install the "
		    "package that has it (for a standard header libc6-dev), "
		    "or give its folder: CFLAGS=-I…",
		    j->source, header);
	free(stem);
}

/* The compiler's own words are on the screen; one line says what to do. */
static void say_failed(const struct job *j, const struct buf *out, int status)
{
	char *header = said(out, "fatal error: ", ":'\n ");
	char *library = said(out, "cannot find -l", ":'\n ");

	if (header && (strstr(buf_str(out), "No such file") ||
	    strstr(buf_str(out), "file not found")))
		say_no_header(j, header);
	else if (library)
		log_error("cannot compile %s: the library %s is not "
		    "installed; install its -dev package, or give its folder: "
		    "CFLAGS=-L…", j->source, library);
	else if (status == 127)
		log_error("cannot compile %s: cannot run %s", j->source,
		    j->compiler.at[0]);
	else
		log_error("cannot compile %s: %s ended with status %d; its "
		    "first message above says where", j->source,
		    j->compiler.at[0], status);
	free(header);
	free(library);
}

static int run_compiler(struct job *j)
{
	struct buf out = BUF_INIT(CAPTURE_MAX);
	struct names argv = { 0 };
	int status;

	if (copy_script(j) == -1)
		return -1;
	command_line(j, &argv);
	status = spawn_tee(names_argv(&argv), &out);
	if (status != 0) {
		say_failed(j, &out, status);
		unlink(j->made);
		unlink(j->list);
	}
	if (j->copy)
		unlink(j->copy);
	names_release(&argv);
	buf_release(&out);
	return status == 0 ? 0 : -1;
}

static int make_fresh(struct job *j, const char *dir)
{
	int lock = cache_lock(j->so);
	int rc = 0;

	if (!cache_is_fresh(j->so)) {
		rc = run_compiler(j);
		if (rc == 0)
			rc = cache_store(j->so, j->made, j->list);
		if (rc == 0)
			cache_prune(dir);
	}
	cache_unlock(lock);
	return rc;
}

char *compile_source(const char *source)
{
	struct job j = { .source = source, .text = BUF_INIT(SOURCE_MAX) };
	char *dir = NULL, *so = NULL;

	if (verify_trust(source) == -1 || read_source(&j) == -1 ||
	    find_compiler(&j) == -1)
		goto release;
	add_flags(&j);
	dir = cache_dir(source);
	if (!dir)
		goto release;
	name_result(&j, dir);
	if (make_fresh(&j, dir) == 0)
		so = xstrdup(j.so);
release:
	buf_release(&j.text);
	names_release(&j.compiler);
	names_release(&j.flags);
	free(j.so);
	free(j.made);
	free(j.list);
	free(j.copy);
	free(dir);
	return so;
}
