/*
 * Lines of JSON, an object each: as logs with a format of JSON write them, and
 * as a script can.  Keys, the first that is there:
 *
 *	time, timestamp, @timestamp, ts   ISO 8601, or a number since 1970 of
 *	                                  seconds, ms, us or ns, by its size
 *	method, request_method            default GET
 *	path, url, uri, request_uri       or request: "GET /path HTTP/1.1"
 *	user, remote_addr, client_ip      who it was; or the key that is asked
 *	                                  for: text or number
 *	status                            of the answer then
 *	headers                           an object of texts
 *	body                              text, or what is sent as JSON
 */
#ifndef HTTP_TRACE_NDJSON_H
#define HTTP_TRACE_NDJSON_H

#include <jansson.h>

#include "request.h"

/* What a line's texts lie in: all zero before the first. */
struct ndjson {
	json_t *root;
	struct bytes text;
	char number[32];
};

/* `user_key`: NULL, or which key is the user ("none": nobody).  NULL, or why
 * the line can't be read: a constant. */
const char *ndjson_read(struct ndjson *, struct span line,
    const char *user_key, struct request *);
void ndjson_release(struct ndjson *);

#endif
