/*
 * The answers to ZeroMQ's question.  It comes as a message on a socket inside
 * the process, with the same kind of descriptor as any other.
 */
#include "cluster/zap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

#define SAFETY_NS (NS_PER_S / 2)
/* version, request, domain, address, identity, mechanism, key */
#define PARTS 7
#define PART_MAX 256
#define COMPLAINTS_MAX 10

struct zap {
	void *socket;
	const struct keys *keys;
	struct event *event;
	struct wheel_timer timer;
	unsigned refused;
};

struct part {
	unsigned char data[PART_MAX];
	size_t len;
};

/* Receives one question whole; how many parts it had. */
static size_t receive(struct zap *z, struct part *parts)
{
	size_t n = 0;
	int more = 1;
	size_t size = sizeof more;

	while (more) {
		struct part extra;
		struct part *p = n < PARTS ? &parts[n] : &extra;
		int len = zmq_recv(z->socket, p->data, sizeof p->data,
		    ZMQ_DONTWAIT);

		if (len == -1)
			return 0;
		p->len = len > PART_MAX ? PART_MAX : (size_t)len;
		n++;
		zmq_getsockopt(z->socket, ZMQ_RCVMORE, &more, &size);
	}
	return n;
}

static bool is_known(const struct zap *z, const struct part *parts)
{
	char key[KEYS_TEXT];

	if (parts[2].len != strlen(ZAP_DOMAIN) ||
	    memcmp(parts[2].data, ZAP_DOMAIN, parts[2].len) != 0 ||
	    parts[5].len != 5 || memcmp(parts[5].data, "CURVE", 5) != 0 ||
	    parts[6].len != 32)
		return false;
	zmq_z85_encode(key, parts[6].data, 32);
	for (size_t i = 0; i < z->keys->other_count; i++) {
		if (memcmp(z->keys->others[i], key, KEYS_TEXT) == 0)
			return true;
	}
	return false;
}

static void answer(struct zap *z, const struct part *request, bool known)
{
	const char *code = known ? "200" : "400";
	const char *text = known ? "OK" : "unknown key";

	zmq_send(z->socket, "1.0", 3, ZMQ_SNDMORE);
	zmq_send(z->socket, request->data, request->len, ZMQ_SNDMORE);
	zmq_send(z->socket, code, 3, ZMQ_SNDMORE);
	zmq_send(z->socket, text, strlen(text), ZMQ_SNDMORE);
	zmq_send(z->socket, "", 0, ZMQ_SNDMORE);
	zmq_send(z->socket, "", 0, 0);
}

static void complain(struct zap *z, const struct part *address)
{
	if (z->refused++ < COMPLAINTS_MAX)
		log_warn("a worker at %.*s is refused: its key is not in the "
		    "master's file", (int)address->len,
		    (const char *)address->data);
}

static void drain(struct zap *z)
{
	struct part parts[PARTS];
	size_t n;

	while ((n = receive(z, parts)) > 0) {
		bool known = n == PARTS && is_known(z, parts);

		if (n < 2)
			parts[1].len = 0;
		if (!known && n == PARTS)
			complain(z, &parts[3]);
		answer(z, &parts[1], known);
	}
	wheel_add(&z->timer, clock_now() + SAFETY_NS);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_woke();
	drain(arg);
}

static void on_timer(struct wheel_timer *t)
{
	drain((struct zap *)((char *)t - offsetof(struct zap, timer)));
}

struct zap *zap_new(void *context, const struct keys *keys)
{
	struct zap *z = xcalloc(1, sizeof *z);
	size_t size = sizeof(int);
	int none = 0;
	int fd;

	z->keys = keys;
	z->socket = zmq_socket(context, ZMQ_REP);
	if (z->socket == NULL ||
	    zmq_setsockopt(z->socket, ZMQ_LINGER, &none, sizeof none) == -1 ||
	    zmq_bind(z->socket, "inproc://zeromq.zap.01") == -1 ||
	    zmq_getsockopt(z->socket, ZMQ_FD, &fd, &size) == -1)
		goto fail;
	z->event = event_new(loop_base(), fd, EV_READ | EV_PERSIST, on_event,
	    z);
	if (z->event == NULL || event_add(z->event, NULL) == -1)
		goto fail;
	z->timer.fire = on_timer;
	wheel_add(&z->timer, clock_now() + SAFETY_NS);
	return z;

fail:
	log_error("cannot check the keys of workers: %s",
	    zmq_strerror(errno));
	zap_free(z);
	return NULL;
}

void zap_free(struct zap *z)
{
	if (z == NULL)
		return;
	wheel_del(&z->timer);
	if (z->event != NULL)
		event_free(z->event);
	if (z->socket != NULL)
		zmq_close(z->socket);
	free(z);
}
