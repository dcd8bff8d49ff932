/*
 * HTTP/1.1, as much as a target needs: keep-alive, pipelining, bodies with a
 * Content-Length.  Paths:
 *	/delay/DIST     takes that long instead of --delay
 *	/status/CODE    answers with that status
 *	/bytes/N        answers with a body of N bytes
 *	/echo           answers with the request's body
 *	/stats          what was served so far, as JSON
 *	/speed?x=0.5    POST: works at half its speed from now on
 *	anything else   --delay, --size, --errors
 */
#include "target.h"

#include <swarm/swarm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX  (INT64_C(64) << 20)
#define BYTES_MAX (INT64_C(64) << 20)
#define SPEED_MIN 1e-3
#define SPEED_MAX 1e3

struct request {
	char *method;
	char *path;
	size_t head;                    /* bytes, with the blank line */
	int64_t body;
	bool close;
	bool chunked;
	char *upgrade_key;              /* of a WebSocket */
};

/* The value of a header line if it is `name`; else NULL. */
static char *value_of(char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

static int read_header(struct request *r, char *line)
{
	char *value;
	char *end;

	if ((value = value_of(line, "content-length")) != NULL) {
		r->body = strtoll(value, &end, 10);
		end += strspn(end, " \t");
		return *value >= '0' && *value <= '9' && *end == '\0' &&
		    r->body <= BODY_MAX ? 0 : -1;
	}
	if ((value = value_of(line, "connection")) != NULL)
		r->close = strcasestr(value, "close") != NULL;
	else if (value_of(line, "transfer-encoding") != NULL)
		r->chunked = true;
	else if ((value = value_of(line, "sec-websocket-key")) != NULL)
		r->upgrade_key = value;
	return 0;
}

/* Cuts the head in the buffer into strings. */
static int parse(struct request *r, char *head)
{
	char *line = head;
	char *space;
	char *end;

	if ((end = strstr(line, "\r\n")) == NULL)
		return -1;
	*end = '\0';
	r->method = line;
	if ((space = strchr(line, ' ')) == NULL)
		return -1;
	*space = '\0';
	r->path = space + 1;
	if ((space = strchr(r->path, ' ')) == NULL ||
	    strncmp(space + 1, "HTTP/1.", 7) != 0)
		return -1;
	*space = '\0';
	r->close = strcmp(space + 1, "HTTP/1.0") == 0;
	for (line = end + 2; strncmp(line, "\r\n", 2) != 0; line = end + 2) {
		if ((end = strstr(line, "\r\n")) == NULL)
			return -1;
		*end = '\0';
		if (read_header(r, line) == -1)
			return -1;
	}
	return 0;
}

static int answer(struct conn *c, const struct request *r, int status,
    const char *type, const void *body, size_t len)
{
	char head[256];
	int n = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n"
	    "Server: swarm-target\r\nContent-Type: %s\r\n"
	    "Content-Length: %zu\r\n%s\r\n", status,
	    status < 400 ? "OK" : "Error", type, len,
	    r->close ? "Connection: close\r\n" : "");

	/* The length is what GET would bring (RFC 9110, 9.3.2). */
	if (r->method != NULL && strcmp(r->method, "HEAD") == 0)
		len = 0;
	/* Small answers go out in one piece. */
	if (len <= sizeof head - (size_t)n) {
		if (len > 0)
			memcpy(head + n, body, len);
		return conn_write(c, head, (size_t)n + len);
	}
	if (conn_write(c, head, (size_t)n) == -1)
		return -1;
	return conn_write(c, body, len);
}

static int answer_bytes(struct conn *c, const struct request *r, int64_t size)
{
	char *body = malloc((size_t)size + 1);
	int rc;

	if (body == NULL)
		return -1;
	memset(body, 'x', (size_t)size);
	rc = answer(c, r, 200, "text/plain", body, (size_t)size);
	free(body);
	return rc;
}

static int answer_stats(struct conn *c, const struct request *r)
{
	struct delay_figures d;
	char text[512];
	int n;

	delay_figures(&d);
	n = snprintf(text, sizeof text, "{\"requests\": %llu, "
	    "\"failed\": %llu, \"messages\": %llu, \"connections\": %llu, "
	    "\"service_ms\": %.4f, \"wait_ms\": %.4f, \"late_ms\": %.4f, "
	    "\"late_max_ms\": %.3f, \"utilisation\": %.4f}\n",
	    (unsigned long long)target.requests,
	    (unsigned long long)target.failed,
	    (unsigned long long)target.messages,
	    (unsigned long long)target.connections, d.service_ms, d.wait_ms,
	    d.late_ms, d.late_max_ms, d.utilisation);

	return answer(c, r, 200, "application/json", text, (size_t)n);
}

