/*
 * The plugin dns: the table that swarm reads.  C's macros write it, since they
 * know the ABI; the client is Rust (client.rs).
 */
#include "dns.h"

#include <swarm/swarm.h>

int dns_client_query(struct swarm_user *, void *session, double timeout,
    const char *name, uint16_t type);
void dns_client_close(struct swarm_user *, void *session);

static double timeout;
static int slot;

static int query(struct swarm_user *u, const char *name, enum dns_type type)
{
	return dns_client_query(u, swarm_slot(u, slot), timeout, name,
	    (uint16_t)type);
}

static const struct dns_api api = {
	SWARM_IFACE(struct dns_api, DNS_MINOR),
	.query = query,
};

static int load(void)
{
	slot = swarm_slot_new(sizeof(void *), dns_client_close);
	return 0;
}

SWARM_MODULE(
	.name    = "dns",
	.version = "1.0",
	.summary = "DNS over UDP, in Rust",
	.options = SWARM_OPTIONS(
		SWARM_OPTION_DURATION(timeout, "5s", "of a query")),
	.exports = SWARM_EXPORTS({ DNS_ID, &api.head }),
	.load    = load,
);
