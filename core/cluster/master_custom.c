/* Messages of scenarios, from the master to its workers. */
#include "cluster/master_internal.h"

#include <errno.h>

#include "cluster/wire_custom.h"

static int send_one(struct member *m, const char *type, const char *json)
{
	if (wire_encode_custom(&master_shared.out, m->peer.id, type, json) ==
	    -1) {
		buf_clear(&master_shared.out);
		errno = EINVAL;
		return -1;
	}
	master_send(m->sock, m->peer.id);
	return 0;
}

int master_send_custom(const char *to, const char *type, const char *json)
{
	struct member *m = to != NULL ? member_find(to) : NULL;

	if (m != NULL)
		return send_one(m, type, json);
	if (to != NULL || member_count() == 0) {
		errno = ENOTCONN;
		return -1;
	}
	for (size_t i = 0; i < member_count(); i++) {
		if (send_one(member_at(i), type, json) == -1)
			return -1;
	}
	return 0;
}

void master_forward_custom(const struct wire_message *msg)
{
	for (size_t i = 0; i < member_count(); i++) {
		struct member *m = member_at(i);

		wire_forward_custom(&master_shared.out, m->peer.id, msg);
		master_send(m->sock, m->peer.id);
	}
}
