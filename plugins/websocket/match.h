/* Whether a message is the one waited for. */
#ifndef WEBSOCKET_MATCH_H
#define WEBSOCKET_MATCH_H

#include <swarm/websocket.h>

/* NULL when the expressions in it can be used, else what is wrong; compiles
 * what needs it, once. */
const char *match_check(const struct ws_match *);
/* Only after match_check() found nothing. */
bool match_holds(const struct ws_match *, const struct ws_message *);
/* Forgets compiled expressions. */
void match_release(void);

#endif
