/*
 * Connection strings and names.
 *
 * One name may have several addresses and a string several hosts: the lists
 * given to libpq then have one entry for each address, with host and port
 * repeated, and libpq tries them in turn as it would have done itself.
 */
#include "pgc_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libpq-fe.h>

#include <swarm/fiber.h>

#define ADDRESSES_MAX 32        /* of one connection string */
#define HOST_MAX 256            /* a name has at most 253 bytes */
#define LIST_MAX (ADDRESSES_MAX * HOST_MAX)
#define GOOD_FOR_NS (INT64_C(60) * 1000000000)

static struct pgc_target *targets;

/* ---- taking the string apart ---- */

static bool is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 ||
	    inet_pton(AF_INET6, host, &any) == 1;
}

/* The i-th element of a comma-separated list, "" behind its end. */
static void element(const char *list, size_t i, char *out, size_t size)
{
	size_t n;

	while (list != NULL && i-- > 0) {
		list = strchr(list, ',');
		if (list != NULL)
			list++;
	}
	n = list != NULL ? strcspn(list, ",") : 0;
	if (n >= size)
		n = size - 1;
	memcpy(out, list != NULL ? list : "", n);
	out[n] = '\0';
}

static size_t elements(const char *list)
{
	size_t n = 1;

	for (; list != NULL && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static bool any_name(const char *hosts)
{
	char host[HOST_MAX];
	size_t i;

	for (i = 0; hosts != NULL && i < elements(hosts); i++) {
		element(hosts, i, host, sizeof(host));
		/* Empty, a directory, or an abstract socket: no name. */
		if (host[0] != '\0' && host[0] != '/' && host[0] != '@' &&
		    !is_address(host))
			return true;
	}
	return false;
}

static int add_pair(struct pgc_target *t, const char *keyword,
    const char *value)
{
	char **own = NULL;

	if (strcmp(keyword, "host") == 0)
		own = &t->host;
	else if (strcmp(keyword, "hostaddr") == 0)
		own = &t->hostaddr;
	else if (strcmp(keyword, "port") == 0)
		own = &t->port;
	if (own != NULL) {
		*own = strdup(value);
		return *own != NULL ? 0 : -1;
	}
	if (t->count + 5 > PGC_KEYWORDS_MAX)
		return -1;
	t->keywords[t->count] = keyword;
	t->values[t->count] = strdup(value);
	if (t->values[t->count] == NULL)
		return -1;
	t->count++;
	return 0;
}

static char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? strdup(value) : NULL;
}

static bool has_keyword(const struct pgc_target *t, const char *keyword)
{
	size_t i;

	for (i = 0; i < t->count; i++) {
		if (strcmp(t->keywords[i], keyword) == 0)
			return true;
	}
	return false;
}

static int fill(struct pgc_target *t, const PQconninfoOption *options)
{
	const PQconninfoOption *o;

	for (o = options; o->keyword != NULL; o++) {
		if (o->val != NULL && add_pair(t, o->keyword, o->val) == -1)
			return -1;
	}
	t->is_opaque = has_keyword(t, "service") ||
	    getenv("PGSERVICE") != NULL;
	if (!has_keyword(t, "fallback_application_name") &&
	    add_pair(t, "fallback_application_name", "swarm") == -1)
		return -1;
	/* libpq would look for Kerberos tickets at every connection. */
	if (!has_keyword(t, "gssencmode") && getenv("PGGSSENCMODE") == NULL &&
	    add_pair(t, "gssencmode", "disable") == -1)
		return -1;
	if (t->is_opaque)
		return 0;
	if (t->host == NULL && t->hostaddr == NULL) {
		t->host = from_environment("PGHOST");
		t->hostaddr = from_environment("PGHOSTADDR");
	}
	if (t->port == NULL)
		t->port = from_environment("PGPORT");
	t->has_names = t->hostaddr == NULL && any_name(t->host);
	return 0;
}

static void target_free(struct pgc_target *t)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		free(t->values[i]);
	free(t->conninfo);
	free(t->host);
	free(t->hostaddr);
	free(t->port);
	free(t->hosts);
	free(t->addresses);
	free(t->ports);
	free(t);
}

static struct pgc_target *target_new(const char *conninfo, char *error,
    size_t error_size)
{
	struct pgc_target *t = NULL;
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &why);

	if (options == NULL) {
		snprintf(error, error_size, "%.*s", why != NULL ?
		    (int)strcspn(why, "\n") : 13,
		    why != NULL ? why : "out of memory");
		PQfreemem(why);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (t == NULL || (t->conninfo = strdup(conninfo)) == NULL ||
	    fill(t, options) == -1) {
		snprintf(error, error_size, "out of memory");
		if (t != NULL)
			target_free(t);
		t = NULL;
	}
	PQconninfoFree(options);
	return t;
}

