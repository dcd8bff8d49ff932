/*
 * `swarm compare`: reads results, compares them, prints a table, and exits
 * with 98 when the second side is worse.
 */
#include "report/compare.h"

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "report/baseline.h"
#include "report/json.h"
#include "report/text.h"

#include <jansson.h>

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_SAME    0
#define EXIT_USAGE   2
#define EXIT_WORSE   98
#define MOST_RUNS    100
#define ENDPOINTS    10
#define DIFFERENCES 20
#define TABLE_MAX    (1u << 20)

static const char usage[] =
    "usage: swarm compare [options] BEFORE... [-- AFTER...]\n"
    "\n"
    "Compares results (JSON files or HTML reports of swarm).  With two files\n"
    "the first is compared with the second; several files a side, with -- in\n"
    "between, take the spread between runs into account.  The name of a\n"
    "baseline (see swarm baseline) stands for its runs.\n"
    "\n"
    "  --limit SHARE       change that matters (default 5%)\n"
    "  --fail-limit SHARE  change of the failed share that matters "
    "(default 0.1%)\n"
    "  --json              print the comparison as JSON\n"
    "  -h, --help          print this\n"
    "\n"
    "exit codes: 0 no worse, 2 wrong usage or unreadable file, 98 worse\n";

struct job {
	struct compare_options options;
	bool json;
	struct result *runs;
	size_t count;
	struct compare_side before;
	struct compare_side after;
	const char *names[2];
};

/* "5%" or "0.05". */
static int parse_share(const char *option, const char *text, double *out)
{
	char *copy = xstrdup(text);
	size_t len = strlen(copy);
	bool percent = len > 0 && copy[len - 1] == '%';
	int rc;

	if (percent)
		copy[len - 1] = '\0';
	rc = parse_double(copy, 0, percent ? 1000 : 10, out);
	if (rc == -1)
		log_error("%s %s: write 5%% or 0.05", option, text);
	else if (percent)
		*out /= 100;
	free(copy);
	return rc;
}

/* -1: go on; else the exit code. */
static int parse_options(struct job *job, int argc, char **argv)
{
	static const struct option options[] = {
		{ "limit", required_argument, NULL, 'l' },
		{ "fail-limit", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, rc = 0;

	optind = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, "+h", options,
	    NULL)) != -1) {
		switch (c) {
		case 'l':
			rc = parse_share("--limit", optarg,
			    &job->options.limit);
			break;
		case 'f':
			rc = parse_share("--fail-limit", optarg,
			    &job->options.fail_limit);
			break;
		case 'j':
			job->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SAME;
		default:
			rc = -1;
			break;
		}
	}
	return rc == 0 ? -1 : EXIT_USAGE;
}

