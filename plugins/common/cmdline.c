/*
 * strtod() alone would take "0x10", "inf" and leading blanks, which nobody
 * means; hence the look at the letters first.
 */
#include "cmdline.h"

#include <swarm/command.h>
#include <swarm/log.h>

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cmdline_option(const struct option *longs, int value)
{
	static char text[64];

	while (longs->name && longs->val != value)
		longs++;
	snprintf(text, sizeof text, "--%s", longs->name ? longs->name : "?");
	return text;
}

static bool parse(const char *text, double min, double max, double *to)
{
	char *end;
	double n;

	if (text[strspn(text, "+-.0123456789eE")])
		return false;
	errno = 0;
	n = strtod(text, &end);
	if (errno || *end || end == text || !(n >= min && n <= max))
		return false;
	*to = n;
	return true;
}

int cmdline_number(const char *option, const char *text, double min,
    double max, double *to)
{
	if (parse(text, min, max, to))
		return 0;
	swarm_error("%s %s: give a number from %g to %g", option, text, min,
	    max);
	return -1;
}

int cmdline_whole(const char *option, const char *text, long min, long max,
    long *to)
{
	double n;

	if (parse(text, (double)min, (double)max, &n) && n == (double)(long)n) {
		*to = (long)n;
		return 0;
	}
	swarm_error("%s %s: give a whole number from %ld to %ld", option, text,
	    min, max);
	return -1;
}

int cmdline_duration(const char *option, const char *text, double *to)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 },
		{ "m", 60 }, { "h", 3600 } };
	size_t n = strspn(text, "0123456789.");
	char digits[32];
	double number;

	snprintf(digits, sizeof digits, "%.*s", (int)n, text);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(text + n, units[i].unit) != 0 ||
		    n >= sizeof digits || !parse(digits, 0, 1e7, &number))
			continue;
		*to = number * units[i].seconds;
		if (*to < 1e7)
			return 0;
	}
	swarm_error("%s %s: give a time, as 200ms or 5s", option, text);
	return -1;
}

int cmdline_choice(const char *option, const char *text,
    const char *const *names)
{
	char list[200] = "";
	size_t n = 0;

	for (int i = 0; names[i]; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
	}
	for (int i = 0; names[i] && n < sizeof list; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s",
		    i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
	swarm_error("%s %s: give %s", option, text, list);
	return -1;
}

char *cmdline_cut(char *text)
{
	char *colon = strchr(text, ':');

	if (!colon || colon == text)
		return NULL;
	*colon = 0;
	return colon + 1 + strspn(colon + 1, " ");
}

int cmdline_refuse(const char *command, int opt, char **argv)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		swarm_error("%s needs a value", word);
	else
		swarm_error("there is no option %s; see %s --help", word,
		    command);
	return -1;
}

int cmdline_set(const char *plugin, const char *name, const char *value)
{
	char text[4200];

	if (!value)
		return 0;
	if (snprintf(text, sizeof text, "%s.%s=%s", plugin, name, value) >=
	    (int)sizeof text) {
		swarm_error("the value of %s is too long", name);
		return -1;
	}
	return swarm_run_option("option", text);
}

int cmdline_run(const struct cmdline_run *r)
{
	const char *const all[][2] = {
		{ "users", r->users }, { "spawn-rate", r->spawn_rate },
		{ "run-time", r->run_time }, { "host", r->host },
		{ "headless", "true" }, { "rate", r->rate },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (all[i][1] && swarm_run_option(all[i][0], all[i][1]) == -1)
			return -1;
	}
	return 0;
}
