/*
 * A criterion of one's own: how fast an error budget burns.  Of what was
 * promised (99.9 % without error, say) a rate of 1 uses all in its time, and a
 * rate of 10 in a tenth of it.  It is computed from the figures of each second
 * and recorded as a metric, so that criteria, outputs and the page have it:
 *
 *	--plugin burn.so --fail-if 'external(burn_rate) > 10 for 30s'
 */
#include <swarm/hooks.h>
#include <swarm/measure.h>
#include <swarm/sink.h>
#include <swarm/swarm.h>

#define SECONDS_MAX 3600

static double objective;
static double window;

/* The last seconds, in a ring. */
static struct {
	uint64_t requests[SECONDS_MAX];
	uint64_t failures[SECONDS_MAX];
	size_t next;
	unsigned test;
} past;

static double burn_rate(void)
{
	uint64_t requests = 0, failures = 0;

	for (size_t i = 0; i < (size_t)window; i++) {
		requests += past.requests[i];
		failures += past.failures[i];
	}
	return requests == 0 ? 0 : (double)failures / (double)requests /
	    (1 - objective / 100);
}

static void interval(const struct swarm_sink_interval *i)
{
	if (i->test != past.test)
		past = (typeof(past)){ .test = i->test };
	past.requests[past.next] = i->total->requests;
	past.failures[past.next] = i->total->failures;
	past.next = (past.next + 1) % (size_t)window;
	swarm_record(swarm_metric(SWARM_GAUGE, "burn_rate", NULL),
	    burn_rate());
}

static const struct swarm_hooks hooks = {
	SWARM_IFACE(struct swarm_hooks, 0),
	.interval = interval,
};

static int load(void)
{
	if (objective > 0 && objective < 100 && window >= 1 &&
	    window <= SECONDS_MAX)
		return 0;
	swarm_error("objective is percent, above 0 and below 100; window is "
	    "1s to 1h");
	return -1;
}

SWARM_MODULE(
	.name    = "burn",
	.version = "1.0",
	.summary = "how fast an error budget burns, as a criterion",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(objective, "99.9", "percent without error"),
		SWARM_OPTION_DURATION(window, "60s", "looked back at")),
	.exports = SWARM_EXPORTS({ SWARM_HOOKS_ID, &hooks.head }),
	.load    = load,
);
