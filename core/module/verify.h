/* Is this file a module that this program can load?  One clear log_error()
 * when not: what it is, where, and what to do. */
#ifndef MODULE_VERIFY_H
#define MODULE_VERIFY_H

#include "module/elf.h"

/* Nobody but its owner (and, for root, root's group) can write it.  0, or -1
 * after log_error(). */
int verify_trust(const char *path);
/* 0 with *e open (elf_close()), or -1 after log_error() with it closed.
 * `shown` is the name people know it by: its source, if it has one. */
int verify_module(const char *path, const char *shown, struct elf *e);
/* There is no file `path` (absolute): says so, with a similar name. */
void verify_say_absent(const char *path);

#endif
