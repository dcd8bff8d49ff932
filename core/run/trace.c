/*
 * A trace as it is to be replayed: see the header.
 *
 *	decode -> filter -> heap (the window) -> group -> due
 *
 * A log says whole seconds: its events of one second would be one burst.
 * Those of equal time are therefore taken together and spread over what the
 * time is exact to.
 */
#include "run/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <swarm/trace.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "run/trace_heap.h"

#define BUDGET    1000                  /* decoded in one call */
#define REASONS   16
#define GIVE_UP   1000                  /* unreadable ones at the beginning */
#define TIME_MAX  (INT64_MAX / 4)
#define PASS_GAP  1e6                   /* ns between two, at least */
#define LONG_WAIT (60 * NS_PER_S)       /* without an event: said */

/* Why something was left out. */
struct reason {
	char *text;
	uint64_t count;
	uint64_t first;                 /* place */
};

struct trace {
	struct trace_options o;
	void *decoder;
	bool ended;                     /* nothing more to decode */
	bool failed;
	struct trace_heap heap;
	struct reason reasons[REASONS];
	size_t reason_count;
	struct trace_counts counts;
	int64_t from;                   /* INT64_MIN: not known, or no bound */
	int64_t to;                     /* INT64_MAX */
	bool bounds_known;
	uint64_t number;
	int64_t newest;                 /* time of any event so far */
	int64_t released;               /* time up to which events are out */
	/* Events of one time. */
	struct held **group;
	size_t group_count;
	size_t group_room;
	size_t group_at;
	/* What is due when. */
	bool has_first;
	int64_t last;                   /* of the trace */
	double due;                     /* ns after t = 0, of the last event */
	uint64_t of_pass;               /* events given */
	struct held *out;
};

/* ---- bounds ---- */

/* "+hh:mm", "+hhmm", "Z" or nothing: seconds east. */
static int zone(const char *s, int64_t *east)
{
	char digits[5] = "";
	int64_t hhmm;
	bool colon = strlen(s) == 6 && s[3] == ':';

	*east = 0;
	if (s[0] == '\0' || strcmp(s, "Z") == 0)
		return 0;
	if ((s[0] != '+' && s[0] != '-') || strlen(s) != (colon ? 6 : 5))
		return -1;
	memcpy(digits, s + 1, 2);
	memcpy(digits + 2, s + 3 + colon, 2);
	if (parse_int64(digits, 0, 1400, &hhmm) == -1 || hhmm % 100 > 59)
		return -1;
	*east = (hhmm / 100 * 60 + hhmm % 100) * (s[0] == '-' ? -60 : 60);
	return 0;
}

int trace_date(const char *text, int64_t *ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
		"%Y-%m-%d", NULL };
	const char *rest = NULL;
	double fraction = 0;
	double seconds;
	int64_t east;
	struct tm tm;

	if (parse_double(text, 0, 9e9, &seconds) == 0) {
		*ns = (int64_t)(seconds * (double)NS_PER_S);
		return 0;
	}
	for (size_t i = 0; rest == NULL && forms[i] != NULL; i++) {
		memset(&tm, 0, sizeof tm);
		rest = strptime(text, forms[i], &tm);
	}
	if (rest != NULL && *rest == '.') {
		char *end;

		fraction = strtod(rest, &end);
		rest = end;
	}
	/* ".5e9" is a number, too. */
	if (rest == NULL || zone(rest, &east) == -1 || tm.tm_year < 0 ||
	    tm.tm_year > 300 || !(fraction < 1))
		return -1;
	*ns = (timegm(&tm) - east) * NS_PER_S +
	    (int64_t)(fraction * (double)NS_PER_S);
	return 0;
}

/* `first`: time of the first event. */
static int bound(const char *name, const char *text, int64_t first,
    int64_t *out)
{
	double after;

	if (text == NULL)
		return 0;
	if (text[0] == '+' && parse_duration(text + 1, &after) == 0) {
		*out = first + (int64_t)fmin(after * (double)NS_PER_S,
		    2 * (double)TIME_MAX);
		return 0;
	}
	if (trace_date(text, out) == 0)
		return 0;
	log_error("--%s %s: a date like 2024-01-31T12:00:00+01:00 (without a "
	    "zone UTC), unix seconds, or +10m after the first event", name,
	    text);
	return -1;
}

static int find_bounds(struct trace *t, int64_t first)
{
	t->bounds_known = true;
	if (bound("from", t->o.from, first, &t->from) == -1 ||
	    bound("to", t->o.to, first, &t->to) == -1)
		return -1;
	if (t->from < t->to)
		return 0;
	log_error("--from %s is not before --to %s", t->o.from, t->o.to);
	return -1;
}

/* ---- leaving out ---- */

static void note(struct trace *t, const char *text, uint64_t place)
{
	struct reason *r = t->reasons;
	size_t i = 0;

	while (i < t->reason_count && strcmp(r[i].text, text) != 0)
		i++;
	if (i == t->reason_count) {
		/* The last one stands for all that have no room. */
		if (i == REASONS)
			i--;
		else
			r[t->reason_count++] = (struct reason){
				xstrdup(i == REASONS - 1 ? "other reasons" :
				text), 0, place };
	}
	r[i].count++;
}

