/*
 * fasthttp: HTTP/1.1 on swarm's own streams.
 *
 * Made for load: the bytes of requests are made once, answers are parsed where
 * they were read, and a request in steady state allocates nothing outside the
 * pools of its task.  What it does not speak (HTTP/2, proxies, digest) the
 * plugin `http` does, behind the same interface.
 */
#include "api.h"
#include "batch.h"
#include "exchange.h"
#include "own.h"
#include "settings.h"
#include "template.h"

#include <swarm/http.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/net.h>
#include <swarm/user.h>

struct own own;

static struct swarm_tls *tls;
static bool tls_tried;

struct swarm_tls *own_tls(void)
{
	if (tls_tried)
		return tls;
	tls_tried = true;
	tls = swarm_tls_new(&(struct swarm_tls_args){
		.size = sizeof(struct swarm_tls_args),
		.ca_file = settings.ca,
		.cert_file = settings.cert,
		.key_file = settings.key,
		.insecure = settings.insecure,
		.alpn = "http/1.1",
		.min_version = settings.tls_min,
		.max_version = settings.tls_max,
		.ciphers = settings.ciphers });
	return tls;
}

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
	if (settings_check() == -1)
		return -1;
	if (own.pipeline < 1 || own.pipeline > BATCH_MAX) {
		swarm_error("the option pipeline is %d: give 1 to %d",
		    own.pipeline, BATCH_MAX);
		return -1;
	}
	llm_load(&api);
	person_load(sizeof(struct session), session_forget);
	return 0;
}

static void worker_stop(void)
{
	template_release();
	target_release();
	answer_release();
	swarm_tls_free(tls);
	tls = NULL;
	tls_tried = false;
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

#define OWN(opt, type_, deflt_, help_) \
	SETTINGS_OPTION(own, opt, type_, deflt_, help_)

SWARM_MODULE(
	.name = "fasthttp",
	.version = SWARM_VERSION,
	.summary = "HTTP/1.1 client made for load",
	.options = SWARM_OPTIONS(SETTINGS_OPTIONS,
		OWN(retry, SWARM_BOOL, "yes",
		    "once, when a kept connection turns out closed"),
		OWN(pipeline, SWARM_INT, "1",
		    "requests of a batch sent before the first is answered")),
	.exports = SWARM_EXPORTS({ "swarm.http/1", &api.head }),
	.load = load,
	.worker_stop = worker_stop,
);
