/*
 * Packets of Engine.IO 4 and Socket.IO 5 as text: one digit of the first, and
 * within a message one of the second.
 */
#ifndef SOCKETIO_PACKET_H
#define SOCKETIO_PACKET_H

#include <stdbool.h>
#include <stddef.h>

enum packet_type {
	PACKET_CONNECT = '0',
	PACKET_DISCONNECT = '1',
	PACKET_EVENT = '2',
	PACKET_ACK = '3',
	PACKET_ERROR = '4',
};

struct packet {
	enum packet_type type;
	const char *space;              /* "/" when none is named */
	size_t space_len;
	bool has_id;
	unsigned long long id;
	const char *data;               /* JSON, or nothing */
	size_t len;
};

/* False: another packet, or none. */
bool packet_read(struct packet *, const char *text, size_t len);
bool packet_in(const struct packet *, const char *space);
/* Within the brackets of an acknowledgement; NULL: it has none. */
const char *packet_values(const struct packet *, size_t *len);
/* Behind the name of the event, when it is that one, else NULL. */
const char *packet_event(const struct packet *, const char *event,
    size_t *len);
/* Whether an event's name can be sent as it is. */
bool packet_is_plain(const char *event);

#endif
