/*
 * Configuration files; see the header.
 *
 * TOML is read by own code because Debian has no library of it for C, and
 * because what a flat table of options can mean is a small part of it.
 */
#include "cli/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"

#define VALUE_MAX (1 << 20)

struct file {
	const char *path;
	unsigned line;
	char *section;                  /* NULL: none yet */
	config_set set;
	void *arg;
};

static int set(struct file *f, const char *key, const char *value,
    bool element, bool first)
{
	char *where = xasprintf("%s:%u", f->path, f->line);
	const struct config_setting s = { where, f->section, key, value,
		element, first };
	int rc = f->set(&s, f->arg);

	free(where);
	return rc;
}

static char *trim(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

static void enter(struct file *f, const char *section)
{
	free(f->section);
	f->section = xstrdup(section);
}

/* ---- INI ---- */

static int ini_line(struct file *f, char *line)
{
	size_t len;
	char *value;

	line = trim(line);
	len = strlen(line);
	if (line[0] == '\0' || line[0] == '#' || line[0] == ';' ||
	    strcmp(line, "---") == 0)
		return 0;
	if (line[0] == '[' && line[len - 1] == ']') {
		line[len - 1] = '\0';
		enter(f, trim(line + 1));
		return 0;
	}
	len = strcspn(line, "=: \t");
	value = trim(line + len + (line[len] != '\0' ? 1 : 0));
	if (value[0] == '=' || value[0] == ':')
		value = trim(value + 1);
	line[len] = '\0';
	return set(f, line, value, false, true);
}

/* ---- TOML ---- */

struct toml {
	struct file *file;
	const char *at;
	const char *start;              /* of the line */
};

static int wrong(const struct toml *t, const char *what)
{
	log_error("%s:%u:%u: %s", t->file->path, t->file->line,
	    (unsigned)(t->at - t->start) + 1, what);
	return -1;
}

static void skip_blanks(struct toml *t)
{
	while (*t->at == ' ' || *t->at == '\t')
		t->at++;
}

/* Nothing but a comment may follow. */
static int end_line(struct toml *t)
{
	skip_blanks(t);
	if (*t->at == '\r')
		t->at++;
	if (*t->at == '\0' || *t->at == '\n' || *t->at == '#')
		return 0;
	return wrong(t, "something follows that is no comment");
}

static bool is_bare(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static void put_utf8(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_putc(out, (char)c);
	} else if (c < 0x800) {
		buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_putc(out, (char)(0xe0 | c >> 12));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(out, (char)(0xf0 | c >> 18));
		buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* \uXXXX or \UXXXXXXXX: `at` is on the letter. */
static int take_unicode(struct toml *t, struct buf *out)
{
	unsigned digits = *t->at == 'u' ? 4 : 8;
	unsigned c = 0;

	for (unsigned i = 1; i <= digits; i++) {
		char d = t->at[i];

		if (!isxdigit((unsigned char)d))
			return wrong(t, "\\u takes 4 hexadecimal digits, \\U "
			    "takes 8");
		c = c * 16 + (unsigned)(d <= '9' ? d - '0' :
		    (d | 0x20) - 'a' + 10);
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return wrong(t, "this is no character");
	put_utf8(out, c);
	t->at += digits;
	return 0;
}

static int take_escape(struct toml *t, struct buf *out)
{
	static const char letters[] = "btnfr\"\\";
	static const char means[] = "\b\t\n\f\r\"\\";
	const char *letter;

	t->at++;
	if (*t->at == 'u' || *t->at == 'U')
		return take_unicode(t, out);
	letter = *t->at != '\0' ? strchr(letters, *t->at) : NULL;
	if (letter == NULL)
		return wrong(t, "an unknown escape; write a backslash as \\\\, "
		    "or use '...'");
	buf_putc(out, means[letter - letters]);
	return 0;
}

/* "..." or '...'; `at` is on the quote. */
static int take_string(struct toml *t, struct buf *out)
{
	char quote = *t->at;

	if (t->at[1] == quote && t->at[2] == quote)
		return wrong(t, "strings over several lines are not read");
	for (t->at++; *t->at != quote; t->at++) {
		if (*t->at == '\0' || *t->at == '\n')
			return wrong(t, "the string is not closed");
		if (*t->at == '\\' && quote == '"') {
			if (take_escape(t, out) == -1)
				return -1;
		} else if (buf_putc(out, *t->at) == -1) {
			return wrong(t, "too long");
		}
	}
	t->at++;
	return 0;
}

/* A number without its underscores; false when it is none. */
static bool is_number(const char *text, size_t len, struct buf *out)
{
	size_t i = text[0] == '+' || text[0] == '-';
	size_t digits = i;
	char *end;

	for (size_t k = 0; k < len; k++) {
		bool inner = k > 0 && k + 1 < len &&
		    isdigit((unsigned char)text[k - 1]) &&
		    isdigit((unsigned char)text[k + 1]);

		if (text[k] == '_' && !inner)
			return false;
		if (text[k] != '_')
			buf_putc(out, text[k]);
	}
	/* No hexadecimal, no infinity; a zero in front is TOML's error. */
	if (strspn(buf_str(out), "+-0123456789.eE") != out->len ||
	    (text[digits] == '0' && len > digits + 1 &&
	    isdigit((unsigned char)text[digits + 1])))
		return false;
	strtod(buf_str(out), &end);
	return out->len > 0 && *end == '\0' &&
	    isdigit((unsigned char)text[len - 1]);
}

/* true, false, or a number: up to what ends it. */
static int take_word(struct toml *t, struct buf *out)
{
	size_t len = strcspn(t->at, " \t\r\n,]#");

	if ((len == 4 && memcmp(t->at, "true", 4) == 0) ||
	    (len == 5 && memcmp(t->at, "false", 5) == 0))
		buf_add(out, t->at, len);
	else if (len == 0 || !is_number(t->at, len, out))
		return wrong(t, "no value: write text in quotes, or true, "
		    "false, or a number");
	t->at += len;
	return 0;
}

static int take_scalar(struct toml *t, struct buf *out)
{
	buf_clear(out);
	if (*t->at == '"' || *t->at == '\'')
		return take_string(t, out);
	if (*t->at == '{')
		return wrong(t, "inline tables are not read; use a [section]");
	return take_word(t, out);
}

/* Blanks, line ends and comments within an array. */
static void skip_space(struct toml *t)
{
	for (;;) {
		skip_blanks(t);
		if (*t->at == '#')
			t->at += strcspn(t->at, "\n");
		if (*t->at == '\r' && t->at[1] == '\n')
			t->at++;
		if (*t->at != '\n')
			return;
		t->at++;
		t->file->line++;
		t->start = t->at;
	}
}

/* `at` is on the bracket. */
static int take_array(struct toml *t, const char *key, struct buf *value)
{
	bool first = true;

	t->at++;
	for (;;) {
		skip_space(t);
		if (*t->at == ']')
			break;
		if (*t->at == '[')
			return wrong(t, "arrays in arrays mean nothing here");
		if (take_scalar(t, value) == -1 ||
		    set(t->file, key, buf_str(value), true, first) == -1)
			return -1;
		first = false;
		skip_space(t);
		if (*t->at == ',')
			t->at++;
		else if (*t->at != ']')
			return wrong(t, "a comma or ] belongs here");
	}
	t->at++;
	return 0;
}

static int take_key(struct toml *t, struct buf *key)
{
	buf_clear(key);
	if (*t->at == '"' || *t->at == '\'')
		return take_string(t, key);
	while (is_bare(*t->at))
		buf_putc(key, *t->at++);
	return key->len > 0 ? 0 : wrong(t, "a name belongs here");
}

static int take_table(struct toml *t, struct buf *key)
{
	if (t->at[1] == '[')
		return wrong(t, "tables in arrays mean nothing here");
	t->at++;
	skip_blanks(t);
	if (take_key(t, key) == -1)
		return -1;
	skip_blanks(t);
	if (*t->at != ']')
		return wrong(t, *t->at == '.' ? "sections have no parts" :
		    "] belongs here");
	t->at++;
	if (end_line(t) == -1)
		return -1;
	enter(t->file, buf_str(key));
	return 0;
}

static int take_setting(struct toml *t, struct buf *key, struct buf *value)
{
	int rc;

	if (take_key(t, key) == -1)
		return -1;
	skip_blanks(t);
	if (*t->at == '.')
		return wrong(t, "names have no parts; use a [section]");
	if (*t->at != '=')
		return wrong(t, "= belongs here");
	t->at++;
	skip_blanks(t);
	if (*t->at == '[') {
		rc = take_array(t, buf_str(key), value);
	} else {
		rc = take_scalar(t, value);
		if (rc == 0)
			rc = set(t->file, buf_str(key), buf_str(value), false,
			    true);
	}
	return rc == 0 ? end_line(t) : -1;
}

static int toml_read(struct file *f, const char *text)
{
	struct toml t = { .file = f, .at = text, .start = text };
	struct buf key = BUF_INIT(VALUE_MAX);
	struct buf value = BUF_INIT(VALUE_MAX);
	int rc = 0;

	f->line = 1;
	while (rc == 0) {
		skip_space(&t);
		if (*t.at == '\0')
			break;
		rc = *t.at == '[' ? take_table(&t, &key) :
		    take_setting(&t, &key, &value);
	}
	buf_release(&key);
	buf_release(&value);
	return rc;
}

/* ---- files ---- */

static bool is_toml(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 5, ".toml") == 0;
}

static int read_text(struct buf *out, FILE *stream, const char *path)
{
	for (;;) {
		char *room = buf_reserve(out, 4096);
		size_t n;

		if (room == NULL) {
			log_error("%s is too large for a configuration file",
			    path);
			return -1;
		}
		n = fread(room, 1, 4096, stream);
		out->len += n;
		if (n > 0)
			continue;
		if (!ferror(stream))
			break;
		log_error("cannot read the configuration file %s: %m", path);
		return -1;
	}
	if (out->len > 0 && memchr(out->data, '\0', out->len) != NULL) {
		log_error("%s: there is a NUL byte in it: this is no text",
		    path);
		return -1;
	}
	/* Ends the text, too. */
	return buf_putc(out, '\n');
}

static int read_ini(struct file *f, char *text)
{
	char *save = NULL;
	int rc = 0;

	/* By hand, for strtok_r() would not count empty lines. */
	for (char *line = text; rc == 0 && *line != '\0'; line = save) {
		size_t len = strcspn(line, "\n");

		save = line + len + (line[len] == '\n');
		line[len] = '\0';
		f->line++;
		rc = ini_line(f, line);
	}
	return rc;
}

int config_read(const char *path, bool required, config_set set_, void *arg)
{
	struct file f = { .path = path, .set = set_, .arg = arg };
	struct buf text = BUF_INIT(VALUE_MAX);
	FILE *stream = fopen(path, "re");
	int rc;

	if (stream == NULL) {
		if (!required && errno == ENOENT)
			return 0;
		log_error("cannot read the configuration file %s: %m", path);
		return -1;
	}
	rc = read_text(&text, stream, path);
	if (rc == 0)
		rc = is_toml(path) ? toml_read(&f, text.data) :
		    read_ini(&f, text.data);
	fclose(stream);
	free(f.section);
	buf_release(&text);
	return rc;
}
