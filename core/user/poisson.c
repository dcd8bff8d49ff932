/* A Poisson process in many streams: see the header. */
#include "user/poisson.h"

#include <math.h>

/* Further than this is not drawn through but jumped over: a process forgets,
 * so it is still one, though no longer the one that others have. */
#define LONGEST_SKIP 2e7

/* splitmix64: one word of state, and any seed will do. */
static double uniform(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void advance(const struct poisson *p, struct poisson_stream *s)
{
	s->n += -log(1 - uniform(&s->state)) * p->step;
}

static void sift_down(struct poisson *p, unsigned i)
{
	struct poisson_stream moved = p->at[i];

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= p->count)
			break;
		if (child + 1 < p->count &&
		    p->at[child + 1].n < p->at[child].n)
			child++;
		if (moved.n <= p->at[child].n)
			break;
		p->at[i] = p->at[child];
		i = child;
	}
	p->at[i] = moved;
}

static void order(struct poisson *p)
{
	for (unsigned i = p->count / 2; i-- > 0;)
		sift_down(p, i);
}

static void add(struct poisson *p, unsigned number, uint64_t seed)
{
	struct poisson_stream *s = &p->at[p->count++];

	/* Far apart in the sequence of states, whatever the seed. */
	s->state = seed * UINT64_C(0xd1342543de82ef95) +
	    (number + 1) * UINT64_C(0xa0761d6478bd642f);
	s->n = 0;
	uniform(&s->state);
	advance(p, s);
}

void poisson_init(struct poisson *p, unsigned stripe, unsigned stripes,
    uint64_t seed)
{
	unsigned streams = stripes > POISSON_STREAMS ? stripes :
	    POISSON_STREAMS;

	p->count = 0;
	p->step = streams;
	for (unsigned i = stripe; i < streams; i += stripes)
		add(p, i, seed);
	order(p);
}

double poisson_next(struct poisson *p)
{
	double n = p->at[0].n;

	advance(p, &p->at[0]);
	sift_down(p, 0);
	return n;
}

void poisson_skip(struct poisson *p, double n)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct poisson_stream *s = &p->at[i];

		if (n - s->n > LONGEST_SKIP)
			s->n = n;
		while (s->n <= n)
			advance(p, s);
	}
	order(p);
}
