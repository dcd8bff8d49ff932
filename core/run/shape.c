/* Load shapes: see the header.  Built-in ones use the modules' own table. */
#include "run/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"

#define USERS_MAX  1e9
#define STAGES_MAX 1000

static const struct swarm_shape *chosen;
static char *arguments;

/* ---- stages ---- */

static struct stage {
	double seconds;
	double users;
} stages[STAGES_MAX];
static size_t stage_count;

static int stages_start(const char *text)
{
	char *copy = xstrdup(text);
	char *save = NULL;
	int rc = 0;

	stage_count = 0;
	for (char *part = strtok_r(copy, ",", &save); part != NULL && rc == 0;
	    part = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(part, ':');
		struct stage *s = &stages[stage_count];

		if (colon != NULL)
			*colon = '\0';
		if (colon == NULL || stage_count == STAGES_MAX ||
		    parse_duration(part, &s->seconds) == -1 ||
		    parse_double(colon + 1, 0, USERS_MAX, &s->users) == -1)
			rc = -1;
		stage_count++;
	}
	if (rc == -1 || stage_count == 0) {
		log_error("stages \"%s\": each is TIME:USERS, for example "
		    "1m:100,5m:100,30s:0", text);
		rc = -1;
	}
	free(copy);
	return rc;
}

static bool stages_tick(double seconds, struct swarm_load *load)
{
	double before = 0;

	load->spawn_rate = 0;
	for (size_t i = 0; i < stage_count; i++) {
		const struct stage *s = &stages[i];

		if (seconds < s->seconds) {
			load->users = before + (s->users - before) * seconds /
			    s->seconds;
			return true;
		}
		seconds -= s->seconds;
		before = s->users;
	}
	return false;
}

/* ---- shapes with named parameters ---- */

struct parameter {
	const char *name;
	bool duration;
	double value;                   /* NAN: must be given */
};

static int set_parameter(struct parameter *list, char *word)
{
	char *equals = strchr(word, '=');

	if (equals == NULL)
		return -1;
	*equals = '\0';
	for (struct parameter *p = list; p->name != NULL; p++) {
		if (strcmp(p->name, word) != 0)
			continue;
		return p->duration ? parse_duration(equals + 1, &p->value) :
		    parse_double(equals + 1, 0, USERS_MAX, &p->value);
	}
	return -1;
}

static int set_parameters(const char *shape, const char *help,
    struct parameter *list, const char *text)
{
	char *copy = xstrdup(text);
	char *save = NULL;
	int rc = 0;

	for (char *word = strtok_r(copy, ",", &save); word != NULL && rc == 0;
	    word = strtok_r(NULL, ",", &save))
		rc = set_parameter(list, word);
	for (struct parameter *p = list; p->name != NULL; p++) {
		if (isnan(p->value) || (p->duration && p->value <= 0))
			rc = -1;
	}
	free(copy);
	if (rc == -1)
		log_error("shape %s: \"%s\" is not of the form %s", shape,
		    text, help);
	return rc;
}

static struct parameter steps[] = {
	{ "users", false, NAN }, { "every", true, NAN },
	{ "max", false, NAN }, { NULL, false, 0 },
};
#define STEPS_HELP "users=10,every=30s,max=100"

static int steps_start(const char *text)
{
	return set_parameters("steps", STEPS_HELP, steps, text);
}

/* Ends one step after the highest. */
static bool steps_tick(double seconds, struct swarm_load *load)
{
	double n = floor(seconds / steps[1].value) + 1;

	load->users = fmin(n * steps[0].value, steps[2].value);
	load->spawn_rate = 0;
	return (n - 1) * steps[0].value < steps[2].value;
}

static struct parameter spike[] = {
	{ "base", false, NAN }, { "peak", false, NAN }, { "at", true, NAN },
	{ "for", true, NAN }, { NULL, false, 0 },
};
#define SPIKE_HELP "base=10,peak=200,at=60s,for=10s"

static int spike_start(const char *text)
{
	return set_parameters("spike", SPIKE_HELP, spike, text);
}

