/*
 * The protocols that scripts may require.  Each is an interface of another
 * plugin, imported only when a script names it, so that a script for MQTT
 * needs no HTTP client.  One is added by a file like http.c and a line here.
 */
#include "own.h"

#include <string.h>

static struct protocol *const protocols[] = { &http_protocol,
	&mqtt_protocol, &websocket_protocol, &postgres_protocol,
	&grpc_protocol, &llm_protocol };

#define COUNT (sizeof(protocols) / sizeof(protocols[0]))

static struct protocol *find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strlen(protocols[i]->name) == len &&
		    memcmp(protocols[i]->name, name, len) == 0)
			return protocols[i];
	return NULL;
}

bool protocols_import(const char *name, size_t len)
{
	struct protocol *p = find(name, len);

	if (!p)
		return false;
	if (!p->wanted)
		swarm_import(p->import);
	p->wanted = true;
	return true;
}

bool protocols_push(lua_State *L, const char *name)
{
	const struct protocol *p = find(name, strlen(name));

	if (!p)
		return false;
	if (!p->wanted || !*p->import->slot)
		luaL_error(L, "write require \"%s\" with the name as it is, "
		    "so that swarm finds it before the script runs", name);
	p->open(L);
	return true;
}
