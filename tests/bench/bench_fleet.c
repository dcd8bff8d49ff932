/*
 * A master under a fleet of simulated workers: how much of a core it takes,
 * how much memory, and how long an order to all of them needs; by itself,
 * behind relays, and Locust's master beside it.
 *
 *	bench_fleet [-i INTERVAL] [-r RELAYS] [-l] [WORKERS [SERIES [SECONDS]]]
 *
 * The workers (fleet.c) live in one child process: real sockets, real
 * messages, no users.  Each sends a heartbeat a second and every INTERVAL seconds (1) a
 * report with SERIES busy series, as a swarm worker does; with -l in Locust's
 * form, to the Locust of this machine.  With -r they are shared out to so many
 * relays, each a process of its own.
 */
#include "cluster/master.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "cluster/relay.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"
#include "fleet.h"

#define RELAYS_MAX 64

static int64_t seconds = 3;
static int64_t relays;

/* ---- what processes take ---- */

/* CPU seconds, and resident KiB, of a process. */
static void usage_of(pid_t pid, double *cpu, double *rss)
{
	char path[64];
	char line[1024] = "";
	unsigned long user = 0;
	unsigned long system = 0;
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof line, f) != NULL &&
	    strrchr(line, ')') != NULL)
		sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d "
		    "%*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d "
		    "%*u %*u %ld", &user, &system, &pages);
	if (f != NULL)
		fclose(f);
	*cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	*rss = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void print(const char *name, double value, const char *unit)
{
	printf("{\"bench\":\"fleet\",\"peer\":\"%s\",\"workers\":%d,"
	    "\"series\":%d,\"interval\":%d,\"relays\":%d,\"case\":\"%s\","
	    "\"value\":%.3f,\"unit\":\"%s\"}\n",
	    fleet.locust ? "locust" : "swarm", (int)fleet.workers,
	    (int)fleet.series, (int)fleet.interval, (int)relays, name, value,
	    unit);
	fflush(stdout);
}

static double since(int64_t start)
{
	return (double)(clock_now() - start) / 1e9;
}

/* ---- swarm's master ---- */

static int64_t joined;
static int64_t spawned;
static int64_t reports;
static bool expired;
static pid_t relay_pids[RELAYS_MAX];
static char *endpoints[RELAYS_MAX];

static void on_joined(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	joined++;
}

static void on_spawned(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	spawned++;
}

static void on_reported(struct peer *p, void *arg)
{
	(void)p;
	(void)arg;
	reports++;
}

static void on_expired(struct wheel_timer *t)
{
	(void)t;
	expired = true;
}

/* Until *n reaches `want` or the time is up. */
static void run_until(const int64_t *n, int64_t want, int64_t ns)
{
	struct wheel_timer limit = { .fire = on_expired };

	expired = false;
	wheel_add(&limit, clock_now() + ns);
	while (*n < want && !expired)
		loop_once(true);
	wheel_del(&limit);
}

static void on_relay_ended(const char *why, void *arg)
{
	(void)why;
	(void)arg;
	loop_stop();
}

/* In a child: says where it listens, on `out`. */
static _Noreturn void be_relay(const char *above, int out)
{
	static const char *const classes[] = { "user" };
	struct relay_options o = { .connect = above,
		.bind = "tcp://127.0.0.1:0", .class_count = 1,
		.class_names = classes, .ended = on_relay_ended,
		.expect = (size_t)(fleet.workers / relays) };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (loop_init() == -1 || relay_start(&o) == -1)
		_exit(1);
	dprintf(out, "%s\n", master_endpoint());
	loop_run();
	_exit(0);
}

/* Before this process has a loop of its own: `above` is a port to come. */
static void start_relays(const char *above)
{
	for (int64_t i = 0; i < relays; i++) {
		char line[256] = "";
		int fds[2];
		FILE *f;

		if (pipe(fds) == -1)
			exit(1);
		relay_pids[i] = fork();
		if (relay_pids[i] == 0)
			be_relay(above, fds[1]);
		close(fds[1]);
		f = fdopen(fds[0], "r");
		if (f == NULL || fgets(line, sizeof line, f) == NULL)
			exit(1);
		fclose(f);
		endpoints[i] = xstrndup(line, strcspn(line, "\n"));
	}
}

static double relay_cpu(void)
{
	double sum = 0;

	for (int64_t i = 0; i < relays; i++) {
		double cpu;
		double rss;

		usage_of(relay_pids[i], &cpu, &rss);
		sum += cpu;
	}
	return sum;
}

