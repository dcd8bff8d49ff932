/*
 * Numbers of users (numbers.h) that the master above gave to a relay, for the
 * users of the workers below.
 */
#ifndef CLUSTER_RELAY_NUMBERS_H
#define CLUSTER_RELAY_NUMBERS_H

#include <stddef.h>

struct wire_numbers;

void relay_numbers_init(size_t class_count);
void relay_numbers_release(void);
/* A new test: there are none. */
void relay_numbers_forget(void);
/* What is new of a class of which it is to run `count`. */
void relay_numbers_take(size_t class, size_t count,
    const struct wire_numbers *);

#endif
