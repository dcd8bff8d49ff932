/*
 * How libwebsockets comes to run on another's loop: it asks lws_plugins_init()
 * for an event library, by name and from a folder of the system, and the
 * definition here answers with one that is in the process already.
 *
 * A shared object of its own, because the name must be visible to
 * libwebsockets, and a module exports one name only.  It must come before
 * libwebsockets among what the module is linked with.
 */
#ifndef WEBSOCKET_EVLIB_H
#define WEBSOCKET_EVLIB_H

#include <stdbool.h>

struct lws_plugin_evlib;

#define EVLIB_EXPORT __attribute__((visibility("default")))

/* [main] What the next contexts are given; must outlive them. */
EVLIB_EXPORT void evlib_offer(const struct lws_plugin_evlib *);
/* [main] Whether a context has asked for it. */
EVLIB_EXPORT bool evlib_taken(void);

#endif