char *pgc_target_string(const char *given)
{
	char *uri;

	if (given[0] == '\0' || strchr(given, '=') != NULL ||
	    strstr(given, "://") != NULL)
		return strdup(given);
	return asprintf(&uri, "postgresql://%s", given) == -1 ? NULL : uri;
}

struct pgc_target *pgc_target_get(const char *conninfo, char *error,
    size_t error_size)
{
	struct pgc_target *t;

	for (t = targets; t != NULL; t = t->next) {
		if (strcmp(t->conninfo, conninfo) == 0)
			return t;
	}
	t = target_new(conninfo, error, error_size);
	if (t != NULL) {
		t->next = targets;
		targets = t;
	}
	return t;
}

void pgc_target_release(void)
{
	while (targets != NULL) {
		struct pgc_target *t = targets;

		targets = t->next;
		target_free(t);
	}
}

/* ---- resolving ---- */

/* Its own memory, so that the thread touches nothing of the loop's. */
struct lookup {
	const char *hosts;
	const char *port_list;
	size_t count;                   /* of addresses */
	char names[LIST_MAX];
	char addresses[LIST_MAX];
	char ports[LIST_MAX];
	char error[PGC_ERROR_MAX];
};

/* There is room: an item is shorter than HOST_MAX. */
static void append(char *list, const char *item, bool first)
{
	size_t n = strlen(list);

	snprintf(list + n, LIST_MAX - n, "%s%s", first ? "" : ",", item);
}

static void add_address(struct lookup *l, const char *host,
    const char *address, const char *port)
{
	bool first = l->count == 0;

	if (l->count >= ADDRESSES_MAX)
		return;
	append(l->names, host, first);
	append(l->addresses, address, first);
	append(l->ports, port, first);
	l->count++;
}

static int look_up(struct lookup *l, const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_family = AF_UNSPEC };
	struct addrinfo *list = NULL;
	struct addrinfo *a;
	int rc = getaddrinfo(host, NULL, &hints, &list);

	if (rc != 0) {
		snprintf(l->error, sizeof(l->error),
		    "could not translate host name \"%.80s\" to address: %.60s",
		    host, gai_strerror(rc));
		return -1;
	}
	for (a = list; a != NULL; a = a->ai_next) {
		char text[HOST_MAX];

		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text),
		    NULL, 0, NI_NUMERICHOST) == 0)
			add_address(l, host, text, port);
	}
	freeaddrinfo(list);
	return 0;
}

static int look_up_all(void *arg)
{
	struct lookup *l = arg;
	size_t count = elements(l->hosts);
	size_t i;

	for (i = 0; i < count; i++) {
		char host[HOST_MAX];
		char port[16];

		element(l->hosts, i, host, sizeof(host));
		/* One port is for all hosts. */
		element(l->port_list, elements(l->port_list) > 1 ? i : 0,
		    port, sizeof(port));
		if (host[0] == '\0' || host[0] == '/' || host[0] == '@')
			add_address(l, host, "", port);
		else if (is_address(host))
			add_address(l, host, host, port);
		else
			look_up(l, host, port);
	}
	return l->count > 0 ? 0 : -1;
}

static int keep(struct pgc_target *t, const struct lookup *l)
{
	char *hosts = strdup(l->names);
	char *addresses = strdup(l->addresses);
	char *ports = strdup(l->ports);

	if (hosts == NULL || addresses == NULL || ports == NULL) {
		free(hosts);
		free(addresses);
		free(ports);
		errno = ENOMEM;
		return -1;
	}
	free(t->hosts);
	free(t->addresses);
	free(t->ports);
	t->hosts = hosts;
	t->addresses = addresses;
	t->ports = ports;
	t->resolved_until = swarm_now() + GOOD_FOR_NS;
	return 0;
}

int pgc_target_resolve(struct pgc_target *t, char *error, size_t error_size)
{
	struct lookup *l;
	int rc;

	if (!t->has_names || swarm_now() < t->resolved_until)
		return 0;
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	l->hosts = t->host;
	l->port_list = t->port;
	errno = 0;
	rc = swarm_offload(look_up_all, l);
	if (rc == 0)
		rc = keep(t, l);
	if (rc == -1)
		snprintf(error, error_size, "%s", l->error[0] != '\0' ?
		    l->error : "no address found");
	free(l);
	return rc;
}
