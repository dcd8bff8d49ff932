/*
 * Files are named by the time the run began, so that their order is that of
 * the runs, and the same run added twice is there once.  Those of a baseline
 * that is saved anew are written hidden beside the old ones, which go when all
 * of the new are in their places: a full disk leaves what was there.
 */
#include "report/baseline.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "report/file.h"
#include "report/json.h"
#include "report/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_DONE  0
#define EXIT_USAGE 2

static const char usage[] =
    "usage: swarm baseline list\n"
    "       swarm baseline save NAME FILE...\n"
    "       swarm baseline add NAME FILE...\n"
    "       swarm baseline remove NAME\n"
    "\n"
    "Keeps results (JSON files or HTML reports) by name, so that `swarm\n"
    "compare NAME FILE` and `swarm --baseline NAME` can compare with them.\n"
    "save begins anew, add keeps the newest ten.  They lie in\n"
    "$SWARM_BASELINES, or .swarm/baselines.\n";

static const char *root(void)
{
	const char *folder = getenv("SWARM_BASELINES");

	return folder && folder[0] ? folder : ".swarm/baselines";
}

int baseline_check_name(const char *name)
{
	if (name[0] != '\0' && name[0] != '.' && strspn(name,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.-") == strlen(name) && strlen(name) <= 100)
		return 0;
	log_error("\"%s\" is no name for a baseline: use letters, digits, "
	    "_ - and .", name);
	return -1;
}

/* Also of a save that did not come to its end. */
static int is_ours(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && strcmp(e->d_name + len - 5, ".json") == 0;
}

static int is_result(const struct dirent *e)
{
	return e->d_name[0] != '.' && is_ours(e);
}

static int is_hidden(const struct dirent *e)
{
	return e->d_name[0] == '.' && is_ours(e);
}

static int is_shown(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void free_list(struct dirent **list, int count)
{
	for (int i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

/* Its newest, the oldest of them first. */
static int runs_of(const char *name, char **out, size_t max)
{
	char *folder = xasprintf("%s/%s", root(), name);
	struct dirent **list = NULL;
	int count = scandir(folder, &list, is_result, alphasort);
	int n = 0;

	for (int i = count > BASELINE_RUNS ? count - BASELINE_RUNS : 0;
	    i < count && (size_t)n < max; i++)
		out[n++] = xasprintf("%s/%s", folder, list[i]->d_name);
	free_list(list, count);
	free(folder);
	return n;
}

int baseline_files(const char *word, char **out, size_t max)
{
	int n;

	if (strchr(word, '/') || access(word, F_OK) == 0) {
		out[0] = xstrdup(word);
		return 1;
	}
	n = runs_of(word, out, max);
	if (n > 0)
		return n;
	log_error("there is neither a file nor a baseline \"%s\" (in %s); "
	    "`swarm baseline list` shows them", word, root());
	return -1;
}

/* The oldest of these, but for `keep`. */
static void drop(const char *name, int (*which)(const struct dirent *),
    int keep)
{
	char *folder = xasprintf("%s/%s", root(), name);
	struct dirent **list = NULL;
	int count = scandir(folder, &list, which, alphasort);

	for (int i = 0; i < count - keep; i++) {
		char *path = xasprintf("%s/%s", folder, list[i]->d_name);

		unlink(path);
		free(path);
	}
	free_list(list, count);
	free(folder);
}

static char *path_of(const char *name, const struct result *r, bool hidden)
{
	return xasprintf("%s/%s/%s%014.0f.json", root(), name,
	    hidden ? "." : "", r->started * 1000);
}

static int write_run(const char *name, const struct result *r, bool hidden)
{
	char *path = path_of(name, r, hidden);
	struct buf out = BUF_INIT(JSON_MAX);
	int rc = json_write(&out, r);

	if (rc == -1)
		log_error("the results are too large for %s", path);
	else
		rc = file_replace(path, out.data, out.len);
	free(path);
	buf_release(&out);
	return rc;
}

int baseline_add(const char *name, const struct result *r)
{
	if (baseline_check_name(name) == -1 ||
	    write_run(name, r, false) == -1)
		return -1;
	drop(name, is_result, BASELINE_RUNS);
	return 0;
}

/* ---- saving anew ---- */

static int show(const char *name, const struct result *r)
{
	char *hidden = path_of(name, r, true);
	char *path = path_of(name, r, false);
	int rc = rename(hidden, path);

	/* The same run may be there twice. */
	if (rc == -1 && errno == ENOENT && access(path, F_OK) == 0)
		rc = 0;
	if (rc == -1)
		log_error("cannot write %s: %m", path);
	free(hidden);
	free(path);
	return rc;
}

static bool is_of(const char *name, const char *file,
    const struct result *runs, int count)
{
	bool found = false;

	for (int i = 0; i < count && !found; i++) {
		char *path = path_of(name, &runs[i], false);

		found = strcmp(strrchr(path, '/') + 1, file) == 0;
		free(path);
	}
	return found;
}

static void drop_others(const char *name, const struct result *runs,
    int count)
{
	char *folder = xasprintf("%s/%s", root(), name);
	struct dirent **list = NULL;
	int there = scandir(folder, &list, is_result, alphasort);

	for (int i = 0; i < there; i++) {
		char *path = xasprintf("%s/%s", folder, list[i]->d_name);

		if (!is_of(name, list[i]->d_name, runs, count))
			unlink(path);
		free(path);
	}
	free_list(list, there);
	free(folder);
}

static int save(const char *name, const struct result *runs, int count)
{
	int rc = 0;

	for (int i = 0; i < count && rc == 0; i++)
		rc = write_run(name, &runs[i], true);
	for (int i = 0; i < count && rc == 0; i++)
		rc = show(name, &runs[i]);
	drop(name, is_hidden, 0);
	if (rc == -1)
		return -1;
	drop_others(name, runs, count);
	drop(name, is_result, BASELINE_RUNS);
	return 0;
}

/* ---- the command ---- */

/* All are read before anything is changed. */
static int store(const char *name, int count, char **paths, bool anew)
{
	struct result *runs = xcalloc((size_t)count, sizeof(*runs));
	int n = 0, rc = baseline_check_name(name);

	for (; rc == 0 && n < count; n++)
		rc = json_read(&runs[n], paths[n]);
	if (rc == -1 && n > 0)
		n--;
	if (rc == 0 && anew)
		rc = save(name, runs, count);
	for (int i = 0; i < count && rc == 0 && !anew; i++)
		rc = baseline_add(name, &runs[i]);
	for (int i = 0; i < n; i++)
		result_release(&runs[i]);
	free(runs);
	return rc == 0 ? EXIT_DONE : EXIT_USAGE;
}

static void list_one(const char *name)
{
	char *files[BASELINE_RUNS];
	struct result r;
	int n = runs_of(name, files, BASELINE_RUNS);

	for (int i = 0; i < n; i++) {
		struct buf line = BUF_INIT(4096);

		if (json_read(&r, files[i]) == 0) {
			text_name(&line, i == 0 ? name : "", 20, true, true);
			buf_puts(&line, "  ");
			text_utc(&line, r.started);
			buf_puts(&line, "  ");
			text_count(&line, r.total.requests);
			buf_puts(&line, " requests, p95 ");
			text_ms(&line, (double)histogram_quantile(
			    &r.total.response, 0.95));
			buf_printf(&line, " ms, %s",
			    result_verdict_name(r.verdict));
			puts(buf_str(&line));
			result_release(&r);
		}
		buf_release(&line);
		free(files[i]);
	}
}

static int list_all(void)
{
	struct dirent **list = NULL;
	int count = scandir(root(), &list, is_shown, alphasort);

	if (count <= 0)
		printf("no baselines in %s\n", root());
	for (int i = 0; i < count; i++) {
		char *folder = xasprintf("%s/%s", root(), list[i]->d_name);
		struct stat st;

		if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
			list_one(list[i]->d_name);
		free(folder);
	}
	free_list(list, count);
	return EXIT_DONE;
}

static int remove_one(const char *name)
{
	char *folder;
	int rc = EXIT_USAGE;

	if (baseline_check_name(name) == -1)
		return rc;
	folder = xasprintf("%s/%s", root(), name);
	if (access(folder, F_OK) == -1) {
		log_error("there is no baseline \"%s\" in %s", name, root());
	} else {
		drop(name, is_ours, 0);
		rmdir(folder);
		rc = EXIT_DONE;
	}
	free(folder);
	return rc;
}

int baseline_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0 && argc == 2)
		return list_all();
	if (strcmp(verb, "save") == 0 && argc > 3)
		return store(argv[2], argc - 3, argv + 3, true);
	if (strcmp(verb, "add") == 0 && argc > 3)
		return store(argv[2], argc - 3, argv + 3, false);
	if (strcmp(verb, "remove") == 0 && argc == 3)
		return remove_one(argv[2]);
	if (strcmp(verb, "-h") == 0 || strcmp(verb, "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
