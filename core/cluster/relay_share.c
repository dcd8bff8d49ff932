/*
 * Users that are missing go to the worker with the fewest users, surplus ones
 * are taken from the one with the most, so that a change moves no other.
 */
#include "cluster/relay_share.h"

#include <string.h>

#include "cluster/master.h"

static int64_t users_of(const struct peer *p, size_t classes)
{
	int64_t sum = 0;

	for (size_t c = 0; c < classes; c++)
		sum += p->wanted[c];
	return sum;
}

/* The worker to give a user to, or (most) to take one of the class from. */
static struct peer *choose(bool most, size_t class, size_t classes)
{
	struct peer *best = NULL;

	for (size_t i = 0; i < master_peer_count(); i++) {
		struct peer *p = master_peer_at(i);

		if (p->state == PEER_MISSING || (most && p->wanted[class] == 0))
			continue;
		if (best == NULL || (most ?
		    users_of(p, classes) > users_of(best, classes) :
		    users_of(p, classes) < users_of(best, classes)))
			best = p;
	}
	return best;
}

static int64_t class_users(size_t class)
{
	int64_t sum = 0;

	for (size_t i = 0; i < master_peer_count(); i++) {
		if (master_peer_at(i)->state != PEER_MISSING)
			sum += master_peer_at(i)->wanted[class];
	}
	return sum;
}

static void share_class(size_t class, int64_t target, size_t classes)
{
	int64_t users = class_users(class);
	struct peer *p;

	for (; users < target; users++) {
		p = choose(false, class, classes);
		if (p == NULL)
			return;
		p->wanted[class]++;
	}
	for (; users > target; users--) {
		p = choose(true, class, classes);
		p->wanted[class]--;
	}
}

void relay_share_users(const int64_t *target, size_t classes)
{
	for (size_t c = 0; c < classes; c++)
		share_class(c, target[c], classes);
}

bool relay_share_reached(const int64_t *target, size_t classes)
{
	for (size_t c = 0; c < classes; c++) {
		if (class_users(c) != target[c])
			return false;
	}
	for (size_t i = 0; i < master_peer_count(); i++) {
		const struct peer *p = master_peer_at(i);

		if (p->state != PEER_MISSING && memcmp(p->running, p->wanted,
		    classes * sizeof *p->wanted) != 0)
			return false;
	}
	return true;
}
