/*
 * A ZeroMQ socket on the loop.
 *
 * A drain stops after some time, so that a flood of reports keeps neither
 * timers nor signals waiting, and goes on at the wheel's next tick.
 */
#include "cluster/zsock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <event2/event.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "cluster/wire.h"
#include "cluster/zap.h"
#include "fiber/loop.h"
#include "fiber/wheel.h"

/* Time for messages in one pass of the loop. */
#define DRAIN_NS (5 * NS_PER_MS)
/* Should an event be missed after all, nothing is late by more. */
#define SAFETY_NS NS_PER_S
/* Messages that may wait for one peer. */
#define WAITING_MAX 1000
/* What a stranger may make us hold before a word of it is read. */
#define UNREAD_MAX 50

/* How far the last connection of a DEALER got. */
enum way {
	WAY_NONE,
	WAY_STRANGER,                   /* it connected, and did not agree */
	WAY_REFUSED,
	WAY_OPEN,
};

struct zsock {
	struct zsock_options o;
	void *context;
	void *socket;
	void *monitor;                  /* a DEALER's; NULL */
	enum way way;
	struct event *event;
	struct zap *zap;
	struct wheel_timer timer;
	char endpoint[256];
	char *identity;
	bool draining;
	bool freed;                     /* during a drain */
	int linger_ms;
};

static void close_all(struct zsock *s)
{
	wheel_del(&s->timer);
	if (s->event != NULL)
		event_free(s->event);
	if (s->socket != NULL) {
		zmq_setsockopt(s->socket, ZMQ_LINGER, &s->linger_ms,
		    sizeof s->linger_ms);
		zmq_close(s->socket);
	}
	if (s->monitor != NULL)
		zmq_close(s->monitor);
	zap_free(s->zap);
	if (s->context != NULL)
		zmq_ctx_term(s->context);
	free(s->identity);
	free(s);
}

void zsock_free(struct zsock *s, int linger_ms)
{
	if (s == NULL)
		return;
	s->linger_ms = linger_ms;
	if (s->draining)
		s->freed = true;
	else
		close_all(s);
}

/* ---- receiving ---- */

static bool has_message(struct zsock *s)
{
	int events = 0;
	size_t size = sizeof events;

	if (zmq_getsockopt(s->socket, ZMQ_EVENTS, &events, &size) == -1)
		return false;
	return (events & ZMQ_POLLIN) != 0;
}

/* Throws away the rest of a message of several parts; whether there was any. */
static bool skip_parts(void *socket, zmq_msg_t *part)
{
	bool any = false;

	while (zmq_msg_more(part)) {
		any = true;
		if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) == -1)
			break;
	}
	return any;
}

/* An identity that can be a peer's name: it is shown to people, and written
 * to results. */
static bool is_name(zmq_msg_t *part, char *name)
{
	const unsigned char *p = zmq_msg_data(part);
	size_t len = zmq_msg_size(part);
	uint32_t code;
	size_t n;

	if (len == 0 || len > WIRE_MAX_NODE_ID)
		return false;
	for (size_t i = 0; i < len; i += n) {
		n = utf8_decode(p + i, len - i, &code);
		if (n == 0 || utf8_is_control(code))
			return false;
	}
	memcpy(name, p, len);
	name[len] = '\0';
	return true;
}

static void receive(struct zsock *s)
{
	char from[WIRE_MAX_NODE_ID + 1];
	zmq_msg_t part;
	bool good = true;

	zmq_msg_init(&part);
	if (zmq_msg_recv(&part, s->socket, ZMQ_DONTWAIT) == -1)
		goto close;
	if (s->o.router) {
		good = is_name(&part, from) && zmq_msg_more(&part);
		if (zmq_msg_more(&part) &&
		    zmq_msg_recv(&part, s->socket, ZMQ_DONTWAIT) == -1)
			goto close;
	}
	if (good && !zmq_msg_more(&part))
		s->o.message(s->o.router ? from : NULL, zmq_msg_data(&part),
		    zmq_msg_size(&part), s->o.arg);
	else if (skip_parts(s->socket, &part) || !good) {
		if (s->o.garbage != NULL)
			s->o.garbage(s->o.arg);
	}

close:
	zmq_msg_close(&part);
}

void zsock_drain(struct zsock *s)
{
	int64_t end = clock_now() + DRAIN_NS;

	if (s->draining || s->freed)
		return;
	s->draining = true;
	while (!s->freed && has_message(s)) {
		receive(s);
		if (clock_now() >= end)
			break;
	}
	s->draining = false;
	if (s->freed)
		close_all(s);
	else
		wheel_add(&s->timer, clock_now() +
		    (clock_now() >= end ? 0 : SAFETY_NS));
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_woke();
	zsock_drain(arg);
}

