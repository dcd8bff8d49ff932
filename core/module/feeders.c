/* Feeders of modules, which the feeds of a scenario find by name. */
#include "module/internal.h"

#include <swarm/feeder.h>

#include <string.h>

struct search {
	const char *name;
	size_t len;
	const struct swarm_iface *found;
};

/* Up to what every feeder has. */
#define LEAST offsetof(struct swarm_feeder, release)

static void match(struct module *m, const struct swarm_iface *iface,
    void *arg)
{
	const struct swarm_feeder *f = (const void *)iface;
	struct search *search = arg;

	(void)m;
	if (iface->size >= LEAST && f->name && f->fetch &&
	    strlen(f->name) == search->len &&
	    memcmp(f->name, search->name, search->len) == 0)
		search->found = iface;
}

/* Of those whose options are set and load() is done, or which load now. */
const struct swarm_feeder *feeders_find(const char *name, size_t len)
{
	/* At this host's size, until the next one is looked for. */
	static struct swarm_feeder feeder;
	struct search search = { .name = name, .len = len };

	module_each_export(SWARM_FEEDER_ID, match, &search);
	if (!search.found)
		return NULL;
	memset(&feeder, 0, sizeof(feeder));
	memcpy(&feeder, search.found, search.found->size < sizeof(feeder) ?
	    search.found->size : sizeof(feeder));
	return &feeder;
}
