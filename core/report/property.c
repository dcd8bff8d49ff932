/* What a file says wrongly is as if it were not there. */
#include "report/property.h"

#include <math.h>

#include "base/xalloc.h"

void property_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value ? value : json_null());
}

void property_set_text(json_t *object, const char *key, const char *text)
{
	property_set(object, key, text ? json_string(text) : NULL);
}

void property_set_real(json_t *object, const char *key, double v)
{
	property_set(object, key, json_real(v));
}

void property_set_count(json_t *object, const char *key, uint64_t v)
{
	property_set(object, key, json_integer((json_int_t)v));
}

void property_set_known(json_t *object, const char *key, double v)
{
	property_set(object, key, v >= 0 ? json_real(v) : NULL);
}

void property_set_known_count(json_t *object, const char *key, int64_t v)
{
	property_set(object, key, v >= 0 ? json_integer(v) : NULL);
}

double property_number(const json_t *value, double otherwise)
{
	double d = json_is_number(value) ? json_number_value(value) : NAN;

	return fabs(d) < 1e15 ? d : otherwise;
}

double property_real(const json_t *object, const char *key, double otherwise)
{
	return property_number(json_object_get(object, key), otherwise);
}

uint64_t property_count(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

bool property_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

char *property_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? xstrdup(text) : NULL;
}
