/*
 * Stands in for two functions of libwebsockets: see evlib.h.  The originals
 * look into the system's library folder only, and what swarm offers is not
 * there.  Nothing is loaded here and nothing is unloaded.
 */
#include "evlib.h"

#include <libwebsockets.h>
#include <string.h>

static const lws_plugin_evlib_t *offered;
static bool taken;

void evlib_offer(const struct lws_plugin_evlib *evlib)
{
	offered = evlib;
	taken = false;
}

bool evlib_taken(void)
{
	return taken;
}

EVLIB_EXPORT int lws_plugins_init(struct lws_plugin **list,
    const char *const *dirs, const char *class, const char *filter,
    each_plugin_cb_t each, void *arg)
{
	static struct lws_plugin entry;

	(void)dirs;
	(void)filter;
	(void)each;
	(void)arg;
	if (offered && strcmp(class, "lws_evlib_plugin") == 0) {
		entry = (struct lws_plugin){ .hdr = &offered->hdr };
		*list = &entry;
		taken = true;
	}
	return 0;
}

EVLIB_EXPORT int lws_plugins_destroy(struct lws_plugin **list,
    each_plugin_cb_t each, void *arg)
{
	(void)each;
	(void)arg;
	*list = NULL;
	return 0;
}
