/*
 * The peer of the MQTT benchmark: libmosquitto with an epoll loop around it
 * and nothing else.  Every client publishes again as soon as its PUBACK has
 * come; after a second of warm-up the CPU time and the acknowledgements of
 * the given seconds are printed as one JSON line.
 *
 *	mosquitto_peer PORT CLIENTS SECONDS
 */
#include <mosquitto.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

struct client {
	struct mosquitto *m;
	bool may_publish;
	bool wants_write;
};

static unsigned long acknowledged;
static long connected;
static const char payload[64];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* A publish made inside a callback is only queued: it is made after it. */
static void on_connect(struct mosquitto *m, void *arg, int rc)
{
	struct client *c = arg;

	(void)m;
	if (rc == 0) {
		connected++;
		c->may_publish = true;
	}
}

static void on_publish(struct mosquitto *m, void *arg, int id)
{
	struct client *c = arg;

	(void)m;
	(void)id;
	acknowledged++;
	c->may_publish = true;
}

static void watch(int epoll, struct client *c, int how)
{
	bool write = mosquitto_want_write(c->m);
	struct epoll_event e = {
		.events = EPOLLIN | (write ? EPOLLOUT : 0u),
		.data.ptr = c,
	};

	if (how == EPOLL_CTL_MOD && write == c->wants_write)
		return;
	c->wants_write = write;
	epoll_ctl(epoll, how, mosquitto_socket(c->m), &e);
}

static void serve(int epoll, struct client *c, unsigned events)
{
	if (events & EPOLLIN)
		mosquitto_loop_read(c->m, 1);
	if (events & EPOLLOUT)
		mosquitto_loop_write(c->m, 1);
	if (c->may_publish) {
		c->may_publish = false;
		mosquitto_publish(c->m, NULL, "bench/x", sizeof payload,
		    payload, 1, false);
	}
	watch(epoll, c, EPOLL_CTL_MOD);
}

static void run(int epoll, double until)
{
	struct epoll_event ready[256];

	while (now() < until) {
		int n = epoll_wait(epoll, ready, 256, 100);

		for (int i = 0; i < n; i++)
			serve(epoll, ready[i].data.ptr, ready[i].events);
	}
}

static int start(int epoll, struct client *c, int port)
{
	c->m = mosquitto_new(NULL, true, c);
	if (!c->m)
		return -1;
	mosquitto_connect_callback_set(c->m, on_connect);
	mosquitto_publish_callback_set(c->m, on_publish);
	if (mosquitto_connect_async(c->m, "127.0.0.1", port, 300) !=
	    MOSQ_ERR_SUCCESS)
		return -1;
	watch(epoll, c, EPOLL_CTL_ADD);
	return 0;
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(0);
	struct client *clients;
	unsigned long before;
	long count;
	double cpu_before, seconds;

	if (argc != 4 || epoll == -1)
		return 2;
	count = strtol(argv[2], NULL, 10);
	seconds = strtod(argv[3], NULL);
	clients = calloc((size_t)count, sizeof *clients);
	mosquitto_lib_init();
	for (long i = 0; clients && i < count; i++) {
		if (start(epoll, &clients[i],
		    (int)strtol(argv[1], NULL, 10)) == -1)
			return 1;
		/* The broker's listen queue is short. */
		if (i % 50 == 49)
			run(epoll, now() + 0.02);
	}
	run(epoll, now() + 1);
	if (connected < count)
		return 1;
	before = acknowledged;
	cpu_before = cpu();
	run(epoll, now() + seconds);
	printf("{\"acknowledged\": %lu, \"cpu_us\": %.2f}\n",
	    acknowledged - before, (cpu() - cpu_before) * 1e6 /
	    (double)(acknowledged - before));
	return 0;
}
