/*
 * The web page over statistics that are known beforehand, so that browser
 * tests can ask for 5,000 endpoints, a lost worker or hostile names without a
 * cluster.  The server, the REST interface and the bundle are the real ones;
 * only the run behind them is made up.
 *
 * Lines on standard input steer it: "lose", "back", "saturate", "quiet",
 * "fail TEXT", "log LEVEL TEXT", "watch" (a target), "deaf" (it answers no
 * more), "slow" (the first endpoint is, and fails), "linger" (users take 20 s
 * to stop), "end".
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "report/resources.h"
#include "run/run.h"
#include "stats/stats.h"
#include "web/web.h"

#define TICK_MS 100
#define WORKERS 2

static struct {
	int64_t endpoints;
	bool hostile;
	struct stats *stats;
	struct series **series;
	struct rng rng;
	struct run_status run;
	struct web_worker worker[WORKERS];
	bool lost, saturated, quiet, watched, deaf, slow, linger;
	int64_t stop_by;
	struct resources resources;
	struct web_figure figures[8];
	char fail[256];
	unsigned ticks;
	char host[300];
	char input[1024];
	size_t input_len;
} page;

static const struct web_task tasks[] = {
	{ .name = "report", .weight = 3 }, { .name = "command", .weight = 1 },
};
static const struct web_class classes[] = {
	{ "device", 4, 0, NULL, tasks, 2, false },
	{ "gateway", 1, 0, "mqtt://127.0.0.1:1883", tasks, 1, false },
};
static const struct web_setting settings[] = {
	{ "mqtt", "keepalive", "int", "60", "seconds between pings", NULL,
	  false, NULL },
	{ "mqtt", "qos", "int", "1", "quality of service of publishes", NULL,
	  false, NULL },
};
static const struct web_module modules[] = {
	{ "mqtt", "1.0", "/usr/lib/swarm/plugins/mqtt.so", "MQTT client" },
	{ "iot", NULL, "/usr/share/swarm/iot.so", NULL },
};

static const struct web_criterion criteria[] = {
	{ "p95 < 50ms", "fail", "21.4 ms", false, -1 },
	{ "errors% > 1% over 30s", "stop", "", false, -1 },
};

static const char *const hostile_names[] = {
	"<script>window.hacked=1</script>", "<img src=x onerror=hacked=1>",
	"\xd8\xa7\xd9\x84\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a\xd8\xa9",
	"line\nbreak and \ttab", "broken \xff\xfe utf-8", "=HYPERLINK(1)",
	"&lt;b&gt;", "'\"`${hacked=1}",
};

static void make_series(void)
{
	page.series = xcalloc((size_t)page.endpoints, sizeof(*page.series));
	for (int64_t i = 0; i < page.endpoints; i++) {
		char name[2100];

		if (page.hostile && i < 8)
			snprintf(name, sizeof(name), "%s", hostile_names[i]);
		else if (page.hostile && i == 8)
			memset(name, 'x', 900), name[900] = '\0';
		else
			snprintf(name, sizeof(name), "sensors/%lld/temp",
			    (long long)i);
		page.series[i] = stats_series(page.stats,
		    i % 3 ? "PUBLISH" : "CONNECT", name);
	}
}

/* Two humps: most answers quick, one in ten slow. */
static int64_t service_time(int64_t endpoint)
{
	double base = 1e6 * (1 + (double)(endpoint % 17));
	double spread = -log(1 - rng_uniform(&page.rng));

	if (page.slow && endpoint == 0)
		base *= 30;
	return (int64_t)(base * (rng_below(&page.rng, 10) ? 1 : 12) *
	    (0.5 + spread));
}

static void make_samples(void)
{
	int64_t n = page.run.users_running * TICK_MS / 100;

	if (page.quiet || page.run.paused)
		return;
	for (int64_t i = 0; i < n; i++) {
		int64_t e = (int64_t)rng_below(&page.rng,
		    (uint64_t)page.endpoints);
		bool failed = page.fail[0] ? i % 2 == 0 :
		    rng_below(&page.rng, page.slow && e == 0 ? 3 : 500) == 0;

		stats_record(page.stats, page.series[e], clock_now(),
		    service_time(e), 0, 64, failed);
		if (failed)
			stats_error(page.stats, page.series[e],
			    page.fail[0] ? page.fail : "timeout after 1 s", 1,
			    clock_wall(), clock_wall());
	}
}

static void ramp(void)
{
	struct run_status *r = &page.run;
	int64_t step = (int64_t)ceil(r->spawn_rate * TICK_MS / 1000);

	r->stop_left = r->state == RUN_STOPPING && page.stop_by > clock_now() ?
	    (double)(page.stop_by - clock_now()) / 1e9 : 0;
	if (r->stop_left > 0)
		return;
	if (r->state == RUN_STOPPING) {
		r->users_running = 0;
		r->state = RUN_STOPPED;
		r->stopped = clock_now();
		web_changed();
		return;
	}
	if (r->state != RUN_SPAWNING && r->state != RUN_RUNNING)
		return;
	if (r->users_running < r->users_target)
		r->users_running += step < r->users_target -
		    r->users_running ? step : r->users_target -
		    r->users_running;
	if (r->users_running > r->users_target)
		r->users_running = r->users_target;
	r->users_wanted = r->users_running;
	r->state = r->users_running < r->users_target ? RUN_SPAWNING :
	    RUN_RUNNING;
	if (page.lost)
		r->users_running = r->users_target / 2;
	make_samples();
	if (r->run_time > 0 && clock_now() - r->started >
	    (int64_t)(r->run_time * 1e9)) {
		r->stop_reason = "run time is over";
		r->state = RUN_STOPPING;
	}
}

