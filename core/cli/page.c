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
#include "cluster/master.h"
#include "module/module.h"
#include "report/report.h"
#include "run/criteria.h"
#include "run/run.h"
#include "user/user.h"
#include "web/web.h"

#define MAX_DEPTH 16                    /* of nested sets of tasks */

static struct {
	bool running;
	struct web_options options;
	char *command_line;
	struct web_class *classes;
	struct web_module *modules;
	struct web_setting *settings;
	struct web_worker *workers;
	size_t workers_cap;
	int64_t *class_users;
	struct web_criterion *criteria;
	struct buf limit_reason;
} page;

/* Of the thread: other threads' lines are the master's own. */
static _Thread_local const char *log_source;

/* ---- what does not change ---- */

/* Sets nested deeper are shown as one task. */
static struct web_task *gather_tasks(const struct user_set *set, int depth)
{
	struct web_task *tasks = xcalloc(set->task_count + 1, sizeof *tasks);

	for (size_t i = 0; i < set->task_count; i++) {
		const struct user_task *t = &set->tasks[i];

		tasks[i] = (struct web_task){ .name = t->name,
			.weight = t->weight };
		if (t->set != NULL && depth < MAX_DEPTH) {
			tasks[i].tasks = gather_tasks(t->set, depth + 1);
			tasks[i].task_count = t->set->task_count;
		}
	}
	return tasks;
}

static void free_tasks(const struct web_task *tasks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_tasks(tasks[i].tasks, tasks[i].task_count);
	free((void *)(uintptr_t)tasks);
}

static void gather_classes(void)
{
	size_t n = user_class_count();

	page.classes = xcalloc(n + 1, sizeof *page.classes);
	for (size_t i = 0; i < n; i++) {
		const struct user_class *c = user_class_at(i);

		page.classes[i] = (struct web_class){
			.name = c->name,
			.weight = c->def.weight,
			.fixed_count = c->def.fixed_count,
			.host = c->def.host,
			.tasks = gather_tasks(&c->root, 1),
			.task_count = c->root.task_count,
		};
	}
	page.class_users = xcalloc(n + 1, sizeof *page.class_users);
	page.options.classes = page.classes;
	page.options.class_count = n;
}

static void add_settings(const struct module *m)
{
	struct swarm_option option;
	size_t n = page.options.setting_count;

	for (size_t i = 0; module_option_at(m, i, &option); i++) {
		page.settings = xreallocarray(page.settings, n + 1,
		    sizeof *page.settings);
		page.settings[n++] = (struct web_setting){
			.module = m->name,
			.name = option.name,
			.type = module_option_type_name(option.type),
			.value = module_option_text(&option),
			.help = option.help,
		};
	}
	page.options.setting_count = n;
	page.options.settings = page.settings;
}

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
		add_settings(m);
	}
	page.options.modules = page.modules;
	page.options.module_count = n;
}

static char *join(int argc, char **argv)
{
	struct buf line = BUF_INIT(1u << 16);

	for (int i = 0; i < argc; i++)
		buf_printf(&line, "%s%s", i > 0 ? " " : "", argv[i]);
	return buf_detach(&line);
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
		.version = p->swarm ? p->version : NULL,
		.local = p->pid != 0,
		.cpu = p->health.cpu,
		.memory = p->health.memory,
		.loop_busy = p->health.loop_busy,
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

static void gather_state(struct web_state *state, void *arg)
{
	size_t n = master_peer_count();

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
	state->workers = page.workers;
	state->worker_count = n;
	state->class_users = page.class_users;
	gather_criteria(state);
	gather_limit(state);
}

/* ---- what the page asks for ---- */

/* Of several executors each has its own load: a start then leaves them as they
 * were declared. */
static int take_load(const struct web_load *load, bool start, char *error,
    size_t size)
{
	struct run_status now;
	const char *why;

	run_status(&now);
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

static int ask_start(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	struct run_status now;

	(void)arg;
	run_status(&now);
	if (now.waiting || now.state == RUN_STOPPING) {
		snprintf(error, size, "a test is %s",
		    now.waiting ? "waiting for workers" :
		    run_state_name(now.state));
		return -1;
	}
	/* As with Locust, a start while running changes the load. */
	if (take_load(load, !is_running(&now), error, size) == -1)
		return -1;
	if (is_running(&now))
		return 0;
	web_keep();
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

static int ask_stop(char *error, size_t size, void *arg)
{
	(void)error;
	(void)size;
	(void)arg;
	run_stop("stopped from the web page");
	return 0;
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
	for (size_t i = 0; i < page.options.setting_count; i++)
		free((char *)(uintptr_t)page.settings[i].value);
	for (size_t i = 0; i < page.options.class_count; i++)
		free_tasks(page.classes[i].tasks, page.classes[i].task_count);
	forget_criteria();
	free(page.command_line);
	free(page.classes);
	free(page.modules);
	free(page.settings);
	free(page.workers);
	free(page.class_users);
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
	page.command_line = join(argc, argv);
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
			.stop = ask_stop, .pause = ask_pause,
			.report = ask_report, .metrics = ask_metrics },
	};
	gather_classes();
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
