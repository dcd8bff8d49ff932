/* Lines of text in datagrams, as many as fit into one. */
#ifndef EXPORTERS_UDP_H
#define EXPORTERS_UDP_H

#include "text.h"

struct udp;

/* [main] "HOST:PORT" or "[ADDRESS]:PORT"; without a port `port`.  NULL after
 * swarm_error(). */
struct udp *udp_new(const char *target, const char *port);
/* Sends whole lines.  0, or -1 after swarm_sink_fail() when nothing at all
 * could be sent (the name is not known, there is no way there).  That nobody
 * listens is said once; UDP has no receipts. */
int udp_send(struct udp *, const struct text *lines);
void udp_free(struct udp *);

#endif