/* As long after the spike as before it. */
static bool spike_tick(double seconds, struct swarm_load *load)
{
	double at = spike[2].value;
	double until = at + spike[3].value;

	load->users = seconds >= at && seconds < until ? spike[1].value :
	    spike[0].value;
	load->spawn_rate = 0;
	return seconds < until + at;
}

static struct parameter wave[] = {
	{ "min", false, NAN }, { "max", false, NAN },
	{ "period", true, NAN }, { NULL, false, 0 },
};
#define WAVE_HELP "min=10,max=100,period=5m"

static int wave_start(const char *text)
{
	return set_parameters("wave", WAVE_HELP, wave, text);
}

/* Begins at the minimum; never ends. */
static bool wave_tick(double seconds, struct swarm_load *load)
{
	double phase = 2 * M_PI * seconds / wave[2].value;

	load->users = wave[0].value + (wave[1].value - wave[0].value) *
	    (1 - cos(phase)) / 2;
	load->spawn_rate = 0;
	return true;
}

static struct parameter twice[] = {
	{ "min", false, NAN }, { "max", false, NAN }, { "time", true, NAN },
	{ NULL, false, 0 },
};
#define TWICE_HELP "min=10,max=100,time=10m"

static int twice_start(const char *text)
{
	return set_parameters("double-wave", TWICE_HELP, twice, text);
}

/* Two bell curves, at a third and at two thirds of the time. */
static bool twice_tick(double seconds, struct swarm_load *load)
{
	double t = seconds / twice[2].value * 3;
	double first = exp(-8 * (t - 1) * (t - 1));
	double second = exp(-8 * (t - 2) * (t - 2));

	load->users = twice[0].value + (twice[1].value - twice[0].value) *
	    fmin(first + second, 1);
	load->spawn_rate = 0;
	return seconds < twice[2].value;
}

#define SHAPE(name_, help_, start_, tick_) \
	{ SWARM_IFACE(struct swarm_shape, 0), .name = name_, .help = help_, \
		.start = start_, .tick = tick_ }

static const struct swarm_shape built_in[] = {
	SHAPE("stages", "1m:100,5m:100,30s:0", stages_start, stages_tick),
	SHAPE("steps", STEPS_HELP, steps_start, steps_tick),
	SHAPE("spike", SPIKE_HELP, spike_start, spike_tick),
	SHAPE("wave", WAVE_HELP, wave_start, wave_tick),
	SHAPE("double-wave", TWICE_HELP, twice_start, twice_tick),
};

#define BUILT_IN (sizeof built_in / sizeof built_in[0])

static int unknown(const char *name)
{
	const char *names[BUILT_IN + 1];
	const char *near;

	for (size_t i = 0; i < BUILT_IN; i++)
		names[i] = built_in[i].name;
	names[BUILT_IN] = NULL;
	near = parse_suggest(name, names);
	if (near != NULL)
		log_error("there is no load shape \"%s\"; did you mean %s?",
		    name, near);
	else
		log_error("there is no load shape \"%s\"; there are stages, "
		    "steps, spike, wave, double-wave and those of the modules",
		    name);
	return -1;
}

int shape_choose(const char *text,
    const struct swarm_shape *(*find)(const char *name))
{
	size_t len = strcspn(text, ":");
	char *name = xstrndup(text, len);
	int rc = 0;

	shape_clear();
	chosen = find != NULL ? find(name) : NULL;
	for (size_t i = 0; i < BUILT_IN && chosen == NULL; i++) {
		if (strcmp(built_in[i].name, name) == 0)
			chosen = &built_in[i];
	}
	if (chosen == NULL)
		rc = unknown(name);
	else
		arguments = xstrdup(text + len + (text[len] == ':'));
	free(name);
	return rc == -1 ? -1 : shape_start();
}

void shape_use(const struct swarm_shape *shape)
{
	shape_clear();
	chosen = shape;
	arguments = xstrdup("");
}

bool shape_chosen(void)
{
	return chosen != NULL;
}

void shape_clear(void)
{
	free(arguments);
	arguments = NULL;
	chosen = NULL;
}

int shape_start(void)
{
	return chosen->start != NULL ? chosen->start(arguments) : 0;
}

bool shape_tick(double seconds, struct swarm_load *load)
{
	memset(load, 0, sizeof *load);
	return chosen->tick(seconds, load);
}
