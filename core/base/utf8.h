/* Characters of UTF-8 (RFC 3629), of texts that nobody has checked. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the well-formed character at `s`, of which `len` may be read,
 * and its code; 0 when there is none.  No character
 * goes on with a NUL, so the length of a text that ends with one need not be
 * known (SIZE_MAX). */
size_t utf8_decode(const void *s, size_t len, uint32_t *code);
/* Whether a terminal may obey it instead of showing it: C0, C1 and DEL. */
bool utf8_is_control(uint32_t code);
/* The same, and what reorders or hides text around it: not for a person's eyes
 * as it is. */
bool utf8_is_unsafe(uint32_t code);
/* The length of at most `max` bytes of a text that splits no character. */
size_t utf8_cut(const char *s, size_t max);

#endif
