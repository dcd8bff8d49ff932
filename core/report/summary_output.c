/*
 * The summary as an output of a run, with the files that were written.
 */
#include <stdlib.h>

#include "report/json.h"
#include "report/output.h"
#include "report/summary.h"

static void file(const char *kind, const char *path)
{
	if (path)
		printf("  %-10s  %s\n", kind, path);
}

static bool summary_wanted(const struct report *r)
{
	return !r->options.json &&
	    r->options.summary != REPORT_SUMMARY_NONE;
}

static int summary_finish(const struct report *r, const struct result *result)
{
	const struct report_options *o = &r->options;
	char *json = o->json_file ? json_path(o->json_file) : NULL;

	summary_print(result, stdout, o->summary, o->colour);
	file("report", o->html);
	file("json", json);
	file("csv", o->csv);
	file("markdown", o->markdown);
	file("junit", o->junit);
	file("hdr log", o->hdr_log);
	file("stream", o->ndjson);
	file("prometheus", o->prometheus);
	summary_exit(result, stdout);
	free(json);
	return 0;
}

const struct output output_summary = {
	.name = "summary",
	.wanted = summary_wanted,
	.finish = summary_finish,
};
