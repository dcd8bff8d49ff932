/* See page.h. */
#include "cli/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/front.h"
#include "cli/hold_load.h"
#include "cli/page_answers.h"
#include "cli/page_plan.h"
#include "cli/page_try.h"
#include "cli/setup.h"
#include "cluster/master.h"
#include "module/module.h"
#include "report/command_line.h"
#include "report/report.h"
#include "report/resources.h"
#include "run/criteria.h"
#include "run/executor.h"
#include "run/run.h"
#include "user/user.h"
#include "web/web.h"

static struct {
	bool running;
	struct web_options options;
	char *command_line;
	char *presets;
	struct web_module *modules;
	struct web_worker *workers;
	size_t workers_cap;
	int64_t *class_users;
	struct web_criterion *criteria;
	struct web_figure *figures;
	size_t figures_cap;
	struct buf limit_reason;
} page;

/* Of the thread: other threads' lines are the master's own. */
static _Thread_local const char *log_source;

/* ---- what does not change ---- */

static void gather_modules(void)
{
	size_t n = module_count();

	page.modules = xcalloc(n + 1, sizeof *page.modules);
	for (size_t i = 0; i < n; i++) {
		const struct module *m = module_at(i);

		page.modules[i] = (struct web_module){
			.name = m->name,
			.version = m->def.version,
			.path = m->source ? m->source : m->path,
			.summary = m->def.summary,
		};
	}
	page.options.modules = page.modules;
	page.options.module_count = n;
}

/* Beside other settings of this user's; NULL when there is no such folder. */
static char *presets_path(const char *scenario)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (scenario == NULL)
		return NULL;
	if (base != NULL && base[0] == '/')
		return xasprintf("%s/swarm/presets/%s.json", base, scenario);
	if (home != NULL && home[0] == '/')
		return xasprintf("%s/.config/swarm/presets/%s.json", home,
		    scenario);
	return NULL;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* ---- once a second ---- */

static const char *peer_state_word(const struct peer *p)
{
	switch (p->state) {
	case PEER_READY:
		return "ready";
	case PEER_SPAWNING:
		return "spawning";
	case PEER_RUNNING:
		return "running";
	case PEER_STOPPING:
		return "stopping";
	case PEER_MISSING:
		break;
	}
	return "missing";
}

static void gather_worker(struct web_worker *w, const struct peer *p)
{
	*w = (struct web_worker){
		.id = p->id,
		.state = peer_state_word(p),
		.drained = p->drained,
		.version = p->swarm ? p->version : NULL,
		.local = p->pid != 0,
		.cpu = p->health.cpu,
		.memory = p->health.memory,
		.loop_busy = p->health.loop_busy,
		.clock_offset_ms = (double)p->clock_offset / 1e6,
		.clock_error_ms = p->clock_error < 0 ? -1 :
		    (double)p->clock_error / 1e6,
		.loop_delay_ms = p->health.loop_delay_ms,
		.delay_p99_ms = p->health.delay_p99_ms,
		.descriptors = p->health.descriptors,
		.descriptors_max = p->health.descriptors_max,
		.ports = p->health.ports,
		.ports_max = p->health.ports_max,
		.dropped = p->health.dropped,
		.resent = p->health.resent,
		.age = (double)(clock_now() - p->last_seen) / NS_PER_S,
	};
	if (p->state == PEER_MISSING || p->running == NULL)
		return;
	for (size_t i = 0; i < page.options.class_count; i++) {
		w->users += p->running[i];
		page.class_users[i] += p->running[i];
	}
}

static void forget_criteria(void)
{
	const struct web_criterion *c = page.criteria;

	for (; c != NULL && c->text != NULL; c++)
		free((void *)(uintptr_t)c->value);
	free(page.criteria);
	page.criteria = NULL;
}

static void gather_criteria(struct web_state *state)
{
	const struct criteria *all = report_criteria();
	size_t n = all != NULL ? criteria_count(all) : 0;

	forget_criteria();
	page.criteria = xcalloc(n + 1, sizeof *page.criteria);
	for (size_t i = 0; i < n; i++) {
		const struct criterion_state *c = criteria_at(all, i);
		struct buf value = BUF_INIT(256);

		if (c->known)
			criterion_print_value(&c->criterion, c->value, &value);
		page.criteria[i] = (struct web_criterion){
			.text = c->criterion.text,
			.action = criterion_action_name(c->criterion.action),
			.value = buf_detach(&value),
			.broken = c->broken,
			.first_s = c->first_s,
		};
	}
	state->criteria = page.criteria;
	state->criterion_count = n;
}

static void gather_limit(struct web_state *state)
{
	page.limit_reason.max = 2000;
	buf_clear(&page.limit_reason);
	state->limited_by = limit_name(report_limit(&page.limit_reason));
	state->limit_reason = buf_str(&page.limit_reason);
}

