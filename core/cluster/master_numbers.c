/*
 * The master's side of the numbers of users: which worker has which.
 */
#include "cluster/master_internal.h"

#include <string.h>

#include "base/clock.h"

/* Seconds beyond the stop timeout after which a stopped user has ended. */
#define STOP_GRACE 2.5

/* A relay's workers keep what they were given until they are lost: which of
 * its users it stops is not for us to know. */
static int64_t rest_of(const struct peer *p, double stop_timeout)
{
	if (strstr(p->version, WIRE_RELAY) != NULL)
		return INT64_MAX / 2;
	return (int64_t)((stop_timeout + STOP_GRACE) * (double)NS_PER_S);
}

/* Class by class over all workers, so that the numbers of a class do not
 * depend on how many workers there are. */
void master_number_users(double stop_timeout)
{
	int64_t now = clock_now();

	for (size_t c = 0; c < master_shared.o.class_count; c++) {
		for (size_t i = 0; i < member_count(); i++) {
			struct peer *p = &member_at(i)->peer;

			if (p->swarm && p->state != PEER_MISSING)
				numbers_set(&p->numbers[c],
				    (size_t)p->wanted[c], now,
				    rest_of(p, stop_timeout));
		}
	}
}

void master_reset_numbers(uint32_t limit)
{
	for (size_t i = 0; i < member_count(); i++) {
		for (size_t c = 0; c < master_shared.o.class_count; c++)
			numbers_free(&member_at(i)->peer.numbers[c]);
	}
	numbers_reset(limit);
	master_shared.test++;
}
