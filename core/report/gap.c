/* See the header. */
#include "report/gap.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "report/property.h"

static double seconds(const struct run_status *run, int64_t at)
{
	return (double)(at - run->started) / 1e9;
}

static void add_note(struct result *r, const struct result_gap *g)
{
	r->notes = xreallocarray(r->notes, r->note_count + 1,
	    sizeof *r->notes);
	r->notes[r->note_count++] = xasprintf("worker %lld was not heard of "
	    "from %.1f s to %.1f s (%s): its users ran elsewhere too, and "
	    "what it measured came afterwards", (long long)g->worker,
	    g->from, g->to, g->why);
}

void gap_take(struct result *r, const struct run_status *run)
{
	r->gaps = xcalloc(run->gap_count + 1, sizeof *r->gaps);
	for (size_t i = 0; i < run->gap_count; i++) {
		const struct run_gap *from = &run->gaps[i];
		struct result_gap *g = &r->gaps[r->gap_count++];

		g->worker = from->worker;
		g->from = seconds(run, from->from);
		g->to = from->to != 0 ? seconds(run, from->to) : -1;
		g->why = xstrdup(from->why);
		if (from->to != 0)
			add_note(r, g);
	}
}

void gap_release(struct result *r)
{
	for (size_t i = 0; i < r->gap_count; i++)
		free(r->gaps[i].why);
	free(r->gaps);
}

json_t *gap_json(const struct result *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->gap_count; i++) {
		const struct result_gap *g = &r->gaps[i];
		json_t *o = json_object();

		property_set(o, "worker", json_integer(g->worker));
		property_set_real(o, "from_s", g->from);
		property_set_known(o, "to_s", g->to);
		property_set_text(o, "reason", g->why);
		json_array_append_new(array, o);
	}
	return array;
}

void gap_read(struct result *r, const json_t *run)
{
	const json_t *array = json_object_get(run, "gaps");
	size_t count = json_array_size(array);

	r->gaps = xcalloc(count + 1, sizeof *r->gaps);
	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(array, i);
		char *why = property_text(o, "reason");

		r->gaps[r->gap_count++] = (struct result_gap){
			.worker = json_integer_value(
			    json_object_get(o, "worker")),
			.from = property_real(o, "from_s", 0),
			.to = property_real(o, "to_s", -1),
			.why = why != NULL ? why : xstrdup(""),
		};
	}
}