/* GET tells the speed; POST with x=FACTOR sets it. */
static int serve_speed(struct conn *c, const struct request *r)
{
	const char *x = strstr(r->path, "?x=");
	char text[64];
	char *end;
	double speed;
	int n;

	if (strcmp(r->method, "POST") == 0) {
		speed = x != NULL ? strtod(x + 3, &end) : 0;
		if (!(speed >= SPEED_MIN && speed <= SPEED_MAX) ||
		    *end != '\0')
			return answer(c, r, 400, "text/plain",
			    "use POST /speed?x=0.5\n", 22);
		target.speed = speed;
		swarm_info("speed %g", speed);
	}
	n = snprintf(text, sizeof text, "{\"speed\": %g}\n", target.speed);
	return answer(c, r, 200, "application/json", text, (size_t)n);
}

static int serve_default(struct conn *c, const struct request *r,
    const struct delay *d)
{
	if (delay_work(c->user, d) == -1)
		return -1;
	target.requests++;
	if (target.errors > 0 && swarm_uniform(c->user) < target.errors) {
		target.failed++;
		return answer(c, r, 500, "text/plain", "error\n", 6);
	}
	return answer_bytes(c, r, target.size);
}

static int serve_path(struct conn *c, const struct request *r,
    const char *body)
{
	const char *path = r->path;
	struct delay d = target.delay;
	char *end;

	if (strcmp(path, "/stats") == 0)
		return answer_stats(c, r);
	if (strcspn(path, "?") == 6 && strncmp(path, "/speed", 6) == 0)
		return serve_speed(c, r);
	if (strncmp(path, "/delay/", 7) == 0 &&
	    delay_parse(&d, path + 7) == -1)
		return answer(c, r, 400, "text/plain", "bad delay\n", 10);
	if (strncmp(path, "/status/", 8) == 0) {
		long status = strtol(path + 8, &end, 10);

		target.requests++;
		if (*end != '\0' || status < 200 || status > 599)
			status = 400;
		return answer(c, r, (int)status, "text/plain", "", 0);
	}
	if (strncmp(path, "/bytes/", 7) == 0) {
		int64_t n = strtoll(path + 7, &end, 10);

		target.requests++;
		if (*end != '\0' || n < 0 || n > BYTES_MAX)
			return answer(c, r, 400, "text/plain", "", 0);
		return answer_bytes(c, r, n);
	}
	if (strcmp(path, "/echo") == 0) {
		target.requests++;
		return answer(c, r, 200, "application/octet-stream", body,
		    (size_t)r->body);
	}
	return serve_default(c, r, &d);
}

/* The body, after the head has been taken out of the buffer; free() it. */
static char *read_body(struct conn *c, int64_t size)
{
	char *body = malloc((size_t)size + 1);
	size_t have = 0;

	while (body != NULL && have < (size_t)size) {
		size_t n = (size_t)size - have;

		if (c->len == 0 && conn_fill(c) <= 0) {
			free(body);
			return NULL;
		}
		n = n < c->len ? n : c->len;
		memcpy(body + have, c->data, n);
		conn_consume(c, n);
		have += n;
	}
	return body;
}

bool http_serve(struct conn *c)
{
	struct request r = { 0 };
	char *head;
	char *body;
	char *end;
	bool more;

	while ((end = strstr(c->data, "\r\n\r\n")) == NULL) {
		if (conn_fill(c) <= 0)
			return false;
	}
	r.head = (size_t)(end - c->data) + 4;
	head = strndup(c->data, r.head);
	conn_consume(c, r.head);
	if (head == NULL || parse(&r, head) == -1 || r.chunked) {
		r.close = true;
		answer(c, &r, r.chunked ? 411 : 400, "text/plain", "", 0);
		free(head);
		return false;
	}
	if (r.upgrade_key != NULL) {
		websocket_serve(c, r.upgrade_key);
		free(head);
		return false;
	}
	body = read_body(c, r.body);
	more = body != NULL && serve_path(c, &r, body) == 0 && !r.close;
	free(body);
	free(head);
	return more;
}
