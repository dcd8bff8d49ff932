/* See the header.  What workers send is hostile until parsed. */
#include "report/flight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "report/file.h"
#include "report/output.h"
#include "report/text.h"

#define BURST_LEAST 10                  /* failures in a second */
#define BURST_SHARE 0.2
#define BURST_TIMES 5.0                 /* what is usual */
#define FILE_MOST   (64u << 20)          /* bytes */
#define REMEMBER    0.1                 /* of a second's share */

void flight_line_release(struct flight_line *l)
{
	free(l->task);
	free(l->type);
	free(l->name);
	free(l->error);
}

void flight_clear(struct flight *f)
{
	struct flight kept = { .next_id = f->next_id, .before = f->before,
		.after = f->after };

	for (size_t i = 0; i < f->count; i++) {
		for (size_t k = 0; k < f->moments[i].count; k++)
			flight_line_release(&f->moments[i].lines[k]);
		free(f->moments[i].lines);
		free(f->moments[i].why);
	}
	/* A late answer of the test before finds nobody. */
	*f = kept;
}

void flight_window(const struct flight *f, double *before, double *after)
{
	bool said = f->before > 0 || f->after > 0;

	*before = said ? f->before : FLIGHT_BEFORE;
	*after = said ? f->after : FLIGHT_AFTER;
}

uint64_t flight_begin(struct flight *f, double at, const char *why)
{
	struct flight_moment *m = &f->moments[f->count];
	double before, after;

	flight_window(f, &before, &after);
	if (f->count == FLIGHT_MOMENTS || (f->count > 0 &&
	    at < f->moments[f->count - 1].at + fmax(FLIGHT_APART, after)))
		return 0;
	*m = (struct flight_moment){ .id = ++f->next_id, .at = at,
		.why = xstrdup(why) };
	f->count++;
	return m->id;
}

bool flight_burst(struct flight *f, uint64_t requests, uint64_t failures)
{
	double share = requests > 0 ? (double)failures / (double)requests : 0;
	bool burst = failures >= BURST_LEAST && share >= BURST_SHARE &&
	    share >= BURST_TIMES * f->usual;

	f->usual += REMEMBER * (share - f->usual);
	return burst;
}

/* ---- what came ---- */

static bool number(const json_t *o, const char *key, double *out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_is_integer(v) ? (double)json_integer_value(v) : NAN;
	return *out >= 0;
}

static char *word(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	struct buf clean = BUF_INIT(4096);

	if (text == NULL)
		return NULL;
	text_clean(&clean, text);
	return buf_detach(&clean);
}

static bool read_line(struct flight_line *l, const json_t *o, int64_t zero)
{
	double user, end, service, lag;

	if (!json_is_object(o) || !number(o, "user", &user) ||
	    !number(o, "end_ns", &end) || !number(o, "service_ns", &service) ||
	    !number(o, "lag_ns", &lag))
		return false;
	*l = (struct flight_line){
		.user = (uint64_t)user,
		.task = word(o, "task"),
		.type = word(o, "type"),
		.name = word(o, "name"),
		.error = word(o, "error"),
		.start = (end - (double)zero - service - lag) /
		    (double)NS_PER_S,
		.lag = lag / (double)NS_PER_S,
		.service = service / (double)NS_PER_S,
	};
	if (l->task != NULL && l->type != NULL && l->name != NULL)
		return true;
	flight_line_release(l);
	return false;
}

static struct flight_moment *find(struct flight *f, uint64_t id)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->moments[i].id == id)
			return &f->moments[i];
	}
	return NULL;
}

void flight_add(struct flight *f, uint64_t id, int64_t worker,
    const void *lines, size_t len, int64_t zero)
{
	struct flight_moment *m = find(f, id);
	const char *at = lines;
	const char *end = at + len;

	if (m == NULL || len == 0)
		return;
	if (m->lines == NULL)
		m->lines = xcalloc(FLIGHT_EVENTS_MOST, sizeof m->lines[0]);
	while (at < end && m->count < FLIGHT_EVENTS_MOST) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop != NULL ? stop : end) - at);
		json_t *o = json_loadb(at, n, 0, NULL);

		if (read_line(&m->lines[m->count], o, zero))
			m->lines[m->count++].worker = worker;
		json_decref(o);
		at += n + 1;
	}
}

/* ---- the file ---- */

static void write_line(struct jsonw *j, uint64_t moment,
    const struct flight_line *l)
{
	jsonw_object(j);
	jsonw_put_int(j, "moment", (int64_t)moment);
	jsonw_put_int(j, "worker", l->worker);
	jsonw_put_int(j, "user", (int64_t)l->user);
	jsonw_put_string(j, "task", l->task);
	jsonw_put_string(j, "type", l->type);
	jsonw_put_string(j, "name", l->name);
	jsonw_key(j, "start_s");
	jsonw_short(j, l->start, 12);
	jsonw_key(j, "response_ms");
	jsonw_short(j, (l->lag + l->service) * 1e3, 9);
	jsonw_key(j, "service_ms");
	jsonw_short(j, l->service * 1e3, 9);
	jsonw_put_string(j, "error", l->error);
	jsonw_end(j);
}

void flight_write(struct buf *out, const struct flight *f)
{
	double before, after;

	flight_window(f, &before, &after);
	for (size_t i = 0; i < f->count; i++) {
		const struct flight_moment *m = &f->moments[i];
		struct jsonw j;

		jsonw_init(&j, out, 0);
		jsonw_object(&j);
		jsonw_put_int(&j, "moment", (int64_t)i + 1);
		jsonw_key(&j, "at_s");
		jsonw_short(&j, m->at, 12);
		jsonw_put_string(&j, "why", m->why);
		jsonw_put_double(&j, "before_s", before);
		jsonw_put_double(&j, "after_s", after);
		jsonw_put_int(&j, "events", (int64_t)m->count);
		jsonw_end(&j);
		buf_putc(out, '\n');
		for (size_t k = 0; k < m->count; k++) {
			jsonw_init(&j, out, 0);
			write_line(&j, i + 1, &m->lines[k]);
			buf_putc(out, '\n');
		}
	}
}

static bool flight_wanted(const struct report *r)
{
	return r->options.flight != NULL;
}

static int flight_start(const struct report *r)
{
	return file_check(r->options.flight);
}

static int flight_save(const struct report *r, const struct result *result)
{
	struct buf out = BUF_INIT(FILE_MOST);
	int rc;

	(void)result;
	flight_write(&out, &r->flight);
	rc = file_try_replace(r->options.flight, out.data != NULL ? out.data :
	    "", out.len);
	buf_release(&out);
	return rc;
}

static int flight_finish(const struct report *r, const struct result *result)
{
	if (flight_save(r, result) == 0)
		return 0;
	log_error("cannot write %s: %m", r->options.flight);
	return -1;
}

const struct output output_flight = {
	.name = "flight",
	.wanted = flight_wanted,
	.start = flight_start,
	.save = flight_save,
	.finish = flight_finish,
};
