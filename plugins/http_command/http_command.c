/*
 * `swarm http ...`: load without writing C, in the manner of wrk, wrk2 and oha;
 * and scenarios written from curl command lines and HTTP archives.
 *
 * A module of its own beside the providers of "swarm.http/1": options decide
 * which of them is used (HTTP/3 and proxies need libcurl), before either is
 * loaded.
 */
#include "call.h"
#include "cmdline.h"

#include <swarm/command.h>
#include <swarm/http.h>
#include <swarm/log.h>
#include <swarm/module.h>
#include <swarm/user.h>
#include <swarm/version.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
"usage: swarm http [options] URL...        [-- options of swarm]\n"
"       swarm http [options] curl ...      a curl command line as it is\n"
"       swarm http --from-curl 'curl ...' [-o FILE]\n"
"       swarm http --from-har FILE [--pauses] [-o FILE]\n"
"\n"
"Load\n"
"  -c, --connections N   users, each with a connection (default 64)\n"
"  -d, --duration TIME   how long, for example 10s or 5m (default 10s)\n"
"  -r, --rate RATE       requests started a second in all, whatever the server\n"
"                        does; without it every user asks as fast as it can\n"
"Request\n"
"  -m, --method NAME     default GET, or POST with a body\n"
"  -H, --header LINE     \"Name: value\"; may be repeated\n"
"  -b, --body TEXT       or @FILE\n"
"  -j, --json TEXT       the same, as application/json\n"
"  -n, --name NAME       what its samples are called (default: its path)\n"
"  -e, --expect LIST     statuses that pass, as 200-299,404 (default: below 400)\n"
"Connection\n"
"      --h1              HTTP/1.1, where TLS would agree on HTTP/2\n"
"      --h2              HTTP/2 (https; what servers that have it get anyway)\n"
"      --h2c             HTTP/2 without TLS\n"
"      --multiplex       all users of a worker share connections (HTTP/2)\n"
"      --h3              HTTP/3, where libcurl has it\n"
"      --no-keepalive    a connection for each request\n"
"      --compressed      ask for compressed answers\n"
"      --timeout TIME    for one exchange (default 60s)\n"
"  -k, --insecure        do not verify the server's certificate\n"
"      --ca FILE         certificates to trust\n"
"      --cert FILE, --key FILE\n"
"                        the client's own certificate\n"
"  -x, --proxy URL       through a proxy\n"
"      --client NAME     fasthttp or http (libcurl); by default the fast one\n"
"                        where it can do what is asked\n"
"Scenarios\n"
"      --from-curl TEXT  write a scenario that does what the command does\n"
"      --from-har FILE   write a scenario from an HTTP archive\n"
"      --pauses          with the pauses of the archive\n"
"  -o, --output FILE     where to (default: standard output)\n"
"\n"
"Several URLs are asked for in turn. Options of swarm itself follow \"--\":\n"
"\n"
"  swarm http https://shop.test/ -c 200 -d 1m -- --csv out --processes 2\n";

/* What the command line says; read once, used twice. */
static struct {
	struct calls calls;
	struct client client;
	const char *connections;
	const char *duration;
	const char *rate;
	const char *name;
	const char *expect;
	const char *from_curl;
	const char *from_har;
	const char *output;
	bool pauses;
	bool help;
} plan = { .connections = "64", .duration = "10s" };

/* ---- the command line ---- */

enum { OPT_H1 = 256, OPT_H2, OPT_H2C, OPT_H3, OPT_MULTIPLEX,
	OPT_NO_KEEPALIVE, OPT_COMPRESSED, OPT_TIMEOUT, OPT_CA, OPT_CERT, OPT_KEY,
	OPT_CLIENT, OPT_FROM_CURL, OPT_FROM_HAR, OPT_PAUSES, OPT_HELP };

static const struct option longs[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "duration", required_argument, NULL, 'd' },
	{ "rate", required_argument, NULL, 'r' },
	{ "method", required_argument, NULL, 'm' },
	{ "header", required_argument, NULL, 'H' },
	{ "body", required_argument, NULL, 'b' },
	{ "json", required_argument, NULL, 'j' },
	{ "name", required_argument, NULL, 'n' },
	{ "expect", required_argument, NULL, 'e' },
	{ "h1", no_argument, NULL, OPT_H1 },
	{ "h2", no_argument, NULL, OPT_H2 },
	{ "h2c", no_argument, NULL, OPT_H2C },
	{ "h3", no_argument, NULL, OPT_H3 },
	{ "multiplex", no_argument, NULL, OPT_MULTIPLEX },
	{ "no-keepalive", no_argument, NULL, OPT_NO_KEEPALIVE },
	{ "compressed", no_argument, NULL, OPT_COMPRESSED },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "insecure", no_argument, NULL, 'k' },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "proxy", required_argument, NULL, 'x' },
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "from-curl", required_argument, NULL, OPT_FROM_CURL },
	{ "from-har", required_argument, NULL, OPT_FROM_HAR },
	{ "pauses", no_argument, NULL, OPT_PAUSES },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* Of every URL given here, not of a curl command. */
