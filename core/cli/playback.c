/*
 * See the header.
 *
 * The core knows no format: a plugin whose name ends in "_trace" is loaded for
 * a replay, and every module that was loaded may offer a trace.  Which one it
 * is, is told by --format or found by asking each of them how sure it is.
 */
#include "cli/playback.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <swarm/trace.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cli/options.h"
#include "cli/role.h"
#include "module/find.h"
#include "module/module.h"
#include "run/trace.h"
#include "user/replay.h"

#define HEAD  4096
#define OURS  "_trace"

static struct trace_options trace;

static const char usage[] =
"usage: swarm replay FILE -H URL [--speed 2] [options]\n"
"\n"
"Sends again what an access log (common or combined), NDJSON or a HAR file\n"
"holds, at its distances in time; see swarm-replay(1), and the group Replay of\n"
"swarm --help.  Only requests that change nothing are sent unless --methods\n"
"says otherwise.\n"
"\n"
"  swarm replay access.log -H http://127.0.0.1:8080 --speed 10\n"
"  swarm replay access.log.gz -H http://test.shop --from +1h --to +2h\n"
"  swarm replay shop.har -H https://test.shop --methods all\n";

int playback_main(int argc, char **argv)
{
	bool asked = argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0);

	if (!asked)
		log_error("swarm replay: the file comes first, then options");
	fputs(usage, asked ? stdout : stderr);
	return asked ? EXIT_PASSED : EXIT_USAGE;
}

bool playback_word(int argc, char **argv)
{
	static char option[] = "--replay";

	if (argc < 2 || strcmp(argv[0], "replay") != 0 || argv[1][0] == '-')
		return false;
	argv[0] = option;
	return true;
}

int playback_defaults(struct options *o)
{
	return options_default(o, "headless", "true");
}

/* ---- modules ---- */

int playback_open(void)
{
	struct names found = { 0 };
	int rc = 0;

	find_plugin_names(&found);
	for (size_t i = 0; rc == 0 && i < found.count; i++) {
		if (find_ends_with(found.at[i], OURS) &&
		    module_open_plugin(found.at[i]) == NULL)
			rc = -1;
	}
	names_release(&found);
	return rc;
}

static void offer(struct module *m, const struct swarm_iface *iface,
    void *arg)
{
	const struct swarm_trace *t = (const void *)iface;

	(void)arg;
	if (t->head.size < offsetof(struct swarm_trace, perform) +
	    sizeof t->perform || t->name == NULL || t->help == NULL ||
	    t->open == NULL || t->next == NULL || t->close == NULL ||
	    t->perform == NULL)
		log_warn("%s: its trace is not complete and not used (`swarm "
		    "check` says what it lacks)", m->name);
	else
		replay_offer(t);
}

int playback_offer(void)
{
	module_each_export(SWARM_TRACE_ID, offer, NULL);
	return replay_add_class();
}

/* ---- which ---- */

struct look {
	const char *path;
	char head[HEAD];
	size_t len;
	const struct swarm_trace *best;
	int sure;
};

static void ask(const struct swarm_trace *t, void *arg)
{
	struct look *look = arg;
	int sure = t->probe != NULL ? t->probe(look->path, look->head,
	    look->len) : 0;

	if (sure <= look->sure)
		return;
	look->sure = sure;
	look->best = t;
}

static int read_head(struct look *look)
{
	int fd = open(look->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	if (fd == -1 || fstat(fd, &st) == -1) {
		log_error("cannot read %s: %m", look->path);
	} else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		/* What was read of it would be gone. */
		log_error("%s is no file that can be looked at before it is "
		    "read: say with --format what it is", look->path);
	} else {
		n = read(fd, look->head, sizeof look->head);
		if (n == -1)
			log_error("cannot read %s: %m", look->path);
		else if (n == 0)
			log_error("%s is empty: there is nothing to replay",
			    look->path);
	}
	if (fd != -1)
		close(fd);
	look->len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -1;
}

static const struct swarm_trace *choose(const struct options *o)
{
	struct look *look = xcalloc(1, sizeof *look);
	const struct swarm_trace *t = NULL;
	struct buf names = BUF_INIT(4096);

	look->path = o->replay;
	replay_names(&names);
	if (o->format != NULL) {
		t = replay_find(o->format);
		if (t == NULL)
			log_error("--format %s: there is no such trace; there "
			    "are: %s", o->format, buf_str(&names));
	} else if (read_head(look) == 0) {
		replay_each(ask, look);
		t = look->best;
		if (t == NULL)
			log_error("%s is of none of the formats that can be "
			    "replayed (%s); with --format NAME that one says "
			    "what is wrong with it", o->replay,
			    buf_str(&names));
	}
	buf_release(&names);
	free(look);
	return t;
}

char *playback_plan(const struct options *o)
{
	trace = (struct trace_options){
		.def = choose(o),
		.path = o->replay,
		.user_key = o->user_key,
		.methods = o->methods,
		.from = o->from,
		.to = o->to,
		.speed = o->speed,
		.limit = o->limit,
		.passes = o->passes,
		.window = o->sort_window,
		.max_gap = o->max_gap,
	};
	if (trace.def == NULL)
		return NULL;
	if (o->host == NULL && !trace.def->own_target) {
		log_error("swarm replay needs to know where to: give -H URL");
		return NULL;
	}
	return xasprintf("%s%s:%s", REPLAY_SCHEDULE, o->overlap ? ",overlap" :
	    "", trace.def->name);
}

const struct trace_options *playback_trace(void)
{
	return &trace;
}
