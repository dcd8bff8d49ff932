/* Whether bytes are UTF-8, as protocols want of text (RFC 6455, section 8.1;
 * MQTT 5, section 1.5.4). */
#ifndef PLUGIN_UTF8_H
#define PLUGIN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *text, size_t len);

#endif