static void gather_figures(struct web_state *state)
{
	const struct resources *r = report_resources();

	if (page.figures_cap < r->row_count) {
		page.figures = xreallocarray(page.figures, r->row_count,
		    sizeof *page.figures);
		page.figures_cap = r->row_count;
	}
	for (size_t i = 0; i < r->row_count; i++)
		page.figures[i] = (struct web_figure){ r->rows[i].name,
			r->rows[i].unit, r->rows[i].last };
	state->figures = page.figures;
	state->figure_count = r->row_count;
}

static void gather_state(struct web_state *state, void *arg)
{
	size_t n = master_peer_count();
	size_t count;

	(void)arg;
	if (page.workers_cap < n) {
		page.workers = xreallocarray(page.workers, n,
		    sizeof *page.workers);
		page.workers_cap = n;
	}
	memset(page.class_users, 0,
	    page.options.class_count * sizeof *page.class_users);
	for (size_t i = 0; i < n; i++)
		gather_worker(&page.workers[i], master_peer_at(i));
	run_status(&state->run);
	hold_load_show(&state->run);
	state->workers = page.workers;
	state->worker_count = n;
	state->class_users = page.class_users;
	state->classes = setup_classes(&count);
	state->settings = setup_settings(&count);
	state->setup = setup_number();
	gather_criteria(state);
	gather_limit(state);
	gather_figures(state);
	page_answers_gather(state);
}

/* ---- what the page asks for ---- */

/* Of several executors each has its own load: a start then leaves them as they
 * were declared. */
static int take_load(const struct web_load *load, bool start, char *error,
    size_t size)
{
	struct run_status now;
	const char *why;

	if (page_answers_search()) {
		snprintf(error, size, "the search for capacity sets the load");
		return -1;
	}
	run_status(&now);
	if (load->manual && run_take_over(load->executor, &why) == -1) {
		snprintf(error, size, "%s", why);
		return -1;
	}
	if (load->rate > 0 &&
	    run_set_rate(load->executor, load->rate, &why) == -1) {
		snprintf(error, size, "%s", why);
		return -1;
	}
	if ((load->users > 0 || load->spawn_rate > 0) &&
	    !(start && now.executor_count > 1) &&
	    run_set_load(load->executor, load->users > 0 ? load->users :
	    now.users_target, load->spawn_rate > 0 ? load->spawn_rate :
	    now.spawn_rate, &why) == -1) {
		snprintf(error, size, "%s", why);
		return -1;
	}
	if (load->run_time >= 0)
		run_set_run_time(load->run_time);
	if (load->host != NULL)
		run_set_host(load->host);
	return 0;
}

static bool is_running(const struct run_status *s)
{
	return s->waiting || s->state == RUN_SPAWNING ||
	    s->state == RUN_RUNNING || s->state == RUN_STOPPING;
}

static int change_setup(const struct web_load *load, char *error, size_t size)
{
	int rc = 0;

	if (load->classes != NULL)
		rc = setup_choose(load->classes, error, size);
	if (rc == 0 && load->settings != NULL)
		rc = setup_change_options(load->settings, error, size);
	return rc;
}

static int ask_start(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	struct run_status now;
	int rc;

	(void)arg;
	run_status(&now);
	if (now.waiting || now.state == RUN_STOPPING) {
		snprintf(error, size, "a test is %s",
		    now.waiting ? "waiting for workers" :
		    run_state_name(now.state));
		return -1;
	}
	/* As with Locust, a start while running changes the load. */
	if (is_running(&now))
		return take_load(load, false, error, size);
	rc = change_setup(load, error, size);
	if (rc == 0)
		rc = take_load(load, true, error, size);
	if (rc < 0)
		return rc;
	web_keep();
	setup_renew_workers();
	if (run_start() == -1) {
		snprintf(error, size, "the test cannot start: see the log");
		return -1;
	}
	return 0;
}

static int ask_edit(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	struct run_status now;

	(void)arg;
	run_status(&now);
	if (!is_running(&now) || now.state == RUN_STOPPING) {
		snprintf(error, size, "no test is running");
		return -1;
	}
	return take_load(load, false, error, size);
}

static int ask_pause(bool on, char *error, size_t size, void *arg)
{
	const char *why;

	(void)arg;
	if (front_pause(on, &why) == 0)
		return 0;
	snprintf(error, size, "%s", why);
	return -1;
}

static int ask_change_user(const char *json, char *error, size_t size,
    void *arg)
{
	(void)arg;
	return setup_change_class(json, error, size);
}

