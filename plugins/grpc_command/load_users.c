/* The users behind the command. */
#include "load.h"

#include <swarm/log.h>
#include <swarm/swarm.h>

#include <errno.h>
#include <string.h>

/* A server that refuses everything is not to be asked in a busy loop. */
#define REFUSED_PAUSE 0.1

struct caller {
	struct rpc *rpc;
	uint64_t calls;
	size_t next;                    /* message */
};

static enum load_kind kind;             /* of this worker, once known */
static bool is_known;

struct rpc *load_users_connect(struct swarm_user *u)
{
	const struct load_plan *p = &load_plan;

	return rpc_connect(u, .target = p->target,
	    .share = p->share ? (int)p->share : 0,
	    .tls = p->tls ? &RPC_TLS(.ca_file = NULL) : NULL,
	    .authority = p->authority, .keepalive = p->keepalive,
	    .metadata = p->metadata, .metadata_count = p->metadata_count,
	    .compression = p->compression);
}

static void start(struct swarm_user *u)
{
	struct caller *c = swarm_data(u);

	c->rpc = load_users_connect(u);
}

/* How the method is called; wrong types would fail every call alike, so that
 * the first that finds out ends the run. */
static int learn_kind(struct swarm_user *u, struct caller *c)
{
	const struct load_plan *p = &load_plan;
	int found;

	/* Bytes are sent without a look at their type. */
	found = p->kind != LOAD_ASK ? (int)p->kind : p->messages[0].data ?
	    LOAD_UNARY : rpc_kind(c->rpc, p->what);
	if (found >= 0) {
		kind = (enum load_kind)found;
		is_known = true;
		return 0;
	}
	if (errno == ECANCELED)
		return -1;
	if (errno == ENOENT || errno == ENOSYS || errno == EINVAL) {
		swarm_raise(u, "%s", rpc_error(c->rpc));
		swarm_stop_test(u, rpc_error(c->rpc));
		swarm_stop_user(u);
		return -1;
	}
	/* It may come back. */
	rpc_unary(c->rpc, .method = p->what, .json = "{}");
	swarm_sleep(1);
	return -1;
}

static const struct load_message *next(struct caller *c)
{
	const struct load_plan *p = &load_plan;

	return &p->messages[c->next++ % p->message_count];
}

static enum rpc_code unary(struct caller *c)
{
	const struct load_plan *p = &load_plan;
	const struct load_message *m = next(c);

	return rpc_unary(c->rpc, .method = p->what, .json = m->json,
	    .data = m->data, .len = m->len, .timeout = p->timeout,
	    .expect = p->expect, .name = p->name,
	    .wait_for_ready = p->wait_for_ready)->code;
}

static struct rpc_call *open_stream(struct caller *c, enum rpc_match match)
{
	const struct load_plan *p = &load_plan;

	return rpc_open(c->rpc, .method = p->what, .timeout = p->timeout,
	    .expect = p->expect, .name = p->name, .match = match,
	    .key_field = match == RPC_MATCH_KEY ? p->key_field : NULL,
	    .wait_for_ready = p->wait_for_ready);
}

static void drop(struct rpc_call *s, const struct rpc_message *m, void *arg)
{
	(void)s;
	(void)m;
	(void)arg;
}

/* Sends all; waits for the answer to each where there is one. */
static enum rpc_code send_all(struct caller *c, bool answered)
{
	const struct load_plan *p = &load_plan;
	struct rpc_call *s = open_stream(c, answered ? p->match :
	    RPC_MATCH_NONE);
	bool in_turn = answered && p->match != RPC_MATCH_NONE;

	if (!in_turn)
		rpc_on_message(s, drop, NULL);
	for (long i = 0; i < p->stream_messages; i++) {
		const struct load_message *m = next(c);

		if (rpc_send(s, .json = m->json, .data = m->data,
		    .len = m->len) == -1)
			break;
		if (in_turn && !rpc_receive(s, SWARM_FOREVER))
			break;
		if (p->interval > 0 && i + 1 < p->stream_messages &&
		    swarm_sleep(p->interval) == -1)
			break;
	}
	return rpc_finish(s)->code;
}

static enum rpc_code receive_all(struct caller *c)
{
	struct rpc_call *s = open_stream(c, RPC_MATCH_NONE);
	const struct load_message *m = next(c);

	rpc_send(s, .json = m->json, .data = m->data, .len = m->len,
	    .last = true);
	while (rpc_receive(s, SWARM_FOREVER))
		;
	return rpc_finish(s)->code;
}

/* Of the calls in all; the first users take what is left over. */
static uint64_t share_of_limit(struct swarm_user *u)
{
	const struct load_plan *p = &load_plan;
	unsigned long count = (unsigned long)p->count;
	unsigned long limit = (unsigned long)p->limit;

	return limit / count + (swarm_user_id(u) % count < limit % count);
}

static void call(struct swarm_user *u)
{
	const struct load_plan *p = &load_plan;
	struct caller *c = swarm_data(u);
	enum rpc_code code;

	if (!is_known && learn_kind(u, c) == -1)
		return;
	if (p->limit && c->calls >= share_of_limit(u)) {
		swarm_stop_user(u);
		return;
	}
	c->calls++;
	switch (kind) {
	case LOAD_CLIENT_STREAM:
		code = send_all(c, false);
		break;
	case LOAD_SERVER_STREAM:
		code = receive_all(c);
		break;
	case LOAD_BIDI:
		code = send_all(c, true);
		break;
	default:
		code = unary(c);
	}
	if (code == RPC_UNAVAILABLE && !p->rate)
		swarm_sleep(REFUSED_PAUSE);
}

int load_users_add(void)
{
	static const struct swarm_user_class class = {
		.name = "caller",
		.data_size = sizeof(struct caller),
		.start = start,
	};
	const struct swarm_task task = { .name = "call", .run = call };
	int index = swarm_class_add(&class);

	return index == -1 ? -1 : swarm_task_add(index, &task);
}
