/*
 * The table of "swarm.http/1": what is the same in both providers.  A provider
 * adds request, batch, open, read, event, finish and close.
 */
#ifndef HTTP_API_H
#define HTTP_API_H

#include "answer.h"
#include "llm.h"
#include "person.h"

#define API_COMMON \
	SWARM_IFACE(struct http_api, 2), \
	.chat = llm_ask, \
	.mark_ok = answer_ok, \
	.mark_failed = answer_fail, \
	.header = answer_header, \
	.trailer = answer_trailer, \
	.json = answer_json, \
	.json_number = answer_json_number, \
	.match = answer_match, \
	.between = answer_between, \
	.set_header = person_set_header, \
	.set_base = person_set_base, \
	.cookie = person_cookie, \
	.set_cookie = person_set_cookie

#endif