static struct call shape;

static int take_body(const char *v, bool json)
{
	size_t len = strlen(v);
	char *data;

	if (shape.body) {
		swarm_error("more than one body");
		return -1;
	}
	if (json && call_header(&shape, "Content-Type: application/json") == -1)
		return -1;
	if (v[0] != '@') {
		call_body(&shape, "", v, len);
		return 0;
	}
	data = call_read_file(v + 1, &len);
	if (!data)
		return -1;
	call_body(&shape, "", data, len);
	free(data);
	return 0;
}

/* What concerns the client. */
static int take_client(int opt, char *v)
{
	struct client *c = &plan.client;

	switch (opt) {
	case OPT_H1:
		c->version = "1.1";
		break;
	case OPT_MULTIPLEX:
		c->multiplex = true;
		break;
	case OPT_H2:
		c->version = "2";
		break;
	case OPT_H2C:
		c->version = "h2c";
		break;
	case OPT_H3:
		c->version = "3";
		break;
	case OPT_NO_KEEPALIVE:
		c->no_keepalive = true;
		break;
	case OPT_COMPRESSED:
		c->compressed = true;
		break;
	case OPT_TIMEOUT:
		call_set(&c->timeout, v);
		break;
	case 'k':
		c->insecure = true;
		break;
	case OPT_CA:
		call_set(&c->ca, v);
		break;
	case OPT_CERT:
		call_set(&c->cert, v);
		break;
	case OPT_KEY:
		call_set(&c->key, v);
		break;
	case 'x':
		call_set(&c->proxy, v);
		break;
	case OPT_CLIENT:
		c->plugin = v;
		break;
	default:
		return -1;
	}
	return 0;
}

static int take(int opt, char *v)
{
	switch (opt) {
	case 'c':
		plan.connections = v;
		return 0;
	case 'd':
		plan.duration = v;
		return 0;
	case 'r':
		plan.rate = v;
		return 0;
	case 'm':
		call_set(&shape.method, v);
		return 0;
	case 'H':
		return call_header(&shape, v);
	case 'b':
		return take_body(v, false);
	case 'j':
		return take_body(v, true);
	case 'n':
		plan.name = v;
		return 0;
	case 'e':
		plan.expect = v;
		return 0;
	case 'o':
		plan.output = v;
		return 0;
	case OPT_FROM_CURL:
		plan.from_curl = v;
		return 0;
	case OPT_FROM_HAR:
		plan.from_har = v;
		return 0;
	case OPT_PAUSES:
		plan.pauses = true;
		return 0;
	case OPT_HELP:
		plan.help = true;
		return 0;
	default:
		return take_client(opt, v);
	}
}

static void add_url(const char *url)
{
	/* It gets its shape when all options are known. */
	call_set_url(call_add(&plan.calls), url);
}

static int read_arguments(int argc, char **argv)
{
	int opt, i;

	opterr = 0;
	optind = 0;
	/* '-': words in the middle of options come as option 1, in order, so
	 * that "curl" ends ours. */
	while ((opt = getopt_long(argc, argv, "-:c:d:r:m:H:b:j:n:e:kx:o:",
	    longs, NULL)) != -1) {
		if (opt == 1 && strcmp(optarg, "curl") == 0)
			return curl_read(argv + optind - 1, argc - optind + 1,
			    &plan.calls, &plan.client);
		if (opt == 1) {
			add_url(optarg);
			continue;
		}
		if (opt == ':' || opt == '?')
			return cmdline_refuse("swarm http", opt, argv);
		if (take(opt, optarg) == -1)
			return -1;
	}
	for (i = optind; i < argc; i++)
		add_url(argv[i]);
	/* Options may follow the URLs: they hold for all of them. */
	for (i = 0; i < (int)plan.calls.count; i++) {
		char *url = plan.calls.list[i].url;

		plan.calls.list[i] = shape;
		plan.calls.list[i].url = url;
	}
	return 0;
}

/* ---- which provider, and its options ---- */

