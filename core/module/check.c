/*
 * `swarm check`: runs each check on a module in a child process, since what it
 * is looking for may crash or hang, and prints the Test Anything Protocol.
 */
#include "module/check.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/internal.h"
#include "module/spawn.h"
#include "module/tools.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_LIMIT 20.0                 /* seconds for one check */
#define OUTPUT_MAX (1 << 20)

static int usage(void)
{
	fputs("usage: swarm check [--only CHECK] [--only-failed] "
	    "[--timeout SECONDS]\n"
	    "                   [--host HOST] [--plugin PLUGIN] "
	    "[-o MODULE.NAME=VALUE]\n"
	    "                   FILE.so|FILE.c|PLUGIN\n"
	    "       swarm check --list\n", stderr);
	return TOOLS_USAGE;
}

void check_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	/* What was said before a crash must not be lost. */
	fflush(stdout);
}

static struct {
	void (*install)(void);
	void (*explain)(const char *text, struct buf *out);
} crash;

void tools_on_crash(void (*install)(void),
    void (*explain)(const char *text, struct buf *out))
{
	crash.install = install;
	crash.explain = explain;
}

void check_install_crash(void)
{
	if (crash.install)
		crash.install();
}

bool check_named(const struct names *all, const char *name, const char *what)
{
	const char *near = names_suggest(all, name);

	if (names_has(all, name))
		return true;
	if (near)
		log_error("there is no %s %s; did you mean %s?", what, name,
		    near);
	else
		log_error("there is no %s %s; --list shows them", what, name);
	return false;
}

static const struct check *find_check(const char *name)
{
	for (const struct check *c = check_list; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* An option with a value; 0, or -1 for wrong usage. */
static int parse_valued(struct check_request *r, const char *a, const char *value)
{
	if (!value)
		return -1;
	if (strcmp(a, "--timeout") == 0)
		return parse_duration(value, &r->timeout);
	if (strcmp(a, "--one") == 0)
		r->one = value;
	else if (strcmp(a, "--host") == 0)
		r->subject.host = value;
	else if (strcmp(a, "--only") == 0)
		names_add(&r->only, value);
	else if (strcmp(a, "--plugin") == 0)
		names_add(&r->subject.plugins, value);
	else if (strcmp(a, "-o") == 0)
		names_add(&r->subject.settings, value);
	else
		return -1;
	return 0;
}

int check_parse(struct check_request *r, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (strcmp(a, "--only-failed") == 0)
			r->only_failed = true;
		else if (strcmp(a, "--list") == 0)
			r->list = true;
		else if (a[0] == '-' && parse_valued(r, a, argv[++i]) == -1)
			return -1;
		else if (a[0] != '-' && r->subject.path)
			return -1;
		else if (a[0] != '-')
			r->subject.path = a;
	}
	return r->subject.path || r->list ? 0 : -1;
}

void check_request_release(struct check_request *r)
{
	names_release(&r->only);
	names_release(&r->subject.plugins);
	names_release(&r->subject.settings);
}

void check_child_line(const struct check_request *r, const char *word,
    const char *name, struct names *argv)
{
	const struct check_subject *s = &r->subject;

	names_add(argv, find_exe());
	names_add(argv, word);
	names_add(argv, "--one");
	names_add(argv, name);
	if (s->host) {
		names_add(argv, "--host");
		names_add(argv, s->host);
	}
	for (size_t i = 0; i < s->plugins.count; i++) {
		names_add(argv, "--plugin");
		names_add(argv, s->plugins.at[i]);
	}
	for (size_t i = 0; i < s->settings.count; i++) {
		names_add(argv, "-o");
		names_add(argv, s->settings.at[i]);
	}
	names_add(argv, s->path);
}

static void print_text(const char *s, size_t size)
{
	const char *end = s + size;

	while (s < end) {
		size_t len = strcspn(s, "\n");

		if (len)
			printf("# %.*s\n", (int)len, s);
		s += len + (s[len] == '\n');
	}
}

/* What came before a crash report as it is; that, with files and lines. */
static void print_errors(const struct buf *err)
{
	const char *text = buf_str(err);
	const char *report = strstr(text, "crash 1\n");
	size_t before = report ? (size_t)(report - text) : 0;
	struct buf lines = BUF_INIT(OUTPUT_MAX);

	if (report && crash.explain && (report == text || report[-1] == '\n'))
		crash.explain(report, &lines);
	if (lines.len > 0)
		print_text(text, before);
	else
		print_text(text, strlen(text));
	print_text(buf_str(&lines), lines.len);
	buf_release(&lines);
}

void check_report(const struct check_request *r, const char *title,
    int number, int rc, const struct buf *out, const struct buf *err)
{
	bool good = rc == CHECK_OK || rc == CHECK_SKIP;

	if (rc == CHECK_SKIP && !r->only_failed)
		printf("ok %d - %s # SKIP %.*s\n", number, title,
		    (int)strcspn(buf_str(out), "\n"), buf_str(out));
	else if (!good || !r->only_failed)
		printf("%s %d - %s\n", good ? "ok" : "not ok", number, title);
	if (!good) {
		print_text(buf_str(out), out->len);
		print_errors(err);
	}
	if (rc == SPAWN_TIMEOUT)
		printf("# did not end within %g s\n", r->timeout);
	else if (rc > 128)
		printf("# crashed (signal %d, SIG%s)\n", rc - 128,
		    sigabbrev_np(rc - 128) ? sigabbrev_np(rc - 128) : "RT");
	else if (rc == 0)
		printf("# ended the process: exit() is swarm's to call\n");
	fflush(stdout);
}

/* Whether it passed or was skipped. */
static bool run_check(const struct check_request *r, const struct check *c,
    int number)
{
	struct buf out = BUF_INIT(OUTPUT_MAX), err = BUF_INIT(OUTPUT_MAX);
	struct names argv = { 0 };
	int rc;

	check_child_line(r, "check", c->name, &argv);
	rc = spawn_capture(names_argv(&argv), r->timeout, &out, &err);
	names_release(&argv);
	check_report(r, c->title, number, rc, &out, &err);
	buf_release(&out);
	buf_release(&err);
	return rc == CHECK_OK || rc == CHECK_SKIP;
}

static bool wanted(const struct check_request *r, const struct check *c)
{
	return r->only.count == 0 || names_has(&r->only, c->name);
}

static int run_all(const struct check_request *r)
{
	int count = 0, number = 0, bad = 0;

	for (const struct check *c = check_list; c->name; c++)
		count += wanted(r, c);
	printf("TAP version 13\n1..%d\n", count);
	for (const struct check *c = check_list; c->name; c++)
		if (wanted(r, c))
			bad += !run_check(r, c, ++number);
	printf("# %d of %d checks of %s did not pass\n", bad, count,
	    r->subject.path);
	return bad ? TOOLS_FAILED : TOOLS_OK;
}

static int print_checks(void)
{
	for (const struct check *c = check_list; c->name; c++)
		printf("%-10s %s\n", c->name, c->title);
	return TOOLS_OK;
}

/*
 * Makes the C library of the children tell: blocks are counted at once rather
 * than kept for later, and freed ones are overwritten.  A user's own settings
 * win.
 */
static void prepare_children(void)
{
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:"
	    "glibc.malloc.perturb=165", 0);
}

