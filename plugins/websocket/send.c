/*
 * Messages out.  The library masks a frame in place, so the bytes are copied
 * once, into a buffer that all sockets of the worker share, with room before
 * them for the frame's head.
 */
#include "client.h"
#include "engine.h"
#include "rows.h"

#include <swarm/fiber.h>
#include <swarm/log.h>
#include <swarm/stats.h>

#include <libwebsockets.h>

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define SCRATCH_BYTES 65536u            /* kept between messages */

static unsigned char *scratch;
static size_t scratch_size;

void send_release(void)
{
	free(scratch);
	scratch = NULL;
	scratch_size = 0;
}

static unsigned char *room_for(size_t len)
{
	size_t size = len < SCRATCH_BYTES ? SCRATCH_BYTES : len;

	if (scratch_size < size ||
	    (scratch_size > SCRATCH_BYTES && size == SCRATCH_BYTES)) {
		send_release();
		/* Four bytes behind for the end of a deflated block. */
		scratch = malloc(LWS_PRE + size + 4);
		scratch_size = scratch ? size : 0;
	}
	return scratch ? scratch + LWS_PRE : NULL;
}

/* One frame; 0, or -1 with errno. */
static int write_frame(struct ws *w, const void *data, size_t len, int kind)
{
	unsigned char *at = room_for(len);
	int n;

	if (!at) {
		errno = ENOMEM;
		return -1;
	}
	if (len)
		memcpy(at, data, len);
	engine_enter(w);
	n = lws_write(w->wsi, at, len, (enum lws_write_protocol)kind);
	engine_leave(w);
	if (n >= 0)
		return 0;
	engine_kill(w);
	errno = ENOTCONN;
	return -1;
}

/* Bytes in the kernel that the peer has not acknowledged. */
static int64_t unsent(const struct ws *w)
{
	int n = 0;

	if (w->wsi && ioctl(lws_get_socket_fd(w->wsi), SIOCOUTQ, &n) == -1)
		n = 0;
	return n;
}

/* Until the library holds nothing of this socket and no other fiber is in the
 * middle of a message. */
static int wait_room(struct ws *w, bool ours, int64_t deadline)
{
	bool full = w->wants_write;
	int64_t start, bytes;
	int error, rc = 0;

	if (w->state == CLIENT_OPEN && !w->wants_write &&
	    (ours || !w->sending))
		return 0;
	if (w->state == CLIENT_OPEN && !swarm_self()) {
		errno = EAGAIN;
		return -1;
	}
	start = swarm_now();
	bytes = unsent(w);
	while (rc == 0 && w->state == CLIENT_OPEN &&
	    (w->wants_write || (!ours && w->sending)))
		rc = swarm_waiters_wait(&w->changed, deadline);
	error = errno;
	if (full)
		rows_send_blocked(swarm_now() - start, bytes);
	if (w->state != CLIENT_OPEN) {
		rc = -1;
		error = ENOTCONN;
	}
	errno = error;
	return rc;
}

static int send_fragments(struct ws *w, const char *data, size_t len,
    size_t piece, int kind, int64_t deadline)
{
	size_t at = 0;
	int rc = 0;

	w->sending = true;
	do {
		size_t n = len - at < piece ? len - at : piece;
		bool last = at + n == len;
		int what = at == 0 ? kind : LWS_WRITE_CONTINUATION;

		if (at > 0)
			rc = wait_room(w, true, deadline);
		if (rc == 0)
			rc = write_frame(w, data + at, n,
			    last ? what : what | LWS_WRITE_NO_FIN);
		at += n;
	} while (rc == 0 && at < len);
	w->sending = false;
	swarm_waiters_wake(&w->changed);
	/* What was begun cannot be left, and nothing can come between. */
	if (rc == -1 && w->state == CLIENT_OPEN) {
		int error = errno;

		engine_kill(w);
		errno = error;
	}
	return rc;
}

