/* What the files of this room share while a server runs. */
#ifndef WEB_CONTEXT_H
#define WEB_CONTEXT_H

#include "stats/history.h"
#include "web/snapshot.h"
#include "web/transport.h"
#include "web/web.h"

struct context {
	const struct web_options *options;
	const struct web_transport *transport;
	struct history *history;
	bool loopback;                  /* bound to this machine only */
	double started;                 /* unix */
};

/* Constant while the web thread runs. */
const struct context *context_get(void);
void context_set(const struct context *);
/* [any thread] The newest snapshot, counted; never NULL after web_start(). */
struct snapshot *context_snapshot(void);
/* Publishes; takes over the caller's reference.  NULL drops it. */
void context_publish(struct snapshot *);
/* As they were at that moment. */
const struct web_class *context_classes(const struct snapshot *);
const struct web_setting *context_settings(const struct snapshot *);

#endif
