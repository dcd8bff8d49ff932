/* DNS over UDP, for scenarios. */
#ifndef DNS_H
#define DNS_H

#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DNS_ID    "example.dns/1"
#define DNS_MINOR 0

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_MX = 15, DNS_TXT = 16,
	DNS_AAAA = 28 };

struct dns_api {
	struct swarm_iface head;
	int (*query)(struct swarm_user *, const char *name,
	    enum dns_type type);
};

SWARM_IMPORT(dns_api, dns_api_, DNS_ID, DNS_MINOR)

/* [fiber] Asks the server at --host ADDRESS:PORT.  How many records it has
 * answered, or -1; a sample either way. */
static inline int dns_query(struct swarm_user *u, const char *name,
    enum dns_type type)
{
	return dns_api_->query(u, name, type);
}

#ifdef __cplusplus
}
#endif
#endif
