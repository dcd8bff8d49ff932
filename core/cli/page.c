/* See page.h: glue between the run and core/web. */
#include "cli/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/master.h"
#include "module/module.h"
#include "run/run.h"
#include "stats/stats.h"
#include "user/user.h"
#include "web/web.h"

#define COMMAND_LINE_MAX 65536
#define USERS_MAX        1000000000

static struct {
	bool running;
	struct web_options options;
	struct web_worker *workers;
	size_t worker_cap;
	int64_t *class_users;
} page;

static int check_load(const struct web_load *load, char *error, size_t size)
{
	if (load->users > USERS_MAX) {
		snprintf(error, size, "users: at most %d", USERS_MAX);
		return -1;
	}
	return 0;
}

/* What was left out stays as it is. */
static void take_load(const struct web_load *load)
{
	struct run_status status;

	run_status(&status);
	run_set_load(load->users >= 0 ? load->users : status.users_target,
	    load->spawn_rate > 0 ? load->spawn_rate : status.spawn_rate);
}

static int on_start(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	struct run_status status;

	(void)arg;
	run_status(&status);
	if (check_load(load, error, size) == -1)
		return -1;
	if (status.state == RUN_STOPPING || status.waiting) {
		snprintf(error, size, "a test is %s", status.waiting ?
		    "waiting for workers" : "being stopped");
		return -1;
	}
	if (load->host != NULL)
		run_set_host(load->host);
	if (load->run_time >= 0)
		run_set_run_time(load->run_time);
	take_load(load);
	/* As with Locust, a start while running changes the load. */
	if (status.state == RUN_SPAWNING || status.state == RUN_RUNNING)
		return 0;
	web_keep();
	return run_start();
}

static int on_edit(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	(void)arg;
	if (check_load(load, error, size) == -1)
		return -1;
	take_load(load);
	return 0;
}

static int on_stop(char *error, size_t size, void *arg)
{
	(void)error;
	(void)size;
	(void)arg;
	run_stop("stopped from the web page");
	return 0;
}

static const char *state_word(const struct peer *p)
{
	static const char *const words[] = {
		[PEER_READY] = "ready",
		[PEER_SPAWNING] = "spawning",
		[PEER_RUNNING] = "running",
		[PEER_STOPPING] = "stopping",
		[PEER_MISSING] = "missing",
	};

	return words[p->state];
}

static void show_worker(struct web_worker *w, const struct peer *p)
{
	*w = (struct web_worker){
		.id = p->id,
		.state = state_word(p),
		.version = p->version,
		.local = p->pid != 0,
		.cpu = p->cpu,
		.memory = p->memory,
		.loop_busy = p->loop_busy,
		.loop_delay_ms = p->loop_delay_ms,
		.age = (double)(clock_now() - p->last_seen) / (double)NS_PER_S,
	};
	for (size_t k = 0; k < user_class_count(); k++) {
		w->users += p->running[k];
		page.class_users[k] += p->running[k];
	}
}

static void on_state(struct web_state *state, void *arg)
{
	size_t n = master_peer_count();

	(void)arg;
	run_status(&state->run);
	if (n > page.worker_cap) {
		page.worker_cap = 2 * n;
		page.workers = xreallocarray(page.workers, page.worker_cap,
		    sizeof page.workers[0]);
	}
	memset(page.class_users, 0,
	    user_class_count() * sizeof page.class_users[0]);
	for (size_t i = 0; i < n; i++)
		show_worker(&page.workers[i], master_peer_at(i));
	state->workers = page.workers;
	state->worker_count = n;
	state->class_users = page.class_users;
}

static const struct web_class *show_classes(void)
{
	size_t n = user_class_count();
	struct web_class *classes = xcalloc(n + 1, sizeof *classes);

	for (size_t i = 0; i < n; i++) {
		const struct user_class *c = user_class_at(i);
		struct web_task *tasks = xcalloc(c->root.task_count + 1,
		    sizeof *tasks);

		for (size_t k = 0; k < c->root.task_count; k++) {
			tasks[k].name = c->root.tasks[k].name;
			tasks[k].weight = c->root.tasks[k].weight;
		}
		classes[i] = (struct web_class){
			.name = c->name,
			.weight = c->def.weight,
			.fixed_count = c->def.fixed_count,
			.host = c->def.host,
			.tasks = tasks,
			.task_count = c->root.task_count,
		};
	}
	return classes;
}

static const struct web_module *show_modules(void)
{
	struct web_module *modules = xcalloc(module_count() + 1,
	    sizeof *modules);

	for (size_t i = 0; i < module_count(); i++) {
		const struct module *m = module_at(i);

		modules[i] = (struct web_module){ .name = m->name,
			.version = m->def.version, .path = m->path,
			.summary = m->def.summary };
	}
	return modules;
}

static char *command_line(int argc, char **argv)
{
	struct buf b = BUF_INIT(COMMAND_LINE_MAX);

	for (int i = 0; i < argc; i++) {
		buf_puts(&b, i > 0 ? " " : "");
		buf_puts(&b, argv[i]);
	}
	return buf_detach(&b);
}

/* What the options point to lives as long as the process. */
int page_start(const struct options *o, struct stats *stats, int argc,
    char **argv)
{
	page.class_users = xcalloc(user_class_count() + 1,
	    sizeof page.class_users[0]);
	page.options = (struct web_options){
		.host = o->web_host,
		.port = (int)o->web_port,
		.base_path = o->web_base_path,
		.tls_cert = o->tls_cert,
		.tls_key = o->tls_key,
		.login_file = o->web_login,
		.scenario = o->scenarios.count > 0 ? o->scenarios.items[0] :
		    "",
		.command_line = command_line(argc, argv),
		.load = { .users = o->users, .spawn_rate = o->spawn_rate,
			.run_time = o->run_time, .host = o->host },
		.classes = show_classes(),
		.class_count = user_class_count(),
		.modules = show_modules(),
		.module_count = module_count(),
		.stats = stats,
		.state = on_state,
		.actions = { .start = on_start, .edit = on_edit,
			.stop = on_stop },
	};
	if (web_start(&page.options) == -1)
		return -1;
	page.running = true;
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
	if (page.running)
		web_stop(why);
	page.running = false;
}
