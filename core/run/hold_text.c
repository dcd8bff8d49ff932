/*
 * The parser of --hold: a criterion does for the figure, the set point and the
 * window; the rest is words of KEY=VALUE.
 */
#include "run/hold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/xalloc.h"

#define WINDOW     2.0                  /* seconds */
#define WINDOW_MOST 60.0
#define SPEED      0.1
#define GAIN       0.3
#define RESET      10.0                 /* seconds */
#define ALARM      3.0
#define LEAST      1.0
#define SLOWEST    4.0                      /* seconds: see tune() */

static const char in_flight[] = "in-flight";

static const char *const keys[] = { "min", "max", "speed", "gain", "reset",
	"alarm", "how", "executor", NULL };

static int fail(struct buf *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct buf *error, const char *fmt, ...)
{
	va_list ap;

	buf_clear(error);
	va_start(ap, fmt);
	buf_vprintf(error, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- the condition ---- */

/* "in-flight = 50": no statistic of requests. */
static int take_in_flight(struct hold_spec *s, const char *text,
    struct buf *error)
{
	const char *value = text + strlen(in_flight);

	value += strspn(value, " ");
	if (*value != '=' || parse_double(value + 1 + strspn(value + 1, " "),
	    0.1, 1e9, &s->rules.target) == -1)
		return fail(error, "'%s': write in-flight = 50", text);
	s->in_flight = true;
	s->window_s = WINDOW;
	return 0;
}

/* Of the last seconds, and moved by the load; its set point over 0. */
static int check(struct hold_spec *s, struct buf *error)
{
	const struct criterion *c = &s->criterion;

	if (c->op != CRITERION_EQ)
		return fail(error, "'%s': write what is to be held with =, as "
		    "in p99=200ms", c->text);
	if (c->span != CRITERION_RUN && c->span != CRITERION_OVER)
		return fail(error, "'%s': the window of what is held is "
		    "\"over TIME\"", c->text);
	if (c->span_s > WINDOW_MOST)
		return fail(error, "'%s': look at the last minute at most",
		    c->text);
	if (c->stat == CRITERION_COUNT || c->stat == CRITERION_ERRORS ||
	    c->stat == CRITERION_SLOPE || c->stat == CRITERION_RATIO ||
	    c->stat == CRITERION_COUNTER ||
	    (c->stat == CRITERION_EXTERNAL && c->parameter >= 0))
		return fail(error, "'%s': not a figure that load moves; hold a "
		    "percentile, mean, share, apdex, rate, errors%%, a gauge "
		    "(external(NAME)) or in-flight", c->text);
	s->turned = c->stat == CRITERION_SHARE || c->stat == CRITERION_APDEX;
	s->rules.target = s->turned ? 1 - c->value : c->value;
	if (!(s->rules.target > 0))
		return fail(error, "'%s': the set point must leave room on both "
		    "sides", c->text);
	return 0;
}

static int take_condition(struct hold_spec *s, const char *text,
    struct buf *error)
{
	if (strncmp(text, in_flight, strlen(in_flight)) == 0)
		return take_in_flight(s, text, error);
	if (strstr(text, "->") != NULL)
		return fail(error, "'%s': nothing follows -> here", text);
	if (criterion_parse(&s->criterion, text, CRITERION_WARN, error) == -1)
		return -1;
	if (check(s, error) == -1) {
		criterion_release(&s->criterion);
		return -1;
	}
	s->window_s = s->criterion.span == CRITERION_OVER ?
	    s->criterion.span_s : WINDOW;
	s->after_s = s->criterion.after_s;
	return 0;
}

/* ---- the words after it ---- */

static int share(const char *value, double *out)
{
	size_t len = strlen(value);
	bool percent = len > 1 && value[len - 1] == '%';
	char *number = xstrndup(value, percent ? len - 1 : len);
	int rc = parse_double(number, percent ? 0.1 : 0.001,
	    percent ? 100 : 1, out);

	free(number);
	if (percent)
		*out /= 100;
	return rc;
}

static int how(const char *value, enum hold_how *out)
{
	if (strcmp(value, "smooth") == 0)
		*out = HOLD_SMOOTH;
	else if (strcmp(value, "steps") == 0)
		*out = HOLD_STEPS;
	else
		return -1;
	return 0;
}

static int set(struct hold_spec *s, const char *key, const char *value)
{
	struct hold_rules *r = &s->rules;

	if (strcmp(key, "min") == 0)
		return parse_double(value, 1e-3, HOLD_LOAD_MOST, &r->least);
	if (strcmp(key, "max") == 0)
		return parse_double(value, 1e-3, HOLD_LOAD_MOST, &r->most);
	if (strcmp(key, "speed") == 0)
		return share(value, &r->speed);
	if (strcmp(key, "gain") == 0)
		return parse_double(value, 1e-4, 100, &r->gain);
	if (strcmp(key, "reset") == 0)
		return parse_duration(value, &r->reset_s) == 0 &&
		    r->reset_s > 0 ? 0 : -1;
	if (strcmp(key, "alarm") == 0)
		return parse_double(value, 0, 1e6, &r->alarm) == 0 &&
		    (r->alarm == 0 || r->alarm > 1) ? 0 : -1;
	if (strcmp(key, "how") == 0)
		return how(value, &r->how);
	free(s->executor);
	s->executor = xstrdup(value);
	return 0;
}

static int take_word(struct hold_spec *s, char *word, struct buf *error)
{
	char *value = strchr(word, '=');
	const char *near;

	if (value == NULL)
		return fail(error, "'%s': write KEY=VALUE after the ;", word);
	*value++ = '\0';
	for (size_t i = 0; keys[i] != NULL; i++) {
		if (strcmp(word, keys[i]) != 0)
			continue;
		if (set(s, keys[i], value) == 0)
			return 0;
		return fail(error, "'%s' is no value for %s", value, word);
	}
	near = parse_suggest(word, keys);
	if (near != NULL)
		return fail(error, "there is no '%s'; did you mean %s?", word,
		    near);
	return fail(error, "there is no '%s'; there are min, max, speed, "
	    "gain, reset, alarm, how and executor", word);
}

/* ---- all of it ---- */

/*
 * What was not said.  Between a change of the load and the figure that shows
 * it lie some three seconds: a queue of many seconds bears a strong hand; a
 * short one has come and gone between two looks, and what changes is mostly
 * chance.
 */
static void tune(struct hold_spec *s)
{
	struct hold_rules *r = &s->rules;
	bool time = !s->in_flight &&
	    criterion_unit(&s->criterion) == CRITERION_TIME;
	double seconds = time ? r->target / (double)NS_PER_S : 1;
	double slow = fmin(1, seconds / SLOWEST);

	if (r->gain == 0)
		r->gain = GAIN * fmax(slow, 0.1);
	if (r->reset_s == 0)
		r->reset_s = RESET * fmax(slow, 0.2);
}

static char *trimmed(char *text)
{
	size_t len;

	text += strspn(text, " ");
	for (len = strlen(text); len > 0 && text[len - 1] == ' '; len--)
		text[len - 1] = '\0';
	return text;
}

/* Errors come or come not: their share is too coarse for a smooth hand. */
static bool coarse(const struct hold_spec *s)
{
	return !s->in_flight && (s->criterion.stat == CRITERION_ERROR_SHARE ||
	    s->criterion.stat == CRITERION_ERROR_RATE);
}

int hold_parse(struct hold_spec *s, const char *text, struct buf *error)
{
	char *copy = xstrdup(text);
	char *save = NULL;
	char *word = strtok_r(copy, ";", &save);
	int rc;

	*s = (struct hold_spec){ .rules = { .least = LEAST, .most = HOLD_LOAD_MOST,
		.speed = SPEED, .alarm = ALARM } };
	if (word == NULL) {
		free(copy);
		return fail(error, "what is to be held? Write p99=200ms");
	}
	word = trimmed(word);
	rc = take_condition(s, word, error);
	if (rc == -1) {
		free(copy);
		return -1;
	}
	s->text = xstrdup(word);
	s->rules.how = coarse(s) ? HOLD_STEPS : HOLD_SMOOTH;
	while (rc == 0 && (word = strtok_r(NULL, ";", &save)) != NULL) {
		word = trimmed(word);
		if (*word != '\0')
			rc = take_word(s, word, error);
	}
	if (rc == 0 && s->rules.least > s->rules.most)
		rc = fail(error, "min is more than max");
	free(copy);
	tune(s);
	if (rc == -1)
		hold_spec_release(s);
	return rc;
}

void hold_spec_release(struct hold_spec *s)
{
	free(s->text);
	free(s->executor);
	criterion_release(&s->criterion);
	memset(s, 0, sizeof *s);
}

void hold_print_value(const struct hold_spec *s, double value,
    struct buf *out)
{
	if (s->in_flight)
		buf_printf(out, "%.0f", value);
	else
		criterion_print_value(&s->criterion,
		    s->turned ? 1 - value : value, out);
}