static bool in_list(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncasecmp(at, word, len) == 0 &&
		    (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

static bool method_wanted(struct trace *t, const struct swarm_trace_event *e)
{
	const char *type = e->type != NULL ? e->type : "";
	char text[160];

	if (t->o.methods == NULL ? (e->flags & SWARM_TRACE_CHANGES) == 0 :
	    strcmp(t->o.methods, "all") == 0 || in_list(t->o.methods, type))
		return true;
	if (t->o.methods == NULL)
		snprintf(text, sizeof text, "%.64s may change something over "
		    "there (--methods %.16s, or all)", type, type);
	else
		snprintf(text, sizeof text, "%.64s is not among --methods",
		    type);
	note(t, text, e->place);
	t->counts.left_out++;
	return false;
}

static bool time_wanted(struct trace *t, const struct swarm_trace_event *e)
{
	if (e->time >= t->from && e->time < t->to)
		return true;
	note(t, "outside --from and --to", e->place);
	t->counts.left_out++;
	/* It gets no earlier than the window allows. */
	if (e->time > t->to && e->time - t->to >
	    (int64_t)(t->o.window * (double)NS_PER_S))
		t->ended = true;
	return false;
}

/* ---- the window ---- */

static void hold(struct trace *t, const struct swarm_trace_event *e)
{
	struct held *h = xmalloc(sizeof *h + e->user_len + e->payload_len);

	*h = (struct held){ .time = e->time, .resolution = e->resolution,
		.number = t->number++,
		.key = e->user_len > 0 ? record_key(e->user, e->user_len) : 0,
		.user_len = (uint32_t)e->user_len,
		.payload_len = (uint32_t)e->payload_len };
	if (e->user_len > 0)
		memcpy(h->data, e->user, e->user_len);
	if (e->payload_len > 0)
		memcpy(h->data + e->user_len, e->payload, e->payload_len);
	trace_heap_add(&t->heap, h);
}

static int take_event(struct trace *t, const struct swarm_trace_event *e)
{
	if (e->time < -TIME_MAX || e->time > TIME_MAX || e->resolution < 0 ||
	    e->resolution > 3600 * NS_PER_S ||
	    e->user_len > SWARM_TRACE_USER_MAX ||
	    e->payload_len > SWARM_TRACE_PAYLOAD_MAX) {
		note(t, e->user_len > SWARM_TRACE_USER_MAX ?
		    "the user's name is too long" :
		    e->payload_len > SWARM_TRACE_PAYLOAD_MAX ?
		    "it is too large" : "its time is out of bounds",
		    e->place);
		t->counts.unreadable++;
		return 0;
	}
	if (!t->bounds_known && find_bounds(t, e->time) == -1)
		return -1;
	if (!time_wanted(t, e) || !method_wanted(t, e))
		return 0;
	if (e->time < t->released) {
		note(t, "earlier by more than --sort-window than what came "
		    "before it", e->place);
		t->counts.out_of_order++;
		return 0;
	}
	if (e->time > t->newest)
		t->newest = e->time;
	hold(t, e);
	return 0;
}

/* 0, or -1 when the module can't go on. */
static int decode(struct trace *t)
{
	struct swarm_trace_event e = { .size = sizeof e };

	switch (t->o.def->next(t->decoder, &e)) {
	case SWARM_TRACE_EVENT:
		return take_event(t, &e);
	case SWARM_TRACE_SKIP:
		note(t, e.why != NULL ? e.why : "not readable", e.place);
		t->counts.unreadable++;
		return 0;
	case SWARM_TRACE_END:
		t->ended = true;
		return 0;
	case SWARM_TRACE_ERROR:
		break;
	}
	return -1;
}

static bool window_full(const struct trace *t)
{
	return t->heap.count > 0 && (t->heap.bytes > TRACE_HELD_MAX ||
	    t->newest - t->heap.at[0]->time >
	    (int64_t)(t->o.window * (double)NS_PER_S) +
	    t->heap.at[0]->resolution);
}

/* ---- when ---- */

/* All of the earliest time. */
static void take_group(struct trace *t)
{
	int64_t time = t->heap.at[0]->time;

	t->group_count = t->group_at = 0;
	do {
		if (t->group_count == t->group_room) {
			t->group_room = t->group_room > 0 ?
			    t->group_room * 2 : 64;
			t->group = xreallocarray(t->group, t->group_room,
			    sizeof(struct held *));
		}
		t->group[t->group_count++] = trace_heap_take(&t->heap);
	} while (t->heap.count > 0 && t->heap.at[0]->time == time);
	t->released = time;
}

/* Moves the clock of what is due on to `time` of the trace. */
static void advance(struct trace *t, int64_t time)
{
	int64_t gap = t->has_first ? time - t->last : 0;
	int64_t most = (int64_t)(t->o.max_gap * (double)NS_PER_S);

	gap = gap > 0 ? gap : 0;
	if (most > 0 && gap > most) {
		t->counts.gap_cut_ns += gap - most;
		gap = most;
	}
	if ((double)gap / t->o.speed > (double)LONG_WAIT)
		log_info("%s: nothing is to be replayed for %.1f minutes; "
		    "--max-gap cuts such silences", t->o.path, (double)gap /
		    t->o.speed / (60 * (double)NS_PER_S));
	if (!t->has_first || time > t->last)
		t->last = time;
	t->has_first = true;
	/* Of a day in centuries, at a thousandth of the speed. */
	t->due = fmin(t->due + (double)gap / t->o.speed, (double)TIME_MAX);
}

static void give(struct trace *t, struct record *r)
{
	struct held *h = t->group[t->group_at];

	advance(t, h->time + (int64_t)((double)h->resolution *
	    (double)t->group_at / (double)t->group_count));
	t->group_at++;
	free(t->out);
	t->out = h;
	*r = (struct record){ .due = (int64_t)t->due, .key = h->key,
		.user = h->data, .user_len = h->user_len,
		.payload = h->data + h->user_len,
		.payload_len = h->payload_len };
	t->of_pass++;
	t->counts.events++;
}

/* ---- passes ---- */

static int open_decoder(struct trace *t)
{
	struct swarm_trace_open open = { sizeof open, t->o.path,
		t->o.user_key };

	if (t->decoder != NULL)
		t->o.def->close(t->decoder);
	t->decoder = t->o.def->open(&open);
	t->ended = false;
	t->newest = t->released = INT64_MIN / 2;
	t->has_first = false;
	t->counts.passes++;
	return t->decoder != NULL ? 0 : -1;
}

/* Another pass begins as long after the last event as events lie apart on
 * average.  False: that was the last. */
static bool again(struct trace *t)
{
	if (t->of_pass == 0 || (t->o.passes > 0 &&
	    t->counts.passes >= t->o.passes))
		return false;
	t->due = fmin(t->due + fmax(t->due / (double)t->counts.events,
	    PASS_GAP), (double)TIME_MAX);
	t->of_pass = 0;
	if (open_decoder(t) == -1)
		t->failed = t->ended = true;
	return true;
}

static void forget_held(struct trace *t)
{
	while (t->group_at < t->group_count)
		free(t->group[t->group_at++]);
	while (t->heap.count > 0)
		free(trace_heap_take(&t->heap));
}

enum trace_answer trace_next(struct trace *t, struct record *r)
{
	int budget = BUDGET;

	for (;;) {
		if (t->o.limit > 0 && t->of_pass >= (uint64_t)t->o.limit) {
			t->ended = true;
			forget_held(t);
		}
		if (t->group_at < t->group_count) {
			give(t, r);
			return TRACE_EVENT;
		}
		if (window_full(t) || (t->ended && t->heap.count > 0)) {
			take_group(t);
		} else if (t->failed) {
			return TRACE_FAILED;
		} else if (t->ended) {
			if (!again(t))
				return TRACE_END;
		} else if (budget-- == 0) {
			return TRACE_MORE;
		} else if (decode(t) == -1) {
			/* What was read until then has its turn. */
			t->failed = t->ended = true;
		}
	}
}

/* ---- life ---- */

/* As far as anything that can be replayed. */
static int read_first(struct trace *t)
{
	while (!t->ended && t->heap.count == 0 &&
	    t->counts.unreadable < GIVE_UP && t->counts.left_out == 0) {
		if (decode(t) == -1)
			return -1;
	}
	if (t->heap.count > 0 || t->counts.left_out > 0)
		return 0;
	if (t->reason_count == 0)
		log_error("%s: there is nothing in it to replay", t->o.path);
	else
		log_error("%s:%llu: %s; and so for all of the first %llu: not "
		    "what --format %s reads (%s)", t->o.path,
		    (unsigned long long)t->reasons[0].first,
		    t->reasons[0].text,
		    (unsigned long long)t->counts.unreadable,
		    t->o.def->name, t->o.def->help);
	return -1;
}

struct trace *trace_open(const struct trace_options *o)
{
	struct trace *t = xcalloc(1, sizeof *t);

	t->o = *o;
	t->from = INT64_MIN;
	t->to = INT64_MAX;
	if (open_decoder(t) == 0 && read_first(t) == 0)
		return t;
	trace_close(t);
	return NULL;
}

void trace_close(struct trace *t)
{
	if (t == NULL)
		return;
	if (t->decoder != NULL)
		t->o.def->close(t->decoder);
	forget_held(t);
	trace_heap_release(&t->heap);
	for (size_t i = 0; i < t->reason_count; i++)
		free(t->reasons[i].text);
	free(t->group);
	free(t->out);
	free(t);
}

void trace_counts(const struct trace *t, struct trace_counts *out)
{
	*out = t->counts;
}

void trace_say(const struct trace *t)
{
	for (size_t i = 0; i < t->reason_count; i++) {
		const struct reason *r = &t->reasons[i];

		log_warn("%s: %llu left out: %s (the first at %llu)",
		    t->o.path, (unsigned long long)r->count, r->text,
		    (unsigned long long)r->first);
	}
}
