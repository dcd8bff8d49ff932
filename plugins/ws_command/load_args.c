/* The command line of `swarm ws`. */
#include "load.h"

#include "cmdline.h"

#include <swarm/log.h>
#include <swarm/websocket.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

const char load_args_help[] =
"usage: swarm ws URL [options] [-- swarm's own options]\n"
"\n"
"Opens WebSockets and, by --mode:\n"
"  echo       each sends messages and waits for the answer to each (default)\n"
"  idle       they are held open, and answer pings\n"
"  broadcast  the first --senders of them send; all others receive, and the\n"
"             delay and the spread over the receivers are measured\n"
"\n"
"  -c, --count N          sockets; default 10\n"
"      --connect-rate N   connects a second; default 100\n"
"  -d, --duration TIME    how long, for example 30s or 5m; default: until it is\n"
"                         interrupted\n"
"  -r, --rate N           messages a second of each socket that sends;\n"
"                         default 1; 0: as fast as answers come\n"
"  -n, --limit N          messages of each socket; default 0: no limit\n"
"  -m, --message TEXT     what to send\n"
"  -s, --size BYTES       instead: so many bytes; default 64\n"
"  -b, --binary           as binary messages\n"
"  -e, --expect REGEX     the answer is the first message that matches;\n"
"                         default: the next message (echo)\n"
"      --senders N        of a broadcast; default 1\n"
"      --protocols LIST   sub-protocols to offer\n"
"  -H, --header LINE      \"Name: value\", up to 32 times\n"
"      --cookies TEXT     \"a=1; b=2\"\n"
"      --origin TEXT\n"
"      --ping SECONDS     ping so often; default 0: never\n"
"      --timeout SECONDS  for a connect and for an answer; default 10\n"
"      --reconnect SECONDS  connect again when lost, after up to so long\n"
"      --cafile FILE      authorities to trust (wss://)\n"
"      --insecure         do not verify the server\n"
"      --fragment BYTES   send each message in pieces of so many bytes\n"
"      --session SECONDS  close and connect again so often; default 0: never\n"
"      --source LIST      local addresses, taken in turn: \"10.0.0.2,10.0.0.3\";\n"
"                         one alone has about 28,000 ports\n"
"\n"
"  swarm ws wss://host/socket -c 1000 -r 0.2 -m '{\"op\":\"ping\"}' \\\n"
"      -e '\"op\":\"pong\"' -d 5m\n"
"  swarm ws ws://host/ --mode idle -c 15000 --ping 30 -d 10m -- --processes 2\n";

enum { OPT_MODE = 256, OPT_CONNECT_RATE, OPT_SENDERS, OPT_PROTOCOLS,
	OPT_COOKIES, OPT_ORIGIN, OPT_PING, OPT_TIMEOUT, OPT_RECONNECT,
	OPT_CAFILE, OPT_INSECURE, OPT_FRAGMENT, OPT_SESSION, OPT_SOURCE,
	OPT_HELP };

static const struct option options[] = {
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "count", required_argument, NULL, 'c' },
	{ "connect-rate", required_argument, NULL, OPT_CONNECT_RATE },
	{ "duration", required_argument, NULL, 'd' },
	{ "rate", required_argument, NULL, 'r' },
	{ "limit", required_argument, NULL, 'n' },
	{ "message", required_argument, NULL, 'm' },
	{ "size", required_argument, NULL, 's' },
	{ "binary", no_argument, NULL, 'b' },
	{ "expect", required_argument, NULL, 'e' },
	{ "senders", required_argument, NULL, OPT_SENDERS },
	{ "protocols", required_argument, NULL, OPT_PROTOCOLS },
	{ "header", required_argument, NULL, 'H' },
	{ "cookies", required_argument, NULL, OPT_COOKIES },
	{ "origin", required_argument, NULL, OPT_ORIGIN },
	{ "ping", required_argument, NULL, OPT_PING },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "reconnect", required_argument, NULL, OPT_RECONNECT },
	{ "cafile", required_argument, NULL, OPT_CAFILE },
	{ "insecure", no_argument, NULL, OPT_INSECURE },
	{ "fragment", required_argument, NULL, OPT_FRAGMENT },
	{ "session", required_argument, NULL, OPT_SESSION },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

struct load_plan load_plan;

static struct ws_header headers[LOAD_HEADERS];

static int number(int opt, double min, double max, double *to)
{
	return cmdline_number(cmdline_option(options, opt), optarg, min, max,
	    to);
}

static int whole(int opt, long min, long max, long *to)
{
	return cmdline_whole(cmdline_option(options, opt), optarg, min, max,
	    to);
}

static int set_mode(void)
{
	static const char *const names[] = { "echo", "idle", "broadcast",
		NULL };
	int i = cmdline_choice("--mode", optarg, names);

	if (i == -1)
		return -1;
	load_plan.mode = (enum load_mode)i;
	return 0;
}

