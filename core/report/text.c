/*
 * Formatting for people.  Widths are counted in columns, not bytes: Chinese,
 * Japanese and Korean characters and emoji take two.
 */
#include "report/text.h"

#include "base/utf8.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define WIDTH_UNKNOWN 80
#define HEIGHT_UNKNOWN 24

static bool set_and_not_empty(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] != '\0';
}

static bool may_colour(const struct terminal *t, enum report_colour wish)
{
	const char *force = getenv("CLICOLOR_FORCE");
	const char *kind = getenv("TERM");

	if (wish != REPORT_COLOUR_AUTO)
		return wish == REPORT_COLOUR_ALWAYS;
	if (set_and_not_empty("NO_COLOR"))
		return false;
	if (force && force[0] != '\0' && strcmp(force, "0") != 0)
		return true;
	return t->tty && kind && strcmp(kind, "dumb") != 0;
}

/* The locale of the environment, without changing the process's. */
static bool speaks_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", NULL);
	bool utf8;

	if (!locale)
		return false;
	utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

void text_terminal_size(struct terminal *t, FILE *stream)
{
	struct winsize size;

	t->width = WIDTH_UNKNOWN;
	t->height = HEIGHT_UNKNOWN;
	if (!t->tty || ioctl(fileno(stream), TIOCGWINSZ, &size) != 0)
		return;
	if (size.ws_col > 0)
		t->width = size.ws_col;
	if (size.ws_row > 0)
		t->height = size.ws_row;
}

void text_terminal(struct terminal *t, FILE *stream, enum report_colour wish)
{
	t->tty = isatty(fileno(stream)) == 1;
	t->colour = may_colour(t, wish);
	t->utf8 = speaks_utf8();
	text_terminal_size(t, stream);
}

/* A whole number, thousands set apart. */
static int grouped(struct buf *out, uint64_t v)
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%llu",
	    (unsigned long long)v);
	int rc = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			rc |= buf_putc(out, ' ');
		rc |= buf_putc(out, digits[i]);
	}
	return rc;
}

int text_count(struct buf *out, uint64_t v)
{
	return grouped(out, v);
}

/* `digits` significant ones, but never fewer than the whole part has. */
static int significant(struct buf *out, double v, int digits)
{
	int whole = 1, decimals;

	if (!(v > 0))
		return buf_putc(out, '0');
	if (v < 1e-9)
		v = 1e-9;
	whole = (int)floor(log10(v)) + 1;
	/* 9.996 has four digits when rounded to three. */
	if (v >= pow(10, whole) - 0.5 * pow(10, whole - digits))
		whole++;
	decimals = digits - whole;
	if (decimals <= 0)
		return grouped(out, (uint64_t)llround(v));
	return buf_printf(out, "%.*f", decimals > 6 ? 6 : decimals, v);
}

int text_ms(struct buf *out, double ns)
{
	/* Four decimals at most: columns stay columns. */
	if (ns > 0 && ns < 1e4)
		return buf_printf(out, "%.4f", ns < 100 ? 0.0001 : ns / 1e6);
	return significant(out, ns / 1e6, 3);
}

int text_time(struct buf *out, double ns)
{
	static const struct {
		double from, unit;
		const char *name;
	} units[] = {
		{ 999.5e6, 1e9, "s" }, { 999.5e3, 1e6, "ms" },
		{ 999.5, 1e3, "us" }, { 0, 1, "ns" },
	};
	size_t i = 0;

	while (ns < units[i].from)
		i++;
	significant(out, ns / units[i].unit, 2);
	return buf_puts(out, units[i].name);
}

int text_short_count(struct buf *out, uint64_t v)
{
	static const char *const units[] = { "k", "M", "G", "T", "P" };
	double shown = (double)v;
	size_t i = 0;

	if (v < 10000)
		return buf_printf(out, "%llu", (unsigned long long)v);
	for (shown /= 1000; shown >= 999.5 && i < 4; i++)
		shown /= 1000;
	significant(out, shown, 3);
	return buf_puts(out, units[i]);
}

int text_rate(struct buf *out, double v)
{
	return significant(out, v, 3);
}

int text_bytes(struct buf *out, double v)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB",
		"PB" };
	size_t i = 0;

	for (; v >= 999.5 && i < 5; i++)
		v /= 1000;
	if (i == 0)
		return buf_printf(out, "%.0f B", v);
	significant(out, v, 2);
	return buf_printf(out, " %s", units[i]);
}

int text_percent(struct buf *out, double share)
{
	double percent = share * 100;

	if (!(share > 0))
		return buf_puts(out, "0 %");
	if (share >= 1)
		return buf_puts(out, "100 %");
	if (percent < 0.01)
		return buf_puts(out, "<0.01 %");
	if (percent > 99.99)
		return buf_puts(out, ">99.99 %");
	if (percent < 10)
		return buf_printf(out, "%.2f %%", percent);
	return buf_printf(out, percent > 99.9 ? "%.2f %%" : "%.1f %%",
	    percent);
}

int text_clock(struct buf *out, double seconds)
{
	long s = seconds > 0 && seconds < 1e15 ? lround(seconds) : 0;

	if (s >= 3600)
		return buf_printf(out, "%ld:%02ld:%02ld", s / 3600,
		    s / 60 % 60, s % 60);
	return buf_printf(out, "%02ld:%02ld", s / 60, s % 60);
}

int text_utc(struct buf *out, double unix_time)
{
	/* Years of four digits. */
	time_t t = unix_time > 0 && unix_time < 253402300800.0 ?
	    (time_t)unix_time : 0;
	struct tm tm;
	char text[64];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf_puts(out, text);
}

/* One character: its length in bytes and code point; a broken byte is one
 * character without a code. */
