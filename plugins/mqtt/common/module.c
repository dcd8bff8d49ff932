/*
 * The module's table, with the options that both providers have.  Each is
 * built from it with its own provider_name.h.
 */
#include "calls.h"
#include "client.h"
#include "rows.h"

#include "provider_name.h"

#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

static int version;
static int keepalive;
static int inflight;
static double timeout;
static const char *username;
static const char *password;
static const char *cafile;
static const char *cert;
static const char *key;
static bool insecure;
static int queue;

struct settings_defaults client_defaults;
int client_queue;

static int check_options(void)
{
	if (version != 4 && version != 5) {
		swarm_error("version is %d; give 4 (for 3.1.1) or 5", version);
		return -1;
	}
	if (keepalive < 0 || keepalive > 65535) {
		swarm_error("keepalive is %d; give 0 to 65535 seconds",
		    keepalive);
		return -1;
	}
	if (inflight < 1 || inflight > 65535) {
		swarm_error("inflight is %d; give 1 to 65535", inflight);
		return -1;
	}
	if (timeout <= 0 || queue < 1) {
		swarm_error("timeout and queue must be more than 0");
		return -1;
	}
	return 0;
}

static int load(void)
{
	if (check_options() == -1)
		return -1;
	client_defaults = (struct settings_defaults){
		.version = version,
		.keepalive = keepalive,
		.inflight = (unsigned)inflight,
		.timeout = timeout,
		.username = username,
		.password = password,
		.tls = {
			.size = sizeof client_defaults.tls,
			.ca_file = *cafile ? cafile : NULL,
			.cert_file = *cert ? cert : NULL,
			.key_file = *key ? key : NULL,
			.insecure = insecure,
		},
	};
	client_queue = queue;
	client_start();
	return 0;
}

static int worker_start(void)
{
	rows_start();
	return provider.worker_start ? provider.worker_start() : 0;
}

static void worker_stop(void)
{
	if (provider.worker_stop)
		provider.worker_stop();
}

SWARM_MODULE(
	.name = PROVIDER_NAME,
	.version = SWARM_VERSION,
	.summary = PROVIDER_SUMMARY,
	.options = SWARM_OPTIONS(
		SWARM_OPTION(version, "5", "protocol: 4 (3.1.1) or 5"),
		SWARM_OPTION(keepalive, "60",
		    "seconds between pings when idle; 0: none"),
		SWARM_OPTION(inflight, "20",
		    "messages under way at a time, of each client"),
		SWARM_OPTION_DURATION(timeout, "30s",
		    "longest wait for an acknowledgement or a connect"),
		SWARM_OPTION(username, "", "user name, unless the scenario "
		    "gives one"),
		SWARM_OPTION(password, "", "password for it",
		    .flags = SWARM_SECRET),
		SWARM_OPTION(cafile, "", "PEM file of trusted authorities; "
		    "empty: the system's"),
		SWARM_OPTION(cert, "", "PEM file of the client certificate"),
		SWARM_OPTION(key, "", "PEM file of its key"),
		SWARM_OPTION(insecure, "false", "do not verify the broker's "
		    "certificate"),
		SWARM_OPTION(queue, "10000", "received messages kept for each "
		    "client until asked for")),
	.exports = SWARM_EXPORTS({ "swarm.mqtt/1", &calls_api.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
