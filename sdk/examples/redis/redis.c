/*
 * Redis.  hiredis writes commands and reads replies; the bytes between go over
 * swarm's own streams, so that nothing blocks and no second loop is needed.
 */
#include "redis.h"

#include <swarm/net.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 32               /* of a command, in results */

static double timeout;
static int64_t max_reply;
static const char *password;
static int slot;

/* Each user's connection, with what it has not yet read. */
struct session {
	struct swarm_stream *stream;
	redisReader *reader;
};

static void close_session(struct swarm_user *u, void *data)
{
	struct session *s = data;

	(void)u;
	swarm_close(s->stream);
	if (s->reader != NULL)
		redisReaderFree(s->reader);
	*s = (struct session){ 0 };
}

/* One reply, or NULL with errno. */
static redisReply *read_reply(struct session *s, int64_t deadline)
{
	int64_t have = 0;
	void *reply = NULL;

	for (;;) {
		const char *data;
		int64_t n;

		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK) {
			errno = EPROTO;
			return NULL;
		}
		if (reply != NULL)
			return reply;
		n = swarm_recv(s->stream, &data, deadline);
		have += n;
		if (n == 0)
			errno = ECONNRESET;
		else if (have > max_reply)
			errno = EMSGSIZE;
		if (n <= 0 || have > max_reply)
			return NULL;
		redisReaderFeed(s->reader, data, (size_t)n);
	}
}

static redisReply *exchange(struct session *s, const char *bytes, int len,
    int64_t deadline)
{
	if (swarm_write(s->stream, bytes, (size_t)len, deadline) == -1)
		return NULL;
	return read_reply(s, deadline);
}

/* HOST, HOST:PORT or unix:PATH. */
static void take_target(struct swarm_user *u, struct swarm_connect_args *a)
{
	char *host = swarm_strdup(u, swarm_host(u));
	char *colon = strncmp(host, "unix:", 5) == 0 ? NULL :
	    strrchr(host, ':');

	a->port = 6379;
	a->host = host;
	if (colon == NULL)
		return;
	*colon = '\0';
	a->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

/* 0, or -1 with the reason in `error`. */
static int log_in(struct session *s, int64_t deadline, char *error,
    size_t size)
{
	redisReply *reply;
	char *bytes;
	int len, rc;

	if (password[0] == '\0')
		return 0;
	len = redisFormatCommand(&bytes, "AUTH %s", password);
	reply = len == -1 ? NULL : exchange(s, bytes, len, deadline);
	if (len != -1)
		redisFreeCommand(bytes);
	rc = reply != NULL && reply->type == REDIS_REPLY_STATUS ? 0 : -1;
	if (rc == -1)
		snprintf(error, size, "AUTH: %s", reply != NULL ? reply->str :
		    strerror(errno));
	if (reply != NULL)
		freeReplyObject(reply);
	return rc;
}

static int open_session(struct swarm_user *u, struct session *s,
    int64_t deadline, char *error, size_t size)
{
	struct swarm_connect_args args = { .size = sizeof(args),
		.deadline = deadline };

	if (s->stream != NULL)
		return 0;
	take_target(u, &args);
	s->stream = swarm_connect(&args, error, size);
	s->reader = s->stream != NULL ? redisReaderCreate() : NULL;
	if (s->reader == NULL)
		return -1;
	return log_in(s, deadline, error, size);
}

static void free_reply(void *reply)
{
	freeReplyObject(reply);
}

/* An error's first word tells its kind; the rest may hold keys. */
static void record(struct swarm_timer *t, const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ERROR)
		swarm_fail(t, "%.*s", (int)strcspn(reply->str, " "),
		    reply->str);
	else
		swarm_done(t, (size_t)reply->len);
}

static const redisReply *command(struct swarm_user *u, const char *format,
    va_list ap)
{
	struct session *s = swarm_slot(u, slot);
	int64_t deadline = swarm_in(timeout);
	char name[NAME_MAX_BYTES + 1], error[160] = "";
	struct swarm_timer t;
	redisReply *reply;
	char *bytes;
	int len = redisvFormatCommand(&bytes, format, ap);

	if (len == -1) {
		swarm_raise(u, "\"%s\" is no command", format);
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(format, " "),
	    format);
	t = swarm_begin(u, "REDIS", name);
	if (open_session(u, s, deadline, error, sizeof(error)) == -1)
		reply = NULL;
	else
		reply = exchange(s, bytes, len, deadline);
	if (reply == NULL) {
		if (error[0] != '\0')
			swarm_fail(&t, "%s", error);
		else
			swarm_fail(&t, "%m");
		close_session(u, s);
	} else {
		record(&t, reply);
		swarm_defer(u, free_reply, reply);
	}
	redisFreeCommand(bytes);
	return reply;
}

static const struct redis_api api = {
	SWARM_IFACE(struct redis_api, REDIS_MINOR),
	.command = command,
};

static int load(void)
{
	if (timeout <= 0 || max_reply <= 0) {
		swarm_error("timeout and max_reply must be above 0");
		return -1;
	}
	slot = swarm_slot_new(sizeof(struct session), close_session);
	return 0;
}

SWARM_MODULE(
	.name    = "redis",
	.version = "1.0",
	.summary = "Redis, by hiredis",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "5s",
			"of a command, with the connect"),
		SWARM_OPTION_SIZE(max_reply, "64m", "longest reply"),
		SWARM_OPTION(password, "", "for AUTH; none: no AUTH",
			.flags = SWARM_SECRET)),
	.exports = SWARM_EXPORTS({ REDIS_ID, &api.head }),
	.load    = load,
);
