/*
 * A run with --baseline: the comparison is a part of its verdict, made before
 * any output renders the result, and is printed below the summary.
 */
#include "report/against.h"

#include "base/log.h"
#include "base/xalloc.h"
#include "report/baseline.h"
#include "report/compare.h"
#include "report/json.h"
#include "report/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX (1u << 20)

static int check_readable(const char *baseline)
{
	char *files[BASELINE_RUNS];
	struct result r;
	int n = baseline_files(baseline, files, BASELINE_RUNS);
	int rc = n == -1 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		if (rc == 0) {
			rc = json_read(&r, files[i]);
			if (rc == 0)
				result_release(&r);
		}
		free(files[i]);
	}
	return rc;
}

int against_check(const struct report_options *o)
{
	if (o->baseline && check_readable(o->baseline) == -1)
		return -1;
	return o->save_baseline ? baseline_check_name(o->save_baseline) : 0;
}

void against_judge(const struct report_options *o, struct result *r)
{
	struct buf worse = BUF_INIT(4096), table = BUF_INIT(TABLE_MAX);

	if (!o->baseline || r->total.requests == 0 ||
	    compare_with_baseline(o->baseline, r, &table, &worse) == -1)
		goto release;
	r->comparison = buf_detach(&table);
	if (worse.len > 0 && r->verdict == VERDICT_PASSED) {
		free(r->sentence);
		r->verdict = VERDICT_FAILED;
		r->exit_code = REPORT_REGRESSION;
		r->sentence = xasprintf("worse than the baseline %s: %s",
		    o->baseline, buf_str(&worse));
	}
release:
	buf_release(&worse);
	buf_release(&table);
}

static bool against_wanted(const struct report *r)
{
	return r->options.baseline || r->options.save_baseline;
}

static int against_finish(const struct report *r, const struct result *result)
{
	const struct report_options *o = &r->options;
	int rc = 0;

	if (result->comparison && !o->json &&
	    o->summary != REPORT_SUMMARY_NONE)
		printf("\n%s", result->comparison);
	fflush(stdout);
	if (!o->save_baseline)
		return 0;
	if (result->verdict == VERDICT_PASSED)
		rc = baseline_add(o->save_baseline, result);
	else
		log_warn("the run did not pass: it is not added to the "
		    "baseline %s", o->save_baseline);
	return rc;
}

const struct output output_against = {
	.name = "baseline",
	.wanted = against_wanted,
	.finish = against_finish,
};