static void on_timer(struct wheel_timer *t)
{
	zsock_drain((struct zsock *)((char *)t -
	    offsetof(struct zsock, timer)));
}

/* ---- sending ---- */

/* A send may have used up the event of a message that came in. */
static void look_again(struct zsock *s)
{
	if (!s->draining && has_message(s))
		wheel_add(&s->timer, clock_now());
}

int zsock_send(struct zsock *s, const char *to, const void *data, size_t len)
{
	int saved;

	if (to != NULL && zmq_send(s->socket, to, strlen(to),
	    ZMQ_DONTWAIT | ZMQ_SNDMORE) == -1)
		goto fail;
	if (zmq_send(s->socket, data, len, ZMQ_DONTWAIT) == -1)
		goto fail;
	look_again(s);
	return 0;

fail:
	saved = errno;
	look_again(s);
	errno = saved;
	return -1;
}

/* ---- how it is going ---- */

#define MONITOR "inproc://monitor"
#define WATCHED (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED | \
    ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

/* Without it only the words are fewer. */
static void open_monitor(struct zsock *s)
{
	const int none = 0;

	if (zmq_socket_monitor(s->socket, MONITOR, WATCHED) == -1)
		return;
	s->monitor = zmq_socket(s->context, ZMQ_PAIR);
	if (s->monitor == NULL)
		return;
	zmq_setsockopt(s->monitor, ZMQ_LINGER, &none, sizeof none);
	zmq_connect(s->monitor, MONITOR);
}

static void take_event(struct zsock *s, unsigned event)
{
	switch (event) {
	case ZMQ_EVENT_CLOSED:
		s->way = WAY_NONE;
		break;
	case ZMQ_EVENT_CONNECTED:
		if (s->way != WAY_REFUSED)
			s->way = WAY_STRANGER;
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
		s->way = WAY_REFUSED;
		break;
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		s->way = WAY_OPEN;
		break;
	}
}

/* What has happened since the last time: a number and a value, then the
 * address. */
static void read_monitor(struct zsock *s)
{
	zmq_msg_t part;

	zmq_msg_init(&part);
	while (s->monitor != NULL &&
	    zmq_msg_recv(&part, s->monitor, ZMQ_DONTWAIT) != -1) {
		uint16_t event = 0;

		if (zmq_msg_size(&part) >= sizeof event)
			memcpy(&event, zmq_msg_data(&part), sizeof event);
		skip_parts(s->monitor, &part);
		take_event(s, event);
	}
	zmq_msg_close(&part);
}

const char *zsock_why_silent(struct zsock *s)
{
	if (s == NULL)
		return "there is no socket for it, as was said";
	read_monitor(s);
	switch (s->way) {
	case WAY_REFUSED:
		return "it refuses the key of this side: the file of its "
		    "--keys has no such worker-public";
	case WAY_STRANGER:
		return s->o.keys != NULL ? "what listens there does not agree "
		    "to these --keys: are they of its fleet, and has it --keys "
		    "at all?" : "what listens there takes nobody without "
		    "encryption: has it --keys?";
	case WAY_OPEN:
		return "it is connected, and not let in yet; a relay waits for "
		    "its own master and all of --expect-workers";
	case WAY_NONE:
		break;
	}
	return "nothing listens there, or a firewall is in between: is it "
	    "started, are --master-host and --master-port right?";
}

/* ---- opening ---- */

static int set_int(struct zsock *s, int option, int value)
{
	return zmq_setsockopt(s->socket, option, &value, sizeof value);
}

static int set_text(struct zsock *s, int option, const char *text)
{
	return zmq_setsockopt(s->socket, option, text, strlen(text) + 1);
}

static int set_keys(struct zsock *s, const struct keys *keys)
{
	if (set_text(s, ZMQ_CURVE_PUBLICKEY, keys->own_public) == -1 ||
	    set_text(s, ZMQ_CURVE_SECRETKEY, keys->own_secret) == -1)
		return -1;
	if (!keys->server)
		return set_text(s, ZMQ_CURVE_SERVERKEY, keys->others[0]);
	/* It must be there before the first connection: ZeroMQ lets
	 * everyone in when there is nobody to ask. */
	s->zap = zap_new(s->context, keys);
	if (s->zap == NULL || zmq_setsockopt(s->socket, ZMQ_ZAP_DOMAIN,
	    ZAP_DOMAIN, strlen(ZAP_DOMAIN)) == -1)
		return -1;
	return set_int(s, ZMQ_CURVE_SERVER, 1);
}

