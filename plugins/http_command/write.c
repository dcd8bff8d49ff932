/*
 * Calls as the source of a scenario: what somebody would have written by hand,
 * to be changed by hand.
 */
#include "call.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAUSE_MIN 0.1                   /* shorter ones are the page's own */

/* A C string literal.  Octal escapes, since hexadecimal ones have no end; no
 * two question marks in a row, which old compilers take for something else. */
static void put_literal(FILE *out, const char *s, size_t len)
{
	size_t i;

	fputc('"', out);
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (c == '\r')
			fputs("\\r", out);
		else if (c == '?' && i > 0 && s[i - 1] == '?')
			fputs("\\?", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_string(FILE *out, const char *s)
{
	put_literal(out, s, strlen(s));
}

/* The macro for a method, or NULL. */
static const char *macro_of(const char *method)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT",
		"PATCH", "DELETE", "OPTIONS", NULL };
	static const char *const macros[] = { "http_get", "http_head",
		"http_post", "http_put", "http_patch", "http_delete",
		"http_options" };
	int i;

	for (i = 0; known[i]; i++) {
		if (strcmp(method, known[i]) == 0)
			return macros[i];
	}
	return NULL;
}

static bool is_json(const struct call *c)
{
	size_t i;

	for (i = 0; i < c->header_count; i++) {
		if (strcasecmp(c->headers[i].name, "Content-Type") == 0 &&
		    c->headers[i].value &&
		    strcasecmp(c->headers[i].value, "application/json") == 0)
			return c->body && strlen(c->body) == c->body_len;
	}
	return false;
}

static void put_headers(FILE *out, const struct call *c, bool json)
{
	bool any = false;
	size_t i;

	for (i = 0; i < c->header_count; i++) {
		if (json && strcasecmp(c->headers[i].name, "Content-Type") == 0)
			continue;
		fputs(any ? ",\n\t        { " :
		    ",\n\t    .headers = HTTP_FIELDS({ ", out);
		put_string(out, c->headers[i].name);
		fputs(", ", out);
		if (c->headers[i].value)
			put_string(out, c->headers[i].value);
		else
			fputs("NULL", out);
		fputs(" }", out);
		any = true;
	}
	if (any)
		fputc(')', out);
}

static void put_parts(FILE *out, const struct call *c)
{
	size_t i;

	for (i = 0; i < c->part_count; i++) {
		const struct http_part *p = &c->parts[i];

		fputs(i ? ",\n\t        { .name = " :
		    ",\n\t    .parts = HTTP_PARTS({ .name = ", out);
		put_string(out, p->name);
		fputs(p->file ? ", .file = " : ", .data = ", out);
		put_string(out, p->file ? p->file : p->data);
		if (p->filename) {
			fputs(", .filename = ", out);
			put_string(out, p->filename);
		}
		if (p->type) {
			fputs(", .type = ", out);
			put_string(out, p->type);
		}
		fputs(" }", out);
	}
	if (c->part_count > 0)
		fputc(')', out);
}

static void put_call(FILE *out, const struct call *c, const char *origin,
    size_t origin_len)
{
	const char *method = c->method ? c->method
	    : c->body || c->parts ? "POST" : "GET";
	const char *macro = macro_of(method), *path = c->url;
	bool json = is_json(c);

	if (call_origin(path) == origin_len &&
	    strncasecmp(path, origin, origin_len) == 0)
		path += origin_len;
	if (macro) {
		fprintf(out, "\t%s(u, ", macro);
	} else {
		fputs("\thttp_request(u, .method = ", out);
		put_string(out, method);
		fputs(", .path = ", out);
	}
	put_string(out, *path ? path : "/");
	put_headers(out, c, json);
	if (c->body) {
		fputs(json ? ",\n\t    .json = " : ",\n\t    .body = ", out);
		put_literal(out, c->body, c->body_len);
		if (!json && strlen(c->body) != c->body_len)
			fprintf(out, ", .body_len = %zu", c->body_len);
	}
	put_parts(out, c);
	fputs(");\n", out);
}

/* What is no matter of the requests is one of the options: a comment, each line
 * of which ends with a quote, and so is not spliced with the next. */
static void put_options(FILE *out, const struct client *client)
{
	const char *p = call_client_need(client) ? "http" : "fasthttp";
	struct client_option options[CLIENT_OPTIONS + 1], *o;
	bool any = false;

	call_client_options(client, options);
	for (o = options; o->name; o++) {
		if (!o->value)
			continue;
		if (!any)
			fprintf(out, "/* To be run with these options. */\n"
			    "// --plugin %s\n", p);
		any = true;
		fprintf(out, "// -o %s.%s=", p, o->name);
		put_string(out, o->value);
		fputc('\n', out);
	}
}

char *write_scenario(const struct calls *calls, const struct client *client,
    const char *from, bool pauses)
{
	const char *origin = calls->list[0].url;
	size_t origin_len = call_origin(origin), len, i;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fprintf(out, "/* Written from %s. */\n", from);
	put_options(out, client);
	fputs("#include <swarm/swarm.h>\n#include <swarm/http.h>\n\n"
	    "static void visit(struct swarm_user *u)\n{\n", out);
	for (i = 0; i < calls->count; i++) {
		if (pauses && calls->list[i].pause >= PAUSE_MIN)
			fprintf(out, "\tswarm_sleep(%.1f);\n",
			    calls->list[i].pause);
		put_call(out, &calls->list[i], origin, origin_len);
	}
	fputs("}\n\nSWARM_SCENARIO({\n\t.name = \"visitor\",\n\t.host = ", out);
	put_literal(out, origin, origin_len);
	fputs(",\n\t.wait = SWARM_BETWEEN(1, 5),\n"
	    "\t.tasks = SWARM_TASKS(SWARM_TASK(visit)),\n});\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