static int read_runs(struct job *job, int count, char **paths)
{
	job->runs = xcalloc((size_t)count, sizeof(*job->runs));
	for (int i = 0; i < count; i++) {
		if (json_read(&job->runs[job->count], paths[i]) == -1)
			return -1;
		job->count++;
	}
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void free_files(char **files, int n)
{
	while (n > 0)
		free(files[--n]);
}

/* The files of both sides, without the "--" in between; a name of a baseline
 * stands for its files. */
static int expand(struct job *job, int count, char **words, char **files,
    int *split)
{
	int n = 0, separator = count == 2 ? 1 : -1, first = 0;

	for (int i = 0; i < count && separator == -1; i++)
		separator = strcmp(words[i], "--") == 0 ? i : -1;
	first = separator >= 0 && separator < count &&
	    strcmp(words[separator], "--") == 0 ? separator + 1 : separator;
	if (separator < 1 || first >= count) {
		fprintf(stderr, "%s", usage);
		return -1;
	}
	job->names[0] = base_name(words[0]);
	job->names[1] = base_name(words[first]);
	for (int i = 0; i < count; i++) {
		int more;

		if (i == separator)
			*split = n;
		if (i == separator && first > separator)
			continue;
		more = n + BASELINE_RUNS > 2 * MOST_RUNS ? -1 :
		    baseline_files(words[i], files + n, BASELINE_RUNS);
		if (more == -1 && n + BASELINE_RUNS > 2 * MOST_RUNS)
			log_error("at most %d files", 2 * MOST_RUNS);
		if (more == -1) {
			free_files(files, n);
			return -1;
		}
		n += more;
	}
	return n;
}

static int read_sides(struct job *job, int count, char **words)
{
	char *files[2 * MOST_RUNS];
	int split = 0, rc;
	int n = expand(job, count, words, files, &split);

	if (n == -1)
		return -1;
	rc = read_runs(job, n, files);
	free_files(files, n);
	job->before = (struct compare_side){ job->runs, (size_t)split };
	job->after = (struct compare_side){ job->runs + split,
		(size_t)(n - split) };
	return rc;
}

static void value_of(struct buf *out, const struct compare_metric *m,
    double v)
{
	switch (m->unit) {
	case COMPARE_MS:
		text_ms(out, v);
		break;
	case COMPARE_RATE:
		text_rate(out, v);
		break;
	case COMPARE_SHARE:
		text_percent(out, v);
		break;
	}
}

static void change_of(struct buf *out, const struct compare_metric *m)
{
	if (m->unit == COMPARE_SHARE)
		buf_printf(out, "%+.2f pt", (m->after - m->before) * 100);
	else if (m->before > 0)
		buf_printf(out, "%+.1f %%", (m->after / m->before - 1) * 100);
	else
		buf_puts(out, "n/a");
}

static void verdict_of(struct buf *out, const struct compare_metric *m,
    bool utf8)
{
	switch (m->verdict) {
	case COMPARE_EQUAL:
		buf_puts(out, "equal");
		break;
	case COMPARE_BETTER:
		buf_puts(out, utf8 ? "▼ better" : "better");
		break;
	case COMPARE_WORSE:
		buf_puts(out, utf8 ? "▲ worse" : "worse");
		break;
	case COMPARE_UNDECIDED:
		buf_puts(out, "can't tell");
		if (m->needed_s > 0 && m->needed_s < 86400) {
			buf_puts(out, ", run about ");
			text_clock(out, ceil(m->needed_s / 10) * 10);
		}
		break;
	}
}

static void print_metric(struct buf *out, const struct compare_metric *m,
    bool utf8)
{
	struct buf before = BUF_INIT(64), after = BUF_INIT(64);
	struct buf change = BUF_INIT(64), line = BUF_INIT(512);

	buf_printf(&line, "  %-5s %-3s", m->name,
	    m->unit == COMPARE_MS ? "ms" : "");
	value_of(&before, m, m->before);
	value_of(&after, m, m->after);
	if (m->known)
		change_of(&change, m);
	text_right(&line, buf_str(&before), 12);
	text_right(&line, buf_str(&after), 12);
	text_right(&line, buf_str(&change), 12);
	buf_puts(&line, "   ");
	if (!m->known) {
		buf_puts(&line, "too few samples");
	} else {
		if (m->unit == COMPARE_SHARE)
			buf_printf(&line, "%+.2f to %+.2f pt  ",
			    m->change.lo * 100, m->change.hi * 100);
		else
			buf_printf(&line, "%+.1f to %+.1f %%  ",
			    (m->change.lo - 1) * 100,
			    (m->change.hi - 1) * 100);
		verdict_of(&line, m, utf8);
	}
	buf_printf(out, "%s\n", buf_str(&line));
	buf_release(&before);
	buf_release(&after);
	buf_release(&change);
	buf_release(&line);
}

static void print_endpoints(struct buf *out, const struct comparison *c,
    bool utf8)
{
	if (c->endpoint_count > 0)
		buf_printf(out, "\n  p95 changed, of %zu endpoints:\n",
		    c->endpoints_compared);
	for (size_t i = 0; i < c->endpoint_count && i < ENDPOINTS; i++) {
		const struct compare_endpoint *e = &c->endpoints[i];
		struct buf line = BUF_INIT(4096), name = BUF_INIT(4096);

		buf_printf(&name, "%s %s", e->type, e->name);
		buf_puts(&line, e->verdict == COMPARE_WORSE ? "  worse   " :
		    "  better  ");
		text_name(&line, buf_str(&name), 40, utf8, true);
		buf_puts(&line, "  ");
		text_ms(&line, e->before);
		buf_puts(&line, " to ");
		text_ms(&line, e->after);
		buf_puts(&line, " ms");
		buf_printf(out, "%s\n", buf_str(&line));
		buf_release(&line);
		buf_release(&name);
	}
	if (c->endpoint_count > ENDPOINTS)
		buf_printf(out, "  and %zu more\n", c->endpoint_count - ENDPOINTS);
	if (c->endpoints_gone + c->endpoints_new > 0)
		buf_printf(out, "  endpoints only in the first: %zu, only in the "
		    "second: %zu\n", c->endpoints_gone, c->endpoints_new);
}

/* Of all runs the first that was not made as the first was: how it differs
 * from that. */
static size_t differences(const struct job *job, const struct card **before,
    const struct card **after, const char **names)
{
	size_t n = 0;

	*before = *after = &job->before.runs[0].card;
	/* A baseline's runs and this one's are not in one place. */
	for (size_t i = 0; n == 0 && i < job->before.count + job->after.count;
	    i++) {
		*after = i < job->before.count ? &job->before.runs[i].card :
		    &job->after.runs[i - job->before.count].card;
		n = card_differences(*before, *after, names, DIFFERENCES);
	}
	return n;
}

/* Runs that were not made alike are compared all the same, with a warning. */
static void print_differences(struct buf *out, const struct job *job)
{
	const struct card *before, *after;
	const char *names[DIFFERENCES];
	size_t n = differences(job, &before, &after, names);

	if (n == 0)
		return;
	buf_printf(out, "\n  warning: the runs were not made alike:\n");
	for (size_t i = 0; i < n && i < DIFFERENCES; i++) {
		const char *a = card_text(before, names[i]);
		const char *b = card_text(after, names[i]);

		buf_printf(out, "    %-14s %.60s, then %.60s\n", names[i],
		    a ? a : "nothing", b ? b : "nothing");
	}
	if (n > DIFFERENCES)
		buf_printf(out, "    and %zu more\n", n - DIFFERENCES);
}

/* Of a run that did not come to its end the figures are what they are. */
static void print_incomplete(struct buf *out, const struct compare_side *side)
{
	for (size_t i = 0; i < side->count; i++) {
		if (side->runs[i].complete)
			continue;
		buf_puts(out, "\n  warning: a run had not ended when its file "
		    "was written\n");
		return;
	}
}

static void print(struct buf *out, const struct job *job,
    const struct comparison *c)
{
	struct buf head = BUF_INIT(1024);
	struct terminal t;

	text_terminal(&t, stdout, REPORT_COLOUR_NEVER);
	buf_printf(&head, "%13s", "");
	for (size_t i = 0; i < 2; i++) {
		struct buf name = BUF_INIT(256);

		text_name(&name, job->names[i], 11, t.utf8, false);
		text_right(&head, buf_str(&name), i ? 12 : 9);
		buf_release(&name);
	}
	buf_printf(out, "%s      change   95 %% sure\n", buf_str(&head));
	buf_release(&head);
	for (size_t i = 0; i < c->metric_count; i++)
		print_metric(out, &c->metrics[i], t.utf8);
	buf_printf(out, "\n  a request of the second is slower than one of "
	    "the first in %.1f %%\n", c->slower * 100);
	if (c->distance > 0) {
		buf_puts(out, "  the distributions are furthest apart at ");
		text_ms(out, c->distance_at);
		buf_printf(out, " ms, by %.1f %% of the requests\n",
		    c->distance * 100);
	}
	print_endpoints(out, c, t.utf8);
	print_incomplete(out, &job->before);
	print_incomplete(out, &job->after);
	print_differences(out, job);
}

static void print_exit(struct buf *out, const struct job *job,
    const struct comparison *c)
{
	if (compare_is_worse(c))
		buf_printf(out, "\nexit %d: worse by more than %.3g %%\n",
		    EXIT_WORSE, job->options.limit * 100);
	else
		buf_printf(out, "\nexit 0: not worse by more than %.3g %% as "
		    "far as can be told\n", job->options.limit * 100);
}

static json_t *metric_json(const struct compare_metric *m)
{
	static const char *const verdicts[] = { "equal", "better", "worse",
		"undecided" };
	double unit = m->unit == COMPARE_MS ? 1e6 : 1;

	if (!m->known)
		return json_pack("{s:s, s:s}", "metric", m->name, "verdict",
		    "unknown");
	return json_pack("{s:s, s:f, s:f, s:[f, f], s:s}", "metric", m->name,
	    "before", m->before / unit, "after", m->after / unit, "change",
	    m->change.lo, m->change.hi, "verdict", verdicts[m->verdict]);
}

static json_t *differences_json(const struct job *job)
{
	const struct card *before, *after;
	const char *names[DIFFERENCES];
	size_t n = differences(job, &before, &after, names);
	json_t *o = json_object();

	for (size_t i = 0; i < n && i < DIFFERENCES; i++)
		json_object_set_new(o, names[i], json_pack("[s?, s?]",
		    card_text(before, names[i]), card_text(after, names[i])));
	return o;
}

static void print_json(const struct job *job, const struct comparison *c)
{
	json_t *metrics = json_array(), *endpoints = json_array(), *o;

	for (size_t i = 0; i < c->metric_count; i++)
		json_array_append_new(metrics, metric_json(&c->metrics[i]));
	for (size_t i = 0; i < c->endpoint_count; i++)
		json_array_append_new(endpoints, json_pack(
		    "{s:s, s:s, s:f, s:f, s:b}",
		    "type", c->endpoints[i].type,
		    "name", c->endpoints[i].name,
		    "p95_before_ms", c->endpoints[i].before / 1e6,
		    "p95_after_ms", c->endpoints[i].after / 1e6,
		    "worse", c->endpoints[i].verdict == COMPARE_WORSE));
	o = json_pack("{s:s, s:b, s:f, s:f, s:f, s:o, s:o, s:o}", "schema",
	    "swarm-compare/1", "worse", compare_is_worse(c),
	    "slower_probability", c->slower, "distance", c->distance,
	    "distance_at_ms", c->distance_at / 1e6, "metrics", metrics,
	    "endpoints", endpoints, "not_alike", differences_json(job));
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER |
	    JSON_REAL_PRECISION(8));
	putchar('\n');
	json_decref(o);
}

