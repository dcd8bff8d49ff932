/*
 * The verdict.  The first of these that holds decides:
 *
 *	the scenario set an exit code of its own
 *	a worker crashed                                        6
 *	workers are missing or were lost                        5
 *	a criterion failed                                      99
 *	no request ended well                                   4
 *	requests failed (or code of a Locust worker raised)     1
 *
 * What makes the measurement itself doubtful comes before what it says.  With
 * criteria that a run can fail, failed requests alone do not decide any more:
 * how many are too many has been said.
 */
#include "report/verdict.h"

#include "base/xalloc.h"
#include "report/output.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

static void set(struct result *r, enum verdict verdict, int exit_code,
    char *sentence)
{
	r->verdict = verdict;
	r->exit_code = exit_code;
	r->sentence = sentence;
}

static char *failure_sentence(const struct result *r)
{
	struct buf count = BUF_INIT(100), share = BUF_INIT(100);
	char *sentence;

	text_count(&count, r->total.failures);
	text_percent(&share, (double)r->total.failures /
	    (double)r->total.requests);
	sentence = xasprintf("%s %s failed (%s)", buf_str(&count),
	    r->total.failures == 1 ? "request" : "requests",
	    buf_str(&share));
	buf_release(&count);
	buf_release(&share);
	return sentence;
}

/* Something was measured that did not fail. */
static bool had_success(const struct result *r)
{
	if (r->total.requests > r->total.failures)
		return true;
	for (size_t i = 0; i < r->series_count; i++) {
		if (r->series[i].phase && r->series[i].service.count > 0)
			return true;
	}
	return false;
}

/* Criteria that can fail a run, and how many did; `first` of these. */
static size_t count_criteria(const struct result *r, size_t *failed,
    const struct result_criterion **first)
{
	size_t count = 0;

	*failed = 0;
	*first = NULL;
	for (size_t i = 0; i < r->criterion_count; i++) {
		if (strcmp(r->criteria[i].action, "warn") == 0 ||
		    strcmp(r->criteria[i].action, "step-down") == 0)
			continue;
		count++;
		if (!r->criteria[i].failed)
			continue;
		if ((*failed)++ == 0)
			*first = &r->criteria[i];
	}
	return count;
}

/* False when there are none. */
static bool decide_by_criteria(struct result *r)
{
	const struct result_criterion *first;
	size_t failed, count = count_criteria(r, &failed, &first);

	if (count == 0)
		return false;
	if (failed > 0)
		set(r, VERDICT_FAILED, REPORT_CRITERION, xasprintf(
		    "%zu of %zu criteri%s: %s%s", failed, count,
		    count == 1 ? "on" : "a", first->text,
		    first->known ? "" : " (nothing to judge)"));
	else
		set(r, VERDICT_PASSED, REPORT_PASSED, xasprintf(
		    "none of %zu failure criteri%s was met", count,
		    count == 1 ? "on" : "a"));
	return true;
}

/* A target that never answers is down: that says nothing of its capacity. */
static void decide_by_capacity(struct result *r)
{
	const struct capacity_answer *a = &r->capacity.answer;
	struct buf text = BUF_INIT(4096);
	char *sentence;

	capacity_view_sentence(&text, &r->capacity);
	sentence = xstrdup(buf_str(&text));
	buf_release(&text);
	if (a->end == CAPACITY_NONE && !had_success(r))
		set(r, VERDICT_FAILED, REPORT_NO_ANSWER, sentence);
	else if (a->end == CAPACITY_NONE)
		set(r, VERDICT_FAILED, REPORT_CRITERION, sentence);
	else if (a->end != CAPACITY_FOUND && a->end != CAPACITY_BOUND)
		set(r, VERDICT_INCONCLUSIVE, REPORT_NO_CAPACITY, sentence);
	else if (!a->sure)
		set(r, VERDICT_INCONCLUSIVE, REPORT_UNSURE, sentence);
	else
		set(r, VERDICT_PASSED, REPORT_PASSED, sentence);
}

static void decide_by_requests(struct result *r, const struct report *report)
{
	int code = report->options.exit_code_on_error;

	if (!had_success(r) && code != 0) {
		set(r, r->total.requests ? VERDICT_FAILED :
		    VERDICT_INCONCLUSIVE, REPORT_NO_ANSWER,
		    xstrdup(r->total.requests ? "every request failed" :
		    "no request finished"));
		return;
	}
	if (r->exception_count > 0) {
		set(r, code ? VERDICT_FAILED : VERDICT_PASSED, code,
		    xstrdup("code of the scenario raised exceptions"));
		return;
	}
	if (r->total.failures > 0) {
		set(r, code ? VERDICT_FAILED : VERDICT_PASSED, code,
		    failure_sentence(r));
		return;
	}
	set(r, VERDICT_PASSED, REPORT_PASSED, xstrdup(r->total.requests ?
	    "no request failed" : "nothing failed"));
}

void verdict_decide(struct result *r, const struct report *report,
    const struct report_outcome *outcome)
{
	const struct run_status *run = &outcome->run;

	if (outcome->scenario_exit_code >= 0) {
		set(r, outcome->scenario_exit_code ? VERDICT_FAILED :
		    VERDICT_PASSED, outcome->scenario_exit_code,
		    xasprintf("the scenario said %d",
		    outcome->scenario_exit_code));
	} else if (run->workers_crashed > 0) {
		set(r, VERDICT_FAILED, REPORT_CRASHED, xasprintf(
		    "%u worker%s crashed", run->workers_crashed,
		    run->workers_crashed == 1 ? "" : "s"));
	} else if (run->workers_missing) {
		set(r, VERDICT_INCONCLUSIVE, REPORT_WORKERS,
		    xstrdup("workers are missing"));
	} else if (run->workers_lost > 0) {
		set(r, VERDICT_INCONCLUSIVE, REPORT_WORKERS, xasprintf(
		    "%u worker%s lost, %s what they had measured",
		    run->workers_lost, run->workers_lost == 1 ? " was" :
		    "s were", "and with them some of"));
	} else if (run->started == 0) {
		set(r, VERDICT_INCONCLUSIVE, REPORT_PASSED,
		    xstrdup("no test was run"));
	} else if (r->capacity.present) {
		decide_by_capacity(r);
	} else if (r->exception_count > 0 || !decide_by_criteria(r)) {
		decide_by_requests(r, report);
	}
}

void verdict_open(struct result *r)
{
	free(r->sentence);
	r->complete = false;
	set(r, VERDICT_INCONCLUSIVE, REPORT_NO_ANSWER,
	    xstrdup("the run had not ended when this was written"));
}
