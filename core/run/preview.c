/*
 * Plays a plan on paper.  Ramps are straight lines here; in a run they are
 * steps of a second.
 */
#include "run/preview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/shape.h>

#include "base/xalloc.h"
#include "run/executor.h"
#include "run/internal.h"
#include "run/shape.h"
#include "run/spec.h"
#include "user/schedule.h"

#define LONGEST (7 * 86400.0)           /* seconds that a shape is played */
#define STEPS   20000                   /* of a shape, at most */

/* Only the built-in ones: a module's has one state, which may be in use. */
static struct shape *open_shape(const struct spec *s,
    const struct swarm_shape *(*find)(const char *name))
{
	struct shape *shape = shape_new(s->shape, find);

	if (shape != NULL && shape_module(shape) == NULL)
		return shape;
	shape_free(shape);
	return NULL;
}

static bool is_module_shape(const struct spec *s,
    const struct swarm_shape *(*find)(const char *name))
{
	char name[256];
	size_t i = 0;

	for (; s->shape[i] != '\0' && s->shape[i] != ':' &&
	    i < sizeof name - 1; i++)
		name[i] = s->shape[i];
	name[i] = '\0';
	return find != NULL && find(name) != NULL;
}

static double shape_length(struct shape *shape)
{
	struct swarm_load load;
	double t = 0;

	if (shape == NULL || shape_start(shape) == -1)
		return 0;
	while (t < LONGEST && shape_tick(shape, t, &load))
		t += t < 3600 ? 1 : 60;
	return t < LONGEST ? t : INFINITY;
}

double preview_length(const struct spec *s,
    const struct swarm_shape *(*find)(const char *name))
{
	struct schedule schedule;
	struct shape *shape;
	double length;

	if (s->time > 0)
		return s->start + s->time;
	if (s->rate != NULL) {
		if (schedule_parse(&schedule, s->rate) == -1)
			return 0;
		length = schedule_length(&schedule);
		schedule_release(&schedule);
		return s->start + length;
	}
	if (s->shape == NULL)
		return INFINITY;
	if (is_module_shape(s, find))
		return 0;
	shape = open_shape(s, find);
	length = shape_length(shape);
	shape_free(shape);
	return s->start + length;
}

/* On the way from `have` to `want`, `seconds` later. */
static double approach(double have, double want, double rate, double seconds)
{
	double step = rate * seconds;

	if (have < want)
		return fmin(want, have + step);
	return fmax(want, have - step);
}

static void fill_shape(struct shape *shape, double begin, double step,
    struct preview_line *line)
{
	struct swarm_load load = { 0 };
	double have = 0, t = 0, dt = fmax(1, step * PREVIEW_POINTS / STEPS);
	bool on = shape_start(shape) == 0;

	for (size_t i = 0; i < PREVIEW_POINTS; i++) {
		double at = (double)i * step - begin;

		while (on && t <= at) {
			on = shape_tick(shape, t, &load);
			have = !on ? 0 : approach(have, fmax(0, load.users),
			    load.spawn_rate > 0 ? load.spawn_rate : 1e9, dt);
			t += dt;
		}
		line->users[i] = at >= 0 ? round(have) : 0;
	}
}

/* A pool, or as many as were asked for. */
static void fill_users(const struct spec *s, double step,
    struct preview_line *line)
{
	for (size_t i = 0; i < PREVIEW_POINTS; i++) {
		double at = (double)i * step - s->start;

		line->users[i] = at < 0 ? 0 : approach(0, (double)s->users,
		    s->spawn_rate, at);
	}
}

static void fill_rate(const struct spec *s, double step,
    struct preview_line *line)
{
	struct schedule schedule;

	if (schedule_parse(&schedule, s->rate) == -1)
		return;
	for (size_t i = 0; i < PREVIEW_POINTS; i++) {
		double at = (double)i * step - s->start;

		line->rate[i] = at < 0 || at > schedule_length(&schedule) ? 0 :
		    schedule_rate(&schedule, at);
	}
	schedule_release(&schedule);
}

void preview_fill(const struct spec *s,
    const struct swarm_shape *(*find)(const char *name), double span,
    struct preview_line *line)
{
	double step = span / (PREVIEW_POINTS - 1);
	struct shape *shape = NULL;

	for (size_t i = 0; i < PREVIEW_POINTS; i++)
		line->users[i] = line->rate[i] = NAN;
	if (s->shape != NULL) {
		shape = is_module_shape(s, find) ? NULL : open_shape(s, find);
		if (shape == NULL)
			return;
		fill_shape(shape, s->start, step, line);
	} else {
		fill_users(s, step, line);
	}
	shape_free(shape);
	if (s->rate != NULL)
		fill_rate(s, step, line);
	for (size_t i = 0; s->time > 0 && i < PREVIEW_POINTS; i++) {
		if ((double)i * step <= s->start + s->time)
			continue;
		line->users[i] = 0;
		if (s->rate != NULL)
			line->rate[i] = 0;
	}
}

/* ---- of the run ---- */

/* The executor's plan with the wish in it; shares texts but `rate`. */
static struct spec wished(const struct spec *spec,
    const struct preview_wish *w, bool its)
{
	struct spec s = *spec;

	s.rate = s.rate != NULL ? xstrdup(s.rate) : NULL;
	if (!its)
		return s;
	if (w->users > 0 && s.shape == NULL)
		s.users = w->users;
	if (w->spawn_rate > 0 && s.shape == NULL)
		s.spawn_rate = w->spawn_rate;
	if (w->rate > 0 && s.rate != NULL) {
		free(s.rate);
		s.rate = xasprintf("%.6f", w->rate);
	}
	return s;
}

static double ramp_end(const struct spec *s)
{
	return s->start + (s->shape == NULL && s->spawn_rate > 0 ?
	    (double)s->users / s->spawn_rate : 0);
}

/* How long the whole is, or what is worth a look of what has no end. */
static void choose_span(struct preview *p, const struct spec *specs,
    double run_time)
{
	double longest = 0, ramps = 0;

	for (size_t i = 0; i < p->count; i++) {
		longest = fmax(longest, preview_length(&specs[i],
		    run.options.find_shape));
		ramps = fmax(ramps, ramp_end(&specs[i]));
	}
	if (run_time > 0)
		longest = run_time;
	p->ends = longest > 0 && isfinite(longest);
	p->span = p->ends ? longest : fmax(60, ramps * 1.5);
}

int preview_run(const struct preview_wish *w, struct preview *p,
    const char **why)
{
	struct spec *specs = xcalloc(run.count, sizeof *specs);
	bool found = run.count == 1 && w->executor == NULL;

	*p = (struct preview){ .count = run.count };
	for (size_t i = 0; i < run.count; i++) {
		const struct spec *spec = executor_spec(run.executors[i]);
		bool its = w->executor != NULL ?
		    strcmp(w->executor, spec->name) == 0 : run.count == 1;

		found = found || its;
		specs[i] = wished(spec, w, its);
	}
	*why = "there is no executor of that name";
	if (found || w->executor == NULL) {
		choose_span(p, specs, w->run_time);
		p->lines = xcalloc(run.count, sizeof *p->lines);
	}
	for (size_t i = 0; i < run.count; i++) {
		if (p->lines != NULL)
			preview_fill(&specs[i], run.options.find_shape,
			    p->span, &p->lines[i]);
		free(specs[i].rate);
	}
	free(specs);
	return p->lines != NULL ? 0 : -1;
}

void preview_release(struct preview *p)
{
	free(p->lines);
	p->lines = NULL;
}
