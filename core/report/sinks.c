/*
 * --out: the sinks of modules as an output of a run like any other.
 *
 * They are chosen before modules are set up (sinks_open, so that a plugin
 * named by --out gets its options like any), begin with the run, and are given
 * a copy of each second.
 */
#include "report/sinks.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "module/module.h"
#include "report/output.h"
#include "report/sink.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINISH_S 10             /* for all of them, after the run */

struct chosen {
	const struct swarm_sink *def;
	struct module *module;
	const char *target;
	struct sink *sink;
};

static struct {
	struct chosen *at;
	size_t count;
	struct delta_source source;
} sinks;

/* ---- which ---- */

struct search {
	const char *name;
	size_t len;
	const struct swarm_sink *found;
	struct module *module;
	struct buf *list;
};

static bool usable(const struct swarm_sink *s)
{
	return s->head.size >= offsetof(struct swarm_sink, event) &&
	    s->name && s->start && s->interval;
}

static void match(struct module *m, const struct swarm_iface *iface, void *arg)
{
	const struct swarm_sink *s = (const void *)iface;
	struct search *search = arg;

	if (!usable(s))
		return;
	if (search->list)
		buf_printf(search->list, "%s%s=%s",
		    search->list->len ? ", " : "", s->name,
		    s->help ? s->help : "");
	if (!search->found && strlen(s->name) == search->len &&
	    memcmp(s->name, search->name, search->len) == 0) {
		search->found = s;
		search->module = m;
	}
}

static bool find(struct search *search, const char *text)
{
	*search = (struct search){ .name = text, .len = strcspn(text, "=") };
	module_each_export(SWARM_SINK_ID, match, search);
	return search->found != NULL;
}

static void say_none(const char *name)
{
	struct buf list = BUF_INIT(4096);
	struct search search = { .name = "", .list = &list };

	module_each_export(SWARM_SINK_ID, match, &search);
	log_error("--out %s: there is no output of that name; `swarm plugins` "
	    "lists the plugins that are installed%s%s", name,
	    list.len ? "; those loaded have " : "", buf_str(&list));
	buf_release(&list);
}

static int open_one(const char *text)
{
	char *name = xstrndup(text, strcspn(text, "="));
	struct search search;
	int rc = 0;

	if (name[0] == '\0' || strchr(name, '/')) {
		log_error("--out \"%s\": write NAME=TARGET: the name of an "
		    "output and where it sends to", text);
		rc = -1;
	} else if (!find(&search, text)) {
		if (!module_exists(name)) {
			say_none(name);
			rc = -1;
		} else if (!module_open_plugin(name)) {
			rc = -1;
		} else if (!find(&search, text)) {
			log_error("--out %s: the plugin of that name has no "
			    "such output", name);
			rc = -1;
		}
	}
	free(name);
	return rc;
}

int sinks_open(char *const *texts)
{
	for (; texts && *texts; texts++) {
		if (open_one(*texts) == -1)
			return -1;
	}
	return 0;
}

bool sinks_name(char *const *texts, const char *module, size_t len)
{
	for (; texts && *texts; texts++) {
		if (strcspn(*texts, "=") == len &&
		    memcmp(*texts, module, len) == 0)
			return true;
	}
	return false;
}

/* ---- as an output ---- */

static const char *shown(const char *text)
{
	return text ? text : "";
}

static void forget(void)
{
	free(sinks.at);
	delta_source_release(&sinks.source);
	memset(&sinks, 0, sizeof(sinks));
}

static int start_one(const struct report *r, const char *text,
    const char *run_id)
{
	struct chosen *c = &sinks.at[sinks.count];
	struct search search;
	struct swarm_sink_start start;
	struct buf host = BUF_INIT(1 << 20);

	if (!find(&search, text)) {
		say_none(text);
		return -1;
	}
	c->def = search.found;
	c->module = search.module;
	c->target = text + search.len + (text[search.len] == '=');
	text_no_password(&host, shown(r->options.host));
	start = (struct swarm_sink_start){ sizeof(start), c->target,
		shown(r->options.scenario), buf_str(&host), run_id };
	c->sink = sink_start(c->def, &start);
	buf_release(&host);
	if (!c->sink)
		return -1;
	sinks.count++;
	return 0;
}

