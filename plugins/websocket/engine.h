/*
 * libwebsockets on the worker's loop.  Every call into the library for a
 * socket is made between engine_enter() and engine_leave().
 */
#ifndef WEBSOCKET_ENGINE_H
#define WEBSOCKET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

struct ws;
struct lws_protocols;

/* [worker] Makes the context; 0, or -1 after swarm_error(). */
int engine_start(const struct lws_protocols *);
void engine_stop(void);

/* [worker] Starts connecting to a numeric address; 0, or -1 after client_fail()
 * when it failed at once (client_ended() was or was not called). */
int engine_connect(struct ws *, const char *address);

void engine_enter(struct ws *);
/* The socket may be gone from the library after it: then wsi is NULL. */
void engine_leave(struct ws *);

/* [worker] Starts the close handshake.  Only while its buffer is empty. */
void engine_close(struct ws *, int code, const char *reason, size_t len);
/* [worker] Ends it at once or, from within the library, as soon as that is
 * back. */
void engine_kill(struct ws *);
/*
 * [worker] In a callback of the library no socket may be closed.  True: then
 * it is seen to afterwards what is to become of this one (it is freed, refused
 * or to be killed).  False: not in a callback, and nothing is put off.
 */
bool engine_defer(struct ws *);

#endif
