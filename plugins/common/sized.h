/*
 * Argument structs begin with their size as their caller was compiled with it:
 * of an older one the newer fields are zero, of a newer one they are left out.
 */
#ifndef PLUGIN_SIZED_H
#define PLUGIN_SIZED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void sized_copy(void *to, size_t to_size, const void *from,
    uint32_t from_size)
{
	if (from_size >= to_size) {
		memcpy(to, from, to_size);
		return;
	}
	memset(to, 0, to_size);
	memcpy(to, from, from_size);
}

#endif