static int set_expect(void)
{
	regex_t r;

	if (regcomp(&r, optarg, REG_EXTENDED | REG_NOSUB) != 0) {
		swarm_error("--expect %s: give a POSIX regular expression",
		    optarg);
		return -1;
	}
	regfree(&r);
	load_plan.expect = optarg;
	return 0;
}

static int add_header(void)
{
	struct load_plan *p = &load_plan;
	char *value = p->header_count < LOAD_HEADERS ?
	    cmdline_cut(optarg) : NULL;

	if (!value) {
		swarm_error("--header %s: give \"Name: value\", at most %d "
		    "times", optarg, LOAD_HEADERS);
		return -1;
	}
	headers[p->header_count++] = (struct ws_header){ optarg, value };
	p->headers = headers;
	return 0;
}

/* Cuts the list up where it is. */
static int set_sources(void)
{
	struct load_plan *p = &load_plan;
	unsigned char address[16];
	char *save;

	for (char *at = strtok_r(optarg, ",", &save); at;
	    at = strtok_r(NULL, ",", &save)) {
		if (p->source_count == LOAD_SOURCES ||
		    (inet_pton(AF_INET, at, address) != 1 &&
		    inet_pton(AF_INET6, at, address) != 1)) {
			swarm_error("--source %s: give up to %d addresses of "
			    "this machine, as numbers, with commas between",
			    at, LOAD_SOURCES);
			return -1;
		}
		p->sources[p->source_count++] = at;
	}
	return 0;
}

static int set_number(int opt)
{
	struct load_plan *p = &load_plan;
	long n;

	switch (opt) {
	case 'c':
		return whole(opt, 1, 10000000, &p->count);
	case OPT_CONNECT_RATE:
		return number(opt, 0.001, 1000000, &p->connect_rate);
	case 'r':
		return number(opt, 0, 1000000, &p->rate);
	case 'n':
		return whole(opt, 0, 1000000000000, &p->limit);
	case 's':
		if (whole(opt, 0, WS_MESSAGE_MAX, &n) == -1)
			return -1;
		p->size = (size_t)n;
		return 0;
	case OPT_FRAGMENT:
		if (whole(opt, 1, WS_MESSAGE_MAX, &n) == -1)
			return -1;
		p->fragment = (size_t)n;
		return 0;
	case OPT_SESSION:
		return number(opt, 0, 86400, &p->session);
	case OPT_SENDERS:
		return whole(opt, 1, 1000000, &p->senders);
	case OPT_PING:
		return number(opt, 0, 86400, &p->ping);
	case OPT_TIMEOUT:
		return number(opt, 0.001, 86400, &p->timeout);
	default:
		return number(opt, 0, 86400, &p->reconnect);
	}
}

static int take(int opt, char **argv)
{
	struct load_plan *p = &load_plan;

	switch (opt) {
	case '?':
	case ':':
		return cmdline_refuse("swarm ws", opt, argv);
	case OPT_MODE:
		return set_mode();
	case 'd':
		p->duration = optarg;
		return 0;
	case 'H':
		return add_header();
	case 'b':
		p->binary = true;
		return 0;
	case OPT_INSECURE:
		p->insecure = true;
		return 0;
	case 'm':
		p->message = optarg;
		return 0;
	case 'e':
		return set_expect();
	case OPT_PROTOCOLS:
		p->protocols = optarg;
		return 0;
	case OPT_COOKIES:
		p->cookies = optarg;
		return 0;
	case OPT_ORIGIN:
		p->origin = optarg;
		return 0;
	case OPT_CAFILE:
		p->cafile = optarg;
		return 0;
	case OPT_SOURCE:
		return set_sources();
	default:
		return set_number(opt);
	}
}

static int complete(void)
{
	struct load_plan *p = &load_plan;

	if (p->message)
		p->size = strlen(p->message);
	if (p->mode == LOAD_BROADCAST && p->senders >= p->count) {
		swarm_error("a broadcast needs more sockets (-c %ld) than "
		    "senders (%ld)", p->count, p->senders);
		return -1;
	}
	p->payload = malloc(p->size + 1);
	if (!p->payload) {
		swarm_error("out of memory");
		return -1;
	}
	memset(p->payload, 'x', p->size);
	if (p->message)
		memcpy(p->payload, p->message, p->size);
	p->payload[p->size] = 0;
	return 0;
}

int load_args_read(int argc, char **argv)
{
	int opt;

	load_plan = (struct load_plan){
		.count = 10, .connect_rate = 100, .rate = 1, .size = 64,
		.timeout = 10, .senders = 1,
	};
	optind = 1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":c:d:r:n:m:s:be:H:", options,
	    NULL)) != -1) {
		if (opt == OPT_HELP)
			return 1;
		if (take(opt, argv) == -1)
			return -1;
	}
	if (optind + 1 != argc) {
		swarm_error(optind < argc ? "give one address; what is "
		    "\"%s\"?  See swarm ws --help" : "give an address: swarm "
		    "ws ws://host:port/path; see swarm ws --help",
		    optind < argc ? argv[optind + 1] : "");
		return -1;
	}
	load_plan.url = argv[optind];
	return complete();
}
