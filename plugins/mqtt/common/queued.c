/*
 * Copies a message once, when it must wait for its user: sized first, then
 * filled, so that freeing it is one call.
 */
#include "queued.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN _Alignof(max_align_t)

static size_t text_size(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static size_t size_of(const struct mqtt_message *m, size_t topic_len)
{
	size_t n = topic_len + 1 + m->len + 1;

	n += text_size(m->content_type) + text_size(m->response_topic);
	n += m->correlation_len + 1;
	n += m->subscription_id_count * sizeof *m->subscription_ids;
	n += m->property_count * sizeof *m->properties + ALIGN;
	for (size_t i = 0; i < m->property_count; i++)
		n += text_size(m->properties[i].name) +
		    text_size(m->properties[i].value);
	return n;
}

static const char *put(char **at, const void *data, size_t len)
{
	char *to = *at;

	if (len)
		memcpy(to, data, len);
	to[len] = 0;
	*at += len + 1;
	return to;
}

static const char *put_text(char **at, const char *s)
{
	return s ? put(at, s, strlen(s)) : NULL;
}

struct queued *queued_new(const struct mqtt_message *from, size_t topic_len)
{
	size_t size = sizeof(struct queued) + size_of(from, topic_len);
	struct queued *q = malloc(size);
	struct mqtt_property *properties;
	uint32_t *ids;
	char *at;

	if (!q)
		return NULL;
	q->next = NULL;
	q->bytes = size;
	q->message = *from;
	/* What needs alignment first. */
	properties = (struct mqtt_property *)(q + 1);
	ids = (uint32_t *)(properties + from->property_count);
	at = (char *)(ids + from->subscription_id_count);
	if (from->subscription_id_count)
		memcpy(ids, from->subscription_ids,
		    from->subscription_id_count * sizeof *ids);
	for (size_t i = 0; i < from->property_count; i++) {
		properties[i].name = put_text(&at, from->properties[i].name);
		properties[i].value = put_text(&at, from->properties[i].value);
	}
	q->message.properties = from->property_count ? properties : NULL;
	q->message.subscription_ids = from->subscription_id_count ? ids : NULL;
	q->message.topic = put(&at, from->topic, topic_len);
	q->message.data = put(&at, from->data, from->len);
	q->message.content_type = put_text(&at, from->content_type);
	q->message.response_topic = put_text(&at, from->response_topic);
	if (from->correlation)
		q->message.correlation = put(&at, from->correlation,
		    from->correlation_len);
	return q;
}
