/*
 * fasthttp: HTTP/1.1 and HTTP/2 on swarm's own streams.
 *
 * Made for load: the bytes of requests are made once, answers are parsed where
 * they were read, and a request in steady state allocates nothing outside the
 * pools of its task.  What it does not speak (HTTP/3, proxies, digest) the
 * plugin `http` does, behind the same interface.
 */
#include "api.h"
#include "batch.h"
#include "exchange.h"
#include "h2conn.h"
#include "h2pool.h"
#include "h2stream.h"
#include "heads.h"
#include "own.h"
#include "pool.h"
#include "settings.h"
#include "template.h"

#include <swarm/http.h>
#include <swarm/module.h>
#include <swarm/user.h>

static void batch(struct swarm_user *u,
    const struct http_args *const *requests,
    struct http_response **responses, size_t count)
{
	if (own.pipeline > 1)
		exchange_batch(u, requests, responses, count);
	else
		batch_run(u, (size_t)settings.connections, exchange_request,
		    requests, responses, count);
}

static void close_idle(struct swarm_user *u)
{
	session_close_idle(person_of(u));
}

static const struct http_api api;

static int load(void)
{
	if (settings_check() == -1 || own_check() == -1)
		return -1;
	llm_load(&api);
	person_load(sizeof(struct session), session_forget);
	return 0;
}

static int worker_start(void)
{
	pool_start();
	return 0;
}

static void worker_stop(void)
{
	h2pool_release();
	h2stream_release();
	h2conn_unload();
	pool_release();
	template_release();
	heads_release();
	target_release();
	answer_release();
	own_release();
}

static const struct http_api api = {
	API_COMMON,
	.request = exchange_request,
	.batch = batch,
	.open = exchange_open,
	.read = receive_read,
	.event = receive_event,
	.finish = receive_finish,
	.close = close_idle,
};

SWARM_MODULE(
	.name = "fasthttp",
	.version = SWARM_VERSION,
	.summary = "HTTP client made for load: HTTP/1.1 and HTTP/2",
	.options = SWARM_OPTIONS(
		SETTINGS_OPTIONS("auto, 1.1, 2, h2c (no TLS)"),
		SETTINGS_OWN(retry, SWARM_BOOL, "yes",
		    "once, when a kept connection turns out closed"),
		SETTINGS_OWN(pipeline, SWARM_INT, "1",
		    "requests of a batch sent before the first is answered"),
		SETTINGS_OWN(shared, SWARM_INT, "0",
		    "connections to a server, with multiplex; 0: as needed"),
		SETTINGS_OWN(window, SWARM_SIZE, "1m",
		    "of an answer, sent ahead of who reads it (HTTP/2)"),
		SETTINGS_OWN(connection_window, SWARM_SIZE, "16m",
		    "the same of all answers on a connection (HTTP/2)")),
	.exports = SWARM_EXPORTS({ "swarm.http/1", &api.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
