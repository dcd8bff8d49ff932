/*
 * gRPC on the C surface of grpc core: the module's table.
 *
 * The library starts threads, and does not survive a fork once it has; so it is
 * initialized when a worker starts, and shut down when it stops, after every
 * call has been canceled, every channel destroyed and the last event taken.
 */
#include "answer.h"
#include "ask.h"
#include "call.h"
#include "creds.h"
#include "inbox.h"
#include "stream.h"
#include "types.h"

#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <errno.h>
#include <stddef.h>

static double timeout;
static double connect_timeout;
static double reconnect_min;
static double reconnect_max;
static int64_t max_receive;
static int share;
static int phases;
static const char *cafile;
static const char *cert;
static const char *key;
static const char *server_name;
static bool insecure;
static const char *protoset;
static const char *proto;
static const char *import_path;

static const char *error_text(struct rpc *r)
{
	return r->error;
}

static const struct rpc_info *info(struct rpc *r)
{
	static struct rpc_info i;
	const struct channel *c = r->channel;

	i = (struct rpc_info){ .size = sizeof i };
	if (!c)
		return &i;
	i.connected = c->state == GRPC_CHANNEL_READY;
	i.shared = c->key != NULL;
	i.under_way = c->under_way;
	i.reconnects = c->reconnects;
	return &i;
}

/*
 * While a call waits, another fiber or a handler may free the channel: its
 * memory stays until the last of them is back.
 */
static const struct rpc_reply *held_unary(struct rpc *r,
    const struct rpc_call_args *a)
{
	const struct rpc_reply *to;

	client_ref(r);
	to = call_unary(r, a);
	client_unref(r);
	return to;
}

static struct rpc_call *held_open(struct rpc *r, const struct rpc_call_args *a)
{
	struct rpc_call *s;

	client_ref(r);
	s = stream_open(r, a);
	client_unref(r);
	return s;
}

static int held_send(struct rpc_call *s, const struct rpc_send_args *a)
{
	struct rpc *r = s->rpc;
	int rc, error;

	client_ref(r);
	call_ref(s);
	rc = stream_send(s, a);
	error = errno;
	call_unref(s);
	client_unref(r);
	errno = error;
	return rc;
}

static const char *held_message_json(const struct rpc_message *m)
{
	struct rpc *r = stream_of_message(m)->rpc;
	const char *text;

	if (!r) {
		errno = ENOTCONN;
		return NULL;
	}
	client_ref(r);
	text = stream_message_json(m);
	client_unref(r);
	return text;
}

static const char *held_services(struct rpc *r)
{
	const char *text;

	client_ref(r);
	text = types_services(r);
	client_unref(r);
	return text;
}

static const char *held_describe(struct rpc *r, const char *symbol)
{
	const char *text;

	client_ref(r);
	text = types_describe(r, symbol);
	client_unref(r);
	return text;
}

static int held_kind(struct rpc *r, const char *method)
{
	int kind;

	client_ref(r);
	kind = types_kind(r, method);
	client_unref(r);
	return kind;
}

static const char *unless_empty(const char *text)
{
	return *text ? text : NULL;
}

static int load(void)
{
	if (timeout <= 0 || connect_timeout <= 0 || reconnect_min <= 0 ||
	    reconnect_max <= 0) {
		swarm_error("times must be more than 0");
		return -1;
	}
	if (max_receive < 0 || max_receive > INT32_MAX || share < 0 ||
	    share > 10000) {
		swarm_error("max_receive is at most 2 GiB, share 0 to 10000");
		return -1;
	}
	if (phases < 1) {
		swarm_error("phases must be at least 1");
		return -1;
	}
	client_defaults = (struct client_defaults){
		.timeout = timeout,
		.connect_timeout = connect_timeout,
		.reconnect_min = reconnect_min,
		.reconnect_max = reconnect_max,
		.max_receive = max_receive,
		.share = share,
		.phases = (unsigned)phases,
		.tls = {
			.size = sizeof client_defaults.tls,
			.ca_file = unless_empty(cafile),
			.cert_file = unless_empty(cert),
			.key_file = unless_empty(key),
			.server_name = unless_empty(server_name),
			.insecure = insecure,
		},
	};
	types_sources = (struct types_sources){ protoset, proto,
		import_path };
	client_slot = swarm_slot_new(sizeof(struct rpc *), client_free_all);
	return 0;
}

/* What the library would write to standard error: the failures it is about are
 * in the statistics already. */
static void write_log(gpr_log_func_args *a)
{
	swarm_debug("%s:%d: %s", a->file, a->line, a->message);
}

static int worker_start(void)
{
	gpr_set_log_function(write_log);
	grpc_init();
	rows_start();
	return cq_start();
}

static void worker_stop(void)
{
	ask_stop();
	cq_stop(channel_any);
	creds_stop();
	types_stop();
	rows_stop();
	call_stop();
	inbox_stop();
	grpc_shutdown_blocking();
}

static const struct rpc_api api = {
	SWARM_IFACE(struct rpc_api, 0),
	.connect = client_connect,
	.unary = held_unary,
	.open = held_open,
	.send = held_send,
	.receive = stream_receive,
	.on_message = stream_on_message,
	.end = stream_end,
	.cancel = stream_cancel,
	.finish = stream_finish,
	.free = client_free,
	.error = error_text,
	.info = info,
	.code_name = rows_code_name,
	.reply_json = answer_json,
	.message_json = held_message_json,
	.services = held_services,
	.describe = held_describe,
	.kind = held_kind,
};

SWARM_MODULE(
	.name = "grpc",
	.version = SWARM_VERSION,
	.summary = "gRPC client on grpc core",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "30s",
		    "deadline of calls that give none"),
		SWARM_OPTION_DURATION(connect_timeout, "20s",
		    "longest wait for a connection"),
		SWARM_OPTION_DURATION(reconnect_min, "200ms",
		    "wait before connecting again, doubled with each "
		    "failure..."),
		SWARM_OPTION_DURATION(reconnect_max, "5s", "... up to this"),
		SWARM_OPTION_SIZE(max_receive, "16m",
		    "longest message taken"),
		SWARM_OPTION(share, "0", "connections that all users of a "
		    "worker share; 0: each user has its own"),
		SWARM_OPTION(phases, "16", "with many unary calls under way one "
		    "in so many is timed phase by phase"),
		SWARM_OPTION(cafile, "", "PEM file of trusted authorities; "
		    "empty: the system's"),
		SWARM_OPTION(cert, "", "PEM file of the client certificate"),
		SWARM_OPTION(key, "", "PEM file of its key"),
		SWARM_OPTION(server_name, "", "name that the server's "
		    "certificate must have; empty: the target's host"),
		SWARM_OPTION(insecure, "false", "do not verify the server's "
		    "certificate"),
		SWARM_OPTION(protoset, "", "descriptor set that knows the "
		    "messages' types; empty: ask the server's reflection"),
		SWARM_OPTION(proto, "", ".proto files, instead, separated by "
		    "commas"),
		SWARM_OPTION(import_path, "", "folders that .proto files "
		    "import from, separated by colons")),
	.exports = SWARM_EXPORTS({ "swarm.grpc/1", &api.head }),
	.load = load,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
);
