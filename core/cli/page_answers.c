/* See page_answers.h. */
#include "cli/page_answers.h"

#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/buf.h"
#include "cli/find_capacity.h"
#include "cli/hold_load.h"
#include "report/hold_view.h"
#include "run/capacity.h"
#include "run/run.h"
#include "web/web.h"

static double known(double load)
{
	return load > 0 && isfinite(load) ? load : NAN;
}

static void gather_hold(struct web_hold *out, const struct hold_status *s)
{
	const struct hold *h = s->hold;

	*out = (struct web_hold){
		.text = s->spec->text,
		.unit = hold_view_unit(s->spec),
		.executor = s->spec->executor,
		.phase = hold_phase_name(h->phase),
		.set_point = hold_view_shown(s->spec, s->spec->rules.target),
		.value = hold_view_shown(s->spec, hold_last(h)),
		.load = h->load,
		.least = s->spec->rules.least,
		.most = s->spec->rules.most < HOLD_LOAD_MOST ?
		    s->spec->rules.most : INFINITY,
		.limit = known(h->limit),
		.users = s->users,
	};
}

static void gather_search(struct web_search *out)
{
	const struct capacity_probe *probes;
	struct capacity_answer answer;
	const struct capacity *c = find_capacity_search(&out->users);

	if (c == NULL)
		return;
	capacity_answer(c, &answer);
	out->stage = capacity_stage(c, &out->seconds);
	out->load = capacity_load(c);
	out->probes = capacity_probes(c, &probes);
	out->good = known(answer.range.lo);
	out->bad = known(answer.range.hi);
}

void page_answers_gather(struct web_state *state)
{
	if (state->run.hold != NULL)
		gather_hold(&state->hold, state->run.hold);
	gather_search(&state->search);
}

bool page_answers_search(void)
{
	bool users;

	return find_capacity_search(&users) != NULL;
}

/* Takes `value`. */
static int put(struct buf *out, const char *key, json_t *value)
{
	json_t *o = json_pack("{s:o}", key, value);
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT |
	    JSON_REAL_PRECISION(9)) : NULL;
	int rc;

	if (text != NULL)
		buf_puts(out, text);
	rc = text != NULL && !out->overflow ? 0 : -1;
	free(text);
	json_decref(o);
	return rc;
}

int page_answers_hold(struct buf *json, void *arg)
{
	struct run_status status;
	struct hold_view view;
	json_t *o;

	(void)arg;
	run_status(&status);
	hold_load_show(&status);
	hold_view_take(&view, status.hold);
	o = hold_view_json(&view);
	hold_view_release(&view);
	return put(json, "hold", o);
}

int page_answers_capacity(struct buf *json, void *arg)
{
	(void)arg;
	return put(json, "capacity", find_capacity_json());
}
