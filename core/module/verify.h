/* Is this file a module that this program can load?  One clear log_error()
 * when not: what it is, where, and what to do. */
#ifndef MODULE_VERIFY_H
#define MODULE_VERIFY_H

#include <swarm/version.h>

#include "module/elf.h"

/* The function that a module exports; its name ends in the ABI's major. */
#define VERIFY_TEXT_(x) #x
#define VERIFY_TEXT(x)  VERIFY_TEXT_(x)
#define VERIFY_ENTRY    "swarm_module_v" VERIFY_TEXT(SWARM_ABI_MAJOR)

/* Nobody but its owner (and, for root, root's group) can write it.  0, or -1
 * after log_error(). */
int verify_trust(const char *path);
/* 0 with *e open (elf_close()), or -1 after log_error() with it closed.
 * `shown` is the name people know it by: its source, if it has one. */
int verify_module(const char *path, const char *shown, struct elf *e);
/* There is no file `path` (absolute): says so, with a similar name. */
void verify_say_absent(const char *path);

#endif
