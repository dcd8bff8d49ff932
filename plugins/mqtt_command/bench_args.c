/*
 * The command line.  Names, letters and defaults are emqtt-bench's where it
 * has the option, so that a line people have at hand does the same here.
 */
#include "bench.h"

#include <swarm/log.h>
#include <swarm/mqtt.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char bench_args_help[] =
"usage: swarm mqtt conn|pub|sub|pubsub [options] [-- swarm's own options]\n"
"\n"
"  conn     connects clients and keeps them\n"
"  pub      clients that publish\n"
"  sub      clients that subscribe, and check what they receive\n"
"  pubsub   clients that publish, and receive what they published\n"
"\n"
"Broker\n"
"  -h, --host HOST           default 127.0.0.1; a URL works too\n"
"  -p, --port PORT           default 1883, with -S 8883\n"
"  -V, --version N           4 (3.1.1) or 5; default 5\n"
"  -S, --ssl                 TLS\n"
"      --cafile FILE         authorities to trust\n"
"      --certfile FILE       client certificate, and\n"
"      --keyfile FILE        its key\n"
"      --insecure            do not verify the broker\n"
"      --ws                  WebSocket\n"
"Clients\n"
"  -c, --count N             default 200\n"
"  -n, --startnumber N       number of the first; default 0\n"
"  -i, --interval MS         between connects; default 10\n"
"  -R, --connrate N          connects a second, instead of -i\n"
"      --prefix TEXT         of client ids; default swarm_MODE\n"
"      --clientid TEMPLATE   instead of a prefix and a number\n"
"  -u, --username TEMPLATE   and\n"
"  -P, --password TEXT\n"
"  -k, --keepalive SECONDS   default 300\n"
"  -C, --clean BOOL          clean start; default true\n"
"  -x, --session-expiry SEC  default 0\n"
"      --ifaddr IP,...       local addresses, in turn (plugin fastmqtt)\n"
"      --reconnect MS        connect again when lost, after up to so long;\n"
"                            default 0: never\n"
"      --will-topic TOPIC    a last will\n"
"Messages (pub, pubsub; -t and -q for sub too)\n"
"  -t, --topic TEMPLATE      up to 16; default swarm/%i, of sub swarm/#\n"
"  -q, --qos N               default 0\n"
"  -r, --retain BOOL         default false\n"
"  -I, --interval_of_msg MS  between messages of a client; default 1000\n"
"  -s, --size BYTES          of a payload; default 256\n"
"  -m, --message TEMPLATE    instead of -s; @FILE takes a file's contents\n"
"      --no-stamp            payloads without the 32 bytes that let sub tell\n"
"                            latency, loss, order and duplicates\n"
"  -L, --limit N             messages in all, shared by the clients, each\n"
"                            share rounded up; default 0: no limit\n"
"  -F, --inflight N          QoS 1 and 2 under way, of a client; default 1\n"
"  -w, --wait-before-publishing\n"
"                            until all clients are connected\n"
"\n"
"In templates: %c client id, %u user name, %i client's number, %s message's\n"
"number, %rand_N a number below N, %% a percent sign.\n"
"\n"
"  swarm mqtt pub -h broker -c 1000 -t sensors/%i -q 1 -I 100 -- -t 1m\n";

enum {
	OPT_CAFILE = 256, OPT_CERT, OPT_KEY, OPT_INSECURE, OPT_WS, OPT_PREFIX,
	OPT_CLIENTID, OPT_IFADDR, OPT_RECONNECT, OPT_WILL, OPT_NO_STAMP,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "host", required_argument, NULL, 'h' },
	{ "port", required_argument, NULL, 'p' },
	{ "version", required_argument, NULL, 'V' },
	{ "ssl", no_argument, NULL, 'S' },
	{ "cafile", required_argument, NULL, OPT_CAFILE },
	{ "cacertfile", required_argument, NULL, OPT_CAFILE },
	{ "certfile", required_argument, NULL, OPT_CERT },
	{ "keyfile", required_argument, NULL, OPT_KEY },
	{ "insecure", no_argument, NULL, OPT_INSECURE },
	{ "ws", no_argument, NULL, OPT_WS },
	{ "count", required_argument, NULL, 'c' },
	{ "startnumber", required_argument, NULL, 'n' },
	{ "interval", required_argument, NULL, 'i' },
	{ "connrate", required_argument, NULL, 'R' },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "clientid", required_argument, NULL, OPT_CLIENTID },
	{ "username", required_argument, NULL, 'u' },
	{ "password", required_argument, NULL, 'P' },
	{ "keepalive", required_argument, NULL, 'k' },
	{ "clean", required_argument, NULL, 'C' },
	{ "session-expiry", required_argument, NULL, 'x' },
	{ "ifaddr", required_argument, NULL, OPT_IFADDR },
	{ "reconnect", required_argument, NULL, OPT_RECONNECT },
	{ "will-topic", required_argument, NULL, OPT_WILL },
	{ "topic", required_argument, NULL, 't' },
	{ "qos", required_argument, NULL, 'q' },
	{ "retain", required_argument, NULL, 'r' },
	{ "interval_of_msg", required_argument, NULL, 'I' },
	{ "size", required_argument, NULL, 's' },
	{ "message", required_argument, NULL, 'm' },
	{ "no-stamp", no_argument, NULL, OPT_NO_STAMP },
	{ "limit", required_argument, NULL, 'L' },
	{ "inflight", required_argument, NULL, 'F' },
	{ "wait-before-publishing", no_argument, NULL, 'w' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

#define SHORT_OPTIONS "+:h:p:V:Sc:n:i:R:u:P:k:C:x:t:q:r:I:s:m:L:F:w"

struct bench_plan bench_plan;

static const char *name_of(int opt)
{
	for (const struct option *o = long_options; o->name; o++) {
		if (o->val == opt)
			return o->name;
	}
	return "?";
}

static int number(int opt, long min, long max, long *to)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(optarg, &end, 10);
	if (errno || *end || end == optarg || n < min || n > max) {
		swarm_error("--%s %s: give a whole number from %ld to %ld",
		    name_of(opt), optarg, min, max);
		return -1;
	}
	*to = n;
	return 0;
}

