/*
 * MQTT 5 properties.  Paho's lists hold lengths and pointers, the interface
 * has C strings: those of a received message are copied next to each other
 * once more, which only messages that have properties pay for.
 */
#include "props.h"

#include <stdlib.h>
#include <string.h>

/* ---- to Paho ---- */

static void add_number(MQTTProperties *to, enum MQTTPropertyCodes id,
    uint32_t n)
{
	MQTTProperty p = { .identifier = id };

	switch (MQTTProperty_getType(id)) {
	case MQTTPROPERTY_TYPE_BYTE:
		p.value.byte = (unsigned char)n;
		break;
	case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
		p.value.integer2 = (unsigned short)n;
		break;
	default:
		p.value.integer4 = n;
	}
	MQTTProperties_add(to, &p);
}

static void add_data(MQTTProperties *to, enum MQTTPropertyCodes id,
    const void *data, size_t len)
{
	MQTTProperty p = { .identifier = id };

	p.value.data.data = (char *)(uintptr_t)data;
	p.value.data.len = (int)len;
	MQTTProperties_add(to, &p);
}

static void add_text(MQTTProperties *to, enum MQTTPropertyCodes id,
    const char *s)
{
	if (s)
		add_data(to, id, s, strlen(s));
}

static void add_user(MQTTProperties *to, const struct mqtt_property *from,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		MQTTProperty p = {
			.identifier = MQTTPROPERTY_CODE_USER_PROPERTY,
		};

		p.value.data.data = (char *)(uintptr_t)from[i].name;
		p.value.data.len = (int)strlen(from[i].name);
		p.value.value.data = (char *)(uintptr_t)from[i].value;
		p.value.value.len = (int)strlen(from[i].value);
		MQTTProperties_add(to, &p);
	}
}

MQTTProperties props_connect(const struct mqtt_connect_args *a)
{
	MQTTProperties p = MQTTProperties_initializer;

	if (a->session_expiry)
		add_number(&p, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		    a->session_expiry);
	if (a->receive_maximum != 65535)
		add_number(&p, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
		    a->receive_maximum);
	add_number(&p, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
	    a->max_packet_size);
	if (a->topic_alias_maximum)
		add_number(&p, MQTTPROPERTY_CODE_TOPIC_ALIAS_MAXIMUM,
		    a->topic_alias_maximum);
	if (a->request_response_information)
		add_number(&p,
		    MQTTPROPERTY_CODE_REQUEST_RESPONSE_INFORMATION, 1);
	if (a->no_problem_information)
		add_number(&p, MQTTPROPERTY_CODE_REQUEST_PROBLEM_INFORMATION,
		    0);
	add_user(&p, a->properties, a->property_count);
	return p;
}

MQTTProperties props_will(const struct mqtt_will *w)
{
	MQTTProperties p = MQTTProperties_initializer;

	if (w->delay)
		add_number(&p, MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL,
		    w->delay);
	if (w->message_expiry)
		add_number(&p, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
		    w->message_expiry);
	if (w->payload_is_utf8)
		add_number(&p, MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, 1);
	add_text(&p, MQTTPROPERTY_CODE_CONTENT_TYPE, w->content_type);
	add_text(&p, MQTTPROPERTY_CODE_RESPONSE_TOPIC, w->response_topic);
	if (w->correlation)
		add_data(&p, MQTTPROPERTY_CODE_CORRELATION_DATA,
		    w->correlation, w->correlation_len);
	add_user(&p, w->properties, w->property_count);
	return p;
}

MQTTProperties props_publish(const struct mqtt_publish_args *a)
{
	MQTTProperties p = MQTTProperties_initializer;

	if (a->message_expiry)
		add_number(&p, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
		    a->message_expiry);
	if (a->topic_alias)
		add_number(&p, MQTTPROPERTY_CODE_TOPIC_ALIAS, a->topic_alias);
	if (a->payload_is_utf8)
		add_number(&p, MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, 1);
	add_text(&p, MQTTPROPERTY_CODE_CONTENT_TYPE, a->content_type);
	add_text(&p, MQTTPROPERTY_CODE_RESPONSE_TOPIC, a->response_topic);
	if (a->correlation)
		add_data(&p, MQTTPROPERTY_CODE_CORRELATION_DATA,
		    a->correlation, a->correlation_len);
	add_user(&p, a->properties, a->property_count);
	return p;
}

MQTTProperties props_subscribe(const struct mqtt_subscribe_args *a)
{
	MQTTProperties p = MQTTProperties_initializer;

	if (a->subscription_id)
		add_number(&p, MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER,
		    a->subscription_id);
	add_user(&p, a->properties, a->property_count);
	return p;
}