static int send_now(struct ws *w, const struct ws_send_args *a)
{
	const char *data = a->text ? a->text : a->data;
	size_t len = a->text && a->len == 0 ? strlen(a->text) : a->len;
	bool binary = a->binary || !a->text;
	int kind = binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
	size_t limit = w->args ? w->args->a.max_message : WS_MESSAGE_MAX;
	int64_t deadline;
	int rc;

	if (len > limit || (len && !data))
		return client_fail(w, EMSGSIZE, "a message of %zu bytes is "
		    "longer than max_message", len);
	deadline = client_deadline(w, a->timeout);
	if (wait_room(w, false, deadline) == -1)
		return -1;
	if (a->fragment && len > a->fragment)
		rc = send_fragments(w, data, len, a->fragment, kind, deadline);
	else
		rc = write_frame(w, data, len, kind);
	if (rc == -1)
		return -1;
	w->sent++;
	w->sent_bytes += len;
	rows_add(ROWS_SENT, 1);
	rows_add(ROWS_SENT_BYTES, (int64_t)len);
	return 0;
}

int send_quietly(struct ws *w, const struct ws_send_args *a)
{
	int rc = send_now(w, a);
	int error = errno;

	if (rc == -1 && error == ETIMEDOUT)
		client_fail(w, error, "the socket took nothing in time");
	errno = error;
	return rc;
}

int send_message(struct ws *w, const struct ws_send_args *from)
{
	struct ws_send_args a;
	int rc, error;

	if (!w) {
		errno = ENOTCONN;
		return -1;
	}
	sized_copy(&a, sizeof a, from, from->size);
	client_ref(w);
	rc = send_quietly(w, &a);
	error = errno;
	if (rc == -1 && error != ECANCELED && error != EAGAIN) {
		struct swarm_timer t = swarm_begin_at(w->user,
		    rows_series("send"), swarm_now());

		if (error == ENOTCONN && !*w->text)
			client_fail(w, error, "not connected");
		swarm_fail(&t, "%s", w->text);
	}
	client_unref(w);
	errno = error;
	return rc;
}

/* ---- pings ---- */

int send_ping_now(struct ws *w)
{
	if (w->state != CLIENT_OPEN || w->wants_write || w->sending) {
		errno = w->state == CLIENT_OPEN ? EAGAIN : ENOTCONN;
		return -1;
	}
	w->ping_id++;
	w->pinged = swarm_now();
	w->ponged = 0;
	if (!w->ping_owed) {
		w->ping_owed = true;
		rows_add(ROWS_PINGS_OUT, 1);
	}
	return write_frame(w, &w->ping_id, sizeof w->ping_id, LWS_WRITE_PING);
}

static int ping_and_wait(struct ws *w, int64_t deadline)
{
	uint64_t id;

	while (w->ping_owed && w->state == CLIENT_OPEN) {
		if (swarm_waiters_wait(&w->changed, deadline) == -1)
			return -1;
	}
	if (wait_room(w, false, deadline) == -1 || send_ping_now(w) == -1)
		return -1;
	id = w->ping_id;
	while (w->ping_owed && w->ping_id == id &&
	    w->state == CLIENT_OPEN) {
		if (swarm_waiters_wait(&w->changed, deadline) == -1)
			return -1;
	}
	if (w->ponged)
		return 0;
	errno = ENOTCONN;
	return -1;
}

int send_ping(struct ws *w, double timeout)
{
	struct swarm_timer t;
	int rc, error;

	if (!w) {
		errno = ENOTCONN;
		return -1;
	}
	client_ref(w);
	t = swarm_begin_at(w->user, rows_series("ping"), swarm_now());
	rc = ping_and_wait(w, client_deadline(w, timeout));
	error = errno;
	if (rc == 0) {
		t.start = w->pinged;
		swarm_done_at(&t, w->ponged, 0);
	} else if (error == ECANCELED) {
		swarm_drop(&t);
	} else {
		if (error == ETIMEDOUT)
			client_fail(w, error, "no pong in time");
		swarm_fail(&t, "%s", *w->text ? w->text : "not connected");
	}
	client_unref(w);
	errno = error;
	return rc;
}
