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
#include <stdint.h>

struct lws;
struct lws_context;
struct lws_context_creation_info;
struct lws_plugin_evlib;

#define EVLIB_EXPORT __attribute__((visibility("default")))

/* [main] What the next contexts are given; must outlive them. */
EVLIB_EXPORT void evlib_offer(const struct lws_plugin_evlib *);
/* [main] Whether a context has asked for it. */
EVLIB_EXPORT bool evlib_taken(void);

/* As libwebsockets has them; private to its version. */
enum { EVLIB_READ = 1, EVLIB_WRITE = 2, EVLIB_START = 4, EVLIB_STOP = 8 };

struct lws_event_loop_ops {
	const char *name;
	int (*init_context)(struct lws_context *,
	    const struct lws_context_creation_info *);
	int (*destroy_context1)(struct lws_context *);
	int (*destroy_context2)(struct lws_context *);
	int (*init_vhost_listen_wsi)(struct lws *);
	int (*init_pt)(struct lws_context *, void *loop, int tsi);
	int (*wsi_logical_close)(struct lws *);
	int (*check_client_connect_ok)(struct lws *);
	void (*close_handle_manually)(struct lws *);
	int (*sock_accept)(struct lws *);
	void (*io)(struct lws *, int flags);
	void (*run_pt)(struct lws_context *, int tsi);
	void (*destroy_pt)(struct lws_context *, int tsi);
	void (*destroy_wsi)(struct lws *);
	uint8_t flags;
	uint16_t evlib_size_ctx;
	uint16_t evlib_size_pt;
	uint16_t evlib_size_vh;
	uint16_t evlib_size_wsi;
};

#endif
