/*
 * /metrics: the totals as Prometheus scrapes them.  Written on the loop, from
 * the statistics themselves, because a snapshot holds no histograms; a scrape
 * every few seconds costs the loop as much as one of its own ticks.
 */
#include "web/metrics.h"

#include "web/command.h"

static void finish_metrics(struct command *c, struct http_call *call)
{
	if (c->rc == -1) {
		http_text(call, 500, "There are no metrics.");
		http_send(call);
		return;
	}
	command_give_body(c, call);
	call->type = "text/plain; version=0.0.4; charset=utf-8";
	http_header(call, "cache-control:", "no-store");
	http_send(call);
}

static bool metrics(struct http_call *call)
{
	struct command *c = command_new(call, COMMAND_METRICS, finish_metrics);

	command_submit(c);
	return false;
}

const struct http_route metrics_routes[] = {
	{ "/metrics", HTTP_READS, metrics },
	{ NULL, 0, NULL },
};
