/*
 * Paho 1.3.12 polls its sockets for a second at a time and then sleeps for
 * 100 ms.  A socket opened meanwhile is not in the set being polled, so a
 * connect beside idle clients takes 2.1 s, and an acknowledgement may come
 * 169 ms late: false measurements.  One extra client of our own, connected
 * to a listener in this process that sends it a PINGRESP every so often,
 * makes every poll return: each millisecond while connects are under way,
 * else often enough that no poll ever times out.
 *
 * The other end lives on a thread of its own, because the loop may be busy
 * just when Paho should not be late.  The extra client also keeps Paho's
 * threads alive, which it would stop and restart with the last and first
 * client of a worker.
 */
#include "tickler.h"

#include <swarm/fiber.h>
#include <swarm/log.h>

#include <MQTTAsync.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FAST_MS 1
#define SLOW_MS 250

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool started;
static bool connected;
static bool stopping;
static int connecting;
static pthread_t thread;
static int listener = -1;
static char secret[24];
static MQTTAsync client;

static const uint8_t connack[] = { 0x20, 2, 0, 0 };
static const uint8_t pingresp[] = { 0xd0, 0 };

/* Waits until it is time for the next tick; false at the end. */
static bool wait_tick(void)
{
	struct timespec until;
	bool go;

	clock_gettime(CLOCK_MONOTONIC, &until);
	pthread_mutex_lock(&lock);
	until.tv_nsec += (connecting ? FAST_MS : SLOW_MS) * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (!stopping)
		pthread_cond_timedwait(&changed, &lock, &until);
	go = !stopping;
	pthread_mutex_unlock(&lock);
	return go;
}

/* Whether the peer is our client: it knows the secret.  Other programs of
 * this machine may find the port. */
static bool is_ours(int fd)
{
	char buf[256];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 1000) != 1)
		return false;
	n = read(fd, buf, sizeof buf);
	return n > 0 && memmem(buf, (size_t)n, secret, strlen(secret));
}

static int accept_ours(void)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd == -1 && errno == EINTR)
			continue;
		if (fd == -1)
			return -1;
		if (is_ours(fd) &&
		    write(fd, connack, sizeof connack) == sizeof connack)
			return fd;
		close(fd);
	}
}

static void *tick(void *arg)
{
	int fd = accept_ours();

	(void)arg;
	while (fd != -1) {
		if (send(fd, pingresp, sizeof pingresp, MSG_NOSIGNAL) !=
		    sizeof pingresp)
			break;
		if (!wait_tick())
			break;
	}
	if (fd != -1)
		close(fd);
	return NULL;
}

static int listen_somewhere(uint16_t *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof a) == -1 ||
	    listen(fd, 4) == -1 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) == -1) {
		close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
	(void)context;
	(void)data;
	pthread_mutex_lock(&lock);
	connected = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int on_message(void *context, char *topic, int len,
    MQTTAsync_message *message)
{
	(void)context;
	(void)len;
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

static int connect_client(uint16_t port)
{
	MQTTAsync_connectOptions o = MQTTAsync_connectOptions_initializer;
	char uri[64];

	snprintf(uri, sizeof uri, "tcp://127.0.0.1:%u", port);
	if (MQTTAsync_create(&client, uri, secret, MQTTCLIENT_PERSISTENCE_NONE,
	    NULL) != MQTTASYNC_SUCCESS)
		return -1;
	MQTTAsync_setCallbacks(client, NULL, NULL, on_message, NULL);
	o.keepAliveInterval = 0;
	o.MQTTVersion = MQTTVERSION_3_1_1;
	o.onSuccess = on_connected;
	return MQTTAsync_connect(client, &o) == MQTTASYNC_SUCCESS ? 0 : -1;
}

/* Paho's own first poll makes this take up to a second. */
static int wait_connected(void)
{
	struct timespec until;
	int rc = 0;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&lock);
	while (!connected && rc == 0)
		rc = pthread_cond_timedwait(&changed, &lock, &until);
	done = connected;
	pthread_mutex_unlock(&lock);
	return done ? 0 : -1;
}

int tickler_start(void)
{
	pthread_condattr_t attr;
	uint64_t random[1];
	uint16_t port;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		random[0] = (uint64_t)swarm_now();
	snprintf(secret, sizeof secret, "t%016llx",
	    (unsigned long long)random[0]);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	listener = listen_somewhere(&port);
	if (listener == -1) {
		swarm_error("cannot listen on 127.0.0.1: %m");
		return -1;
	}
	errno = pthread_create(&thread, NULL, tick, NULL);
	if (errno) {
		swarm_error("cannot start a thread: %m");
		goto close_listener;
	}
	started = true;
	if (connect_client(port) == 0 && wait_connected() == 0)
		return 0;
	swarm_error("paho.mqtt.c does not connect to its own process; "
	    "is the loopback interface up?");
	tickler_stop();
	return -1;
close_listener:
	close(listener);
	listener = -1;
	return -1;
}

void tickler_stop(void)
{
	if (!started)
		return;
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	MQTTAsync_destroy(&client);
	close(listener);
	listener = -1;
	started = stopping = connected = false;
}

void tickler_connecting(int change)
{
	pthread_mutex_lock(&lock);
	connecting += change;
	if (change > 0)
		pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}
