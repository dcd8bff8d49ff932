/*
 * The parser of criteria, a recursive descent over one line of text.  Errors
 * name the place and what could stand there, because the line comes from a
 * command line that somebody is still writing.
 */
#include "run/criterion.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/xalloc.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_SPAN 3600.0             /* seconds */
#define MAX_WORD     64

struct parser {
	const char *text;
	const char *at;
	struct buf *error;
	struct criterion *out;
};

static const struct {
	const char *name;
	enum criterion_stat stat;
} stats[] = {
	{ "count", CRITERION_COUNT }, { "requests", CRITERION_COUNT },
	{ "rate", CRITERION_RATE }, { "rps", CRITERION_RATE },
	{ "errors", CRITERION_ERRORS }, { "failures", CRITERION_ERRORS },
	{ "errors%", CRITERION_ERROR_SHARE },
	{ "fail%", CRITERION_ERROR_SHARE },
	{ "fail", CRITERION_ERROR_SHARE },
	{ "error_rate", CRITERION_ERROR_RATE }, { "mean", CRITERION_MEAN },
	{ "avg", CRITERION_MEAN }, { "min", CRITERION_MIN },
	{ "max", CRITERION_MAX }, { "median", CRITERION_QUANTILE },
	{ "share", CRITERION_SHARE }, { "apdex", CRITERION_APDEX },
	{ "ratio", CRITERION_RATIO }, { "counter", CRITERION_COUNTER },
	{ "lag", CRITERION_LAG }, { "slope", CRITERION_SLOPE },
	{ "external", CRITERION_EXTERNAL }, { "metric", CRITERION_EXTERNAL },
};

#define STATS (sizeof(stats) / sizeof(*stats))

static int fail(struct parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	buf_clear(p->error);
	buf_printf(p->error, "'%s': ", p->text);
	va_start(ap, fmt);
	buf_vprintf(p->error, fmt, ap);
	va_end(ap);
	if (*p->at && p->at != p->text)
		buf_printf(p->error, " (at '%.20s')", p->at);
	return -1;
}