static int choose_client(void)
{
	const char *p = plan.client.plugin;
	const char *need = call_client_need(&plan.client);
	struct client_option options[CLIENT_OPTIONS + 1], *o;
	int rc = 0;

	if (!p)
		p = need ? "http" : "fasthttp";
	if (need && strcmp(p, "fasthttp") == 0) {
		swarm_error("fasthttp cannot do %s: leave --client out, or "
		    "give --client http", need);
		return -1;
	}
	rc |= swarm_run_option("plugin", p);
	rc |= cmdline_set(p, "discard", "yes");
	call_client_options(&plan.client, options);
	for (o = options; o->name; o++)
		rc |= cmdline_set(p, o->name, o->value);
	return rc ? -1 : 0;
}

static int prepare(int argc, char **argv)
{
	if (read_arguments(argc, argv) == -1)
		return -1;
	return plan.help || plan.from_har || plan.from_curl ? 0
	    : choose_client();
}

/* ---- the load ---- */

/* One request of each call in turn; with a rate an iteration is one. */
static void ask(struct swarm_user *u)
{
	size_t *next = swarm_data(u);
	const struct call *c = &plan.calls.list[(*next)++ % plan.calls.count];

	http_request(u, .method = c->method, .path = c->path,
	    .name = plan.name, .expect = plan.expect,
	    .headers = c->header_count ? c->headers : NULL,
	    .body = c->body, .body_len = c->body_len, .parts = c->parts);
}

static const struct swarm_user_class users = {
	.name = "http",
	.data_size = sizeof(size_t),
	.tasks = SWARM_TASKS(SWARM_TASK(ask)),
};

static int add_users(void)
{
	const char *first = plan.calls.list[0].url;
	size_t len = call_origin(first), i;
	char *origin = strndup(first, len);
	int rc;

	/* Paths make shorter names than URLs. */
	for (i = 0; i < plan.calls.count; i++) {
		struct call *c = &plan.calls.list[i];
		bool same = call_origin(c->url) == len &&
		    strncmp(c->url, first, len) == 0;

		c->path = same ? c->url + len : c->url;
	}
	rc = !origin || swarm_class_add(&users) == -1 ||
	    cmdline_run(&(struct cmdline_run){ .users = plan.connections,
		.spawn_rate = "1000000", .run_time = plan.duration,
		.host = origin, .rate = plan.rate }) == -1 ? -1 : 0;
	free(origin);
	return rc;
}

/* ---- scenarios ---- */

static int write_out(const char *from)
{
	char *text = write_scenario(&plan.calls, &plan.client, from,
	    plan.pauses);
	FILE *out = plan.output ? fopen(plan.output, "w") : stdout;
	int rc = -1;

	if (!text || !out) {
		swarm_error("cannot write %s: %m", plan.output ? plan.output
		    : "the scenario");
		goto done;
	}
	rc = fputs(text, out) < 0 ? -1 : 0;
	if (out != stdout && fclose(out) != 0)
		rc = -1;
	if (rc == -1)
		swarm_error("cannot write %s: %m", plan.output);
done:
	free(text);
	return rc;
}

static enum swarm_command_result convert(void)
{
	char **words;
	int count;

	if (plan.calls.count > 0) {
		swarm_error("give URLs, or --from-curl, or --from-har: one of "
		    "the three");
		return SWARM_COMMAND_ERROR;
	}
	if (plan.from_har)
		return from_har_read(plan.from_har, &plan.calls) == -1 ||
		    write_out("an HTTP archive") == -1
		    ? SWARM_COMMAND_ERROR : SWARM_COMMAND_DONE;
	words = words_split(plan.from_curl, &count);
	if (!words)
		return SWARM_COMMAND_ERROR;
	if (count == 0 || strcmp(words[0], "curl") != 0) {
		swarm_error("--from-curl is not a curl command: it does not "
		    "begin with \"curl\"");
		return SWARM_COMMAND_ERROR;
	}
	return curl_read(words, count, &plan.calls, &plan.client) == -1 ||
	    write_out("a curl command") == -1
	    ? SWARM_COMMAND_ERROR : SWARM_COMMAND_DONE;
}

static enum swarm_command_result setup(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (plan.from_har || plan.from_curl)
		return convert();
	if (plan.calls.count == 0) {
		swarm_error("no URL: swarm http URL -c 64 -d 10s; see swarm "
		    "http --help");
		return SWARM_COMMAND_ERROR;
	}
	return add_users() == -1 ? SWARM_COMMAND_ERROR : SWARM_COMMAND_RUN;
}

static const struct swarm_command command = {
	SWARM_IFACE(struct swarm_command, 2),
	.name = "http",
	.summary = "HTTP load on URLs or a curl command; scenarios from HAR",
	.help = help,
	.prepare = prepare,
	.setup = setup,
	.from = "har,curl",
};

SWARM_MODULE(
	.name = "http_command",
	.version = SWARM_VERSION,
	.summary = "the command swarm http",
	.exports = SWARM_EXPORTS({ SWARM_COMMAND_ID, &command.head }),
);
