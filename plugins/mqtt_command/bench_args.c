/*
 * The command line.  Names, letters and defaults are emqtt-bench's where it
 * has the option, so that a line people have at hand does the same here; what
 * it has and swarm does otherwise is met with a word on how.
 */
#include "bench.h"

#include "cmdline.h"

#include <swarm/log.h>

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	FLAG,                           /* bool; may be followed by true/false */
	BOOL,                           /* bool, with a value */
	NUMBER,                         /* long */
	MS,                             /* double, in seconds */
	TEXT,
	LIST,
	CALL,                           /* take(value) */
	IGNORED,
	HINT,                           /* an error, with `hint` */
};

struct arg {
	const char *option;             /* "--name" */
	int letter;                     /* 0: none */
	enum kind kind;
	void *to;
	long min;
	long max;
	int (*take)(const char *value);
	const char *hint;
};

struct bench_plan bench_plan;
#define P bench_plan

static int take_interval(const char *value);
static int take_rate(const char *value);
static int take_ssl_version(const char *value);

#define ARG(name_, letter_, kind_, ...) \
	{ .option = "--" name_, .letter = (letter_), .kind = (kind_), __VA_ARGS__ }
#define NUM(name_, letter_, kind_, to_, min_, max_) \
	ARG(name_, letter_, kind_, .to = (to_), .min = (min_), .max = (max_))

static const struct arg args[] = {
	ARG("host", 'h', LIST, .to = &P.hosts),
	NUM("port", 'p', NUMBER, &P.port, 1, 65535),
	NUM("version", 'V', NUMBER, &P.version, 4, 5),
	ARG("ssl", 'S', FLAG, .to = &P.tls),
	ARG("cafile", 0, TEXT, .to = &P.cafile),
	ARG("cacertfile", 0, TEXT, .to = &P.cafile),
	ARG("certfile", 0, TEXT, .to = &P.cert),
	ARG("keyfile", 0, TEXT, .to = &P.key),
	ARG("ssl-version", 0, CALL, .take = take_ssl_version),
	ARG("ciphers", 0, TEXT, .to = &P.ciphers),
	ARG("insecure", 0, FLAG, .to = &P.insecure),
	ARG("ws", 0, FLAG, .to = &P.websocket),
	NUM("count", 'c', NUMBER, &P.count, 1, 10000000),
	NUM("startnumber", 'n', NUMBER, &P.start, 0, 2000000000),
	ARG("interval", 'i', CALL, .take = take_interval),
	ARG("connrate", 'R', CALL, .take = take_rate),
	ARG("prefix", 0, TEXT, .to = &P.prefix),
	ARG("shortids", 0, FLAG, .to = &P.short_ids),
	ARG("clientid", 0, TEXT, .to = &P.client_id),
	ARG("username", 'u', TEXT, .to = &P.username),
	ARG("password", 'P', TEXT, .to = &P.password),
	ARG("users", 0, CALL, .take = bench_take_users),
	NUM("keepalive", 'k', NUMBER, &P.keepalive, 0, 65535),
	ARG("clean", 'C', BOOL, .to = &P.clean),
	NUM("session-expiry", 'x', NUMBER, &P.session_expiry, 0, 4294967295),
	NUM("receive-maximum", 0, NUMBER, &P.receive_maximum, 1, 65535),
	ARG("ifaddr", 0, LIST, .to = &P.sources),
	NUM("num-retry-connect", 0, NUMBER, &P.connect_retries, 0, 1000000),
	NUM("reconnect", 0, NUMBER, &P.reconnects, 0, 1000000),
	NUM("reconnect-delay", 0, MS, &P.reconnect_delay, 1, 86400000),
	NUM("flap", 0, MS, &P.flap, 1, 86400000),
	ARG("will-topic", 0, TEXT, .to = &P.will_topic),
	ARG("will-payload", 0, TEXT, .to = &P.will_payload),
	NUM("will-qos", 0, NUMBER, &P.will_qos, 0, 2),
	ARG("will-retain", 0, BOOL, .to = &P.will_retain),
	NUM("will-delay", 0, NUMBER, &P.will_delay, 0, 4294967295),
	ARG("lowmem", 'l', IGNORED, .to = NULL),
	ARG("topic", 't', CALL, .take = bench_take_topic),
	ARG("topics-payload", 0, CALL, .take = bench_topics_read),
	NUM("qos", 'q', NUMBER, &P.qos, 0, 2),
	ARG("retain", 'r', BOOL, .to = &P.retain),
	NUM("interval_of_msg", 'I', MS, &P.interval, 0, 86400000),
	NUM("min-random-wait", 0, MS, &P.wait_min, 0, 86400000),
	NUM("max-random-wait", 0, MS, &P.wait_max, 0, 86400000),
	NUM("size", 's', NUMBER, &P.size, 0, MQTT_PACKET_MAX),
	ARG("message", 'm', CALL, .take = bench_take_message),
	ARG("random-payload", 0, FLAG, .to = &P.random),
	ARG("payload-hdrs", 0, CALL, .take = bench_take_headers),
	ARG("no-stamp", 0, IGNORED, .to = NULL),     /* see take() */
	NUM("limit", 'L', NUMBER, &P.limit, 0, 1000000000000),
	ARG("keep-connected", 0, FLAG, .to = &P.keep_connected),
	NUM("inflight", 'F', NUMBER, &P.inflight, 0, 65535),
	ARG("wait-before-publishing", 'w', FLAG, .to = &P.wait),
	NUM("message-expiry", 0, NUMBER, &P.message_expiry, 1, 4294967295),
	ARG("topic-alias", 0, FLAG, .to = &P.topic_alias),
	ARG("content-type", 0, TEXT, .to = &P.content_type),
	ARG("user-property", 0, CALL, .take = bench_take_property),
	ARG("response-topic", 0, TEXT, .to = &P.response_topic),
	ARG("correlation", 0, TEXT, .to = &P.correlation),
	ARG("no-local", 0, FLAG, .to = &P.no_local),
	ARG("retain-as-published", 0, FLAG, .to = &P.retain_as_published),
	NUM("retain-handling", 0, NUMBER, &P.retain_handling, 0, 2),
	NUM("subscription-id", 0, NUMBER, &P.subscription_id, 1, 268435455),
	NUM("clock-error", 0, NUMBER, &P.clock_error, 1, 1000000),
	ARG("quic", 0, HINT, .hint = "there is no QUIC transport"),
	ARG("load-qst", 0, HINT, .hint = "there is no QUIC transport"),
	ARG("retry-interval", 0, HINT, .hint = "MQTT allows to send again only "
	    "after a reconnect: use --reconnect N -C false"),
	ARG("signature-algs", 0, HINT, .hint = "set them in OpenSSL's "
	    "configuration file"),
	ARG("keyex-algs", 0, HINT, .hint = "set them in OpenSSL's configuration "
	    "file"),
	ARG("force-major-gc-interval", 0, HINT, .hint = "there is no garbage to "
	    "collect"),
	ARG("qoe", 'Q', HINT, .hint = "all distributions are recorded always"),
	ARG("qoelog", 0, HINT, .hint = "see -- --csv and --json-file"),
	ARG("prometheus", 0, HINT, .hint = "see swarm --help for its outputs, "
	    "given after --"),
	ARG("restapi", 0, HINT, .hint = "the web page has an API: see swarm "
	    "--help, given after --"),
	ARG("log_to", 0, HINT, .hint = "see -- --quiet"),
	ARG("dist", 'd', HINT, .hint = "see swarm --help for --master and "
	    "--worker"),
};

