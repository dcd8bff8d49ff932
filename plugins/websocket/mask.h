/* Whether the server masks its frames, which it must not. */
#ifndef WEBSOCKET_MASK_H
#define WEBSOCKET_MASK_H

struct ws;

/* [worker] Before the library reads. */
void mask_look(struct ws *);

#endif
