/* Load shapes: see the header. */
#include "run/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"

#define USERS_MAX  1e9
#define STAGES_MAX 1000
#define VALUES_MAX 4

struct stage {
	double seconds;
	double users;
};

/* A named parameter of a built-in shape. */
struct parameter {
	const char *name;
	bool duration;
};

struct kind {
	const char *name;
	const char *help;
	struct parameter parameters[VALUES_MAX + 1];    /* stages: none */
	bool (*tick)(const struct shape *, double, struct swarm_load *);
};

struct shape {
	const struct swarm_shape *module;       /* or */
	const struct kind *kind;
	char *arguments;
	struct stage *stages;
	size_t stage_count;
	double values[VALUES_MAX];      /* in the order of the parameters */
};

/* ---- stages ---- */

static int add_stage(struct shape *s, char *part)
{
	char *colon = strchr(part, ':');
	struct stage stage;

	if (colon != NULL)
		*colon = '\0';
	if (colon == NULL || s->stage_count == STAGES_MAX ||
	    parse_duration(part, &stage.seconds) == -1 ||
	    parse_double(colon + 1, 0, USERS_MAX, &stage.users) == -1)
		return -1;
	s->stages = xreallocarray(s->stages, s->stage_count + 1,
	    sizeof s->stages[0]);
	s->stages[s->stage_count++] = stage;
	return 0;
}

static int read_stages(struct shape *s)
{
	char *copy = xstrdup(s->arguments);
	char *save = NULL;
	int rc = 0;

	for (char *part = strtok_r(copy, ",", &save); part != NULL && rc == 0;
	    part = strtok_r(NULL, ",", &save))
		rc = add_stage(s, part);
	free(copy);
	if (rc == 0 && s->stage_count > 0)
		return 0;
	log_error("stages \"%s\": each is TIME:USERS, for example "
	    "1m:100,5m:100,30s:0", s->arguments);
	return -1;
}

static bool stages_tick(const struct shape *shape, double seconds,
    struct swarm_load *load)
{
	double before = 0;