/* Those that began before one that could not. */
static void cancel(void)
{
	struct timespec deadline;
	struct sink_account account;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += FINISH_S;
	for (size_t i = 0; i < sinks.count; i++)
		sink_end(sinks.at[i].sink, 0, "inconclusive",
		    "the run did not begin", 0);
	for (size_t i = 0; i < sinks.count; i++)
		sink_finish(sinks.at[i].sink, &deadline, &account);
	forget();
}

static bool sinks_wanted(const struct report *r)
{
	return r->options.outs && r->options.outs[0];
}

static int sinks_start(const struct report *r)
{
	char *run_id = xasprintf("%ld-%.0f", (long)getpid(), r->wall);
	size_t count = 0;
	int rc = 0;

	while (r->options.outs[count])
		count++;
	sinks.at = xcalloc(count, sizeof(*sinks.at));
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = start_one(r, r->options.outs[i], run_id);
	free(run_id);
	if (rc == -1)
		cancel();
	return rc;
}

static void sinks_tick(const struct report *r)
{
	struct delta *d;

	if (!r->fresh || sinks.count == 0)
		return;
	d = delta_take(&sinks.source, r);
	for (size_t i = 0; i + 1 < sinks.count; i++)
		sink_put(sinks.at[i].sink, delta_copy(d));
	sink_put(sinks.at[sinks.count - 1].sink, d);
}

static void sinks_event(const struct report *r,
    const struct result_event *event)
{
	unsigned test = sinks.source.test;

	for (size_t i = 0; i < sinks.count; i++)
		sink_event(sinks.at[i].sink, test ? test : 1, r->wall,
		    event->at, event->text);
}

/* Answers whether all that was measured has arrived. */
static bool say_account(const char *name, const struct sink_account *a)
{
	if (a->stuck)
		log_warn("output %s did not come back within %d s and was "
		    "left behind: at least %llu seconds with %llu requests "
		    "are missing there", name, FINISH_S,
		    (unsigned long long)a->lost,
		    (unsigned long long)a->lost_requests);
	else if (a->lost > 0)
		log_warn("output %s did not take %llu of %llu seconds, with "
		    "%llu requests: they are missing there", name,
		    (unsigned long long)a->lost,
		    (unsigned long long)(a->intervals + a->lost),
		    (unsigned long long)a->lost_requests);
	if (a->joined > 0)
		log_info("output %s was slow or away: %llu of %llu seconds "
		    "arrived together with later ones", name,
		    (unsigned long long)a->joined,
		    (unsigned long long)a->intervals);
	if (a->events_dropped > 0)
		log_warn("output %s: %llu events were dropped", name,
		    (unsigned long long)a->events_dropped);
	return !a->stuck && a->lost == 0 && !a->end_failed;
}

static int sinks_finish(const struct report *r, const struct result *result)
{
	struct timespec deadline;
	struct sink_account account;
	int rc = 0;

	if (r->run.started)
		sinks_tick(r);
	for (size_t i = 0; i < sinks.count; i++)
		sink_end(sinks.at[i].sink, r->wall,
		    result_verdict_name(result->verdict), result->sentence,
		    result->exit_code);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += FINISH_S;
	for (size_t i = 0; i < sinks.count; i++) {
		struct chosen *c = &sinks.at[i];

		sink_finish(c->sink, &deadline, &account);
		if (!say_account(c->def->name, &account))
			rc = -1;
		/* Its code still runs. */
		if (account.stuck)
			c->module->loaded = false;
	}
	forget();
	return rc;
}

const struct output output_sinks = {
	.name = "sinks",
	.wanted = sinks_wanted,
	.start = sinks_start,
	.tick = sinks_tick,
	.event = sinks_event,
	.finish = sinks_finish,
};