static size_t next(const char *text, uint32_t *code)
{
	size_t n = utf8_decode(text, SIZE_MAX, code);

	if (n > 0)
		return n;
	*code = UINT32_MAX;
	return 1;
}

static bool is_combining(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
	    (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) ||
	    (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xfe20 && c <= 0xfe2f);
}

static bool is_wide(uint32_t c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	    (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	    (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
	    (c >= 0x20000 && c <= 0x3fffd);
}

static size_t columns(uint32_t c)
{
	if (is_combining(c))
		return 0;
	return is_wide(c) ? 2 : 1;
}

/* One safe character; a tab or line break becomes a space. */
static int put(struct buf *out, const char *s, size_t n, uint32_t code,
    bool utf8)
{
	if (code == '\t' || code == '\n' || code == '\r')
		return buf_putc(out, ' ');
	if (code == UINT32_MAX || utf8_is_unsafe(code))
		return buf_puts(out, utf8 ? "\xef\xbf\xbd" : "?");
	if (code >= 0x80 && !utf8)
		return buf_putc(out, '?');
	return buf_add(out, s, n);
}

int text_clean(struct buf *out, const char *text)
{
	int rc = 0;

	while (*text) {
		uint32_t code;
		size_t n = next(text, &code);

		rc |= put(out, text, n, code, true);
		text += n;
	}
	return rc;
}

int text_clean_lines(struct buf *out, const char *text)
{
	int rc = 0;

	while (*text) {
		uint32_t code;
		size_t n = next(text, &code);

		if (code == '\n')
			rc |= buf_putc(out, '\n');
		else
			rc |= put(out, text, n, code, true);
		text += n;
	}
	return rc;
}

/* Where the "//user:" ends that `text` begins with; NULL: it does not. */
static const char *url_user(const char *text)
{
	const char *end;

	if (strncmp(text, "//", 2) != 0)
		return NULL;
	end = text + 2 + strcspn(text + 2, ":/?#@ \t\r\n");
	return *end == ':' ? end + 1 : NULL;
}

static const char *url_password_end(const char *password)
{
	const char *end = password + strcspn(password, "/?# \t\r\n'\"");

	while (end > password && *end != '@')
		end--;
	return end;
}

static const char *value_end(const char *value)
{
	const char *end;

	if (*value != '\'')
		return value + strcspn(value, "& \t\r\n");
	end = strchr(value + 1, '\'');
	return end ? end + 1 : value + strlen(value);
}

int text_no_password(struct buf *out, const char *text)
{
	static const char key[] = "password=";
	int rc = 0;

	while (*text) {
		const char *secret = url_user(text);
		const char *end = secret ? url_password_end(secret) : NULL;

		if (!secret && strncmp(text, key, strlen(key)) == 0) {
			secret = text + strlen(key);
			end = value_end(secret);
		}
		if (!secret) {
			rc |= buf_putc(out, *text++);
			continue;
		}
		rc |= buf_add(out, text, (size_t)(secret - text));
		rc |= buf_puts(out, end > secret ? "..." : "");
		text = end;
	}
	return rc;
}

static size_t shown_columns(uint32_t code, bool utf8)
{
	if (code == UINT32_MAX || utf8_is_unsafe(code))
		return 1;
	return utf8 ? columns(code) : 1;
}

static size_t name_width(const char *text, bool utf8)
{
	size_t width = 0;

	while (*text) {
		uint32_t code;

		text += next(text, &code);
		width += shown_columns(code, utf8);
	}
	return width;
}

size_t text_width(const char *text)
{
	return name_width(text, true);
}

/* What lies in columns [from, to); returns the columns written. */
static size_t put_columns(struct buf *out, const char *text, size_t from,
    size_t to, bool utf8)
{
	size_t at = 0, written = 0;

	while (*text && at < to) {
		uint32_t code;
		size_t n = next(text, &code);
		size_t width = shown_columns(code, utf8);

		if (at >= from && at + width <= to) {
			put(out, text, n, code, utf8);
			written += width;
		}
		at += width;
		text += n;
	}
	return written;
}

int text_name(struct buf *out, const char *text, size_t width, bool utf8,
    bool fill)
{
	const char *dots = utf8 ? "…" : "..";
	size_t whole = name_width(text, utf8), gap = utf8 ? 1 : 2;
	size_t written, head;

	if (width == 0 || whole <= width) {
		written = put_columns(out, text, 0, SIZE_MAX, utf8);
	} else if (width <= gap + 2) {
		written = put_columns(out, text, 0, width, utf8);
	} else {
		head = (width - gap + 1) / 2;
		written = put_columns(out, text, 0, head, utf8);
		buf_puts(out, dots);
		written += gap + put_columns(out, text,
		    whole - (width - gap - head), whole, utf8);
	}
	while (fill && written++ < width)
		buf_putc(out, ' ');
	return out->overflow ? -1 : 0;
}

int text_csv(struct buf *out, const char *text, bool lines)
{
	struct buf clean = BUF_INIT(1 << 20);
	int rc = lines ? text_clean_lines(&clean, text) :
	    text_clean(&clean, text);
	const char *p = buf_str(&clean);

	if (!strpbrk(p, ",\"\r\n")) {
		rc |= buf_puts(out, p);
	} else {
		rc |= buf_putc(out, '"');
		for (; *p; p++) {
			if (*p == '"')
				rc |= buf_putc(out, '"');
			rc |= buf_putc(out, *p);
		}
		rc |= buf_putc(out, '"');
	}
	buf_release(&clean);
	return rc;
}

int text_right(struct buf *out, const char *text, size_t width)
{
	for (size_t w = text_width(text); w < width; w++)
		buf_putc(out, ' ');
	return buf_puts(out, text);
}