/* Milliseconds on the command line, seconds here. */
static int milliseconds(int opt, double *to)
{
	long n;

	if (number(opt, 0, 86400000, &n) == -1)
		return -1;
	*to = (double)n / 1000;
	return 0;
}

static int boolean(int opt, bool *to)
{
	if (strcmp(optarg, "true") == 0 || strcmp(optarg, "1") == 0)
		*to = true;
	else if (strcmp(optarg, "false") == 0 || strcmp(optarg, "0") == 0)
		*to = false;
	else {
		swarm_error("--%s %s: give true or false", name_of(opt),
		    optarg);
		return -1;
	}
	return 0;
}

static int read_file(const char *path)
{
	struct bench_plan *p = &bench_plan;
	FILE *f = fopen(path, "rb");
	struct stat st;

	if (!f) {
		swarm_error("cannot read %s: %m", path);
		return -1;
	}
	if (fstat(fileno(f), &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size > MQTT_PACKET_MAX) {
		swarm_error("%s is no file of at most 16 MiB", path);
		goto close_file;
	}
	p->file = malloc((size_t)st.st_size + 1);
	if (!p->file)
		goto close_file;
	p->file_len = fread(p->file, 1, (size_t)st.st_size, f);
	fclose(f);
	return 0;
close_file:
	fclose(f);
	return -1;
}

static int set_message(void)
{
	bench_plan.stamp = false;
	if (optarg[0] == '@')
		return read_file(optarg + 1);
	bench_plan.message = optarg;
	return 0;
}

static int add_topic(void)
{
	if (bench_plan.topic_count == BENCH_TOPICS) {
		swarm_error("at most %d topics", BENCH_TOPICS);
		return -1;
	}
	bench_plan.topic[bench_plan.topic_count++] = optarg;
	return 0;
}

static int add_sources(void)
{
	char *list = strdup(optarg), *save = NULL;

	for (char *s = strtok_r(list, ",", &save); s;
	    s = strtok_r(NULL, ",", &save)) {
		if (bench_plan.source_count == BENCH_TOPICS) {
			swarm_error("at most %d local addresses",
			    BENCH_TOPICS);
			return -1;
		}
		bench_plan.source[bench_plan.source_count++] = s;
	}
	return 0;
}

static int set_rate(int opt)
{
	long n;

	if (opt == 'R') {
		if (number(opt, 1, 1000000, &n) == -1)
			return -1;
		bench_plan.rate = (double)n;
		return 0;
	}
	if (number(opt, 0, 3600000, &n) == -1)
		return -1;
	bench_plan.rate = n ? 1000.0 / (double)n : 100000;
	return 0;
}

static int set_number(int opt)
{
	struct bench_plan *p = &bench_plan;
	long n;

	switch (opt) {
	case 'p':
		return number(opt, 1, 65535, &p->port);
	case 'V':
		return number(opt, 4, 5, &p->version);
	case 'c':
		return number(opt, 1, 10000000, &p->count);
	case 'n':
		return number(opt, 0, 2000000000, &p->start);
	case 'k':
		return number(opt, 0, 65535, &p->keepalive);
	case 'x':
		return number(opt, 0, 4294967295, &p->session_expiry);
	case 'q':
		return number(opt, 0, 2, &p->qos);
	case 's':
		if (number(opt, 0, MQTT_PACKET_MAX, &n) == -1)
			return -1;
		p->size = (size_t)n;
		return 0;
	case 'L':
		return number(opt, 0, 1000000000000, &p->limit);
	default:
		return number('F', 1, 65535, &p->inflight);
	}
}

static int set_text(int opt)
{
	struct bench_plan *p = &bench_plan;
	const char **to = opt == 'h' ? &p->host : opt == 'u' ? &p->username :
	    opt == 'P' ? &p->password : opt == OPT_CAFILE ? &p->cafile :
	    opt == OPT_CERT ? &p->cert : opt == OPT_KEY ? &p->key :
	    opt == OPT_PREFIX ? &p->prefix : opt == OPT_CLIENTID ?
	    &p->client_id : &p->will_topic;

	*to = optarg;
	return 0;
}

static int set_other(int opt)
{
	struct bench_plan *p = &bench_plan;
	bool clean;

	switch (opt) {
	case 'S':
		p->tls = true;
		return 0;
	case OPT_INSECURE:
		p->insecure = true;
		return 0;
	case OPT_WS:
		p->websocket = true;
		return 0;
	case OPT_NO_STAMP:
		p->stamp = false;
		return 0;
	case 'w':
		p->wait = true;
		return 0;
	case 'r':
		return boolean(opt, &p->retain);
	case 'C':
		if (boolean(opt, &clean) == -1)
			return -1;
		p->keep_session = !clean;
		return 0;
	case 'i':
	case 'R':
		return set_rate(opt);
	case 'I':
		return milliseconds(opt, &p->interval);
	case OPT_RECONNECT:
		return milliseconds(opt, &p->reconnect);
	case 't':
		return add_topic();
	case 'm':
		return set_message();
	default:
		return add_sources();
	}
}

static int take(int opt, char **argv)
{
	if (opt == '?' || opt == ':') {
		const char *what = argv[optind - 1];

		swarm_error(opt == ':' ? "%s needs a value" :
		    "there is no option %s; see swarm mqtt --help", what);
		return -1;
	}
	if (strchr("pVcnkxqsLF", opt) && opt < 256)
		return set_number(opt);
	if ((opt < 256 && strchr("huP", opt)) || opt == OPT_CAFILE ||
	    opt == OPT_CERT || opt == OPT_KEY || opt == OPT_PREFIX ||
	    opt == OPT_CLIENTID || opt == OPT_WILL)
		return set_text(opt);
	return set_other(opt);
}

static int take_mode(const char *word)
{
	static const char *const names[] = { "conn", "pub", "sub", "pubsub" };

	for (size_t i = 0; word && i < sizeof names / sizeof *names; i++) {
		if (strcmp(word, names[i]) == 0) {
			bench_plan.mode = (enum bench_mode)i;
			return 0;
		}
	}
	swarm_error("say what to do: swarm mqtt conn|pub|sub|pubsub ...; see "
	    "swarm mqtt --help");
	return -1;
}

/* Shares and texts that follow from several options. */
static int complete(void)
{
	static const char *const prefixes[] = { "swarm_conn", "swarm_pub",
		"swarm_sub", "swarm_pubsub" };
	static char url[512];
	struct bench_plan *p = &bench_plan;

	if (!p->prefix)
		p->prefix = prefixes[p->mode];
	if (p->topic_count == 0)
		p->topic[p->topic_count++] = p->mode == BENCH_SUB ?
		    "swarm/#" : "swarm/%i";
	if (p->limit)
		p->limit = (p->limit + p->count - 1) / p->count;
	if (p->stamp && p->size < 32) {
		p->stamp = false;
		if (p->mode != BENCH_CONN && p->mode != BENCH_SUB)
			swarm_warn("payloads of less than 32 bytes hold no "
			    "stamp: nothing end to end is measured");
	}
	if (strstr(p->host, "://"))
		snprintf(url, sizeof url, "%s", p->host);
	else if (p->port)
		snprintf(url, sizeof url, "%s%s://%s:%ld",
		    p->websocket ? "ws" : "mqtt", p->tls ? "s" : "", p->host,
		    p->port);
	else
		snprintf(url, sizeof url, "%s%s://%s",
		    p->websocket ? "ws" : "mqtt", p->tls ? "s" : "", p->host);
	p->url = url;
	return 0;
}

int bench_args_read(int argc, char **argv)
{
	int opt;

	bench_plan = (struct bench_plan){
		.host = "127.0.0.1", .version = 5, .count = 200, .rate = 100,
		.keepalive = 300, .interval = 1, .inflight = 1, .size = 256,
		.stamp = true,
	};
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "help") == 0))
		return 1;
	if (take_mode(argc > 1 ? argv[1] : NULL) == -1)
		return -1;
	optind = 2;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, SHORT_OPTIONS, long_options,
	    NULL)) != -1) {
		if (opt == OPT_HELP)
			return 1;
		if (take(opt, argv) == -1)
			return -1;
	}
	if (optind < argc) {
		swarm_error("\"%s\" is not expected here; see swarm mqtt "
		    "--help", argv[optind]);
		return -1;
	}
	return complete();
}
