/*
 * WebSocket as MQTT uses it (RFC 6455; MQTT 5, section 6): the opening
 * handshake and frames, as bytes in and bytes out.  MQTT packets are not
 * aligned with frames: what frames carry is one stream.
 */
#ifndef FASTMQTT_WS_H
#define FASTMQTT_WS_H

#include "codec.h"

/* The text of a Sec-WebSocket-Key with its NUL. */
#define WS_KEY_BYTES 25

enum ws_event {
	WS_MORE,                        /* all input is taken */
	WS_DATA,                        /* a piece of the stream */
	WS_PING,                        /* with what a pong must repeat */
	WS_CLOSE,
	WS_BAD,
};

/* Takes frames apart; all zero at first. */
struct ws_reader {
	uint64_t left;                  /* payload bytes still to come */
	size_t have;                    /* bytes of `head` */
	uint8_t head[10];
	bool in_payload;
	bool in_message;                /* a continuation may follow */
	uint8_t opcode;
	uint8_t control[125];
	size_t control_len;
};

/*
 * Takes bytes off *data and *len until something has happened.  *out points
 * at a piece of the input, or for WS_PING into the reader; *why at a constant
 * text for WS_BAD.
 */
enum ws_event ws_read(struct ws_reader *, const uint8_t **data, size_t *len,
    struct codec_span *out, const char **why);

/* Appends a frame, masked; `mask` should differ from frame to frame. */
int ws_put_frame(struct codec_buf *, unsigned opcode, const void *data,
    size_t len, uint32_t mask);
#define WS_BINARY 2u
#define WS_PONG 10u

/* Appends the request; writes the key that the answer must match. */
int ws_put_request(struct codec_buf *, const char *host, unsigned port,
    const char *path, const uint8_t random[16], char key[WS_KEY_BYTES]);
/* The answer's header, NUL-terminated: 0, or -1 with *why. */
int ws_check_answer(const char *header, const char *key, const char **why);

#endif
