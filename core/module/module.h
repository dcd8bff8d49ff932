/*
 * Modules: find, verify, load, bind, set options, call their hooks.  Nothing
 * is ever unloaded (libraries with threads of their own would crash).
 *
 * The order, the same in the master and in each worker: module_init(); the
 * user's -f and --plugin opened and -o given; module_bind(), which may load
 * more; module_apply_options(); module_load_all().  All of it on the main
 * thread.
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
	struct module *reader;          /* of a file that is no shared object:
	                                 * the module that reads it */
	void *handle;
	uintptr_t base;                 /* load address, for backtraces */
	char sha256[65];
	struct swarm_import *imports;   /* noted by its constructors */
	bool chosen;                    /* named by the user, not found for an
	                                 * import */
	bool scenario;                  /* by -f */
	bool loaded;                    /* load() succeeded */
	bool started;                   /* worker_start() succeeded */
};

/* Where to look, in order; `exe` is this program's own path (NULL: asks the
 * kernel), from which the build tree's or the install's plugin folders are
 * found. */
void module_init(const char *exe);
/* This process runs users: what swarm_is_worker() answers.  Before any module
 * is opened; false until said. */
void module_set_worker(bool worker);

/* -f: a path to a .so or .c; without a slash and without such a file here,
 * the name of a scenario that came with swarm.  NULL after one clear
 * log_error(). */
struct module *module_open_scenario(const char *path);
/* Whether a plugin of that name is to be found; says nothing. */
bool module_exists(const char *name);
/* --plugin: a path (with a slash) or a name, searched for. */
struct module *module_open_plugin(const char *name);

/*
 * Connects every import to a provider, loading NAME.so for an unmet
 * "VENDOR.NAME/n" from the plugin folders.  Among several providers the first
 * one opened by the user wins.  0, or -1 after log_error().
 */
int module_bind(void);

/* "MODULE.NAME=VALUE" from -o; the module need not be loaded yet.  0, or -1
 * after log_error() with a suggestion. */
int module_set_option(const char *assignment);
/* One setting of a configuration file, weaker than -o and the environment;
 * ignored if no such module gets loaded.  `where` ("swarm.conf:12") is for
 * messages. */
void module_set_config(const char *module, const char *name,
    const char *value, const char *where);
/* After module_bind(): every option gets its value, from -o, the environment
 * (SWARM_MODULE_NAME), a configuration file or its default.  0, or -1 after
 * log_error(). */
int module_apply_options(void);
/* load() of each, providers before those who import from them and plugins
 * before scenarios; then setup() in the same order.  0, or -1 after
 * log_error(). */
int module_load_all(void);
int module_worker_start(void);
void module_worker_stop(void);
void module_unload_all(void);

/* Tests: forgets all modules and settings; their code stays mapped. */
void module_forget_all(void);

size_t module_count(void);
struct module *module_at(size_t i);
/* By name; NULL when none is loaded. */
struct module *module_find(const char *name);
/* The module whose code holds `address`, or NULL (for logs and crashes;
 * async-signal-safe). */
struct module *module_by_address(const void *address);
/* A provider's table, or NULL. */
const struct swarm_iface *module_interface(const char *id);
/* Calls fn for every export of `id` ("swarm.shape/1"), in the order of
 * opening; the second, after module_load_all(), in the order of load(). */
void module_each_export(const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *);
void module_each_loaded_export(const char *id,
    void (*fn)(struct module *, const struct swarm_iface *, void *), void *);

/* ---- what a module declares, at this host's sizes ---- */

/* The i-th user class of its table (setup() may add more, see user/user.h),
 * and the i-th task of that; false after the last. */
struct swarm_user_class;
struct swarm_task;
bool module_user_at(const struct module *, size_t i,
    struct swarm_user_class *);
bool module_task_at(const struct module *, const struct swarm_user_class *,
    size_t i, struct swarm_task *);

/* The i-th executor it declares; and `tell` of each field of one that was
 * set, by its name in --executor, in order. */
struct swarm_executor;
bool module_executor_at(const struct module *, size_t i,
    struct swarm_executor *);
void module_executor_fields(const struct swarm_executor *,
    void (*tell)(const char *name, const char *value, void *), void *);

/* The i-th option at this host's size; false after the last. */
bool module_option_at(const struct module *, size_t i, struct swarm_option *);
/* Its present value as text (free()); "(secret)" for a secret one. */
char *module_option_text(const struct swarm_option *);
/* Whether that is what nobody has to ask for. */
bool module_option_is_default(const struct swarm_option *);
/* Of "MODULE.NAME=VALUE", or that behind "-o" or "--option=", where VALUE
 * begins when the option is a secret one of a loaded module; else NULL. */
const char *module_option_secret(const char *argument);
/* Gives it another value; 0, or -1 with one sentence.  Of a module without
 * setup() only: what that made of the options stays as it is. */
int module_option_change(const struct module *, const char *name,
    const char *value, char *error, size_t size);
/* "int", "duration", …; and what a value looks like, with an example. */
const char *module_option_type_name(enum swarm_option_type);
const char *module_option_form(enum swarm_option_type);

/* ---- for people ---- */

/* Whether there is a C compiler for -f x.c. */
bool module_can_compile(void);

/* --list and --dump: key=value lines on standard output.  0, or -1 with
 * errno when they could not be written. */
int module_print_list(void);
int module_print_dump(const struct module *);
/* --help MODULE: what it is and its options. */
int module_print_help(const struct module *);

#endif
