/* See page_plan.h. */
#include "cli/page_plan.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "run/executor.h"
#include "run/preview.h"
#include "run/run.h"

static void write_line(struct jsonw *j, const char *key, const double *values)
{
	jsonw_key(j, key);
	jsonw_array(j);
	for (size_t i = 0; i < PREVIEW_POINTS; i++)
		jsonw_short(j, values[i], 6);
	jsonw_end_array(j);
}

static void write_plan(struct buf *out, const struct preview *p)
{
	struct run_status now;
	struct jsonw j;

	run_status(&now);
	jsonw_init(&j, out, 0);
	jsonw_object(&j);
	jsonw_put_double(&j, "span", p->span);
	jsonw_put_bool(&j, "ends", p->ends);
	jsonw_key(&j, "executors");
	jsonw_array(&j);
	for (size_t i = 0; i < p->count; i++) {
		jsonw_object(&j);
		jsonw_put_string(&j, "name", now.executors[i].name);
		jsonw_put_string(&j, "model", now.executors[i].model);
		jsonw_put_string(&j, "classes", now.executors[i].classes);
		write_line(&j, "users", p->lines[i].users);
		write_line(&j, "rate", p->lines[i].rate);
		jsonw_end(&j);
	}
	jsonw_end_array(&j);
	jsonw_end(&j);
}

int page_plan_ask(const struct web_load *load, struct buf *json,
    char *error, size_t size, void *arg)
{
	const struct preview_wish wish = { load->executor, load->users,
		load->spawn_rate, load->rate, load->run_time };
	struct preview plan;
	const char *why;

	(void)arg;
	if (preview_run(&wish, &plan, &why) == -1) {
		snprintf(error, size, "executor: %s", why);
		return WEB_BAD_VALUE;
	}
	write_plan(json, &plan);
	preview_release(&plan);
	return 0;
}
