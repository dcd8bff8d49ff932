/* The library's error texts, made fit to be counted. */
#ifndef GRPC_TEXT_H
#define GRPC_TEXT_H

#include <stddef.h>

/* The cause, without addresses, numbers of things and the library's wrapping;
 * never empty. */
void text_reason(char *to, size_t size, const char *from, size_t len);

#endif
