/* The command line of `swarm grpc`; letters as ghz has them. */
#include "load.h"

#include "cmdline.h"

#include <swarm/log.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char load_args_help[] =
"usage: swarm grpc HOST:PORT package.Service/Method [options]\n"
"                                          [-- options of swarm]\n"
"       swarm grpc HOST:PORT list [SERVICE]\n"
"       swarm grpc HOST:PORT describe [SYMBOL]\n"
"\n"
"Load\n"
"  -c, --concurrency N    users, each with one call at a time; default 50\n"
"      --connections N    connections of a worker that its users share;\n"
"                         default: each user has its own\n"
"  -r, --rate N           calls started a second in all, whatever the server\n"
"                         does; without it every user calls as fast as it can\n"
"  -z, --duration TIME    default 10s\n"
"  -n, --total N          calls in all; default: no limit\n"
"Call\n"
"  -d, --data JSON        the message; an array: messages, taken in turn;\n"
"                         @FILE reads it; default {}\n"
"  -b, --binary FILE      instead: bytes, as they are sent\n"
"  -m, --metadata LINE    \"key: value\", up to 32 times; the value of a key\n"
"                         that ends in -bin is sent as these bytes\n"
"  -t, --timeout TIME     deadline of a call; default 20s\n"
"  -e, --expect CODES     statuses that are no failures: NOT_FOUND,6\n"
"      --wait-for-ready   wait while there is no connection\n"
"      --compression NAME gzip or deflate\n"
"      --name NAME        of the samples; default: the method\n"
"Streams\n"
"      --messages N       messages that a stream sends; default 10\n"
"      --interval TIME    between them; default 0\n"
"      --match RULE       which answer belongs to a message: order (default\n"
"                         where both sides stream), none, or the name of a\n"
"                         field that is equal in both\n"
"      --kind KIND        unary, client, server or bidi; default: as the\n"
"                         method's types say\n"
"Types\n"
"      --protoset FILE    a descriptor set, or\n"
"      --proto FILE       .proto files, separated by commas, and\n"
"  -i, --import-path DIRS folders they import from, separated by colons;\n"
"                         default: the server's reflection\n"
"Connection\n"
"      --tls              TLS; also by grpcs://HOST:PORT\n"
"  -k, --insecure         do not verify the server's certificate\n"
"      --cacert FILE      authorities to trust\n"
"      --cert FILE, --key FILE\n"
"                         the client's own certificate\n"
"      --server-name NAME that the certificate must have\n"
"      --authority NAME   default: HOST:PORT\n"
"      --keepalive TIME   between pings; default: none\n"
"      --max-receive SIZE longest message taken; default 16m\n"
"\n"
"  swarm grpc :50051 shop.Orders/Create -d '{\"item\": 7}' -c 100 -r 2000\n"
"  swarm grpc :50051 describe shop.Orders\n";

enum { OPT_CONNECTIONS = 256, OPT_WAIT, OPT_COMPRESSION, OPT_NAME,
	OPT_MESSAGES, OPT_INTERVAL, OPT_MATCH, OPT_KIND, OPT_PROTOSET,
	OPT_PROTO, OPT_TLS, OPT_CACERT, OPT_CERT, OPT_KEY, OPT_SERVER_NAME,
	OPT_AUTHORITY, OPT_KEEPALIVE, OPT_MAX_RECEIVE, OPT_HELP };