	for (size_t i = 0; i < shape->stage_count; i++) {
		const struct stage *s = &shape->stages[i];

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

static int set_parameter(struct shape *s, char *word)
{
	char *equals = strchr(word, '=');

	if (equals == NULL)
		return -1;
	*equals = '\0';
	for (size_t i = 0; s->kind->parameters[i].name != NULL; i++) {
		if (strcmp(s->kind->parameters[i].name, word) != 0)
			continue;
		return s->kind->parameters[i].duration ?
		    parse_duration(equals + 1, &s->values[i]) :
		    parse_double(equals + 1, 0, USERS_MAX, &s->values[i]);
	}
	return -1;
}

static int read_parameters(struct shape *s)
{
	char *copy = xstrdup(s->arguments);
	char *save = NULL;
	int rc = 0;

	for (size_t i = 0; i < VALUES_MAX; i++)
		s->values[i] = NAN;
	for (char *word = strtok_r(copy, ",", &save); word != NULL && rc == 0;
	    word = strtok_r(NULL, ",", &save))
		rc = set_parameter(s, word);
	for (size_t i = 0; s->kind->parameters[i].name != NULL; i++) {
		if (isnan(s->values[i]) ||
		    (s->kind->parameters[i].duration && s->values[i] <= 0))
			rc = -1;
	}
	free(copy);
	if (rc == -1)
		log_error("shape %s: \"%s\" is not of the form %s",
		    s->kind->name, s->arguments, s->kind->help);
	return rc;
}

/* users, every, max.  Ends one step after the highest. */
static bool steps_tick(const struct shape *s, double seconds,
    struct swarm_load *load)
{
	double n = floor(seconds / s->values[1]) + 1;

	load->users = fmin(n * s->values[0], s->values[2]);
	return (n - 1) * s->values[0] < s->values[2];
}

/* base, peak, at, for.  As long after the spike as before it. */
static bool spike_tick(const struct shape *s, double seconds,
    struct swarm_load *load)
{
	double at = s->values[2];
	double until = at + s->values[3];

	load->users = seconds >= at && seconds < until ? s->values[1] :
	    s->values[0];
	return seconds < until + at;
}

/* min, max, period.  Begins at the minimum; never ends. */
static bool wave_tick(const struct shape *s, double seconds,
    struct swarm_load *load)
{
	double phase = 2 * M_PI * seconds / s->values[2];

	load->users = s->values[0] + (s->values[1] - s->values[0]) *
	    (1 - cos(phase)) / 2;
	return true;
}

/* min, max, time.  Two bell curves, at a third and at two thirds. */
static bool twice_tick(const struct shape *s, double seconds,
    struct swarm_load *load)
{
	double t = seconds / s->values[2] * 3;
	double first = exp(-8 * (t - 1) * (t - 1));
	double second = exp(-8 * (t - 2) * (t - 2));

	load->users = s->values[0] + (s->values[1] - s->values[0]) *
	    fmin(first + second, 1);
	return seconds < s->values[2];
}

static const struct kind kinds[] = {
	{ "stages", "1m:100,5m:100,30s:0", { { NULL, false } }, stages_tick },
	{ "steps", "users=10,every=30s,max=100",
	  { { "users", false }, { "every", true }, { "max", false },
	    { NULL, false } }, steps_tick },
	{ "spike", "base=10,peak=200,at=60s,for=10s",
	  { { "base", false }, { "peak", false }, { "at", true },
	    { "for", true }, { NULL, false } }, spike_tick },
	{ "wave", "min=10,max=100,period=5m",
	  { { "min", false }, { "max", false }, { "period", true },
	    { NULL, false } }, wave_tick },
	{ "double-wave", "min=10,max=100,time=10m",
	  { { "min", false }, { "max", false }, { "time", true },
	    { NULL, false } }, twice_tick },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static void unknown(const char *name)
{
	const char *names[KINDS + 1];
	const char *near;

	for (size_t i = 0; i < KINDS; i++)
		names[i] = kinds[i].name;
	names[KINDS] = NULL;
	near = parse_suggest(name, names);
	if (near != NULL)
		log_error("there is no load shape \"%s\"; did you mean %s?",
		    name, near);
	else
		log_error("there is no load shape \"%s\"; there are stages, "
		    "steps, spike, wave, double-wave and those of the modules",
		    name);
}

static int find_kind(struct shape *s, const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) != 0)
			continue;
		s->kind = &kinds[i];
		return s->kind->parameters[0].name == NULL ? read_stages(s) :
		    read_parameters(s);
	}
	unknown(name);
	return -1;
}

struct shape *shape_new(const char *text,
    const struct swarm_shape *(*find)(const char *name))
{
	size_t len = strcspn(text, ":");
	struct shape *s = xcalloc(1, sizeof *s);
	char *name = xstrndup(text, len);
	int rc;

	s->arguments = xstrdup(text + len + (text[len] == ':'));
	s->module = find != NULL ? find(name) : NULL;
	rc = s->module != NULL ? shape_start(s) : find_kind(s, name);
	free(name);
	if (rc == 0)
		return s;
	shape_free(s);
	return NULL;
}

struct shape *shape_of(const struct swarm_shape *module)
{
	struct shape *s = xcalloc(1, sizeof *s);

	s->module = module;
	s->arguments = xstrdup("");
	return s;
}

void shape_free(struct shape *s)
{
	if (s == NULL)
		return;
	free(s->arguments);
	free(s->stages);
	free(s);
}

const struct swarm_shape *shape_module(const struct shape *s)
{
	return s->module;
}

int shape_start(struct shape *s)
{
	return s->module != NULL && s->module->start != NULL ?
	    s->module->start(s->arguments) : 0;
}

bool shape_tick(struct shape *s, double seconds, struct swarm_load *load)
{
	memset(load, 0, sizeof *load);
	return s->module != NULL ? s->module->tick(seconds, load) :
	    s->kind->tick(s, seconds, load);
}
