/*
 * Fibers that take the next request each until none is left: as many
 * connections are in use as there are fibers, and no more.
 */
#include "batch.h"

struct batch {
	struct swarm_user *user;
	struct http_response *(*request)(struct swarm_user *,
	    const struct http_args *);
	const struct http_args *const *requests;
	struct http_response **responses;
	size_t count;
	size_t next;
};

static void work(void *arg)
{
	struct batch *b = arg;
	size_t i;

	while (b->next < b->count) {
		i = b->next++;
		b->responses[i] = b->request(b->user, b->requests[i]);
	}
}

void batch_run(struct swarm_user *u, size_t width,
    struct http_response *(*request)(struct swarm_user *,
	const struct http_args *),
    const struct http_args *const *requests,
    struct http_response **responses, size_t count)
{
	struct batch b = { .user = u, .request = request,
		.requests = requests, .responses = responses, .count = count };
	struct swarm_fiber *helpers[BATCH_MAX];
	size_t i;

	if (width > count)
		width = count;
	if (width > BATCH_MAX)
		width = BATCH_MAX;
	/* This fiber works too; the others work in its memory, so it does
	 * not leave before they have. */
	for (i = 1; i < width; i++)
		helpers[i] = swarm_spawn(u, work, &b);
	work(&b);
	for (i = 1; i < width; i++)
		swarm_reap(helpers[i]);
}
