/*
 * Strict parsers.  strtol and friends accept leading blanks, trailing rubbish,
 * hex floats and "nan"; a person who typed one of those made a mistake and is
 * better told.  Numbers are read in the C locale whatever a library set.
 */
#include "base/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What fits in int64_t nanoseconds, with room to add it to a clock. */
#define DURATION_MAX 9.0e9

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void c_locale_make(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static int parse_fail(int error)
{
	errno = error;
	return -1;
}

int parse_int64(const char *s, int64_t min, int64_t max, int64_t *out)
{
	const char *digits = *s == '-' || *s == '+' ? s + 1 : s;
	long long v;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return parse_fail(EINVAL);
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end)
		return parse_fail(EINVAL);
	if (errno == ERANGE || v < min || v > max)
		return parse_fail(ERANGE);
	*out = v;
	return 0;
}

static const char *skip_digits(const char *s)
{
	while (*s >= '0' && *s <= '9')
		s++;
	return s;
}

/*
 * digits[.digits][e[+-]digits], or .digits; where it ends, or NULL.  The
 * exponent only when asked for: in "2e" of a size it would be a unit.
 */
static const char *decimal_end(const char *s, bool exponent)
{
	const char *p = skip_digits(s);
	size_t count = (size_t)(p - s);
	const char *e;

	if (*p == '.') {
		const char *f = skip_digits(p + 1);

		count += (size_t)(f - p - 1);
		p = f;
	}
	if (count == 0)
		return NULL;
	if (!exponent || (*p != 'e' && *p != 'E'))
		return p;
	e = p + 1;
	if (*e == '+' || *e == '-')
		e++;
	if (!isdigit((unsigned char)*e))
		return NULL;
	return skip_digits(e);
}

/* A decimal that begins at s; its value, and *end behind it. */
static int decimal(const char *s, bool exponent, double *out, const char **end)
{
	char *stop;
	double v;

	*end = decimal_end(s, exponent);
	if (!*end)
		return parse_fail(EINVAL);
	pthread_once(&c_locale_once, c_locale_make);
	v = strtod_l(s, &stop, c_locale);
	/* "0x1" ends at the x above and beyond it in strtod. */
	if (stop != *end)
		return parse_fail(EINVAL);
	if (!isfinite(v))
		return parse_fail(ERANGE);
	*out = v;
	return 0;
}

int parse_double(const char *s, double min, double max, double *out)
{
	bool negative = *s == '-';
	const char *end;
	double v;

	if (*s == '-' || *s == '+')
		s++;
	if (decimal(s, true, &v, &end) == -1)
		return -1;
	if (*end)
		return parse_fail(EINVAL);
	if (negative)
		v = -v;
	if (v < min || v > max)
		return parse_fail(ERANGE);
	*out = v;
	return 0;
}

int parse_bool(const char *s, bool *out)
{
	static const char *const words[][2] = { { "false", "true" },
		{ "no", "yes" }, { "off", "on" }, { "0", "1" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int v = 0; v < 2; v++) {
			if (strcasecmp(s, words[i][v]) == 0) {
				*out = v;
				return 0;
			}
		}
	}
	return parse_fail(EINVAL);
}

static const struct duration_unit {
	const char *name;
	double seconds;
} duration_units[] = {
	/* Longer names first, so that "ms" is not read as "m". */
	{ "us", 1e-6 }, { "ms", 1e-3 }, { "d", 86400 }, { "h", 3600 },
	{ "m", 60 }, { "s", 1 },
};

static const struct duration_unit *duration_unit(const char *s)
{
	size_t n = sizeof(duration_units) / sizeof(duration_units[0]);

	for (size_t i = 0; i < n; i++) {
		const char *name = duration_units[i].name;

		if (strncmp(s, name, strlen(name)) == 0)
			return &duration_units[i];
	}
	return NULL;
}

int parse_duration(const char *s, double *out)
{
	double total = 0, last = INFINITY, v;
	const char *end;

	if (decimal(s, false, &v, &end) == 0 && !*end) {
		total = v;
		s = end;
	} else if (!*s) {
		return parse_fail(EINVAL);
	}
	while (*s) {
		const struct duration_unit *unit;

		if (decimal(s, false, &v, &end) == -1)
			return -1;
		unit = duration_unit(end);
		/* Each unit once, from the largest down. */
		if (!unit || unit->seconds >= last)
			return parse_fail(EINVAL);
		last = unit->seconds;
		total += v * unit->seconds;
		s = end + strlen(unit->name);
	}
	if (total > DURATION_MAX)
		return parse_fail(ERANGE);
	*out = total;
	return 0;
}

int parse_size(const char *s, int64_t *out)
{
	static const char units[] = "kmgt";
	const char *end, *unit;
	double v;

	if (decimal(s, false, &v, &end) == -1)
		return -1;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (!unit || end[1])
			return parse_fail(EINVAL);
		for (ptrdiff_t i = 0; i <= unit - units; i++)
			v *= 1024;
	}
	/* 2^63 is the first double that does not fit. */
	if (v >= 9223372036854775808.0)
		return parse_fail(ERANGE);
	*out = (int64_t)v;
	return 0;
}

