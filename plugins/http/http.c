/*
 * http: the client on libcurl, for all that libcurl can do: HTTP/3 where it is
 * built in, proxies, digest and signatures, address overrides.  What only needs
 * HTTP/1.1 or HTTP/2 runs four times as fast on `fasthttp`, behind the same
 * interface.
 */
#include "api.h"
#include "batch.h"
#include "multi.h"
#include "own.h"
#include "pool.h"
#include "settings.h"
#include "transfer.h"

#include <swarm/http.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

static void batch(struct swarm_user *u,
    const struct http_args *const *requests,
    struct http_response **responses, size_t count)
{
	batch_run(u, (size_t)settings.connections, transfer_request, requests,
	    responses, count);
}

static void close_idle(struct swarm_user *u)
{
	session_close(person_of(u));
}

static const struct http_api api;

static int load(void)
{
	if (settings_check() == -1 || own_check() == -1)
		return -1;
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, pool_malloc, pool_free,
	    pool_realloc, pool_strdup, pool_calloc) != CURLE_OK) {
		swarm_error("libcurl cannot be set up");
		return -1;
	}
	llm_load(&api);
	person_load(sizeof(struct session), session_forget);
	return 0;
}

static int worker_start(void)
{
	pool_start();
	return multi_start();
}

static void worker_stop(void)
{
	session_release();
	multi_stop();
	pool_release();
	setup_release();
	target_release();
	answer_release();
}

static const struct http_api api = {
	API_COMMON,
	.request = transfer_request,
	.batch = batch,
	.open = transfer_open,
	.read = transfer_read,
	.event = transfer_event,
	.finish = transfer_finish,
	.close = close_idle,
};

SWARM_MODULE(
	.name = "http",
	.version = SWARM_VERSION,
	.summary = "HTTP client on libcurl",
	.options = SWARM_OPTIONS(
		SETTINGS_OPTIONS("auto, 1.0, 1.1, 2, h2c (no TLS), 3"),
		SETTINGS_OWN(resolve, SWARM_STRING, "",
		    "host:port:address, with spaces between several"),
		SETTINGS_OWN(proxy, SWARM_STRING, "",
		    "http://, https://, socks4:// or socks5://"),
		SETTINGS_OWN(proxy_auth, SWARM_STRING, "",
		    "user:password for the proxy"),
		SETTINGS_OWN(key_password, SWARM_STRING, NULL, "the key's password")),
	.exports = SWARM_EXPORTS({ "swarm.http/1", &api.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