/* What the target feels: it follows the load. */
static void feel(void)
{
	double share = fmin(0.97, 0.1 + (double)page.run.users_running / 80);
	const struct web_figure now[] = {
		{ "db.up", "", !page.deaf }, { "db.cpu", "share", share },
		{ "db.memory", "share", 0.4 + share / 10 },
		{ "db.load", "", 4 * share },
		{ "db.net.in", "bytes/s", 3e6 * share },
		{ "db.net.out", "bytes/s", 9e6 * share },
		{ "db.postgres.cpu", "cores", 3 * share },
		{ "db.pg_stat_database_xact_commit", "/s", 9000 * share },
	};
	struct resources *r = &page.resources;
	bool runs = page.run.state == RUN_RUNNING ||
	    page.run.state == RUN_SPAWNING;

	if (!page.watched)
		return;
	for (size_t i = 0; i < 8 && runs; i++)
		if (i == 0 || !page.deaf)
			resources_put(r, now[i].name, now[i].unit,
			    now[i].value);
	resources_tick(r, (double)(clock_now() - page.run.started) / 1e9,
	    runs);
	for (size_t i = 0; i < r->row_count; i++)
		page.figures[i] = (struct web_figure){ r->rows[i].name,
			r->rows[i].unit, r->rows[i].last };
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ramp();
	if (++page.ticks % (1000 / TICK_MS) == 0) {
		feel();
		web_tick();
	}
}

static void state(struct web_state *s, void *arg)
{
	static int64_t users[2];
	struct web_worker *w = page.worker;

	(void)arg;
	for (int i = 0; i < WORKERS; i++) {
		bool gone = page.lost && i == 1;

		w[i] = (struct web_worker){
			.id = i ? "host_worker-2" : "host_worker-1",
			.state = gone ? "missing" :
			    run_state_name(page.run.state),
			.version = "0.1.0", .local = true,
			.users = gone ? 0 : page.run.users_running /
			    (page.lost ? 1 : 2),
			.cpu = gone ? 0 : page.saturated ? 98 : 23.5 + i,
			.memory = 25 << 20, .loop_busy =
			    page.saturated ? 0.97 : 0.2,
			.loop_delay_ms = page.saturated ? 41 : 0.8,
			.delay_p99_ms = page.saturated ? 22 : 0.3,
			.descriptors = 60, .descriptors_max = 20000,
			.ports = 31, .ports_max = 28232, .resent = -1,
			.age = gone ? 12 : 0.4,
		};
	}
	page.run.workers = page.lost ? 1 : 2;
	users[0] = page.run.users_running * 4 / 5;
	users[1] = page.run.users_running - users[0];
	*s = (struct web_state){ .run = page.run, .workers = w,
		.worker_count = WORKERS, .class_users = users,
		.criteria = criteria, .criterion_count = 2,
		.limited_by = "none", .limit_reason = "the plan was kept",
		.figures = page.figures,
		.figure_count = page.resources.row_count };
}

static void take_load(const struct web_load *load)
{
	if (load->users > 0)
		page.run.users_target = load->users;
	if (load->spawn_rate > 0)
		page.run.spawn_rate = load->spawn_rate;
	if (load->run_time >= 0)
		page.run.run_time = load->run_time;
	if (load->host) {
		snprintf(page.host, sizeof(page.host), "%s", load->host);
		page.run.host = page.host;
	}
}

static int act_start(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	(void)arg;
	if (page.run.state == RUN_RUNNING || page.run.state == RUN_SPAWNING) {
		snprintf(error, size, "a test is running");
		return -1;
	}
	take_load(load);
	stats_reset(page.stats);
	resources_clear(&page.resources);
	page.run.state = RUN_SPAWNING;
	page.run.started = clock_now();
	page.run.started_wall = clock_wall();
	page.run.stopped = 0;
	page.run.users_running = 0;
	page.run.stop_reason = NULL;
	return 0;
}

static int act_edit(const struct web_load *load, char *error, size_t size,
    void *arg)
{
	(void)arg;
	if (page.run.state != RUN_RUNNING && page.run.state != RUN_SPAWNING) {
		snprintf(error, size, "no test is running");
		return -1;
	}
	take_load(load);
	return 0;
}

static int act_stop(char *error, size_t size, void *arg)
{
	(void)error;
	(void)size;
	(void)arg;
	if (page.run.state == RUN_RUNNING || page.run.state == RUN_SPAWNING) {
		page.run.state = RUN_STOPPING;
		page.run.stop_reason = "stopped from the web page";
		page.stop_by = page.linger ? clock_now() + 20 * NS_PER_S : 0;
	}
	return 0;
}

