/*
 * Properties of JSON objects: put in, and read back from files that come from
 * elsewhere.
 */
#ifndef REPORT_PROPERTY_H
#define REPORT_PROPERTY_H

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

/* Takes the value; NULL (also of a number that JSON has not) is null. */
void property_set(json_t *object, const char *key, json_t *value);
void property_set_text(json_t *object, const char *key, const char *text);
void property_set_real(json_t *object, const char *key, double);
void property_set_count(json_t *object, const char *key, uint64_t);
/* Below 0 is "not known": null. */
void property_set_known(json_t *object, const char *key, double);
void property_set_known_count(json_t *object, const char *key, int64_t);

/* The number, when it is one and no larger than any figure of a run is. */
double property_number(const json_t *value, double otherwise);
double property_real(const json_t *object, const char *key, double otherwise);
/* A whole number from 0 on; else 0. */
uint64_t property_count(const json_t *object, const char *key);
bool property_true(const json_t *object, const char *key);
/* A copy; NULL when there is none. */
char *property_text(const json_t *object, const char *key);

#endif