static int ask_worker(const char *id, enum web_worker_act act, char *error,
    size_t size, void *arg)
{
	const char *why = "there is no such worker";
	struct peer *p = NULL;
	int rc = -1;

	(void)arg;
	for (size_t i = 0; i < master_peer_count(); i++) {
		if (strcmp(master_peer_at(i)->id, id) == 0)
			p = master_peer_at(i);
	}
	if (p != NULL && act == WEB_WORKER_REMOVE) {
		rc = run_drain(p, true, &why);
		if (rc == 0 || p->drained)
			master_dismiss(p);
		rc = p->dismissed ? 0 : -1;
	} else if (p != NULL) {
		rc = run_drain(p, act == WEB_WORKER_DRAIN, &why);
	}
	if (rc == -1)
		snprintf(error, size, "%s", why);
	else
		front_event("worker %lld %s", (long long)p->index,
		    act == WEB_WORKER_REMOVE ? "is asked to leave" :
		    act == WEB_WORKER_DRAIN ? "takes no more users" :
		    "takes users again");
	return rc;
}

static int ask_stop(char *error, size_t size, void *arg)
{
	(void)error;
	(void)size;
	(void)arg;
	run_stop("stopped from the web page");
	return 0;
}

static int ask_stop_now(char *error, size_t size, void *arg)
{
	const char *why;

	(void)arg;
	if (run_stop_now(&why) == 0) {
		report_event("stopping at once");
		page_event("state", "stopping at once");
		return 0;
	}
	snprintf(error, size, "%s", why);
	return -1;
}

static void take_note(const char *text, void *arg)
{
	(void)arg;
	report_event("note: %s", text);
}

static int ask_report(struct buf *out, void *arg)
{
	(void)arg;
	return report_page(out);
}

static int ask_metrics(struct buf *out, void *arg)
{
	(void)arg;
	return report_metrics(out);
}

static int ask_resources(struct buf *json, void *arg)
{
	(void)arg;
	return resources_write(json, report_resources());
}

/* ---- log ---- */

static void log_both(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	log_stderr(level, line);
	web_log(log_source ? log_source : "master", (int)level,
	    line);
}

void page_log_source(const char *worker)
{
	log_source = worker;
}

/* ---- life ---- */

static void release(void)
{
	forget_criteria();
	setup_release();
	free(page.command_line);
	free(page.presets);
	free(page.modules);
	free(page.workers);
	free(page.class_users);
	free(page.figures);
	buf_release(&page.limit_reason);
	memset(&page, 0, sizeof page);
}

static int check(const struct options *o)
{
	if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
		log_error("--tls-cert and --tls-key belong together: give "
		    "both or neither");
		return -1;
	}
	if (o->web_base_path != NULL && (o->web_base_path[0] != '/' ||
	    o->web_base_path[1] == '\0' ||
	    o->web_base_path[strlen(o->web_base_path) - 1] == '/')) {
		log_error("--web-base-path %s: it begins with a slash, ends "
		    "without one, and is more than that", o->web_base_path);
		return -1;
	}
	return 0;
}

int page_start(const struct options *o, struct stats *stats, int argc,
    char **argv)
{
	if (check(o) == -1)
		return -1;
	page.command_line = command_line_text(argc, argv);
	page.options = (struct web_options){
		.host = o->web_host,
		.port = (int)o->web_port,
		.base_path = o->web_base_path,
		.tls_cert = o->tls_cert,
		.tls_key = o->tls_key,
		.login_file = o->web_login,
		.host_names = (const char *const *)o->web_host_names.items,
		.scenario = o->scenarios.count > 0 ?
		    file_name(o->scenarios.items[0]) : NULL,
		.command_line = page.command_line,
		.load = { o->users, o->spawn_rate, o->run_time, o->host },
		.stats = stats,
		.state = gather_state,
		.actions = { .start = ask_start, .edit = ask_edit,
			.stop = ask_stop, .stop_now = ask_stop_now,
			.pause = ask_pause,
			.plan = page_plan_ask, .change_user = ask_change_user,
			.worker = ask_worker, .report = ask_report,
			.metrics = ask_metrics, .try_once = page_try_ask,
			.note = take_note,
			.resources = ask_resources,
			.hold = page_answers_hold,
			.capacity = page_answers_capacity },
	};
	setup_begin(argv);
	page.options.classes = setup_classes(&page.options.class_count);
	page.options.settings = setup_settings(&page.options.setting_count);
	page.class_users = xcalloc(page.options.class_count + 1,
	    sizeof *page.class_users);
	page.presets = presets_path(page.options.scenario);
	page.options.presets_file = page.presets;
	gather_modules();
	if (web_start(&page.options) == -1) {
		release();
		return -1;
	}
	page.running = true;
	log_set_sink(log_both, NULL);
	log_info("web page: %s", web_url());
	return 0;
}

bool page_running(void)
{
	return page.running;
}

void page_tick(void)
{
	if (page.running)
		web_tick();
}

void page_changed(void)
{
	if (page.running)
		web_changed();
}

void page_event(const char *kind, const char *text)
{
	if (page.running)
		web_event(kind, text);
}

void page_stop(const char *why)
{
	if (!page.running)
		return;
	log_set_sink(NULL, NULL);
	web_stop(why);
	release();
}
