/*
 * Reason codes of MQTT 5 as words for people, and those of 3.1.1 mapped to
 * them.
 */
#ifndef MQTT_REASON_H
#define MQTT_REASON_H

/* A constant text, never NULL. */
const char *reason_name(int code);
/* The MQTT 5 code for a return code of a 3.1.1 CONNACK; 0xff for one that
 * does not exist. */
int reason_of_connack(int code);

#endif
