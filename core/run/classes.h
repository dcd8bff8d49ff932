/* Which executor has which user classes. */
#ifndef RUN_CLASSES_H
#define RUN_CLASSES_H

#include <stddef.h>

struct executor;

/*
 * Each takes the classes it names; those that none names go to the one that
 * names none.  0, or -1 after log_error(): a class that is not there, or that
 * two name, or an executor without any.
 */
int classes_share(struct executor *const *, size_t count);

#endif
