/*
 * JUnit XML: one test case per criterion, and one for the verdict, so that a
 * run without criteria is a test, too.
 */
#include "report/junit.h"

#include "base/log.h"
#include "report/file.h"
#include "report/output.h"
#include "report/svg.h"
#include "report/text.h"

static void testcase(struct buf *out, const struct result *r,
    const char *name, const char *failure)
{
	buf_puts(out, "  <testcase classname=\"");
	svg_escape(out, r->scenario ? r->scenario : "swarm");
	buf_puts(out, "\" name=\"");
	svg_escape(out, name);
	buf_printf(out, "\" time=\"%.3f\"", r->duration);
	if (!failure) {
		buf_puts(out, "/>\n");
		return;
	}
	buf_puts(out, ">\n    <failure message=\"");
	svg_escape(out, failure);
	buf_puts(out, "\"/>\n  </testcase>\n");
}

static void criterion(struct buf *out, const struct result *r,
    const struct result_criterion *c)
{
	struct buf why = BUF_INIT(4096);

	buf_printf(&why, "%s: %s", c->text,
	    c->known ? c->shown : "nothing to judge");
	if (c->first_s >= 0) {
		buf_puts(&why, ", first at ");
		text_clock(&why, c->first_s);
	}
	testcase(out, r, c->text, c->failed ? buf_str(&why) : NULL);
	buf_release(&why);
}

int junit_write(struct buf *out, const struct result *r)
{
	size_t failed = r->verdict != VERDICT_PASSED;
	struct buf started = BUF_INIT(100);

	for (size_t i = 0; i < r->criterion_count; i++)
		failed += r->criteria[i].failed;
	text_utc(&started, r->started);
	buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<testsuite name=\"swarm\" tests=\"%zu\" failures=\"%zu\" "
	    "errors=\"0\" time=\"%.3f\" timestamp=\"%.19s\">\n",
	    r->criterion_count + 1, failed, r->duration, buf_str(&started));
	buf_release(&started);
	for (size_t i = 0; i < r->criterion_count; i++)
		criterion(out, r, &r->criteria[i]);
	testcase(out, r, "verdict",
	    r->verdict != VERDICT_PASSED ? r->sentence : NULL);
	return buf_puts(out, "</testsuite>\n");
}

static bool junit_wanted(const struct report *r)
{
	return r->options.junit != NULL;
}

static int junit_start(const struct report *r)
{
	return file_check(r->options.junit);
}

static int junit_save(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(JUNIT_MAX);
	int rc = junit_write(&out, result);

	if (rc == 0)
		rc = file_try_replace(r->options.junit, out.data, out.len);
	buf_release(&out);
	return rc;
}

static int junit_finish(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(JUNIT_MAX);
	int rc = junit_write(&out, result);

	if (rc == -1)
		log_error("the results are too large for %s",
		    r->options.junit);
	else
		rc = file_replace(r->options.junit, out.data, out.len);
	buf_release(&out);
	return rc;
}

const struct output output_junit = {
	.name = "junit",
	.wanted = junit_wanted,
	.start = junit_start,
	.save = junit_save,
	.finish = junit_finish,
};