static void blanks(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

static bool take(struct parser *p, const char *token)
{
	size_t len = strlen(token);

	blanks(p);
	if (strncmp(p->at, token, len) != 0)
		return false;
	p->at += len;
	return true;
}

/* Letters, digits and what numbers with units are made of. */
static int word(struct parser *p, const char *more, char out[MAX_WORD])
{
	size_t n = 0;

	blanks(p);
	while (isalnum((unsigned char)*p->at) ||
	    (*p->at && strchr(more, *p->at))) {
		if (n == MAX_WORD - 1)
			return fail(p, "a word is too long");
		out[n++] = *p->at++;
	}
	out[n] = '\0';
	return 0;
}

static int quantile(struct parser *p, const char *name)
{
	double percent;

	if (parse_double(name + 1, 0, 100, &percent) == -1)
		return fail(p, "'%s' is no percentile; write p50, p95, p99.9",
		    name);
	p->out->stat = CRITERION_QUANTILE;
	p->out->parameter = percent / 100;
	return 0;
}

static int unknown(struct parser *p, const char *name)
{
	const char *names[STATS + 1] = { 0 };
	const char *near;

	for (size_t i = 0; i < STATS; i++)
		names[i] = stats[i].name;
	near = parse_suggest(name, names);
	if (near)
		return fail(p, "unknown statistic '%s'; did you mean %s?",
		    name, near);
	return fail(p, "unknown statistic '%s'; there are p95 and other "
	    "percentiles, mean, min, max, count, rate, errors, errors%%, "
	    "error_rate, share<=TIME, apdex(TIME), ratio(A,B), lag, slope, "
	    "counter(NAME) and external(NAME)", name);
}

static int stat_name(struct parser *p)
{
	char name[MAX_WORD];

	if (word(p, "_.%", name) == -1)
		return -1;
	for (size_t i = 0; i < STATS; i++) {
		if (strcmp(name, stats[i].name) != 0)
			continue;
		p->out->stat = stats[i].stat;
		p->out->parameter = 0.5;
		return 0;
	}
	if (name[0] == 'p' && isdigit((unsigned char)name[1]))
		return quantile(p, name);
	return unknown(p, name);
}

static int duration(struct parser *p, double *seconds)
{
	char text[MAX_WORD];

	if (word(p, ".", text) == -1)
		return -1;
	if (text[0] == '\0' || !isalpha((unsigned char)
	    text[strlen(text) - 1]) || parse_duration(text, seconds) == -1)
		return fail(p, "'%s' is no time; write 200ms, 1.5s or 2m",
		    text);
	return 0;
}

/* Text in quotes, or up to `end` with brackets in pairs. */
static int pattern(struct parser *p, const char *ends, char **out)
{
	const char *from;
	size_t len;
	int depth = 0;

	blanks(p);
	if (*p->at == '"') {
		from = ++p->at;
		p->at += strcspn(p->at, "\"");
		if (*p->at != '"')
			return fail(p, "a '\"' is missing");
		len = (size_t)(p->at++ - from);
		blanks(p);
	} else {
		from = p->at;
		for (; *p->at && (depth > 0 || !strchr(ends, *p->at));
		    p->at++)
			depth += (*p->at == '(') - (*p->at == ')');
		len = (size_t)(p->at - from);
		while (len > 0 && from[len - 1] == ' ')
			len--;
	}
	if (len == 0)
		return fail(p, "the name of a series is missing");
	*out = xstrndup(from, len);
	return 0;
}

static int close_bracket(struct parser *p)
{
	return take(p, ")") ? 0 : fail(p, "a ')' is missing");
}

static int ratio(struct parser *p)
{
	if (!take(p, "("))
		return fail(p, "write ratio(A, B) with two series or "
		    "counters");
	if (pattern(p, ",", &p->out->series) == -1)
		return -1;
	if (!take(p, ","))
		return fail(p, "write ratio(A, B) with two series or "
		    "counters");
	if (pattern(p, ")", &p->out->other) == -1)
		return -1;
	return close_bracket(p);
}

/* A metric's name, and of a distribution which percentile. */
static int external(struct parser *p)
{
	char name[MAX_WORD];

	p->out->parameter = -1;
	if (!take(p, "("))
		return fail(p, "write external(NAME), or external(NAME, p95) "
		    "of a distribution");
	if (pattern(p, ",)", &p->out->series) == -1)
		return -1;
	if (take(p, ",")) {
		if (word(p, ".", name) == -1)
			return -1;
		if (name[0] != 'p' || quantile(p, name) == -1)
			return fail(p, "'%s' is no percentile; write p50, p95, "
			    "p99.9", name);
		p->out->stat = CRITERION_EXTERNAL;
	}
	return close_bracket(p);
}

/* "{key=value,key=value}". */
static int tags(struct parser *p)
{
	size_t len;

	if (!take(p, "{"))
		return 0;
	blanks(p);
	len = strcspn(p->at, "}");
	if (p->at[len] != '}')
		return fail(p, "a '}' is missing");
	if (memchr(p->at, '=', len) == NULL)
		return fail(p, "write tags as {key=value}");
	p->out->tags = xstrndup(p->at, len);
	p->at += len + 1;
	return 0;
}

static int parameter(struct parser *p)
{
	double seconds;

	if (p->out->stat == CRITERION_SHARE) {
		if (!take(p, "<="))
			return fail(p, "write share<=200ms");
		if (duration(p, &seconds) == -1)
			return -1;
		p->out->parameter = seconds * 1e9;
	}
	if (p->out->stat == CRITERION_APDEX) {
		if (!take(p, "("))
			return fail(p, "write apdex(500ms)");
		if (duration(p, &seconds) == -1 || close_bracket(p) == -1)
			return -1;
		p->out->parameter = seconds * 1e9;
	}
	if (p->out->stat == CRITERION_RATIO)
		return ratio(p);
	if (p->out->stat == CRITERION_COUNTER && (blanks(p), *p->at != '('))
		return fail(p, "write counter(NAME)");
	if (p->out->stat == CRITERION_EXTERNAL)
		return external(p);
	if (take(p, "(") && (pattern(p, ")", &p->out->series) == -1 ||
	    close_bracket(p) == -1))
		return -1;
	return p->out->stat == CRITERION_COUNTER ? 0 : tags(p);
}

static int operator(struct parser *p)
{
	static const struct {
		const char *text;
		enum criterion_op op;
	} ops[] = {
		{ "<=", CRITERION_LE }, { "<", CRITERION_LT },
		{ ">=", CRITERION_GE }, { ">", CRITERION_GT },
		{ "==", CRITERION_EQ }, { "=", CRITERION_EQ },
		{ "!=", CRITERION_NE },
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (take(p, ops[i].text)) {
			p->out->op = ops[i].op;
			return 0;
		}
	}
	return fail(p, "a comparison is missing: <, <=, >, >=, = or !=");
}

enum criterion_unit criterion_unit(const struct criterion *c)
{
	switch (c->stat) {
	case CRITERION_MEAN:
	case CRITERION_MIN:
	case CRITERION_MAX:
	case CRITERION_QUANTILE:
	case CRITERION_LAG:
		return CRITERION_TIME;
	case CRITERION_SLOPE:
		return CRITERION_TIME_PER_MINUTE;
	case CRITERION_ERROR_SHARE:
	case CRITERION_SHARE:
		return CRITERION_PART;
	case CRITERION_RATE:
	case CRITERION_ERROR_RATE:
		return CRITERION_PER_SECOND;
	case CRITERION_COUNT:
	case CRITERION_ERRORS:
	case CRITERION_APDEX:
	case CRITERION_RATIO:
	case CRITERION_COUNTER:
	case CRITERION_EXTERNAL:
		break;
	}
	return CRITERION_PLAIN;
}

static int share_value(struct parser *p, char *text)
{
	size_t len = strlen(text);
	bool percent = len > 0 && text[len - 1] == '%';

	if (percent)
		text[len - 1] = '\0';
	else
		percent = take(p, "%");
	if (parse_double(text, 0, percent ? 100 : 1, &p->out->value) == -1)
		return fail(p, "'%s' is no share; write 1%% or 0.01", text);
	if (percent)
		p->out->value /= 100;
	return 0;
}

/* A trailing k or m multiplies; a metric may be a share. */
static int plain_value(struct parser *p, char *text)
{
	size_t len = strlen(text);
	double factor = 1;
	bool percent = p->out->stat == CRITERION_EXTERNAL && len > 1 &&
	    text[len - 1] == '%';

	if (percent)
		text[len - 1] = '\0';

	if (len > 1 && text[len - 1] == 'k')
		factor = 1e3;
	if (len > 1 && text[len - 1] == 'm')
		factor = 1e6;
	if (factor > 1)
		text[len - 1] = '\0';
	if (parse_double(text, -1e18, 1e18, &p->out->value) == -1)
		return fail(p, "'%s' is no number", text);
	p->out->value *= percent ? 0.01 : factor;
	return 0;
}

/* What a time grows by: in a second, a minute or an hour. */
static int per_time(struct parser *p)
{
	if (take(p, "/s"))
		p->out->value *= 60;
	else if (take(p, "/h"))
		p->out->value /= 60;
	else if (!take(p, "/m"))
		return fail(p, "write how much in which time: 5ms/s, 100ms/m "
		    "or 1s/h");
	return 0;
}

static int value(struct parser *p)
{
	enum criterion_unit unit = criterion_unit(p->out);
	bool falls = unit == CRITERION_TIME_PER_MINUTE && take(p, "-");
	char text[MAX_WORD];
	double seconds;

	if (unit == CRITERION_TIME || unit == CRITERION_TIME_PER_MINUTE) {
		if (duration(p, &seconds) == -1)
			return -1;
		p->out->value = falls ? -seconds * 1e9 : seconds * 1e9;
		return unit == CRITERION_TIME ? 0 : per_time(p);
	}
	blanks(p);
	if (word(p, ".%-", text) == -1)
		return -1;
	blanks(p);
	/* "errors>1%" is what people write for the share of them. */
	if (p->out->stat == CRITERION_ERRORS &&
	    (strchr(text, '%') || *p->at == '%')) {
		p->out->stat = CRITERION_ERROR_SHARE;
		unit = CRITERION_PART;
	}
	if (unit == CRITERION_PART)
		return share_value(p, text);
	if (plain_value(p, text) == -1)
		return -1;
	if (unit == CRITERION_PER_SECOND)
		take(p, "/s");
	return 0;
}

static int span(struct parser *p, enum criterion_span kind)
{
	if (p->out->span != CRITERION_RUN)
		return fail(p, "only one of for, within and over");
	if (duration(p, &p->out->span_s) == -1)
		return -1;
	if (p->out->span_s < 1 || p->out->span_s > LONGEST_SPAN)
		return fail(p, "a window is of 1 second to 1 hour");
	p->out->span = kind;
	return 0;
}

static const char *const actions[CRITERION_ACTIONS] = { "warn", "fail",
	"stop", "step-down" };

const char *criterion_action_name(enum criterion_action what)
{
	return actions[what];
}

/* By how much the load goes down: a share, or the usual one. */
static int step(struct parser *p)
{
	char text[MAX_WORD];

	p->out->step = CRITERION_STEP;
	blanks(p);
	if (!isdigit((unsigned char)*p->at))
		return 0;
	if (word(p, ".%", text) == -1)
		return -1;
	if (text[strlen(text) - 1] != '%')
		return fail(p, "write by how much: step-down 20%%");
	text[strlen(text) - 1] = '\0';
	if (parse_double(text, 1, 90, &p->out->step) == -1)
		return fail(p, "a step down is of 1%% to 90%%");
	p->out->step /= 100;
	return 0;
}

static int action(struct parser *p)
{
	char name[MAX_WORD];

	if (word(p, "-_", name) == -1)
		return -1;
	for (int i = 0; i < CRITERION_ACTIONS; i++) {
		if (strcmp(name, actions[i]) != 0)
			continue;
		p->out->action = (enum criterion_action)i;
		return i == CRITERION_STEP_DOWN ? step(p) : 0;
	}
	return fail(p, "after -> comes warn, fail, stop or step-down");
}

/* What only the whole line can tell. */
static int settle(struct parser *p)
{
	if (p->out->action == CRITERION_STEP_DOWN &&
	    p->out->span == CRITERION_RUN)
		return fail(p, "a step down needs a window, such as over 10s");
	/* A slope goes through the seconds of its window. */
	if (p->out->stat == CRITERION_SLOPE && p->out->span == CRITERION_FOR)
		p->out->span = CRITERION_OVER;
	return 0;
}

static int clauses(struct parser *p)
{
	char name[MAX_WORD];
	int rc = 0;

	for (blanks(p); rc == 0 && *p->at; blanks(p)) {
		if (take(p, "->")) {
			rc = action(p);
			continue;
		}
		if (word(p, "", name) == -1)
			return -1;
		if (strcmp(name, "for") == 0)
			rc = span(p, CRITERION_FOR);
		else if (strcmp(name, "within") == 0)
			rc = span(p, CRITERION_WITHIN);
		else if (strcmp(name, "over") == 0)
			rc = span(p, CRITERION_OVER);
		else if (strcmp(name, "after") == 0)
			rc = duration(p, &p->out->after_s);
		else
			rc = fail(p, "for, within, over, after or -> is "
			    "expected, not '%s'", name);
	}
	return rc == 0 ? settle(p) : -1;
}

int criterion_parse(struct criterion *out, const char *text,
    enum criterion_action what, struct buf *error)
{
	struct parser p = { text, text, error, out };

	memset(out, 0, sizeof(*out));
	out->action = what;
	if (strlen(text) > CRITERION_MAX_TEXT) {
		buf_clear(error);
		buf_printf(error, "a criterion is at most %d bytes long",
		    CRITERION_MAX_TEXT);
		return -1;
	}
	if (stat_name(&p) == -1 || parameter(&p) == -1 ||
	    operator(&p) == -1 || value(&p) == -1 || clauses(&p) == -1) {
		criterion_release(out);
		return -1;
	}
	out->text = xstrdup(text);
	return 0;
}

void criterion_release(struct criterion *c)
{
	free(c->text);
	free(c->series);
	free(c->other);
	free(c->tags);
	memset(c, 0, sizeof(*c));
}

bool criterion_holds(const struct criterion *c, double v)
{
	switch (c->op) {
	case CRITERION_LT:
		return v < c->value;
	case CRITERION_LE:
		return v <= c->value;
	case CRITERION_GT:
		return v > c->value;
	case CRITERION_GE:
		return v >= c->value;
	case CRITERION_EQ:
		return v == c->value;
	case CRITERION_NE:
		return v != c->value;
	}
	return false;
}

static void print_time(double v, struct buf *out)
{
	double size = fabs(v);

	if (size >= 1e9)
		buf_printf(out, "%.3g s", v / 1e9);
	else if (size >= 1e4)
		buf_printf(out, "%.3g ms", v / 1e6);
	else
		buf_printf(out, "%.3g us", v / 1e3);
}

void criterion_print_value(const struct criterion *c, double v,
    struct buf *out)
{
	switch (criterion_unit(c)) {
	case CRITERION_TIME:
		print_time(v, out);
		break;
	case CRITERION_TIME_PER_MINUTE:
		print_time(v, out);
		buf_puts(out, " a minute");
		break;
	case CRITERION_PART:
		buf_printf(out, "%.3g %%", v * 100);
		break;
	case CRITERION_PER_SECOND:
		buf_printf(out, "%.*f/s", v < 100 ? 2 : 0, v);
		break;
	case CRITERION_PLAIN:
		buf_printf(out, v == floor(v) ? "%.0f" : "%.4g", v);
		break;
	}
}