static void order_all(void)
{
	int64_t start = clock_now();

	for (size_t i = 0; i < master_peer_count(); i++) {
		master_peer_at(i)->wanted[0] = 10 * fleet.workers /
		    (int64_t)master_peer_count();
		master_send_spawn(master_peer_at(i), NULL, 0);
	}
	run_until(&spawned, joined, 30 * NS_PER_S);
	print("spawned_all", since(start), "s");
}

/* `before`: resident KiB without workers and with all series. */
static void measure(double before)
{
	struct loop_health health;
	int64_t peers = relays > 0 ? relays : fleet.workers;
	int64_t start = clock_now();
	double cpu[2];
	double below[2];
	double rss;

	run_until(&joined, peers, 60 * NS_PER_S);
	print("registered_all", since(start), "s");
	order_all();
	/* Until every worker has reported. */
	run_until(&reports, 2 * peers, 2 * fleet.interval * NS_PER_S);
	loop_health(&health);
	reports = 0;
	usage_of(getpid(), &cpu[0], &rss);
	below[0] = relay_cpu();
	start = clock_now();
	run_until(&reports, INT64_MAX, seconds * NS_PER_S);
	usage_of(getpid(), &cpu[1], &rss);
	below[1] = relay_cpu();
	loop_health(&health);
	print("core_share", 100 * (cpu[1] - cpu[0]) / since(start), "%");
	if (relays > 0)
		print("core_share_of_a_relay", 100 * (below[1] - below[0]) /
		    since(start) / (double)relays, "%");
	print("reports", (double)reports / since(start), "1/s");
	print("longest_pass", (double)health.longest_pass_ns / 1e6, "ms");
	print("memory", rss / 1024, "MiB");
	if (relays == 0)
		print("memory_per_worker", (rss - before) / (double)fleet.workers,
		    "KiB");
	print("repeated_indexes", (double)fleet.seen->repeated, "");
	if ((int64_t)master_peer_count() != peers || reports == 0 ||
	    fleet.seen->acks != fleet.workers)
		fprintf(stderr, "only %zu peers and %lld workers are there\n",
		    master_peer_count(), (long long)fleet.seen->acks);
}

/* The series are there before the workers, for what these take alone. */
static double fill(struct stats *totals)
{
	struct stats *delta = fleet_delta();
	struct wire_message m;
	struct buf b = BUF_INIT(WIRE_MAX_MESSAGE);
	double cpu;
	double rss;

	wire_stats_encode(&b, "host_0", delta, NULL, NULL, 0);
	for (int i = 0; i < 3; i++) {
		if (wire_decode(&m, b.data, b.len) == -1 ||
		    wire_report_read(&m.data, totals, clock_wall(), NULL,
		    NULL) == -1)
			exit(1);
		wire_message_release(&m);
	}
	buf_release(&b);
	stats_free(delta);
	usage_of(getpid(), &cpu, &rss);
	return rss;
}

static int free_port(void)
{
	char endpoint[64] = "";
	size_t size = sizeof endpoint;
	void *context = zmq_ctx_new();
	void *socket = zmq_socket(context, ZMQ_ROUTER);
	int64_t port = 0;

	if (zmq_bind(socket, "tcp://127.0.0.1:*") == 0 &&
	    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0)
		parse_int64(strrchr(endpoint, ':') + 1, 1, 65535, &port);
	zmq_close(socket);
	zmq_ctx_term(context);
	return (int)port;
}

static int measure_swarm(void)
{
	static const char *const classes[] = { "user" };
	char *bind = xasprintf("tcp://127.0.0.1:%d", free_port());
	struct master_options o = { .bind = bind, .class_count = 1,
		.class_names = classes, .report_interval = (double)fleet.interval,
		.joined = on_joined, .spawned = on_spawned,
		.reported = on_reported };
	pid_t sims;
	double before;

	start_relays(bind);
	if (loop_init() == -1)
		return 1;
	o.stats = stats_new(10000, 10);
	if (master_start(&o) == -1)
		return 1;
	before = fill(o.stats);
	if (relays == 0)
		endpoints[0] = xstrdup(master_endpoint());
	sims = fleet_start(endpoints, relays > 0 ? (size_t)relays : 1);
	measure(before);
	kill(sims, SIGKILL);
	waitpid(sims, NULL, 0);
	for (int64_t i = 0; i < relays; i++) {
		kill(relay_pids[i], SIGKILL);
		waitpid(relay_pids[i], NULL, 0);
	}
	master_release();
	stats_free(o.stats);
	loop_release();
	free(bind);
	for (int64_t i = 0; i < RELAYS_MAX; i++)
		free(endpoints[i]);
	return 0;
}

