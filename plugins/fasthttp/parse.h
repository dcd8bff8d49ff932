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

enum parse_event {
	PARSE_MORE,                     /* all bytes eaten: feed more */
	PARSE_HEAD,                     /* status and headers are known */
	PARSE_DATA,                     /* a piece of the body */
	PARSE_DONE,                     /* the answer is whole */
	PARSE_ERROR,                    /* `error` says why; for good */
};

enum parse_coding { PARSE_IDENTITY, PARSE_GZIP, PARSE_DEFLATE, PARSE_OTHER };

/* What the lines of a head say; the same lines say the same. */
struct parse_facts {
	int status;
	int minor;                      /* of HTTP/1.x */
	enum parse_coding coding;
	bool has_length;                /* Content-Length was there */
	bool has_cookies;               /* there is a Set-Cookie */
	bool chunked;
	bool says_close;
	bool says_keep_alive;
	unsigned headers;
	uint64_t length;
	size_t first_line;              /* length of the status line */
	size_t location_at;             /* 0: none */
	size_t location_len;
};

/*
 * Heads seen lately: a server's answers differ in little but the date, and one
 * that is known to the byte needs no parsing.  Shared by all parsers of a
 * thread; zero at first.
 */
#define PARSE_MEMO_HEADS 4
#define PARSE_MEMO_SIZE 1024

struct parse_memo {
	struct {
		size_t len;             /* 0: empty */
		struct parse_facts facts;
		char bytes[PARSE_MEMO_SIZE];
	} heads[PARSE_MEMO_HEADS];
	unsigned last;                  /* the one that matched last */
	unsigned turn;
};

struct parse {
	/* Known from PARSE_HEAD on. */
	struct parse_facts facts;
	bool keep_alive;                /* the connection may be used again */
	bool to_the_end;                /* the body ends with the connection */
	bool no_body;                   /* by its status, or answering HEAD */
	bool started;                   /* any byte has arrived */
	/* The header lines, each with its CRLF; valid until the next call. */
	const char *head;
	size_t head_len;
	const char *location;           /* within head, or NULL */

	const char *data;               /* of PARSE_DATA; points at the input */
	size_t data_len;
	const char *error;              /* of PARSE_ERROR; a static text */
	/* Of PARSE_DONE: lines as in head; valid until the next answer. */
	const char *trailers;
	size_t trailers_len;

	/* The parser's own. */
	int state;
	unsigned interim;
	unsigned digits;
	size_t line;                    /* where the current line starts */
	size_t seen;                    /* up to where it has been searched */
	uint64_t left;                  /* bytes of the body or chunk to come */
	size_t extra;
	struct parse_memo *memo;
	char *buf;                      /* a head in pieces */
	size_t buf_len;
	size_t buf_cap;
};

/* Once, before the first parse_start(); `memo` may be NULL. */
void parse_init(struct parse *, struct parse_memo *memo);
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
