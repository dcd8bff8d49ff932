/*
 * Requests from HTTP archives, as browsers and proxies save them (HAR 1.2).
 * What a client sets by itself, what belongs to the recorded session and what
 * a cache adds is left out: sent again, it would make every user the same old
 * one.
 */
#include "call.h"

#include <swarm/log.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "har.h"

static int add_headers(struct call *c, const struct request *r)
{
	char line[8192];
	size_t i;

	for (i = 0; i < r->header_count; i++) {
		if (snprintf(line, sizeof line, "%s: %s", r->names[i].at,
		    r->values[i].at) < (int)sizeof line &&
		    call_header(c, line) == -1)
			return -1;
	}
	return 0;
}

static int add_entry(const json_t *entry, struct calls *calls, int64_t *last)
{
	struct request r;
	struct call *c;
	int64_t at;

	if (har_request(entry, NULL, &r))
		return 0;
	c = call_add(calls);
	call_set(&c->url, r.target.at);
	call_set(&c->method, r.method.len ? r.method.at : "");
	if (r.body.len > 0)
		call_body(c, "", r.body.at, r.body.len);
	if (har_time(entry, &at) == 0) {
		if (*last > 0 && at > *last)
			c->pause = (double)(at - *last) / 1e9;
		*last = at;
	}
	return add_headers(c, &r);
}

int from_har_read(const char *path, struct calls *calls)
{
	struct har *h = har_open(path);
	const json_t *entry;
	const char *why = NULL;
	int64_t last = 0;
	int rc;

	if (!h) {
		swarm_error("cannot read %s: %m", path);
		return -1;
	}
	while ((rc = har_next(h, &entry, &why)) > 0) {
		if (rc == 2)
			swarm_warn("%s, entry %llu: %s: left out", path,
			    (unsigned long long)har_number(h), why);
		else if (add_entry(entry, calls, &last) == -1)
			break;
	}
	if (rc == -1)
		swarm_error("cannot read %s as an HTTP archive: %s (entry "
		    "%llu)", path, why, (unsigned long long)har_number(h));
	har_close(h);
	if (rc != 0)
		return -1;
	if (calls->count > 0)
		return 0;
	swarm_error("%s has no HTTP request in it", path);
	return -1;
}
