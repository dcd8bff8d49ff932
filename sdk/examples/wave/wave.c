/*
 * A load shape: users rise and fall as a sine, like the visitors of a day.
 *
 *	--shape wave:LOW-HIGH,PERIOD[,COUNT]      wave:10-500,24h
 */
#include <swarm/shape.h>
#include <swarm/swarm.h>

#include <math.h>
#include <stdlib.h>

static struct {
	double low;
	double high;
	double period;                  /* seconds */
	double count;                   /* 0: for ever */
} wave;

/* "90", "90s", "15m", "24h" in seconds; 0 when it is none. */
static double seconds(const char *text, char **end)
{
	double value = strtod(text, end);

	switch (**end) {
	case 'h':
		value *= 60;
		/* fall through */
	case 'm':
		value *= 60;
		/* fall through */
	case 's':
		++*end;
	}
	return value;
}

static int start(const char *arguments)
{
	char *end;

	wave.high = wave.period = wave.count = 0;
	wave.low = strtod(arguments, &end);
	if (*end == '-')
		wave.high = strtod(end + 1, &end);
	if (*end == ',')
		wave.period = seconds(end + 1, &end);
	if (*end == ',')
		wave.count = strtod(end + 1, &end);
	if (end != arguments && *end == '\0' && wave.low >= 0 &&
	    wave.high >= wave.low && wave.period >= 1 && wave.count >= 0)
		return 0;
	swarm_error("wave:%s: write wave:LOW-HIGH,PERIOD[,COUNT], as "
	    "wave:10-500,24h; PERIOD is at least 1s", arguments);
	return -1;
}

static bool tick(double now, struct swarm_load *load)
{
	double part = now / wave.period;

	if (wave.count > 0 && part >= wave.count)
		return false;
	load->users = wave.low + (wave.high - wave.low) *
	    (1 - cos(2 * M_PI * part)) / 2;
	return true;
}

static const struct swarm_shape shape = {
	SWARM_IFACE(struct swarm_shape, 0),
	.name  = "wave",
	.help  = "LOW-HIGH,PERIOD[,COUNT]: users as a sine",
	.start = start,
	.tick  = tick,
};

SWARM_MODULE(
	.name    = "wave",
	.version = "1.0",
	.summary = "a load shape: users rise and fall as a sine",
	.exports = SWARM_EXPORTS({ SWARM_SHAPE_ID, &shape.head }),
);
