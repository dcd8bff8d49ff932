/* Small helpers; running out of memory while options are read ends the run. */
#include "call.h"

#include <swarm/log.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *must(void *p)
{
	if (!p) {
		fputs("swarm http: out of memory\n", stderr);
		exit(3);
	}
	return p;
}

struct call *call_add(struct calls *c)
{
	struct call *added;

	c->list = must(realloc(c->list, (c->count + 1) * sizeof *c->list));
	added = &c->list[c->count++];
	memset(added, 0, sizeof *added);
	return added;
}

static void release_call(struct call *c)
{
	free(c->url);
	free(c->method);
	free(c->body);
	for (size_t i = 0; i < c->header_count; i++) {
		free((char *)(uintptr_t)c->headers[i].name);
		free((char *)(uintptr_t)c->headers[i].value);
	}
	for (size_t i = 0; i < c->part_count; i++) {
		free((char *)(uintptr_t)c->parts[i].name);
		free((char *)(uintptr_t)c->parts[i].type);
		free((char *)(uintptr_t)c->parts[i].filename);
		free((void *)(uintptr_t)c->parts[i].data);
		free((char *)(uintptr_t)c->parts[i].file);
	}
	free(c->parts);
}

void call_release_all(struct calls *c)
{
	for (size_t i = 0; i < c->count; i++)
		release_call(&c->list[i]);
	free(c->list);
	memset(c, 0, sizeof *c);
}

void call_release_client(struct client *k)
{
	free(k->ca);
	free(k->cert);
	free(k->key);
	free(k->proxy);
	free(k->resolve);
	free(k->user_agent);
	free(k->timeout);
	free(k->connect_timeout);
	memset(k, 0, sizeof *k);
}

void call_set(char **to, const char *value)
{
	free(*to);
	*to = value ? must(strdup(value)) : NULL;
}

void call_set_url(struct call *c, const char *url)
{
	const char *at = url + strcspn(url, ":/?#");
	bool whole = strncmp(at, "://", 3) == 0;

	free(c->url);
	if (asprintf(&c->url, "%s%s", whole ? "" : "http://", url) == -1)
		must(NULL);
}

void call_client_options(const struct client *k,
    struct client_option out[CLIENT_OPTIONS + 1])
{
	const struct client_option all[CLIENT_OPTIONS + 1] = {
		{ "version", k->version },
		{ "multiplex", k->multiplex ? "yes" : NULL },
		{ "insecure", k->insecure ? "yes" : NULL },
		{ "compress", k->compressed ? "yes" : NULL },
		{ "keepalive", k->no_keepalive ? "no" : NULL },
		{ "ca", k->ca },
		{ "cert", k->cert },
		{ "key", k->key },
		{ "proxy", k->proxy },
		{ "resolve", k->resolve },
		{ "timeout", k->timeout },
		{ "connect_timeout", k->connect_timeout },
	};

	memcpy(out, all, sizeof all);
}

const char *call_client_need(const struct client *k)
{
	if (k->version && strcmp(k->version, "3") == 0)
		return "HTTP/3";
	return k->proxy ? "a proxy" : k->resolve ? "--resolve" : NULL;
}

int call_header(struct call *c, const char *line)
{
	size_t len = strcspn(line, ":;");
	const char *value = line + len;
	char *name;

	if (len == 0 || !*value || strpbrk(line, "\r\n")) {
		swarm_error("the header \"%.100s\" is not of the form "
		    "\"Name: value\"", line);
		return -1;
	}
	if (c->header_count == CALL_HEADERS_MAX) {
		swarm_error("more than %d headers", CALL_HEADERS_MAX);
		return -1;
	}
	name = must(strndup(line, len));
	value += 1 + strspn(value + 1, " \t");
	/* curl: "Name:" takes a header away, "Name;" sends an empty one. */
	c->headers[c->header_count].name = name;
	c->headers[c->header_count++].value = *value || line[len] == ';'
	    ? must(strdup(value)) : NULL;
	return 0;
}

bool call_has_header(const struct call *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->header_count; i++) {
		if (strcasecmp(c->headers[i].name, name) == 0)
			return true;
	}
	return false;
}

void call_body(struct call *c, const char *between, const char *data,
    size_t len)
{
	size_t gap = c->body ? strlen(between) : 0;

	c->body = must(realloc(c->body, c->body_len + gap + len + 1));
	memcpy(c->body + c->body_len, between, gap);
	memcpy(c->body + c->body_len + gap, data, len);
	c->body_len += gap + len;
	c->body[c->body_len] = '\0';
}

char *call_read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	size_t cap = 65536, n;
	char *data;

	if (!f) {
		swarm_error("cannot read %s: %m", path);
		return NULL;
	}
	*len = 0;
	data = must(malloc(cap + 1));
	while ((n = fread(data + *len, 1, cap - *len, f)) > 0) {
		*len += n;
		if (*len > CALL_FILE_MAX) {
			swarm_error("%s is larger than 64 MiB", path);
			goto fail;
		}
		if (*len == cap) {
			cap *= 2;
			data = must(realloc(data, cap + 1));
		}
	}
	if (ferror(f)) {
		swarm_error("cannot read %s: %m", path);
		goto fail;
	}
	data[*len] = '\0';
	fclose(f);
	return data;
fail:
	free(data);
	fclose(f);
	return NULL;
}

size_t call_origin(const char *url)
{
	const char *at = strstr(url, "://");

	at = at ? at + 3 : url;
	return (size_t)(at - url) + strcspn(at, "/?#");
}
