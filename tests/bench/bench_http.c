/*
 * CPU time per request of the HTTP clients beside wrk's, one after the other
 * against the same responder, several rounds, medians.
 *
 *	bench_http [CONNECTIONS [ROUNDS [SECONDS]]]
 *
 * The responder never sleeps: when a server sleeps between two requests, each
 * send of the client pays for waking it, 5 to 15 us in a virtual machine, and
 * slow clients look worse than they are.  It has one core, the client another.
 * What counts is the CPU time of the client's whole process tree in a window
 * after a second of warming up, divided by the requests that the responder
 * answered in it.  Prints figures and asserts none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 25
#define EVENTS 512

static const char answer[] =
    "HTTP/1.1 200 OK\r\nServer: responder\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Type: text/plain\r\nContent-Length: 3\r\n"
    "Connection: keep-alive\r\n\r\nok\n";

static volatile uint64_t *answered;     /* shared with the responder */
static char folder[512];                /* of this program */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

/* ---- the responder ---- */

static void serve(int fd, int epoll)
{
	char buf[16384];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n > 0 && n < (ssize_t)sizeof buf) {
		/* Clients here send one whole request at a time. */
		if (write(fd, answer, sizeof answer - 1) > 0)
			++*answered;
	} else if (n == 0 || errno != EAGAIN) {
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
	}
}

static void respond(int listener)
{
	struct epoll_event events[EVENTS], e = { .events = EPOLLIN };
	int epoll = epoll_create1(0), n, i, fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(1);
	signal(SIGPIPE, SIG_IGN);
	e.data.fd = listener;
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, 0);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				serve(events[i].data.fd, epoll);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL,
			    SOCK_NONBLOCK)) >= 0) {
				e.data.fd = fd;
				epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
			}
		}
	}
}

static uint16_t start_responder(pid_t *pid)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	answered = mmap(NULL, sizeof *answered, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answered == MAP_FAILED || bind(fd, (struct sockaddr *)&in, len) ||
	    listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&in, &len))
		die("responder");
	*pid = fork();
	if (*pid == -1)
		die("fork");
	if (*pid == 0)
		respond(fd);
	close(fd);
	return ntohs(in.sin_port);
}

/* ---- what a process tree has used ---- */

static uint64_t used_by(const char *pid)
{
	char path[600];
	unsigned long long ns, sum = 0;
	struct dirent *d;
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%s/task", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid,
		    d->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* Nanoseconds of all processes in a process group. */
static uint64_t used(pid_t group)
{
	char path[600], state;
	struct dirent *d;
	uint64_t sum = 0;
	int ppid, pgrp;
	FILE *f;
	DIR *dir = opendir("/proc");

	while (dir && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%*d (%*[^)]) %c %d %d", &state, &ppid,
		    &pgrp) == 3 && pgrp == group)
			sum += used_by(d->d_name);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* ---- clients ---- */

static void pause_for(double seconds)
{
	struct timespec t = { (time_t)seconds,
		(long)((seconds - (double)(time_t)seconds) * 1e9) };

	nanosleep(&t, NULL);
}

/* us of CPU time a request; 0 when the client cannot be run. */
static double measure(char *const argv[], double seconds)
{
	uint64_t cpu, requests;
	double result = 0;
	pid_t pid = fork();
	int null, status;

	if (pid == -1)
		die("fork");
	if (pid == 0) {
		setpgid(0, 0);
		pin(0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	setpgid(pid, pid);
	pause_for(1);
	cpu = used(pid);
	requests = *answered;
	pause_for(seconds);
	cpu = used(pid) - cpu;
	requests = *answered - requests;
	if (requests > 1000)
		result = (double)cpu / 1e3 / (double)requests;
	kill(-pid, SIGTERM);
	pause_for(0.3);
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	return result;
}

static double measure_wrk(const char *url, const char *connections,
    double seconds)
{
	return measure((char *[]){ "wrk", "-t1", "-c", (char *)connections,
		"-d60", (char *)url, NULL }, seconds);
}

static double measure_swarm(const char *plugin, const char *url,
    const char *connections, double seconds)
{
	char swarm[600], scenario[600];

	snprintf(swarm, sizeof swarm, "%s/../../bin/swarm", folder);
	snprintf(scenario, sizeof scenario, "%s/../../scenarios/hello.so",
	    folder);
	return measure((char *[]){ swarm, "-f", scenario, "--plugin",
		(char *)plugin, "--headless", "--processes", "1", "-u",
		(char *)connections, "-r", "100000", "-t", "60s", "-H",
		(char *)url, NULL }, seconds);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void find_folder(void)
{
	ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);

	if (n < 0)
		die("/proc/self/exe");
	folder[n] = '\0';
	*strrchr(folder, '/') = '\0';
}

int main(int argc, char **argv)
{
	const char *connections = argc > 1 ? argv[1] : "64";
	int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5, i;
	double seconds = argc > 3 ? strtod(argv[3], NULL) : 2;
	double wrk[ROUNDS_MAX], fast[ROUNDS_MAX], curl[ROUNDS_MAX];
	double ratio_fast[ROUNDS_MAX], ratio_curl[ROUNDS_MAX];
	char url[64];
	pid_t pid;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		rounds = 5;
	find_folder();
	snprintf(url, sizeof url, "http://127.0.0.1:%u",
	    start_responder(&pid));
	for (i = 0; i < rounds; i++) {
		wrk[i] = measure_wrk(url, connections, seconds);
		fast[i] = measure_swarm("fasthttp", url, connections, seconds);
		curl[i] = measure_swarm("http", url, connections, seconds);
		ratio_fast[i] = wrk[i] > 0 ? fast[i] / wrk[i] : 0;
		ratio_curl[i] = wrk[i] > 0 ? curl[i] / wrk[i] : 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("{\"case\":\"http wrk\",\"connections\":%s,\"us\":%.2f}\n",
	    connections, median(wrk, rounds));
	printf("{\"case\":\"http fasthttp\",\"connections\":%s,\"us\":%.2f,"
	    "\"of_wrk\":%.2f}\n", connections, median(fast, rounds),
	    median(ratio_fast, rounds));
	printf("{\"case\":\"http libcurl\",\"connections\":%s,\"us\":%.2f,"
	    "\"of_wrk\":%.2f}\n", connections, median(curl, rounds),
	    median(ratio_curl, rounds));
	return 0;
}
