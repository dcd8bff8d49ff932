/* See the header. */
#include "cluster/bucket.h"

#include "base/clock.h"

bool bucket_take(struct bucket *b, double cost, double rate, double burst)
{
	int64_t now = clock_now();

	if (b->at == 0)
		b->tokens = burst;
	else
		b->tokens += (double)(now - b->at) / (double)NS_PER_S * rate;
	b->at = now;
	if (b->tokens > burst)
		b->tokens = burst;
	if (b->tokens < cost)
		return false;
	b->tokens -= cost;
	return true;
}
