/* Feeders of modules, which the feeds of a scenario find by name. */
#include "module/internal.h"

#include <swarm/feeder.h>

#include <string.h>

struct search {
	const char *name;
	size_t len;
	const struct swarm_feeder *found;
};

static void match(struct module *m, const struct swarm_iface *iface,
    void *arg)
{
	const struct swarm_feeder *f = (const void *)iface;
	struct search *search = arg;

	(void)m;
	if (iface->size >= sizeof(*f) && f->name && f->fetch &&
	    strlen(f->name) == search->len &&
	    memcmp(f->name, search->name, search->len) == 0)
		search->found = f;
}

/* Of those whose options are set and load() is done, or which load now. */
const struct swarm_feeder *feeders_find(const char *name, size_t len)
{
	struct search search = { .name = name, .len = len };

	module_each_export(SWARM_FEEDER_ID, match, &search);
	return search.found;
}
