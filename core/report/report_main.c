/*
 * `swarm report`: the summary of a results file on standard output, or files
 * of other kinds made from it.  The same code that rendered the run renders
 * it again.
 */
#include "report/report_main.h"

#include "base/log.h"
#include "report/file.h"
#include "report/html.h"
#include "report/json.h"
#include "report/junit.h"
#include "report/markdown.h"
#include "report/summary.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_DONE  0
#define EXIT_USAGE 2

static const char usage[] =
    "usage: swarm report [options] FILE\n"
    "\n"
    "Shows results (a JSON file or an HTML report of swarm) again.\n"
    "\n"
    "  --html FILE      write the HTML report\n"
    "  --markdown FILE  write a short report for a merge request\n"
    "  --junit FILE     write the criteria as JUnit XML\n"
    "  --json FILE      write the results as JSON\n"
    "  -h, --help       print this\n"
    "\n"
    "Without any of these the summary is printed.  FILE may be - for standard\n"
    "output.\n";

struct kind {
	const char *name;
	int (*write)(struct buf *, const struct result *);
	size_t max;
};

static const struct kind kinds[] = {
	{ "html", html_write, HTML_MAX },
	{ "markdown", markdown_write, MARKDOWN_MAX },
	{ "junit", junit_write, JUNIT_MAX },
	{ "json", json_write, JSON_MAX },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static int write_kind(const struct kind *kind, const struct result *r,
    const char *path)
{
	struct buf out = BUF_INIT(kind->max);
	int rc = kind->write(&out, r);

	if (rc == -1)
		log_error("the results are too large for %s", path);
	else if (strcmp(path, "-") == 0)
		rc = fwrite(out.data, 1, out.len, stdout) == out.len &&
		    fflush(stdout) == 0 ? 0 : -1;
	else
		rc = file_replace(path, out.data, out.len);
	buf_release(&out);
	return rc;
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, const char *paths[KINDS],
    bool *any)
{
	struct option options[KINDS + 2] = { 0 };
	int c;

	for (size_t i = 0; i < KINDS; i++)
		options[i] = (struct option){ kinds[i].name,
			required_argument, NULL, (int)i };
	options[KINDS] = (struct option){ "help", no_argument, NULL, 'h' };
	optind = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (c < 0 || c >= (int)KINDS)
			return EXIT_USAGE;
		paths[c] = optarg;
		*any = true;
	}
	if (argc - optind == 1)
		return -1;
	fputs(usage, stderr);
	return EXIT_USAGE;
}

int report_main(int argc, char **argv)
{
	const char *paths[KINDS] = { NULL };
	struct result result;
	bool any = false;
	int code = parse_options(argc, argv, paths, &any);

	if (code != -1)
		return code;
	if (json_read(&result, argv[optind]) == -1)
		return EXIT_USAGE;
	code = EXIT_DONE;
	for (size_t i = 0; i < KINDS; i++) {
		if (paths[i] && write_kind(&kinds[i], &result,
		    paths[i]) == -1)
			code = EXIT_USAGE;
	}
	if (!any) {
		summary_print(&result, stdout, REPORT_SUMMARY_FULL,
		    REPORT_COLOUR_AUTO);
		summary_exit(&result, stdout);
	}
	result_release(&result);
	return code;
}
