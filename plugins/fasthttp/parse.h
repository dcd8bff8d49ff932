/*
 * The answers of HTTP/1.1 servers, bytes in and events out (RFC 9112).  No
 * I/O; the only memory it takes is for a head that arrives in pieces.
 */
#ifndef FASTHTTP_PARSE_H
#define FASTHTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARSE_HEAD_MAX    ((size_t)64 * 1024)   /* status line and headers */
#define PARSE_HEADERS_MAX 256
#define PARSE_INTERIM_MAX 16                    /* 1xx answers before one */
#define PARSE_EXTRA_MAX   ((size_t)64 * 1024)   /* extensions and trailers */

enum parse_event {
	PARSE_MORE,                     /* all bytes eaten: feed more */
	PARSE_HEAD,                     /* status and headers are known */
	PARSE_DATA,                     /* a piece of the body */
	PARSE_DONE,                     /* the answer is whole */
	PARSE_ERROR,                    /* `error` says why; for good */
};

enum parse_coding { PARSE_IDENTITY, PARSE_GZIP, PARSE_DEFLATE, PARSE_OTHER };

struct parse {
	/* Known from PARSE_HEAD on. */
	int status;
	int minor;                      /* of HTTP/1.x */
	bool keep_alive;                /* the connection may be used again */
	bool has_length;                /* Content-Length was there */
	bool to_the_end;                /* the body ends with the connection */
	bool has_cookies;               /* there is a Set-Cookie */
	bool started;                   /* any byte has arrived */
	uint64_t length;
	enum parse_coding coding;
	/* The header lines, each with its CRLF; valid until the next call. */
	const char *head;
	size_t head_len;
	const char *location;           /* within head, or NULL */
	size_t location_len;

	const char *data;               /* of PARSE_DATA; points at the input */
	size_t data_len;
	const char *error;              /* of PARSE_ERROR; a static text */

	/* The parser's own. */
	int state;
	bool no_body;                   /* the answer to HEAD */
	bool chunked;
	bool has_transfer;
	bool says_close;
	bool says_keep_alive;
	unsigned headers;
	unsigned interim;
	size_t line;                    /* where the current line starts */
	size_t seen;                    /* up to where it has been searched */
	size_t first_line;              /* length of the status line */
	size_t location_at;
	uint64_t left;                  /* bytes of the body or chunk to come */
	unsigned digits;
	size_t extra;
	char *buf;                      /* a head in pieces */
	size_t buf_len;
	size_t buf_cap;
};

/* Before each answer.  `to_head`: the request's method was HEAD. */
void parse_start(struct parse *, bool to_head);
/* Eats from *at, moving it, until something is to be told. */
enum parse_event parse_next(struct parse *, const char **at, const char *end);
/* The connection has ended: PARSE_DONE when that ends the body, else
 * PARSE_ERROR. */
enum parse_event parse_end(struct parse *);
/* Frees what it holds; parse_start() may follow. */
void parse_release(struct parse *);

#endif
