/* See the header. */
#include "user/quota.h"

bool quota_grant(struct quota *l, int64_t *given, int64_t total,
    size_t holders, int64_t users)
{
	int64_t left = total - *given;
	int64_t size = left / (2 * (int64_t)(holders > 0 ? holders : 1));

	if (left <= 0 || l->granted - l->started > l->batch / 2)
		return false;
	size = size > users ? size : users;
	size = size > 1 ? size : 1;
	size = size < left ? size : left;
	l->granted += size;
	l->batch = size;
	*given += size;
	return true;
}

void quota_return(struct quota *l, int64_t *given)
{
	*given -= l->granted - l->done;
	*l = (struct quota){ 0 };
}
