/*
 * The relay: between a master and workers, where no users run.
 */
#include "cli/role.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cli/modules.h"
#include "cli/plaintext.h"
#include "cluster/relay.h"
#include "cluster/worker.h"
#include "fiber/loop.h"
#include "module/module.h"
#include "user/user.h"

static struct {
	struct keys above;
	struct keys below;
	struct event *signals[2];
	int rc;
} self;

static void on_ended(const char *why, void *arg)
{
	(void)arg;
	if (why != NULL)
		self.rc = EXIT_WORKERS;
	loop_stop();
}

/* Its own lines, and those it hears from below, are shown above too. */
static void on_log(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	if (worker_registered())
		worker_log((int)level, line);
	fprintf(stderr, "swarm: %s: %s\n", log_level_name(level), line);
}

static void on_signal(evutil_socket_t number, short events, void *arg)
{
	(void)number;
	(void)events;
	(void)arg;
	relay_leave();
}

static void watch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM };

	for (size_t i = 0; i < 2; i++) {
		self.signals[i] = evsignal_new(loop_base(), numbers[i],
		    on_signal, NULL);
		event_add(self.signals[i], NULL);
	}
}

static int read_keys(const struct options *o)
{
	if (o->keys != NULL && keys_read(&self.above, o->keys, false) == -1)
		return -1;
	if (o->relay_keys == NULL)
		return 0;
	return keys_read(&self.below, o->relay_keys, true);
}

static int start(const struct options *o, char **argv)
{
	size_t n = user_class_count();
	const char **names = xcalloc(n + 1, sizeof names[0]);
	char *above = xasprintf("tcp://%s:%lld", o->master_host,
	    (long long)o->master_port);
	char *below = xasprintf("tcp://%s:%lld", o->master_bind_host,
	    (long long)o->master_bind_port);
	int processes = options_given("processes") && o->processes > 0 ?
	    (int)o->processes : 0;
	const struct relay_options options = {
		.connect = above,
		.bind = below,
		.keys_above = o->keys != NULL ? &self.above : NULL,
		.keys_below = o->relay_keys != NULL ? &self.below : NULL,
		.processes = processes,
		.expect = options_given("expect-workers") || processes == 0 ?
		    (size_t)o->expect_workers : (size_t)processes,
		.worker_argv = argv + 1,
		.class_count = n,
		.class_names = names,
		.ended = on_ended,
	};
	int rc;

	for (size_t i = 0; i < n; i++)
		names[i] = user_class_at(i)->name;
	rc = relay_start(&options);
	free(names);
	free(above);
	free(below);
	return rc;
}

int role_relay(struct options *o, char **argv)
{
	self.rc = EXIT_PASSED;
	if (plaintext_check_port(o) == -1 || plaintext_check_way(o) == -1)
		return EXIT_USAGE;
	if (modules_offer(o) == -1)
		return EXIT_MODULE;
	if (read_keys(o) == -1)
		return EXIT_USAGE;
	if (loop_init() == -1)
		return EXIT_WORKERS;
	watch_signals();
	if (start(o, argv) == -1)
		return EXIT_WORKERS;
	log_set_sink(on_log, NULL);
	loop_run();
	log_set_sink(NULL, NULL);
	for (size_t i = 0; i < 2; i++)
		event_free(self.signals[i]);
	relay_release();
	module_unload_all();
	keys_release(&self.above);
	keys_release(&self.below);
	loop_release();
	return self.rc;
}
