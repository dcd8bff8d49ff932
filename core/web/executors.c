/* See the header. */
#include "web/executors.h"

#include <string.h>

#include "run/executor.h"

/* Its samples, which are a series of their own when it has a name. */
static const struct snapshot_row *row_of(const struct snapshot *s,
    const char *name)
{
	for (size_t i = 0; i < s->row_count; i++) {
		if (strcmp(s->rows[i].type, "executor") == 0 &&
		    strcmp(s->rows[i].name, name) == 0)
			return &s->rows[i];
	}
	return NULL;
}

static void write_samples(struct jsonw *j, const struct snapshot_row *row)
{
	jsonw_put_int(j, "requests", (int64_t)row->requests);
	jsonw_put_int(j, "failures", (int64_t)row->failures);
	jsonw_put_double(j, "requests_per_s", row->rps);
	if (row->timed == 0)
		return;
	jsonw_put_double(j, "p50_ms", row->quantile[SNAPSHOT_P50]);
	jsonw_put_double(j, "p95_ms", row->quantile[SNAPSHOT_P95]);
	jsonw_put_double(j, "p99_ms", row->quantile[SNAPSHOT_P99]);
}

static void write_one(struct jsonw *j, const struct snapshot *s,
    const struct executor_status *e)
{
	const struct snapshot_row *row = e->name[0] != '\0' ?
	    row_of(s, e->name) : s->run.executor_count == 1 ? &s->total : NULL;

	jsonw_object(j);
	jsonw_put_string(j, "name", e->name);
	jsonw_put_string(j, "classes", e->classes);
	jsonw_put_string(j, "model", e->model);
	jsonw_put_string(j, "state", executor_state_name(e->state));
	jsonw_put_double(j, "start_s", e->start);
	jsonw_put_double(j, "time_s", e->time);
	jsonw_put_int(j, "users", e->users_running);
	jsonw_put_int(j, "users_wanted", e->users_wanted);
	jsonw_put_int(j, "users_target", e->users_target);
	jsonw_put_double(j, "spawn_rate", e->spawn_rate);
	jsonw_put_double(j, "rate", e->rate);
	jsonw_put_int(j, "iterations_wanted", e->iterations);
	jsonw_put_int(j, "iterations_started", e->started);
	jsonw_put_int(j, "iterations_done", e->done);
	jsonw_put_int(j, "arrivals_due", e->due);
	jsonw_put_int(j, "arrivals_dropped", e->dropped);
	jsonw_put_int(j, "arrivals_late", e->late);
	jsonw_put_int(j, "arrivals_queued", e->queued);
	jsonw_put_string(j, "reason", e->reason);
	if (row != NULL)
		write_samples(j, row);
	jsonw_end(j);
}

void executors_write(struct jsonw *j, const struct snapshot *s)
{
	jsonw_key(j, "executors");
	jsonw_array(j);
	for (size_t i = 0; i < s->run.executor_count; i++)
		write_one(j, s, &s->run.executors[i]);
	jsonw_end_array(j);
}