static const struct option longs[] = {
	{ "concurrency", required_argument, NULL, 'c' },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "rate", required_argument, NULL, 'r' },
	{ "duration", required_argument, NULL, 'z' },
	{ "total", required_argument, NULL, 'n' },
	{ "data", required_argument, NULL, 'd' },
	{ "binary", required_argument, NULL, 'b' },
	{ "metadata", required_argument, NULL, 'm' },
	{ "timeout", required_argument, NULL, 't' },
	{ "expect", required_argument, NULL, 'e' },
	{ "wait-for-ready", no_argument, NULL, OPT_WAIT },
	{ "compression", required_argument, NULL, OPT_COMPRESSION },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "messages", required_argument, NULL, OPT_MESSAGES },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "match", required_argument, NULL, OPT_MATCH },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "protoset", required_argument, NULL, OPT_PROTOSET },
	{ "proto", required_argument, NULL, OPT_PROTO },
	{ "import-path", required_argument, NULL, 'i' },
	{ "tls", no_argument, NULL, OPT_TLS },
	{ "insecure", no_argument, NULL, 'k' },
	{ "cacert", required_argument, NULL, OPT_CACERT },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "server-name", required_argument, NULL, OPT_SERVER_NAME },
	{ "authority", required_argument, NULL, OPT_AUTHORITY },
	{ "keepalive", required_argument, NULL, OPT_KEEPALIVE },
	{ "max-receive", required_argument, NULL, OPT_MAX_RECEIVE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

#define SHORTS ":c:r:z:n:d:b:m:t:e:i:k"

struct load_plan load_plan;

static int whole(int opt, long min, long max, long *to)
{
	return cmdline_whole(cmdline_option(longs, opt), optarg, min, max, to);
}

static int duration(int opt, double *to)
{
	return cmdline_duration(cmdline_option(longs, opt), optarg, to);
}

/* One of the plugin grpc's own options. */
static int pass_on(const char *name, const char *value)
{
	return cmdline_set("grpc", name, value);
}

static int add_metadata(void)
{
	struct load_plan *p = &load_plan;
	char *value = p->metadata_count < LOAD_METADATA ?
	    cmdline_cut(optarg) : NULL;

	if (!value) {
		swarm_error("--metadata %s: give \"key: value\", at most %d "
		    "times", optarg, LOAD_METADATA);
		return -1;
	}
	p->metadata[p->metadata_count++] = (struct rpc_metadata){
		.key = optarg, .value = value,
	};
	return 0;
}

static int set_kind(void)
{
	static const char *const names[] = { "unary", "client", "server",
		"bidi", NULL };
	int i = cmdline_choice("--kind", optarg, names);

	if (i == -1)
		return -1;
	load_plan.kind = (enum load_kind)i;
	return 0;
}

static void set_match(void)
{
	struct load_plan *p = &load_plan;

	p->match = strcmp(optarg, "none") == 0 ? RPC_MATCH_NONE :
	    strcmp(optarg, "order") == 0 ? RPC_MATCH_ORDER : RPC_MATCH_KEY;
	if (p->match == RPC_MATCH_KEY)
		p->key_field = optarg;
}

static int take_connection(int opt)
{
	struct load_plan *p = &load_plan;

	switch (opt) {
	case 'k':
		p->tls = true;
		return pass_on("insecure", "yes");
	case OPT_TLS:
		p->tls = true;
		return 0;
	case OPT_CACERT:
		p->tls = true;
		return pass_on("cafile", optarg);
	case OPT_CERT:
		p->tls = true;
		return pass_on("cert", optarg);
	case OPT_KEY:
		return pass_on("key", optarg);
	case OPT_SERVER_NAME:
		return pass_on("server_name", optarg);
	case OPT_MAX_RECEIVE:
		return pass_on("max_receive", optarg);
	case OPT_PROTOSET:
		return pass_on("protoset", optarg);
	case OPT_PROTO:
		return pass_on("proto", optarg);
	case 'i':
		return pass_on("import_path", optarg);
	case OPT_AUTHORITY:
		p->authority = optarg;
		return 0;
	default:
		return duration(opt, &p->keepalive);
	}
}

static int take_call(int opt)
{
	struct load_plan *p = &load_plan;

	switch (opt) {
	case 'd':
		return load_data_json(p, optarg);
	case 'b':
		return load_data_binary(p, optarg);
	case 'm':
		return add_metadata();
	case 't':
		return duration(opt, &p->timeout);
	case 'e':
		return load_data_codes(optarg, &p->expect);
	case OPT_WAIT:
		p->wait_for_ready = true;
		return 0;
	case OPT_COMPRESSION:
		p->compression = optarg;
		return 0;
	case OPT_NAME:
		p->name = optarg;
		return 0;
	case OPT_MESSAGES:
		return whole(opt, 1, 1000000000, &p->stream_messages);
	case OPT_INTERVAL:
		return duration(opt, &p->interval);
	case OPT_MATCH:
		set_match();
		return 0;
	case OPT_KIND:
		return set_kind();
	default:
		return take_connection(opt);
	}
}

static int take(int opt, char **argv)
{
	struct load_plan *p = &load_plan;

	switch (opt) {
	case '?':
	case ':':
		return cmdline_refuse("swarm grpc", opt, argv);
	case 'c':
		return whole(opt, 1, 1000000, &p->count);
	case OPT_CONNECTIONS:
		return whole(opt, 1, 10000, &p->share);
	case 'n':
		return whole(opt, 1, 1000000000000, &p->limit);
	case 'r':
		p->rate = optarg;
		return 0;
	case 'z':
		p->duration = optarg;
		return 0;
	default:
		return take_call(opt);
	}
}

static int take_words(int count, char **words)
{
	static char local[300];
	struct load_plan *p = &load_plan;

	if (count < 2 || count > 3) {
		swarm_error(count < 2 ? "give an address and a method: swarm "
		    "grpc HOST:PORT package.Service/Method; see swarm grpc "
		    "--help" : "\"%s\" is not expected here; see swarm grpc "
		    "--help", count < 2 ? "" : words[3]);
		return -1;
	}
	p->target = words[0];
	if (*words[0] == ':') {
		snprintf(local, sizeof local, "127.0.0.1%s", words[0]);
		p->target = local;
	}
	p->act = strcmp(words[1], "list") == 0 ? LOAD_LIST :
	    strcmp(words[1], "describe") == 0 ? LOAD_DESCRIBE : LOAD_CALL;
	p->what = p->act == LOAD_CALL ? words[1] : count == 3 ? words[2] :
	    NULL;
	if (p->act != LOAD_CALL || count == 2)
		return 0;
	swarm_error("\"%s\" is not expected here; see swarm grpc --help",
	    words[2]);
	return -1;
}

int load_args_read(int argc, char **argv)
{
	struct load_plan *p = &load_plan;
	int opt;

	*p = (struct load_plan){
		.count = 50, .duration = "10s", .timeout = 20,
		.stream_messages = 10, .kind = LOAD_ASK,
		.match = RPC_MATCH_ORDER,
	};
	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, SHORTS, longs, NULL)) != -1) {
		if (opt == OPT_HELP) {
			p->help = true;
			return 0;
		}
		if (take(opt, argv) == -1)
			return -1;
	}
	if (take_words(argc - optind, argv + optind) == -1)
		return -1;
	if (p->message_count == 0)
		return load_data_json(p, "{}");
	return 0;
}