static int act_stop_now(char *error, size_t size, void *arg)
{
	(void)arg;
	if (page.run.state != RUN_STOPPING) {
		snprintf(error, size, "no test is stopping");
		return -1;
	}
	page.stop_by = 0;
	return 0;
}

static int act_resources(struct buf *json, void *arg)
{
	(void)arg;
	return resources_write(json, &page.resources);
}

static int act_pause(bool on, char *error, size_t size, void *arg)
{
	(void)error;
	(void)size;
	(void)arg;
	page.run.paused = on;
	return 0;
}

static void steer(const char *line)
{
	if (strcmp(line, "lose") == 0) {
		page.lost = true;
		web_event("worker", "worker 2 lost: killed; 10 users moved");
		page.run.workers_lost++;
	} else if (strcmp(line, "back") == 0) {
		page.lost = false;
	} else if (strcmp(line, "saturate") == 0) {
		page.saturated = true;
	} else if (strcmp(line, "quiet") == 0) {
		page.quiet = true;
	} else if (strcmp(line, "watch") == 0) {
		page.watched = true;
	} else if (strcmp(line, "deaf") == 0) {
		page.deaf = true;
	} else if (strcmp(line, "slow") == 0) {
		page.slow = true;
	} else if (strcmp(line, "linger") == 0) {
		page.linger = true;
	} else if (strncmp(line, "fail ", 5) == 0) {
		snprintf(page.fail, sizeof(page.fail), "%.255s", line + 5);
	} else if (strncmp(line, "log ", 4) == 0) {
		web_log("host_worker-1", line[4] == 'w' ? LOG_LEVEL_WARN :
		    line[4] == 'e' ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
		    strchr(line + 4, ' ') ? strchr(line + 4, ' ') + 1 : "");
	} else if (strcmp(line, "end") == 0) {
		loop_stop();
	}
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	ssize_t n = read(fd, page.input + page.input_len,
	    sizeof(page.input) - page.input_len - 1);
	char *end;

	(void)what;
	(void)arg;
	if (n <= 0) {
		loop_stop();
		return;
	}
	page.input_len += (size_t)n;
	page.input[page.input_len] = '\0';
	while ((end = strchr(page.input, '\n'))) {
		*end = '\0';
		steer(page.input);
		page.input_len -= (size_t)(end + 1 - page.input);
		memmove(page.input, end + 1, page.input_len + 1);
	}
}

static void log_sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", log_level_name(level), line);
	web_log("master", level, line);
}

static void parse_arguments(int argc, char **argv, struct web_options *o)
{
	int64_t number;

	page.endpoints = 5;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--login") == 0)
			o->login_file = argv[i + 1];
		else if (strcmp(argv[i], "--base") == 0)
			o->base_path = argv[i + 1];
		else if (strcmp(argv[i], "--host") == 0)
			o->host = argv[i + 1];
		else if (strcmp(argv[i], "--cert") == 0)
			o->tls_cert = argv[i + 1];
		else if (strcmp(argv[i], "--key") == 0)
			o->tls_key = argv[i + 1];
		else if (parse_int64(argv[i + 1], 0, 100000, &number) == -1)
			continue;
		else if (strcmp(argv[i], "--port") == 0)
			o->port = (int)number;
		else if (strcmp(argv[i], "--endpoints") == 0)
			page.endpoints = number;
		else if (strcmp(argv[i], "--hostile") == 0)
			page.hostile = number;
	}
}

int main(int argc, char **argv)
{
	struct web_options o = {
		.scenario = "iot.c",
		.command_line = "swarm --plugin mqtt.so -f iot.c",
		.load = { 10, 2, 0, "mqtt://127.0.0.1:1883" },
		.classes = classes, .class_count = 2,
		.settings = settings, .setting_count = 2,
		.modules = modules, .module_count = 2,
		.state = state,
		.actions = { .start = act_start, .edit = act_edit,
			.stop = act_stop, .stop_now = act_stop_now,
			.pause = act_pause, .resources = act_resources },
	};
	struct event *timer, *input;
	const struct timeval interval = { 0, TICK_MS * 1000 };

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (loop_init() == -1)
		return 1;
	log_set_sink(log_sink, NULL);
	parse_arguments(argc, argv, &o);
	page.stats = o.stats = stats_new(10000, 2000);
	rng_seed(&page.rng, 1, 1);
	make_series();
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	if (web_start(&o) == -1)
		return 1;
	printf("%s\n", web_url());
	fflush(stdout);
	timer = event_new(loop_base(), -1, EV_PERSIST, on_timer, NULL);
	event_add(timer, &interval);
	input = event_new(loop_base(), STDIN_FILENO, EV_READ | EV_PERSIST,
	    on_input, NULL);
	event_add(input, NULL);
	loop_run();
	web_stop("end of the test");
	event_free(timer);
	event_free(input);
	loop_release();
	stats_free(page.stats);
	resources_clear(&page.resources);
	free(page.series);
	return 0;
}
