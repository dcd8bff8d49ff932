/* Frames of STOMP 1.2 as bytes: written, read, looked into. */
#ifndef STOMP_FRAME_H
#define STOMP_FRAME_H

#include <swarm/stomp.h>

/* More would be no frame but an attack. */
#define FRAME_HEADERS 128

/* Writes into `to`, or only counts when that is NULL; the bytes. */
struct frame_out {
	char *to;
	size_t len;
	bool plain;                     /* CONNECT: nothing is escaped */
};
void frame_line(struct frame_out *, const char *text);
void frame_header(struct frame_out *, const char *name, const char *value);
void frame_body(struct frame_out *, const char *body, size_t len);

/* The bytes of `value` as they stand in a frame. */
size_t frame_escape(char *to, const char *value);

/*
 * Reads a frame in place: `text` has `len` bytes and a NUL, is changed, and
 * must live as long as the result.  False: it is none.
 */
bool frame_read(struct stomp_frame *, struct stomp_header *room, char *text,
    size_t len);

/* Without changing it: whether the command is that one, and the header, when
 * given, has that value, escaped. */
bool frame_is(const char *text, size_t len, const char *command,
    const char *header, const char *escaped);
/* Nothing but ends of lines. */
bool frame_is_heartbeat(const char *text, size_t len);

#endif
