/*
 * The address of a broker, as users write it: mqtt://host:port and its kin.
 */
#ifndef MQTT_URL_H
#define MQTT_URL_H

#include <stdbool.h>
#include <stdint.h>

struct url {
	bool tls;
	bool websocket;
	bool numeric;                   /* an IPv6 address in brackets */
	uint16_t port;
	char host[256];
	char path[256];                 /* of a WebSocket */
};

/* 0, or -1 with *why, a constant text. */
int url_parse(struct url *, const char *text, const char **why);

#endif