static int set_router(struct zsock *s)
{
	if (set_int(s, ZMQ_ROUTER_MANDATORY, 1) == -1)
		return -1;
	/* A worker that comes back before its old connection is known to be
	 * dead takes its place. */
	return set_int(s, ZMQ_ROUTER_HANDOVER, 1);
}

/* The worker pings: a Locust master's library answers by itself, whereas not
 * every Locust worker's does. */
static int set_dealer(struct zsock *s, const char *identity)
{
	if (zmq_setsockopt(s->socket, ZMQ_ROUTING_ID, identity,
	    strlen(identity)) == -1 ||
	    set_int(s, ZMQ_RECONNECT_IVL, 100) == -1 ||
	    set_int(s, ZMQ_RECONNECT_IVL_MAX, 2000) == -1 ||
	    set_int(s, ZMQ_HEARTBEAT_IVL, 5000) == -1)
		return -1;
	return set_int(s, ZMQ_HEARTBEAT_TIMEOUT, 15000);
}

static int set_options(struct zsock *s)
{
	int64_t max = WIRE_MAX_MESSAGE;

	if (zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &max,
	    sizeof max) == -1 ||
	    set_int(s, ZMQ_LINGER, 0) == -1 ||
	    set_int(s, ZMQ_IPV6, 1) == -1 ||
	    set_int(s, ZMQ_TCP_KEEPALIVE, 1) == -1 ||
	    set_int(s, ZMQ_TCP_KEEPALIVE_IDLE, 30) == -1 ||
	    set_int(s, ZMQ_SNDHWM, WAITING_MAX) == -1 ||
	    set_int(s, ZMQ_RCVHWM, UNREAD_MAX) == -1)
		return -1;
	if (s->o.keys != NULL && set_keys(s, s->o.keys) == -1)
		return -1;
	return s->o.router ? set_router(s) : set_dealer(s, s->identity);
}

static int watch(struct zsock *s)
{
	size_t size = sizeof(int);
	int fd;

	if (zmq_getsockopt(s->socket, ZMQ_FD, &fd, &size) == -1)
		return -1;
	s->event = event_new(loop_base(), fd, EV_READ | EV_PERSIST, on_event,
	    s);
	if (s->event == NULL || event_add(s->event, NULL) == -1)
		return -1;
	s->timer.fire = on_timer;
	wheel_add(&s->timer, clock_now() + SAFETY_NS);
	return 0;
}

void zsock_new_identity(char *id, size_t size)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	unsigned char random[16];
	size_t len;

	gethostname(host, sizeof host - 1);
	if (getrandom(random, sizeof random, 0) != sizeof random)
		abort();
	/* What is before the first '_' is taken for the host. */
	for (char *p = host; *p != '\0'; p++) {
		if (*p == '_')
			*p = '-';
	}
	len = (size_t)snprintf(id, size, "%.200s_", host);
	for (size_t i = 0; i < sizeof random && len + 2 < size; i++)
		len += (size_t)snprintf(id + len, size - len, "%02x",
		    random[i]);
}

struct zsock *zsock_new(const struct zsock_options *o)
{
	struct zsock *s = xcalloc(1, sizeof *s);

	s->o = *o;
	s->identity = o->identity == NULL ? NULL : xstrdup(o->identity);
	s->context = zmq_ctx_new();
	if (s->context == NULL)
		goto fail;
	s->socket = zmq_socket(s->context,
	    o->router ? ZMQ_ROUTER : ZMQ_DEALER);
	if (s->socket == NULL || set_options(s) == -1 || watch(s) == -1)
		goto fail;
	if (!o->router)
		open_monitor(s);
	return s;

fail:
	log_error("cannot make a ZeroMQ socket: %s", zmq_strerror(errno));
	close_all(s);
	return NULL;
}

int zsock_bind(struct zsock *s, const char *endpoint)
{
	size_t size = sizeof s->endpoint;

	if (zmq_bind(s->socket, endpoint) == -1) {
		log_error("cannot listen for workers on %s: %s%s", endpoint,
		    zmq_strerror(errno), errno == EADDRINUSE ?
		    " (another master? choose another port with "
		    "--master-bind-port)" : "");
		return -1;
	}
	if (zmq_getsockopt(s->socket, ZMQ_LAST_ENDPOINT, s->endpoint,
	    &size) == -1)
		snprintf(s->endpoint, sizeof s->endpoint, "%s", endpoint);
	return 0;
}

int zsock_connect(struct zsock *s, const char *endpoint)
{
	if (zmq_connect(s->socket, endpoint) == -1) {
		log_error("cannot connect to the master at %s: %s", endpoint,
		    zmq_strerror(errno));
		return -1;
	}
	return 0;
}

const char *zsock_endpoint(const struct zsock *s)
{
	return s->endpoint;
}
