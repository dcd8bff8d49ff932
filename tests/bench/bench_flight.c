/*
 * What the flight recorder costs a sample: one event into the ring, of the
 * size that workers have.  One JSON line.
 */
#include <stdio.h>

#include "base/clock.h"
#include "user/flight.h"

#define EVENTS 100000000u

int main(void)
{
	static struct flight_event out[FLIGHT_MOST];
	struct flight_pick pick = { 0 };
	int64_t begin;
	double ns;

	flight_init(FLIGHT_EVENTS);
	begin = clock_now();
	for (uint32_t i = 0; i < EVENTS; i++)
		flight_record(i & 1023, i & 15, begin + i, i, 0, "task",
		    NULL);
	ns = (double)(clock_now() - begin) / EVENTS;
	printf("{\"bench\":\"flight\",\"ns_per_event\":%.2f,\"taken\":%zu}\n",
	    ns, flight_take(&pick, out));
	flight_release();
	return 0;
}
