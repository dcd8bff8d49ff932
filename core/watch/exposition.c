/*
 * The parser: one pass, terminating names and values where they stand.
 */
#include "watch/exposition.h"

#include <string.h>
#include <strings.h>

#include "base/parse.h"

#define LARGEST 1e300

struct type_line {
	const char *name;
	bool counter;
};

static bool name_byte(char c, bool first)
{
	return c == '_' || c == ':' || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
}

static char *blanks(char *p)
{
	return p + strspn(p, " \t");
}

/* Behind a name; p itself when there is none. */
static char *name_end(char *p)
{
	char *at = p;

	while (name_byte(*at, at == p))
		at++;
	return at;
}

/* A value in quotes at p: unescaped in place.  Behind it, or NULL. */
static char *quoted(char *p, const char **out)
{
	char *to;

	if (*p++ != '"')
		return NULL;
	*out = to = p;
	for (; *p != '"'; p++) {
		bool escaped = *p == '\\';

		p += escaped;
		if (*p == '\0')
			return NULL;
		*to++ = escaped && *p == 'n' ? '\n' : *p;
	}
	*to = '\0';
	return p + 1;
}

static char *labels(char *p, struct exposition_sample *s)
{
	for (p = blanks(p); *p != '}'; p = blanks(p)) {
		struct exposition_label *l = &s->labels[s->label_count];
		char *end = name_end(p);

		if (end == p || s->label_count == EXPOSITION_LABELS)
			return NULL;
		l->name = p;
		p = blanks(end);
		if (*p != '=')
			return NULL;
		p = blanks(p + 1);
		*end = '\0';
		p = quoted(p, &l->value);
		if (p == NULL)
			return NULL;
		s->label_count++;
		p = blanks(p);
		if (*p == ',')
			p++;
		else if (*p != '}')
			return NULL;
	}
	return p + 1;
}

/* The name and the labels; behind them, or NULL. */
static char *head(char *p, struct exposition_sample *s)
{
	char *end = name_end(p);
	char *next = blanks(end);

	if (end == p)
		return NULL;
	s->name = p;
	s->label_count = 0;
	if (*next != '{') {
		if (next == end && *next != '\0')
			return NULL;
		if (*end != '\0')
			*end++ = '\0';
		return end;
	}
	*end = '\0';
	return labels(next + 1, s);
}

static bool no_number(const char *text)
{
	return strcasecmp(text, "nan") == 0 ||
	    strcasecmp(text + strspn(text, "+-"), "inf") == 0;
}

/* 1: a sample, 0: passed over, -1: none. */
static int sample(char *p, struct exposition_sample *s)
{
	char *rest;

	p = head(p, s);
	if (p == NULL)
		return -1;
	p = blanks(p);
	rest = p + strcspn(p, " \t");
	/* A time stamp and whatever else follows are nothing to us. */
	*rest = '\0';
	if (no_number(p))
		return 0;
	return parse_double(p + (*p == '+'), -LARGEST, LARGEST, &s->value) ==
	    -1 ? -1 : 1;
}

/* "# TYPE name counter"; other comments say nothing. */
static void comment(char *p, struct type_line *type)
{
	char *end;

	p = blanks(p + 1);
	if (strncmp(p, "TYPE", 4) != 0 || (p[4] != ' ' && p[4] != '\t'))
		return;
	p = blanks(p + 4);
	end = name_end(p);
	if (end == p || (*end != ' ' && *end != '\t'))
		return;
	*end = '\0';
	type->name = p;
	end = blanks(end + 1);
	type->counter = strncmp(end, "counter", 7) == 0;
}

/* OpenMetrics names the counter without its _total. */
static bool counts(const struct type_line *type, const char *name)
{
	size_t len = strlen(type->name);

	return type->counter && strncmp(name, type->name, len) == 0 &&
	    (name[len] == '\0' || strcmp(name + len, "_total") == 0);
}

void exposition_parse(char *text, struct exposition_count *count,
    void (*take)(const struct exposition_sample *, void *arg), void *arg)
{
	struct type_line type = { "", false };
	struct exposition_sample s;
	char *next;

	*count = (struct exposition_count){ 0 };
	for (char *line = text; line != NULL; line = next) {
		int rc;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		line = blanks(line);
		if (*line == '#')
			comment(line, &type);
		if (*line == '#' || *line == '\0')
			continue;
		rc = sample(line, &s);
		count->bad += rc == -1;
		count->samples += rc != -1;
		if (rc != 1)
			continue;
		s.counter = counts(&type, s.name);
		take(&s, arg);
	}
}

const char *exposition_label(const struct exposition_sample *s,
    const char *name)
{
	for (size_t i = 0; i < s->label_count; i++) {
		if (strcmp(s->labels[i].name, name) == 0)
			return s->labels[i].value;
	}
	return "";
}

int exposition_selector(char *text, struct exposition_sample *out)
{
	char *rest = head(text, out);

	return rest == NULL || *blanks(rest) != '\0' ? -1 : 0;
}
