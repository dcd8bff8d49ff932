/* What the files of core/module share; for this room alone. */
#ifndef MODULE_INTERNAL_H
#define MODULE_INTERNAL_H

#include "base/hash.h"
#include "module/module.h"

/* ---- load.c ---- */

/*
 * Opens one shared object and checks what it says of itself; not yet listed.
 * `source`: the .c it was compiled from, or NULL.  NULL after log_error().
 */
struct module *load_module(const char *path, const char *source);

/*
 * A file that `reader` reads: its read() is called.  What stands in the list
 * of modules for it has no hooks and no code.  NULL after log_error().
 */
struct module *load_read(const char *path, struct module *reader);

/* ---- address.c ---- */

/* From now on module_by_address() knows the module's code. */
void address_add(struct module *);
void address_forget(void);

/* ---- module.c ---- */

/* As module_open_plugin() with a path that find_plugin() gave; not counted
 * as named by the user. */
struct module *module_open_found(const char *path);
/* The file that people know it by: its source, if it was compiled here. */
const char *module_shown(const struct module *);

/* ---- list.c ---- */

/* The i-th element of a module's list, whose elements are `stride` bytes long,
 * at this host's size: what it does not have is zero, and so is all of it when
 * there is no list. */
void list_element(void *out, size_t size, const void *list, size_t stride,
    size_t i);

/* ---- bind.c ---- */

/* The module's own table of that id, or NULL. */
const struct swarm_iface *bind_export(const struct module *, const char *id);
/* The i-th export, at this host's size; false after the last. */
bool bind_export_at(const struct module *, size_t i, struct swarm_export *);
/* Calls fn for each of its exports of that id. */
void bind_each_export(struct module *, const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *);
/* Who provides what `import` was bound to; NULL when unbound. */
struct module *bind_provider(const struct swarm_import *);
void bind_forget(void);

/* ---- option.c ---- */

/* Some -o names this module (loaded or not); the text of the first. */
const char *option_naming(const char *module);
/* Gives every option its value; 0, or -1 after log_error(). */
int option_apply(struct module *);
/* A required option that nothing gives a value to (free()), or NULL. */
char *option_unset(const struct module *);
/* -o and settings of modules that were never loaded; 0, or -1 after
 * log_error(). */
int option_check_unused(void);
void option_forget(void);

/* ---- compile.c ---- */

/* The shared object made of `source` (absolute path), from the cache when it
 * is still right (free()); NULL after log_error(). */
char *compile_source(const char *source);

/* ---- inspect.c ---- */

/* A module named on a command's line, by path or by plugin's name: its path
 * (free()); NULL after log_error(). */
char *tools_find(const char *what);

/* ---- feeders.c ---- */

struct swarm_feeder;
/* The feeder of that name, `len` bytes, or NULL; valid until the next call. */
const struct swarm_feeder *feeders_find(const char *name, size_t len);

/* ---- api_log.c ---- */

/* Error lines written by modules so far. */
unsigned api_log_errors(void);

#endif
