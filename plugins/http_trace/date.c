/* See the header. */
#include "date.h"

#include <math.h>
#include <string.h>

#define NS INT64_C(1000000000)

/* `n` digits. */
static int digits(const char *s, int n, int *out)
{
	int v = 0;
	int i;

	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	*out = v;
	return 0;
}

/* Days since 1970-01-01, in the proleptic Gregorian calendar: years begin in
 * March, so that the leap day is the last. */
static int64_t days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
	    day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

struct moment {
	int year, month, day, hour, minute, second;
	int east;                       /* minutes */
};

static int to_ns(const struct moment *m, int64_t *ns)
{
	if (m->year < 1900 || m->year > 2200 || m->month < 1 ||
	    m->month > 12 || m->day < 1 || m->day > 31 || m->hour > 23 ||
	    m->minute > 59 || m->second > 60)
		return -1;
	*ns = (days(m->year, m->month, m->day) * 86400 + m->hour * 3600 +
	    (m->minute - m->east) * 60 + m->second) * NS;
	return 0;
}

/* "+0100" or "+01:00". */
static int zone(const char *s, size_t len, int *east)
{
	int hours, minutes;
	size_t colon = len == 6 && s[3] == ':';

	if ((len != 5 && !colon) || (s[0] != '+' && s[0] != '-') ||
	    digits(s + 1, 2, &hours) || digits(s + 3 + colon, 2, &minutes) ||
	    hours > 14 || minutes > 59)
		return -1;
	*east = (hours * 60 + minutes) * (s[0] == '-' ? -1 : 1);
	return 0;
}

int date_log(struct span s, int64_t *ns)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *t = s.at;
	struct moment m;

	if (s.len < DATE_LOG_LEN || t[2] != '/' || t[6] != '/' ||
	    t[11] != ':' || t[14] != ':' || t[17] != ':' || t[20] != ' ' ||
	    digits(t, 2, &m.day) || digits(t + 7, 4, &m.year) ||
	    digits(t + 12, 2, &m.hour) || digits(t + 15, 2, &m.minute) ||
	    digits(t + 18, 2, &m.second) || zone(t + 21, 5, &m.east))
		return -1;
	for (m.month = 1; m.month <= 12; m.month++) {
		if (memcmp(months + 3 * (m.month - 1), t + 3, 3) == 0)
			return to_ns(&m, ns);
	}
	return -1;
}

int date_iso(struct span s, int64_t *ns, int64_t *resolution)
{
	const char *t = s.at;
	int64_t fraction = 0, unit = NS;
	struct moment m = { 0 };
	size_t i = 19;

	if (s.len < 19 || t[4] != '-' || t[7] != '-' ||
	    (t[10] != 'T' && t[10] != ' ' && t[10] != 't') ||
	    t[13] != ':' || t[16] != ':' || digits(t, 4, &m.year) ||
	    digits(t + 5, 2, &m.month) || digits(t + 8, 2, &m.day) ||
	    digits(t + 11, 2, &m.hour) || digits(t + 14, 2, &m.minute) ||
	    digits(t + 17, 2, &m.second))
		return -1;
	*resolution = NS;
	if (i < s.len && (t[i] == '.' || t[i] == ',')) {
		*resolution = 0;
		for (i++; i < s.len && t[i] >= '0' && t[i] <= '9'; i++) {
			unit /= 10;
			fraction += (t[i] - '0') * unit;
		}
	}
	if (i < s.len && (t[i] == 'Z' || t[i] == 'z'))
		i++;
	else if (i < s.len && zone(t + i, s.len - i, &m.east) == 0)
		i = s.len;
	if (i != s.len || to_ns(&m, ns) == -1)
		return -1;
	*ns += fraction;
	return 0;
}

int date_number(double v, int64_t *ns)
{
	double unit = 1e9;

	if (!isfinite(v) || v < 0 || v > 8e18)
		return -1;
	/* As seconds it would be after the year 2220. */
	for (; v * unit > 8e18; unit /= 1e3)
		;
	*ns = (int64_t)(v * unit);
	return 0;
}
