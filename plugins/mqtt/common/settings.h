/*
 * The arguments of a call, checked, and those of mqtt_connect() kept for the
 * reconnects to come.
 */
#ifndef MQTT_SETTINGS_H
#define MQTT_SETTINGS_H

#include <swarm/mqtt.h>

#include "sized.h"
#include "url.h"

/* What the options say where the arguments do not. */
struct settings_defaults {
	int version;
	int keepalive;
	unsigned inflight;
	double timeout;
	const char *username;
	const char *password;
	struct mqtt_tls tls;
};

struct settings {
	struct mqtt_connect_args args;  /* everything filled in */
	struct url url;
	int version;
};

/*
 * A deep copy with the defaults filled in and everything checked; freed by
 * free().  NULL with errno EINVAL, ENOTSUP or ENOMEM, and *why.
 */
struct settings *settings_new(struct swarm_user *,
    const struct mqtt_connect_args *, const struct settings_defaults *,
    const char **why);

/* NULL when fine, else what is wrong. */
const char *settings_check_topic(const char *topic);
const char *settings_check_filter(const char *filter);
const char *settings_check_publish(const struct mqtt_publish_args *,
    int version);
const char *settings_check_subscribe(const struct mqtt_subscribe_args *,
    int version);

/* Why a broker has closed instead of a CONNACK. */
const char *settings_no_connack(const struct settings *);

/* The text and data of an argument struct as one: `text` wins. */
const void *settings_payload(const char *text, const void *data,
    size_t *len);

#endif