#define COUNT (sizeof args / sizeof *args)
#define NAME(a) ((a)->option + 2)
#define FIRST 256                       /* of values of long options */

void bench_args_each(void (*fn)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < COUNT; i++) {
		if (args[i].kind != HINT)
			fn(NAME(&args[i]), arg);
	}
}

static int number(const struct arg *a, long *to)
{
	return cmdline_whole(a->option, optarg, a->min, a->max, to);
}

/* Milliseconds on the command line, seconds here. */
static int milliseconds(const struct arg *a, double *to)
{
	long n;

	if (number(a, &n) == -1)
		return -1;
	*to = (double)n / 1000;
	return 0;
}

static bool is_true(const char *s)
{
	return strcmp(s, "true") == 0 || strcmp(s, "1") == 0;
}

static bool is_false(const char *s)
{
	return strcmp(s, "false") == 0 || strcmp(s, "0") == 0;
}

static int boolean(const struct arg *a, bool *to)
{
	if (!is_true(optarg) && !is_false(optarg)) {
		swarm_error("%s %s: give true or false", a->option, optarg);
		return -1;
	}
	*to = is_true(optarg);
	return 0;
}

/* A word after a flag that says which way it is meant, as emqtt-bench
 * takes it. */
static int flag(bool *to, int argc, char **argv)
{
	*to = true;
	if (optind < argc && (is_true(argv[optind]) || is_false(argv[optind])))
		*to = is_true(argv[optind++]);
	return 0;
}