static void release(struct job *job)
{
	for (size_t i = 0; i < job->count; i++)
		result_release(&job->runs[i]);
	free(job->runs);
}

int compare_main(int argc, char **argv)
{
	struct job job = { .options = { 0.05, 0.001, 1, 1000 } };
	struct buf out = BUF_INIT(TABLE_MAX);
	struct comparison comparison;
	int code = parse_options(&job, argc, argv);

	if (code != -1)
		return code;
	code = EXIT_USAGE;
	if (read_sides(&job, argc - optind, argv + optind) == -1)
		goto release;
	compare_init(&comparison, &job.before, &job.after, &job.options);
	if (job.json) {
		print_json(&job, &comparison);
	} else {
		print(&out, &job, &comparison);
		print_exit(&out, &job, &comparison);
		fputs(buf_str(&out), stdout);
	}
	code = compare_is_worse(&comparison) ? EXIT_WORSE : EXIT_SAME;
	compare_release(&comparison);
	fflush(stdout);
release:
	release(&job);
	buf_release(&out);
	return code;
}

static void say_worse(const struct comparison *c, struct buf *out)
{
	const char *comma = "";

	for (size_t i = 0; i < c->metric_count; i++) {
		if (!c->metrics[i].known ||
		    c->metrics[i].verdict != COMPARE_WORSE)
			continue;
		buf_printf(out, "%s%s", comma, c->metrics[i].name);
		comma = ", ";
	}
	for (size_t i = 0; i < c->endpoint_count; i++) {
		const struct compare_endpoint *e = &c->endpoints[i];

		if (e->verdict != COMPARE_WORSE)
			continue;
		buf_printf(out, "%sp95 of %s %s", comma, e->type, e->name);
		return;
	}
}

int compare_with_baseline(const char *baseline, const struct result *now,
    struct buf *table, struct buf *worse)
{
	struct job job = { .options = { 0.05, 0.001, 1, 1000 },
		.names = { base_name(baseline), "this run" } };
	char *files[BASELINE_RUNS];
	int n = baseline_files(baseline, files, BASELINE_RUNS);
	struct comparison c;
	int rc;

	if (n == -1)
		return -1;
	rc = read_runs(&job, n, files);
	free_files(files, n);
	if (rc == 0) {
		job.before = (struct compare_side){ job.runs, job.count };
		job.after = (struct compare_side){ now, 1 };
		compare_init(&c, &job.before, &job.after, &job.options);
		print(table, &job, &c);
		say_worse(&c, worse);
		compare_release(&c);
	}
	release(&job);
	return rc;
}
