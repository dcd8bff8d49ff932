/* See the header. */
#include "cluster/message.h"

#include <swarm/message.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cluster/wire_custom.h"

static struct {
	struct listener {
		char *type;
		void (*fn)(const struct swarm_message *, void *);
		void *arg;
	} *at;
	size_t count;
	int (*send)(const char *to, const char *type, const char *json);
} messages;

void message_way(int (*send)(const char *to, const char *type,
    const char *json))
{
	messages.send = send;
}

static bool is_heard(const char *type)
{
	for (size_t i = 0; i < messages.count; i++) {
		if (strcmp(messages.at[i].type, type) == 0)
			return true;
	}
	return false;
}

void message_take(const char *from, const struct wire_message *m)
{
	struct swarm_message news = { .size = sizeof news,
		.type = m->type_name, .from = from };
	char *json;

	if (!is_heard(m->type_name)) {
		log_debug("a message of type %s came; nobody listens to that "
		    "(swarm_on_message())", m->type_name);
		return;
	}
	json = wire_read_custom(m);
	if (json == NULL)
		return;
	news.json = json;
	for (size_t i = 0; i < messages.count; i++) {
		if (strcmp(messages.at[i].type, m->type_name) == 0)
			messages.at[i].fn(&news, messages.at[i].arg);
	}
	free(json);
}

void message_release(void)
{
	for (size_t i = 0; i < messages.count; i++)
		free(messages.at[i].type);
	free(messages.at);
	memset(&messages, 0, sizeof messages);
}

SWARM_API int swarm_on_message(const char *type,
    void (*fn)(const struct swarm_message *, void *arg), void *arg)
{
	if (!wire_custom_type(type)) {
		errno = EINVAL;
		return -1;
	}
	messages.at = xreallocarray(messages.at, messages.count + 1,
	    sizeof messages.at[0]);
	messages.at[messages.count++] = (struct listener){ xstrdup(type), fn,
		arg };
	return 0;
}

SWARM_API int swarm_send_message(const char *to, const char *type,
    const char *json)
{
	if (!wire_custom_type(type)) {
		errno = EINVAL;
		return -1;
	}
	if (strlen(json) > SWARM_MESSAGE_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (messages.send == NULL) {
		errno = ENOTCONN;
		return -1;
	}
	return messages.send(to, type, json);
}