/* "scheme://" at the front of s: copies it in lower case, returns the rest. */
static const char *target_scheme(const char *s, struct parse_target *t)
{
	const char *colon = strstr(s, "://");
	size_t n = 0;

	if (!colon)
		return s;
	for (; s + n < colon; n++) {
		unsigned char c = (unsigned char)s[n];
		bool fits = n == 0 ? isalpha(c)
		                   : isalnum(c) || strchr("+-.", c) != NULL;

		if (!fits || n + 1 >= sizeof(t->scheme))
			return NULL;
		t->scheme[n] = (char)tolower(c);
	}
	return n ? colon + 3 : NULL;
}

static int target_host(struct parse_target *t, const char *host, size_t len,
    bool bracketed)
{
	struct in6_addr v6;
	size_t addr = 0;

	if (len == 0 || len >= sizeof(t->host))
		return -1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)host[i];

		if (c <= ' ' || c == 0x7f || strchr("@[]\\\"<>", c))
			return -1;
	}
	memcpy(t->host, host, len);
	t->host[len] = '\0';
	if (!bracketed)
		return 0;
	/* A zone ("%eth0") may follow the address. */
	addr = strcspn(t->host, "%");
	if (addr < len) {
		char only[INET6_ADDRSTRLEN];

		if (addr >= sizeof(only) || addr + 1 == len)
			return -1;
		memcpy(only, t->host, addr);
		only[addr] = '\0';
		return inet_pton(AF_INET6, only, &v6) == 1 ? 0 : -1;
	}
	return inet_pton(AF_INET6, t->host, &v6) == 1 ? 0 : -1;
}

/* The digits between `s` and `end`. */
static int target_port(struct parse_target *t, const char *s, const char *end)
{
	size_t len = (size_t)(end - s);
	char digits[8];
	int64_t port;

	if (len == 0 || len >= sizeof(digits) || !isdigit((unsigned char)*s))
		return parse_fail(EINVAL);
	memcpy(digits, s, len);
	digits[len] = '\0';
	if (parse_int64(digits, 1, UINT16_MAX, &port) == -1)
		return -1;
	t->port = (uint16_t)port;
	return 0;
}

/* The host that begins at `s` and does not go beyond `end`; returns where the
 * port's colon is, or `end`; NULL when it is none. */
static const char *target_authority(
    struct parse_target *t, const char *s, const char *end)
{
	const char *colon;
	bool bracketed;

	if (*s == '[') {
		const char *close = memchr(s, ']', (size_t)(end - s));

		if (!close || (close + 1 != end && close[1] != ':'))
			return NULL;
		if (target_host(t, s + 1, (size_t)(close - s - 1), true) == -1)
			return NULL;
		return close + 1;
	}
	colon = memchr(s, ':', (size_t)(end - s));
	/* More than one colon: a bare IPv6 address. */
	bracketed = colon && memchr(
	    colon + 1, ':', (size_t)(end - colon - 1));
	if (!colon || bracketed)
		colon = end;
	if (target_host(t, s, (size_t)(colon - s), bracketed) == -1)
		return NULL;
	return colon;
}

int parse_target(const char *s, struct parse_target *out)
{
	struct parse_target t = { .port = 0 };
	const char *authority = target_scheme(s, &t);
	const char *end, *colon;

	if (!authority)
		return parse_fail(EINVAL);
	end = authority + strcspn(authority, "/?#");
	t.path = end;
	colon = target_authority(&t, authority, end);
	if (!colon)
		return parse_fail(EINVAL);
	if (colon != end && target_port(&t, colon + 1, end) == -1)
		return -1;
	*out = t;
	return 0;
}

#define SUGGEST_LONGEST 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements and swaps of neighbours; case apart. */
static unsigned distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned rows[3][SUGGEST_LONGEST + 1];

	for (unsigned j = 0; j <= blen; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= alen; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *prev = rows[(i - 1) % 3];
		const unsigned *prev2 = rows[(i + 1) % 3];
		int ca = tolower((unsigned char)a[i - 1]);

		row[0] = i;
		for (unsigned j = 1; j <= blen; j++) {
			int cb = tolower((unsigned char)b[j - 1]);

			row[j] = min3(prev[j] + 1, row[j - 1] + 1,
			    prev[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca != cb &&
			    ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]) &&
			    prev2[j - 2] + 1 < row[j])
				row[j] = prev2[j - 2] + 1;
		}
	}
	return rows[alen % 3][blen];
}

const char *parse_suggest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	unsigned best_score = 3;
	size_t len = strlen(word);

	if (len == 0 || len > SUGGEST_LONGEST)
		return NULL;
	for (; *candidates; candidates++) {
		size_t clen = strlen(*candidates);
		unsigned score;

		if (clen == 0 || clen > SUGGEST_LONGEST)
			continue;
		score = distance(word, len, *candidates, clen);
		/* Two changes make any two letters alike. */
		if (score * 2 > len)
			score = 3;
		if (score > 2 && len >= 2 && len < clen &&
		    strncasecmp(word, *candidates, len) == 0)
			score = 2;
		if (score < best_score) {
			best_score = score;
			best = *candidates;
		}
	}
	return best;
}
