/*
 * SQLSTATEs and texts.  libpq gives the fields of an error for statements,
 * but only a text for connections; asked to be verbose it puts the SQLSTATE
 * into that text, in every language alike.
 */
#include "pgc_error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pgc_error_clear(struct pgc_error *err)
{
	err->state[0] = '\0';
	err->text[0] = '\0';
}

static void set_state(struct pgc_error *err, const char *state)
{
	snprintf(err->state, sizeof(err->state), "%.5s", state);
}

void pgc_error_set(struct pgc_error *err, const char *state, const char *fmt,
    ...)
{
	va_list ap;

	set_state(err, state);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
}

static void set_line(struct pgc_error *err, const char *text)
{
	size_t n = strcspn(text, "\r\n");

	snprintf(err->text, sizeof(err->text), "%.*s",
	    (int)(n < PGC_TEXT_MAX ? n : PGC_TEXT_MAX - 1), text);
}

void pgc_error_from_result(struct pgc_error *err, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	set_state(err, state != NULL ? state : PGC_CONNECTION_LOST);
	set_line(err, text != NULL ? text : PQresultErrorMessage(result));
	if (err->text[0] == '\0')
		set_line(err, "the connection was lost");
}

static bool is_state(const char *s)
{
	int i;

	for (i = 0; i < 5; i++) {
		if (!isdigit((unsigned char)s[i]) &&
		    !isupper((unsigned char)s[i]))
			return false;
	}
	return s[5] == ':' && s[6] == ' ';
}

/* In quotes, so that pgc_error_group() leaves the numbers alone. */
static void add_place(struct pgc_error *err, const PGconn *pq)
{
	const char *host = PQhost(pq);
	const char *port = PQport(pq);
	size_t n = strlen(err->text);

	if (host == NULL || port == NULL)
		return;
	snprintf(err->text + n, sizeof(err->text) - n, " (\"%.100s%s%.10s\")",
	    host, host[0] == '/' ? "/.s.PGSQL." : ":", port);
}

void pgc_error_from_connect(struct pgc_error *err, const PGconn *pq)
{
	const char *text = PQerrorMessage(pq);
	const char *found = NULL;
	const char *at;

	/* "FATAL:  28P01: …".  The first: what follows is the fallback, to no
	 * encryption or to another host. */
	for (at = text; found == NULL && (at = strstr(at, ":  ")) != NULL;
	    at += 3) {
		if (is_state(at + 3))
			found = at + 3;
	}
	if (found != NULL) {
		set_state(err, found);
		set_line(err, found + 7);
		return;
	}
	set_state(err, PGC_CANNOT_CONNECT);
	/* The last host's. */
	for (at = text; (at = strstr(at, " failed: ")) != NULL; at += 9)
		found = at;
	set_line(err, found != NULL ? found + 9 : text);
	if (err->text[0] == '\0')
		set_line(err, "cannot connect");
	if (found != NULL)
		add_place(err, pq);
}

bool pgc_error_retryable(const struct pgc_error *err)
{
	return strcmp(err->state, "40001") == 0 ||
	    strcmp(err->state, "40P01") == 0;
}

/* Copies text[0..) up to its end into out, with digits replaced. */
static size_t without_numbers(const char *text, bool quotes_are_data,
    char *out, size_t size)
{
	char quote = '\0';
	size_t n = 0;

	while (*text != '\0' && n + 4 < size) {
		if (quote != '\0') {
			if (*text == quote) {
				quote = '\0';
				out[n++] = *text;
			} else if (!quotes_are_data) {
				out[n++] = *text;
			}
			text++;
		} else if (isdigit((unsigned char)*text)) {
			out[n++] = 'N';
			text += strspn(text, "0123456789");
		} else {
			if (*text == '"') {
				quote = *text;
				out[n++] = *text;
				if (quotes_are_data)
					out[n++] = 'X';
			} else {
				out[n++] = *text;
			}
			text++;
		}
	}
	out[n] = '\0';
	return n;
}

void pgc_error_group(const struct pgc_error *err, char *out, size_t size)
{
	int n = snprintf(out, size, "%s ", err->state);

	if (n > 0 && (size_t)n < size)
		without_numbers(err->text, strncmp(err->state, "22", 2) == 0,
		    out + n, size - (size_t)n);
}
