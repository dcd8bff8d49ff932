/*
 * Modules: find, verify, load, bind, set options, call their hooks.  Nothing
 * is ever unloaded (libraries with threads of their own would crash).
 */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/module.h>

struct module {
	struct swarm_module def;        /* copied to this host's size */
	char *name;
	char *path;                     /* absolute */
	char *source;                   /* the .c it was compiled from, or NULL */
	void *handle;
	uintptr_t base;                 /* load address, for backtraces */
	char sha256[65];
	bool loaded;                    /* load() succeeded */
};

/* Where to look, in order; `exe` is this program's own path, from which the
 * build tree's or the install's plugin folders are found. */
void module_init(const char *exe);

/* -f: a path to a .so or .c.  NULL after one clear log_error(). */
struct module *module_open_scenario(const char *path);
/* --plugin: a path (with a slash) or a name, searched for. */
struct module *module_open_plugin(const char *name);

/*
 * Connects every import to a provider, loading NAME.so for an unmet
 * "swarm.NAME/n" from the plugin folders.  Among several providers the first
 * one opened by the user wins.  0, or -1 after log_error().
 */
int module_bind(void);

/* "MODULE.NAME=VALUE" from -o; 0, or -1 after log_error() with a
 * suggestion. */
int module_set_option(const char *assignment);
/* Defaults, then the environment (SWARM_MODULE_NAME), for options not yet
 * set; then load() of each, plugins before scenarios; then setup(). */
int module_load_all(void);
int module_worker_start(void);
void module_worker_stop(void);
void module_unload_all(void);

size_t module_count(void);
struct module *module_at(size_t i);
/* The module whose code holds `address`, or NULL (for logs and crashes;
 * async-signal-safe). */
struct module *module_by_address(const void *address);
/* A provider's table, or NULL. */
const struct swarm_iface *module_interface(const char *id);
/* Calls fn for every export of `id` ("swarm.hooks/1"), in load order. */
void module_each_export(const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *);

/* --list and --dump: key=value lines on standard output. */
int module_print_list(void);
int module_print_dump(const struct module *);

#endif