static int run_one(const struct check *c, const struct check_subject *s)
{
	check_install_crash();
	return c->run(s);
}

/* The paths once, for the parent and all its children. */
static int run_request(struct check_request *r)
{
	const struct check *c = r->one ? find_check(r->one) : NULL;
	char *path = tools_find(r->subject.path);
	char *compiled = NULL;
	int rc = TOOLS_MODULE;

	if (!path)
		return TOOLS_MODULE;
	r->subject.path = r->subject.so = path;
	if (find_ends_with(path, ".c"))
		r->subject.so = compiled = compile_source(path);
	if (r->subject.so) {
		prepare_children();
		if (!r->one)
			rc = run_all(r);
		else
			rc = c ? run_one(c, &r->subject) : usage();
	}
	free(compiled);
	free(path);
	return rc;
}

/* Every --only names a check. */
static bool known(const struct check_request *r)
{
	struct names all = { 0 };
	bool good = true;

	for (const struct check *c = check_list; c->name; c++)
		names_add(&all, c->name);
	for (size_t i = 0; i < r->only.count && good; i++)
		good = check_named(&all, r->only.at[i], "check");
	names_release(&all);
	return good;
}

int module_check_main(int argc, char **argv)
{
	struct check_request r = { .timeout = TIME_LIMIT };
	int rc;

	if (check_parse(&r, argc, argv) == -1)
		rc = usage();
	else if (!known(&r))
		rc = TOOLS_USAGE;
	else if (r.list)
		rc = print_checks();
	else
		rc = run_request(&r);
	check_request_release(&r);
	return rc;
}
