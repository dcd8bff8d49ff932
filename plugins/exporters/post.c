/*
 * libcurl's easy interface: a sink has a thread of its own and may block, but
 * not for ever, so that each part of a request has its limit.
 */
#include "post.h"

#include <curl/curl.h>

#include <string.h>

#include <swarm/log.h>
#include <swarm/sink.h>

#include <stdlib.h>

#define CONNECT_S   3L
#define REQUEST_S   8L
#define ANSWER_MAX  4096

struct post {
	CURL *curl;
	char *url;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char answer[ANSWER_MAX + 1];
	size_t answer_len;
};

/* The rest is taken and thrown away, so that the connection stays usable. */
static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct post *p = arg;
	size_t len = size * n;
	size_t room = ANSWER_MAX - p->answer_len;
	size_t part = len < room ? len : room;

	memcpy(p->answer + p->answer_len, data, part);
	p->answer_len += part;
	p->answer[p->answer_len] = '\0';
	return len;
}

/* The URL as it is sent to, with `path` if it has none (free()), or NULL. */
static char *complete(const char *url, const char *path)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *old = NULL, *whole = NULL, *copy = NULL;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		goto out;
	if (path && curl_url_get(u, CURLUPART_PATH, &old, 0) == CURLUE_OK &&
	    strcmp(old, "/") == 0)
		curl_url_set(u, CURLUPART_PATH, path, 0);
	if (curl_url_get(u, CURLUPART_URL, &whole, 0) == CURLUE_OK)
		copy = strdup(whole);
out:
	curl_free(scheme);
	curl_free(old);
	curl_free(whole);
	curl_url_cleanup(u);
	return copy;
}

static void add_header(struct post *p, const char *header)
{
	struct curl_slist *list = curl_slist_append(p->headers, header);

	if (list)
		p->headers = list;
}

static void set_up(struct post *p)
{
	curl_easy_setopt(p->curl, CURLOPT_URL, p->url);
	curl_easy_setopt(p->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, p->error);
	curl_easy_setopt(p->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(p->curl, CURLOPT_TIMEOUT, REQUEST_S);
	curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(p->curl, CURLOPT_USERAGENT,
	    "swarm/" SWARM_VERSION);
}

struct post *post_new(const char *url, const char *path,
    const char *const *headers)
{
	struct post *p;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		swarm_error("libcurl does not start");
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		goto no_memory;
	p->url = complete(url, path);
	if (!p->url) {
		swarm_error("\"%s\" is no URL to send to: write "
		    "http://HOST:PORT/PATH", url);
		post_free(p);
		return NULL;
	}
	p->curl = curl_easy_init();
	if (!p->curl)
		goto no_memory;
	set_up(p);
	/* Asking first ("100-continue") costs a round trip for nothing. */
	add_header(p, "Expect:");
	for (; *headers; headers++)
		add_header(p, *headers);
	return p;
no_memory:
	swarm_error("out of memory");
	post_free(p);
	return NULL;
}

void post_add_headers(struct post *p, const char *lines)
{
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n|");
		char *one = strndup(lines, len);

		if (one && strchr(one, ':'))
			add_header(p, one);
		free(one);
		lines += len + (lines[len] != '\0');
	}
}

void post_authorize(struct post *p, const char *scheme, const char *secret)
{
	struct text header = { 0 };

	if (!secret || secret[0] == '\0')
		return;
	text_puts(&header, "Authorization: ");
	text_puts(&header, scheme);
	text_putc(&header, ' ');
	text_puts(&header, secret);
	if (!header.failed)
		add_header(p, header.data);
	text_release(&header);
}

/* The first line of an answer, for a message. */
static int first_line(const struct post *p)
{
	size_t len = strcspn(p->answer, "\r\n");

	return (int)(len < 200 ? len : 200);
}

int post_send(struct post *p, const void *data, size_t len,
    const char **answer)
{
	CURLcode rc;
	long status = 0;

	p->answer_len = 0;
	p->answer[0] = '\0';
	p->error[0] = '\0';
	curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, data);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)len);
	rc = curl_easy_perform(p->curl);
	if (rc != CURLE_OK)
		return swarm_sink_fail("%s", p->error[0] ? p->error :
		    curl_easy_strerror(rc));
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299)
		return swarm_sink_fail("the receiver answered %ld: %.*s",
		    status, first_line(p), p->answer);
	if (answer)
		*answer = p->answer;
	return 0;
}

void post_free(struct post *p)
{
	if (p) {
		curl_slist_free_all(p->headers);
		curl_easy_cleanup(p->curl);
		free(p->url);
		free(p);
	}
	curl_global_cleanup();
}
