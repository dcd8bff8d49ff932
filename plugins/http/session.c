/*
 * Handles are set up once and used again: setting an option costs libcurl an
 * allocation, so only what differs between two requests is set for each.
 */
#include "session.h"

#include "multi.h"
#include "settings.h"
#include "url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <netinet/in.h>

static int slot;

static void drop_handles(struct session *s)
{
	struct handle *h;

	while ((h = s->idle) != NULL) {
		s->idle = h->next;
		curl_easy_cleanup(h->easy);
		free(h);
	}
}

static void forget(struct swarm_user *u, void *data)
{
	struct session *s = data;
	struct header *h;

	(void)u;
	drop_handles(s);
	if (s->share)
		curl_share_cleanup(s->share);
	s->share = NULL;
	while ((h = s->headers) != NULL) {
		s->headers = h->next;
		free(h->name);
		free(h->value);
		free(h);
	}
	free(s->base);
	s->base = NULL;
}

void session_load(void)
{
	slot = swarm_slot_new(sizeof(struct session), forget);
}

static void make_share(struct session *s)
{
	s->share = curl_share_init();
	if (!s->share)
		return;
	if (!settings.multiplex)
		curl_share_setopt(s->share, CURLSHOPT_SHARE,
		    CURL_LOCK_DATA_CONNECT);
	curl_share_setopt(s->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
	curl_share_setopt(s->share, CURLSHOPT_SHARE,
	    CURL_LOCK_DATA_SSL_SESSION);
}

struct session *session_of(struct swarm_user *u)
{
	struct session *s = swarm_slot(u, slot);

	if (!s->share)
		make_share(s);
	return s;
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

/* The user's turn among the local addresses. */
static void set_source(CURL *e, struct swarm_user *u)
{
	const char *at = settings.source;
	char source[80];
	size_t n = 1;
	unsigned turn;

	if (!at || !*at)
		return;
	for (; *at; at++)
		n += *at == ',';
	turn = swarm_user_id(u) % (unsigned)n;
	for (at = settings.source; turn > 0; turn--)
		at = strchr(at, ',') + 1;
	snprintf(source, sizeof source, "%.*s", (int)strcspn(at, ","), at);
	curl_easy_setopt(e, CURLOPT_INTERFACE, source);
	curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, late_port);
}

static const char *given(const char *text)
{
	return text && *text ? text : NULL;
}

static void set_tls(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, settings.insecure ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, settings.insecure ? 0L : 2L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, settings.ssl_version);
	if (given(settings.ca))
		curl_easy_setopt(e, CURLOPT_CAINFO, settings.ca);
	if (given(settings.cert))
		curl_easy_setopt(e, CURLOPT_SSLCERT, settings.cert);
	if (given(settings.key))
		curl_easy_setopt(e, CURLOPT_SSLKEY, settings.key);
	if (given(settings.key_password))
		curl_easy_setopt(e, CURLOPT_KEYPASSWD, settings.key_password);
	if (given(settings.ciphers))
		curl_easy_setopt(e, CURLOPT_SSL_CIPHER_LIST, settings.ciphers);
}

static void set_proxy(CURL *e)
{
	/* Never from the environment: a proxy nobody asked for would be what
	 * is measured. */
	curl_easy_setopt(e, CURLOPT_PROXY,
	    given(settings.proxy) ? settings.proxy : "");
	if (given(settings.proxy_auth)) {
		curl_easy_setopt(e, CURLOPT_PROXYUSERPWD, settings.proxy_auth);
		curl_easy_setopt(e, CURLOPT_PROXYAUTH, CURLAUTH_ANY);
	}
}

static void set_up(CURL *e, struct swarm_user *u, struct session *s)
{
	multi_adopt(e);
	curl_easy_setopt(e, CURLOPT_SHARE, s->share);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, settings.http_version);
	curl_easy_setopt(e, CURLOPT_USERAGENT, settings.user_agent);
	curl_easy_setopt(e, CURLOPT_MAXCONNECTS, 1000000L);
	if (settings.connect_timeout > 0)
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
		    (long)(settings.connect_timeout * 1000));
	if (settings.cookies)
		curl_easy_setopt(e, CURLOPT_COOKIEFILE, "");
	if (settings.compress)
		curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	if (settings.multiplex)
		curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	if (!settings.keepalive)
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	set_source(e, u);
	set_tls(e);
	set_proxy(e);
}

struct handle *session_take(struct swarm_user *u, struct session *s)
{
	struct handle *h = s->idle;

	if (h) {
		s->idle = h->next;
		return h;
	}
	h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->easy = curl_easy_init();
	if (!h->easy) {
		free(h);
		return NULL;
	}
	set_up(h->easy, u, s);
	return h;
}

void session_give(struct session *s, struct handle *h)
{
	h->next = s->idle;
	s->idle = h;
}

/* Connections live in the share, cookies too: those are carried over. */
void session_close(struct session *s)
{
	struct curl_slist *cookies = NULL, *c;
	struct handle *h = s->idle;
	CURLSH *old = s->share;

	if (h)
		curl_easy_getinfo(h->easy, CURLINFO_COOKIELIST, &cookies);
	make_share(s);
	for (h = s->idle; h; h = h->next)
		curl_easy_setopt(h->easy, CURLOPT_SHARE, s->share);
	for (c = cookies; c && s->idle; c = c->next)
		curl_easy_setopt(s->idle->easy, CURLOPT_COOKIELIST, c->data);
	curl_slist_free_all(cookies);
	if (curl_share_cleanup(old) != CURLSHE_OK) {
		/* A request of the same user is under way: it keeps the old
		 * one. */
		curl_share_cleanup(s->share);
		s->share = old;
		for (h = s->idle; h; h = h->next)
			curl_easy_setopt(h->easy, CURLOPT_SHARE, old);
	}
}

const char *session_target(struct swarm_user *u, const struct session *s,
    const char **why)
{
	const char *base = s->base ? s->base : swarm_host(u);
	struct url url;

	*why = "no target: give --host http://... or the user class a .host";
	if (*base == '\0' || url_parse(base, &url, why) == -1)
		return NULL;
	return base;
}

void session_set_header(struct session *s, const char *name,
    const char *value)
{
	struct header **at = &s->headers, *h;

	while ((h = *at) != NULL) {
		if (strcasecmp(h->name, name) != 0) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		free(h->name);
		free(h->value);
		free(h);
	}
	h = value ? calloc(1, sizeof *h) : NULL;
	if (!h)
		return;
	h->name = strdup(name);
	h->value = strdup(value);
	if (!h->name || !h->value) {
		free(h->name);
		free(h->value);
		free(h);
		return;
	}
	*at = h;
}
