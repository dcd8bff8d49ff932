/* SHA-256, as the names of compiled scenarios and the identity of modules. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>

#define HASH_HEX 65                     /* with the NUL */

/* In hexadecimal, lower case. */
void hash_data(const void *data, size_t size, char hex[HASH_HEX]);
/* 0, or -1 with errno. */
int hash_file(const char *path, char hex[HASH_HEX]);

#endif
