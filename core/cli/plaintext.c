/* See the header. */
#include "cli/plaintext.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

bool plaintext_is_local(const char *host)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return strcasecmp(host, "localhost") == 0 ||
	    strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0 ||
	    strcmp(host, "lo") == 0;
}

int plaintext_check_port(const struct options *o)
{
	const char *keys = o->relay ? o->relay_keys : o->keys;

	if (keys != NULL || o->plaintext ||
	    plaintext_is_local(o->master_bind_host))
		return 0;
	log_error("without keys anyone who reaches port %lld on %s could join "
	    "the fleet: make keys with `swarm keys FOLDER` and give %s "
	    "FOLDER/master.key; or --master-bind-host 127.0.0.1 for workers "
	    "of this machine; or --plaintext if all who can reach it may join "
	    "(Locust's workers know no keys)",
	    (long long)o->master_bind_port,
	    strcmp(o->master_bind_host, "*") == 0 ? "any address" :
	    o->master_bind_host, o->relay ? "--relay-keys" : "--keys");
	return -1;
}

int plaintext_check_way(const struct options *o)
{
	if (o->keys != NULL || o->plaintext ||
	    plaintext_is_local(o->master_host))
		return 0;
	log_error("without keys anyone on the way to %s could give this "
	    "worker orders: give the fleet's --keys worker.key (`swarm keys` "
	    "makes it), or --plaintext if the network is yours alone or the "
	    "master is Locust's", o->master_host);
	return -1;
}