/* ---- Locust's master ---- */

static const char locustfile[] =
    "from locust import User, task, constant\n"
    "class user(User):\n"
    "    wait_time = constant(1)\n"
    "    @task\n"
    "    def nothing(self):\n"
    "        pass\n";

static pid_t start_locust(const char *file, const char *port)
{
	char count[32];
	char users[32];
	pid_t pid;

	snprintf(count, sizeof count, "%lld", (long long)fleet.workers);
	snprintf(users, sizeof users, "%lld", (long long)(10 * fleet.workers));
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 1);
	dup2(1, 2);
	execl("/usr/bin/locust", "locust", "-f", file, "--master",
	    "--master-bind-host", "127.0.0.1", "--master-bind-port", port,
	    "--headless", "--only-summary", "--expect-workers", count, "-u",
	    users, "-r", users, "-t", "10m", (char *)NULL);
	_exit(127);
}

/* Until the counter reaches `want` or the time is up: whether it did. */
static bool wait_count(atomic_llong *n, int64_t want, double limit)
{
	int64_t start = clock_now();

	while (*n < want && since(start) < limit)
		poll(NULL, 0, 20);
	return *n >= want;
}

static int measure_locust(void)
{
	char file[] = "/tmp/bench_fleet_XXXXXX.py";
	char port[16];
	int fd = mkstemps(file, 3);
	int64_t start;
	double cpu[2];
	double rss[2];
	pid_t master;
	pid_t sims;
	long long sent;

	if (fd == -1 || write(fd, locustfile, sizeof locustfile - 1) == -1)
		return 1;
	close(fd);
	snprintf(port, sizeof port, "%d", free_port());
	endpoints[0] = xasprintf("tcp://127.0.0.1:%s", port);
	master = start_locust(file, port);
	start = clock_now();
	sims = fleet_start(endpoints, 1);
	if (!wait_count(&fleet.seen->acks, fleet.workers, 60))
		fprintf(stderr, "Locust has only %lld workers\n",
		    (long long)fleet.seen->acks);
	print("registered_all", since(start), "s");
	start = clock_now();
	wait_count(&fleet.seen->spawns, fleet.workers, 20);
	print("spawned_all", since(start), "s");
	wait_count(&fleet.seen->sent, fleet.seen->sent + fleet.workers,
	    (double)(2 * fleet.interval));
	usage_of(master, &cpu[0], &rss[0]);
	start = clock_now();
	sent = fleet.seen->sent;
	poll(NULL, 0, (int)(1000 * seconds));
	usage_of(master, &cpu[1], &rss[1]);
	print("core_share", 100 * (cpu[1] - cpu[0]) / since(start), "%");
	print("reports", (double)(fleet.seen->sent - sent) / since(start), "1/s");
	print("memory", rss[1] / 1024, "MiB");
	print("memory_growth", (rss[1] - rss[0]) / 1024 / since(start),
	    "MiB/s");
	kill(sims, SIGKILL);
	kill(master, SIGKILL);
	waitpid(sims, NULL, 0);
	waitpid(master, NULL, 0);
	unlink(file);
	free(endpoints[0]);
	return 0;
}

static void raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	int64_t *const numbers[] = { &fleet.workers, &fleet.series, &seconds };
	int option;

	while ((option = getopt(argc, argv, "i:r:l")) != -1) {
		if (option == 'l')
			fleet.locust = true;
		else if (option == '?' || parse_int64(optarg, 0,
		    option == 'r' ? RELAYS_MAX : 60,
		    option == 'r' ? &relays : &fleet.interval) == -1)
			return 2;
	}
	for (int i = 0; i < 3 && optind + i < argc; i++) {
		if (parse_int64(argv[optind + i], 1, 100000, numbers[i]) ==
		    -1)
			return 2;
	}
	if (fleet.interval < 1)
		return 2;
	raise_limit();
	fleet.seen = mmap(NULL, sizeof *fleet.seen, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fleet.seen == MAP_FAILED)
		return 1;
	return fleet.locust ? measure_locust() : measure_swarm();
}
