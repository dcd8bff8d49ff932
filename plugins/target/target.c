/*
 * `swarm target`: a server to try load on.  HTTP/1.1 and WebSocket echo on
 * loopback, with service times, capacity, stalls and errors as asked: what a
 * newcomer without a server tries first, and the reference that swarm's own
 * statistics are proved against.
 */
#include "target.h"

#include <swarm/swarm.h>
#include <swarm/command.h>

#include <stdlib.h>
#include <string.h>

struct target target = { .delay = { .kind = DELAY_FIXED }, .speed = 1,
	.size = 3 };

static char host[256] = "127.0.0.1";
static char port[16] = "8080";

static int set_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *number = colon != NULL ? colon + 1 : text;
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;

	/* [::1]:8080 */
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len >= sizeof host || strlen(number) >= sizeof port ||
	    strspn(number, "0123456789") != strlen(number) ||
	    number[0] == '\0')
		return -1;
	if (len > 0) {
		memcpy(host, text, len);
		host[len] = '\0';
	}
	memcpy(port, number, strlen(number) + 1);
	return 0;
}

/* "2s/20s": two seconds of every twenty. */
static int set_freeze(const char *text)
{
	const char *slash = strchr(text, '/');
	struct delay part;
	char first[64];

	if (slash == NULL || (size_t)(slash - text) >= sizeof first)
		return -1;
	memcpy(first, text, (size_t)(slash - text));
	first[slash - text] = '\0';
	if (delay_parse(&part, first) == -1 || part.kind != DELAY_FIXED)
		return -1;
	target.freeze = part.a;
	if (delay_parse(&part, slash + 1) == -1 || part.kind != DELAY_FIXED)
		return -1;
	target.freeze_period = part.a;
	return target.freeze < target.freeze_period ? 0 : -1;
}

static int set_number(const char *text, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && *end == '\0' && *out >= 0 && *out <= max ? 0 :
	    -1;
}

static int set_option(const char *name, const char *value)
{
	double n = 0;
	int rc = -1;

	if (strcmp(name, "--listen") == 0)
		return set_listen(value);
	if (strcmp(name, "--delay") == 0)
		return delay_parse(&target.delay, value);
	if (strcmp(name, "--freeze") == 0)
		return set_freeze(value);
	if (strcmp(name, "--servers") == 0) {
		rc = set_number(value, 1e6, &n);
		target.servers = (int)n;
	} else if (strcmp(name, "--errors") == 0) {
		rc = set_number(value, 1, &target.errors);
	} else if (strcmp(name, "--size") == 0) {
		rc = set_number(value, 64e6, &n);
		target.size = (int64_t)n;
	}
	return rc;
}

static enum swarm_command_result setup(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc || set_option(argv[i], argv[i + 1]) == -1) {
			swarm_error("\"%s%s%s\" is not understood; see swarm "
			    "target --help", argv[i], i + 1 < argc ? " " : "",
			    i + 1 < argc ? argv[i + 1] : "");
			return SWARM_COMMAND_ERROR;
		}
	}
	return SWARM_COMMAND_ONCE;
}

static int once(struct swarm_user *u)
{
	if (delay_init() == -1)
		return 2;
	target.started = swarm_now();
	return server_run(u, host, port);
}

static const struct swarm_command command = {
	SWARM_IFACE(struct swarm_command, 0),
	.name = "target",
	.summary = "a server to try load on: HTTP and WebSocket echo",
	.help =
	"usage: swarm target [--listen ADDRESS:PORT] [option value ...]\n"
	"\n"
	"  --listen ADDRESS:PORT  where (default 127.0.0.1:8080; port 0: any)\n"
	"  --delay TIME           service time: 5ms, exp:5ms, uniform:1ms-9ms\n"
	"                         or lognormal:5ms,0.8 (median, sigma)\n"
	"  --servers N            requests worked on at once, the others wait\n"
	"                         in order (default: no limit)\n"
	"  --freeze TIME/PERIOD   answers nothing for TIME of every PERIOD\n"
	"  --errors SHARE         this share is answered with 500 (0 to 1)\n"
	"  --size BYTES           length of a body (default 3)\n"
	"\n"
	"Paths: /delay/TIME /status/CODE /bytes/N /echo /stats; others as above.\n"
	"POST /speed?x=0.5 halves its speed while it runs, x=1 restores it.\n",
	.setup = setup,
	.once = once,
};

static void worker_stop(void)
{
	delay_release();
}

SWARM_MODULE(
	.name = "target",
	.version = SWARM_VERSION,
	.summary = "a server to try load on",
	.exports = SWARM_EXPORTS({ SWARM_COMMAND_ID, &command.head }),
	.worker_stop = worker_stop,
);