MQTTProperties props_unsubscribe(const struct mqtt_unsubscribe_args *a)
{
	MQTTProperties p = MQTTProperties_initializer;

	add_user(&p, a->properties, a->property_count);
	return p;
}

MQTTProperties props_disconnect(const struct mqtt_disconnect_args *a)
{
	MQTTProperties p = MQTTProperties_initializer;

	if (a->set_session_expiry)
		add_number(&p, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		    a->session_expiry);
	add_user(&p, a->properties, a->property_count);
	return p;
}

/* ---- from Paho ---- */

static const MQTTProperty *find(const MQTTProperties *p,
    enum MQTTPropertyCodes id)
{
	for (int i = 0; i < p->count; i++) {
		if (p->array[i].identifier == id)
			return &p->array[i];
	}
	return NULL;
}

static uint32_t number_of(const MQTTProperty *p)
{
	switch (MQTTProperty_getType(p->identifier)) {
	case MQTTPROPERTY_TYPE_BYTE:
		return p->value.byte;
	case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
		return p->value.integer2;
	default:
		return p->value.integer4;
	}
}

uint32_t props_number(const MQTTProperties *p, enum MQTTPropertyCodes id,
    uint32_t otherwise)
{
	const MQTTProperty *found = find(p, id);

	return found ? number_of(found) : otherwise;
}

char *props_text(const MQTTProperties *p, enum MQTTPropertyCodes id)
{
	const MQTTProperty *found = find(p, id);

	if (!found)
		return NULL;
	return strndup(found->value.data.data, (size_t)found->value.data.len);
}

static size_t memory_for(const MQTTProperties *p)
{
	size_t n = 1;

	for (int i = 0; i < p->count; i++) {
		int type = MQTTProperty_getType(p->array[i].identifier);

		if (type == MQTTPROPERTY_TYPE_BINARY_DATA ||
		    type == MQTTPROPERTY_TYPE_UTF_8_ENCODED_STRING ||
		    type == MQTTPROPERTY_TYPE_UTF_8_STRING_PAIR)
			n += (size_t)p->array[i].value.data.len + 1;
		if (type == MQTTPROPERTY_TYPE_UTF_8_STRING_PAIR)
			n += (size_t)p->array[i].value.value.len + 1;
	}
	return n;
}

static const char *copy(char **at, const MQTTLenString *s)
{
	char *to = *at;

	if (s->len)
		memcpy(to, s->data, (size_t)s->len);
	to[s->len] = 0;
	*at += s->len + 1;
	return to;
}

static void take(struct props_view *v, struct mqtt_message *m, char **at,
    const MQTTProperty *p)
{
	switch (p->identifier) {
	case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
		m->message_expiry = number_of(p);
		break;
	case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
		m->payload_is_utf8 = number_of(p) == 1;
		break;
	case MQTTPROPERTY_CODE_CONTENT_TYPE:
		m->content_type = copy(at, &p->value.data);
		break;
	case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
		m->response_topic = copy(at, &p->value.data);
		break;
	case MQTTPROPERTY_CODE_CORRELATION_DATA:
		m->correlation = copy(at, &p->value.data);
		m->correlation_len = (size_t)p->value.data.len;
		break;
	case MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER:
		v->ids[m->subscription_id_count++] = number_of(p);
		break;
	case MQTTPROPERTY_CODE_USER_PROPERTY:
		v->properties[m->property_count].name =
		    copy(at, &p->value.data);
		v->properties[m->property_count++].value =
		    copy(at, &p->value.value);
		break;
	default:
		break;
	}
}

int props_message(struct props_view *v, struct mqtt_message *m,
    const MQTTProperties *p)
{
	size_t n = (size_t)p->count;
	char *at;

	*v = (struct props_view){ NULL, NULL, NULL };
	if (n == 0)
		return 0;
	v->memory = malloc(memory_for(p));
	v->properties = calloc(n, sizeof *v->properties);
	v->ids = calloc(n, sizeof *v->ids);
	if (!v->memory || !v->properties || !v->ids) {
		props_view_release(v);
		return -1;
	}
	at = v->memory;
	for (size_t i = 0; i < n; i++)
		take(v, m, &at, &p->array[i]);
	m->properties = v->properties;
	m->subscription_ids = v->ids;
	return 0;
}

void props_view_release(struct props_view *v)
{
	free(v->memory);
	free(v->properties);
	free(v->ids);
	*v = (struct props_view){ NULL, NULL, NULL };
}