static int take_interval(const char *value)
{
	long n;

	if (cmdline_whole("--interval", value, 0, 3600000, &n) == -1)
		return -1;
	P.rate = n ? 1000.0 / (double)n : 100000;
	return 0;
}

static int take_rate(const char *value)
{
	long n;

	if (cmdline_whole("--connrate", value, 1, 1000000, &n) == -1)
		return -1;
	P.rate = (double)n;
	return 0;
}

static int take_ssl_version(const char *value)
{
	P.tls = true;
	return bench_take_tls_version(value);
}

static int take(const struct arg *a, int argc, char **argv)
{
	switch (a->kind) {
	case FLAG:
		return flag(a->to, argc, argv);
	case BOOL:
		return boolean(a, a->to);
	case NUMBER:
		return number(a, a->to);
	case MS:
		return milliseconds(a, a->to);
	case TEXT:
		*(const char **)a->to = optarg;
		return 0;
	case LIST:
		return bench_take_list(a->to, NAME(a), optarg);
	case CALL:
		return a->take(optarg);
	case IGNORED:
		if (strcmp(a->option, "--no-stamp") == 0)
			P.stamp = false;
		return 0;
	default:
		swarm_error("%s: %s", a->option, a->hint);
		return -1;
	}
}

static int take_mode(const char *word)
{
	static const char *const names[] = { "conn", "pub", "sub", "pubsub" };

	for (size_t i = 0; word && i < sizeof names / sizeof *names; i++) {
		if (strcmp(word, names[i]) == 0) {
			P.mode = (enum bench_mode)i;
			return 0;
		}
	}
	swarm_error("say what to do: swarm mqtt conn|pub|sub|pubsub ...; see "
	    "swarm mqtt --help");
	return -1;
}

static bool has_value(const struct arg *a)
{
	return a->kind != FLAG && a->kind != IGNORED && a->kind != HINT;
}

/* The tables that getopt_long() wants; the last long one is --help. */
static void tables(char *letters, struct option options[COUNT + 2])
{
	*letters++ = '+';
	*letters++ = ':';
	for (size_t i = 0; i < COUNT; i++) {
		options[i] = (struct option){ NAME(&args[i]),
			has_value(&args[i]), NULL, FIRST + (int)i };
		if (!args[i].letter)
			continue;
		*letters++ = (char)args[i].letter;
		if (has_value(&args[i]))
			*letters++ = ':';
	}
	*letters = 0;
	options[COUNT] = (struct option){ "help", no_argument, NULL,
		FIRST + COUNT };
	options[COUNT + 1] = (struct option){ NULL, 0, NULL, 0 };
}

static const struct arg *find(int opt)
{
	if (opt >= FIRST)
		return &args[opt - FIRST];
	for (size_t i = 0; i < COUNT; i++) {
		if (args[i].letter == opt)
			return &args[i];
	}
	return NULL;
}

static int read_all(int argc, char **argv)
{
	struct option options[COUNT + 2];
	char letters[2 * COUNT + 3];
	int opt;

	tables(letters, options);
	optind = 2;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (opt == FIRST + (int)COUNT)
			return 1;
		if (opt == '?' || opt == ':')
			return cmdline_refuse("swarm mqtt", opt, argv);
		if (take(find(opt), argc, argv) == -1)
			return -1;
	}
	if (optind == argc)
		return 0;
	swarm_error("\"%s\" is not expected here; see swarm mqtt --help",
	    argv[optind]);
	return -1;
}

static void **kept;
static size_t kept_count;

void *bench_args_keep(void *p)
{
	void **grown = realloc(kept, (kept_count + 1) * sizeof *kept);

	/* Without memory it is only not freed at the end. */
	if (grown) {
		kept = grown;
		kept[kept_count++] = p;
	}
	return p;
}

void bench_args_forget(void)
{
	for (size_t i = 0; i < kept_count; i++)
		free(kept[i]);
	free(kept);
	kept = NULL;
	kept_count = 0;
}

int bench_args_read(int argc, char **argv)
{
	int rc;

	bench_args_forget();
	P = (struct bench_plan){
		.version = 5, .count = 200, .rate = 100, .keepalive = 300,
		.interval = 1, .inflight = 1, .size = 256, .stamp = true,
		.clean = true, .reconnect_delay = 1, .clock_error = 10,
	};
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "help") == 0))
		return 1;
	if (take_mode(argc > 1 ? argv[1] : NULL) == -1)
		return -1;
	rc = read_all(argc, argv);
	return rc ? rc : bench_take_complete();
}
