/*
 * Handles and shares.  A user between its tasks has no handle, which would be
 * a fourth of what it costs; as many are kept idle as are in use, so that what
 * a burst has left behind goes when it is over.
 */
#include "session.h"

#include "own.h"
#include "pool.h"
#include "settings.h"
#include "transfer.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

#define IDLE_KEEP 64
#define TRIM_AFTER 256
#define BUFFER_SMALL 1024L              /* malloc() has these at hand */

static struct handle *idle;
static size_t idle_count;
static size_t freed_count;              /* since the heap was last trimmed */
static size_t used_count;
static struct curl_slist *connect_to;

static void free_handle(struct handle *h)
{
	curl_easy_cleanup(h->job.easy);
	free(h);
}

void session_release(void)
{
	struct handle *h;

	while ((h = idle) != NULL) {
		idle = h->next;
		free_handle(h);
	}
	idle_count = 0;
	curl_slist_free_all(connect_to);
	connect_to = NULL;
}

/* ---- shares ---- */

/* Users that multiplex have nothing of their own. */
static CURLSH *new_share(void)
{
	CURLSH *share = settings.multiplex ? NULL : curl_share_init();

	if (!share)
		return NULL;
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return share;
}

void session_forget(void *session)
{
	struct session *s = session;

	if (s->share)
		curl_share_cleanup(s->share);
	s->share = NULL;
}

void session_close(struct session *s)
{
	/* With a request of the same user under way it stays as it is. */
	if (s->share && curl_share_cleanup(s->share) == CURLSHE_OK)
		s->share = NULL;
}

/* ---- handles ---- */

/* The port is chosen when the destination is known: one local port then
 * serves many destinations. */
static int late_port(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	int on = 1;

	(void)arg;
	(void)purpose;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return CURL_SOCKOPT_OK;
}

static void set_tls(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, settings.insecure ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, settings.insecure ? 0L : 2L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, own.ssl_version);
	if (own_given(settings.ca))
		curl_easy_setopt(e, CURLOPT_CAINFO, settings.ca);
	if (own_given(settings.cert))
		curl_easy_setopt(e, CURLOPT_SSLCERT, settings.cert);
	if (own_given(settings.key))
		curl_easy_setopt(e, CURLOPT_SSLKEY, settings.key);
	if (own_given(own.key_password))
		curl_easy_setopt(e, CURLOPT_KEYPASSWD, own.key_password);
	if (own_given(settings.ciphers))
		curl_easy_setopt(e, CURLOPT_SSL_CIPHER_LIST, settings.ciphers);
}

static void set_proxy(CURL *e)
{
	/* Never from the environment: a proxy nobody asked for would be what
	 * is measured. */
	if (!own_given(own.proxy)) {
		curl_easy_setopt(e, CURLOPT_PROXY, "");
		curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
		return;
	}
	curl_easy_setopt(e, CURLOPT_PROXY, own.proxy);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	if (own_given(own.proxy_auth)) {
		curl_easy_setopt(e, CURLOPT_PROXYUSERPWD, own.proxy_auth);
		curl_easy_setopt(e, CURLOPT_PROXYAUTH, CURLAUTH_ANY);
	}
}

static void set_connect_to(CURL *e)
{
	const char *to = settings.connect_to;
	char entry[600];

	if (!own_given(to))
		return;
	if (strncmp(to, "unix:", 5) == 0) {
		curl_easy_setopt(e, to[5] == '@'
		    ? CURLOPT_ABSTRACT_UNIX_SOCKET : CURLOPT_UNIX_SOCKET_PATH,
		    to[5] == '@' ? to + 6 : to + 5);
		return;
	}
	if (!connect_to) {
		snprintf(entry, sizeof entry, "::%s", to);
		connect_to = curl_slist_append(NULL, entry);
	}
	curl_easy_setopt(e, CURLOPT_CONNECT_TO, connect_to);
}

static void set_up(struct handle *h)
{
	CURL *e = h->job.easy;

	multi_adopt(&h->job);
	transfer_adopt(h);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->detail);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, own.http_version);
	curl_easy_setopt(e, CURLOPT_USERAGENT, settings.user_agent);
	curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
	curl_easy_setopt(e, CURLOPT_MAXCONNECTS, 1000000L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_SMALL);
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)settings.max_body);
	if (settings.connect_timeout > 0)
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
		    (long)(settings.connect_timeout * 1000));
	if (settings.compress)
		curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	if (settings.multiplex)
		curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	if (!settings.keepalive)
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	if (own_given(settings.source))
		curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, late_port);
	set_tls(e);
	set_proxy(e);
	set_connect_to(e);
	h->plain = true;
}

static struct handle *new_handle(void)
{
	struct handle *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->job.easy = curl_easy_init();
	if (!h->job.easy) {
		free(h);
		return NULL;
	}
	set_up(h);
	return h;
}

struct handle *session_take(struct session *s, struct swarm_user *u)
{
	struct handle *h = idle;
	char source[80];

	if (!s->share)
		s->share = new_share();
	if (h) {
		idle = h->next;
		idle_count--;
	} else {
		h = new_handle();
	}
	if (!h)
		return NULL;
	used_count++;
	if (s->share)
		curl_easy_setopt(h->job.easy, CURLOPT_SHARE, s->share);
	if (own_given(settings.source))
		curl_easy_setopt(h->job.easy, CURLOPT_INTERFACE,
		    settings_source(u, source, sizeof source));
	/* A large buffer is a trip to malloc()'s depths for each request. */
	if (h->large != s->large)
		curl_easy_setopt(h->job.easy, CURLOPT_BUFFERSIZE,
		    s->large ? (long)TRANSFER_BUFFER : BUFFER_SMALL);
	h->large = s->large;
	return h;
}

/* As many idle ones as there are in use are enough. */
static void shrink(void)
{
	struct handle *h;

	while (idle_count > IDLE_KEEP && idle_count > used_count) {
		h = idle;
		idle = h->next;
		idle_count--;
		free_handle(h);
		freed_count++;
	}
	/* The end of a burst: the holes it leaves in the heap are worth a few
	 * milliseconds when nobody waits. */
	if (freed_count > TRIM_AFTER && used_count == 0) {
		pool_drop();
		malloc_trim(0);
		freed_count = 0;
	}
}

void session_give(struct handle *h)
{
	curl_easy_setopt(h->job.easy, CURLOPT_SHARE, NULL);
	h->next = idle;
	idle = h;
	idle_count++;
	used_count--;
	shrink();
}
