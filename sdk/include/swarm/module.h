/*
 * Modules: what a shared object tells swarm about itself.
 *
 * A module exports one function, swarm_module_v1(), which returns a constant
 * struct swarm_module.  The macros below write both; authors only name the
 * fields they need.  A field left out means "not provided":
 *
 *	#include <swarm/swarm.h>
 *
 *	static int keepalive;
 *
 *	SWARM_MODULE(
 *		.name    = "mqtt",
 *		.summary = "MQTT 3.1.1 and 5 client",
 *		.options = SWARM_OPTIONS(
 *			SWARM_OPTION(keepalive, "60", "seconds between pings")),
 *	);
 *
 * Every process of a run, the master and each worker, loads the same modules.
 * A module is never unloaded while its process lives.  In each process:
 *
 *	constructors -> options set -> load() -> setup()
 *	    -> worker_start() -> users run -> worker_stop()     (workers only)
 *	    -> unload()
 *
 * Tags of the functions in these headers say who may call them (and, on a
 * field, from where swarm calls it):
 *	[main]        the main thread, before or after a run
 *	[worker]      the worker's loop thread, on a fiber or in a callback
 *	[fiber]       a fiber of the worker: may wait
 *	[any thread]  any thread of the process
 *
 * What modules offer to each other is a table of functions found by id (for
 * example "swarm.http/1").  The provider lists it with SWARM_EXPORTS; the
 * public header of the provider has one SWARM_IMPORT line, and the loader
 * stores the table's address there before it calls anything in the module.
 */
#ifndef SWARM_MODULE_H
#define SWARM_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <swarm/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The minor ABI that the module needs: that of these headers.  One that uses
 * nothing newer than, say, 1.0 may write
 *	#define SWARM_ABI_NEEDS 0
 * before the first include, and loads in every swarm from ABI 1.0 on.
 */
#ifndef SWARM_ABI_NEEDS
#define SWARM_ABI_NEEDS SWARM_ABI_MINOR
#endif

#if defined(__GNUC__)
#define SWARM_API __attribute__((visibility("default")))
#define SWARM_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define SWARM_API
#define SWARM_PRINTF(fmt, first)
#endif

#define SWARM_MAGIC 0x6d727773u /* "swrm", little endian */

struct swarm_user;
struct swarm_user_class;
struct swarm_executor;

/*
 * The head of every exported table: its size in bytes and its minor number.
 * A provider raises `minor` when it appends a function or a field.  Frozen.
 */
struct swarm_iface {
	uint32_t size;
	uint32_t minor;
};

#define SWARM_IFACE(type, minor_) \
	.head = { .size = (uint32_t)sizeof(type), .minor = (minor_) }

/* One exported interface.  The table lives as long as the module. */
struct swarm_export {
	const char *id;                 /* "vendor.name/revision" */
	const struct swarm_iface *iface;
};

/* The C type behind an option's `dest`. */
enum swarm_option_type {
	SWARM_BOOL = 1,                 /* bool */
	SWARM_INT,                      /* int */
	SWARM_INT64,                    /* int64_t */
	SWARM_DOUBLE,                   /* double */
	SWARM_STRING,                   /* const char *, owned by the host */
	SWARM_DURATION,                 /* double, seconds: "1.5s" "200ms" "1h20m" */
	SWARM_SIZE,                     /* int64_t, bytes: "64k" "1m" "2g" */
};

/* Flags of an option. */
#define SWARM_SECRET   1u       /* never shown: a password, a token */
#define SWARM_REQUIRED 2u       /* load() is not called without a value */

/*
 * One option of a module, set with -o MODULE.NAME=VALUE, the environment
 * variable SWARM_MODULE_NAME (capitals; what is neither letter nor digit
 * becomes "_"), or section [MODULE] of the configuration file; the first of
 * these that is there wins, else the default.
 * `dest` is the address of a static variable; the host writes it on the main
 * thread before load().  In the master, and only of a module without a
 * setup(), somebody at the web page may change it later; the text it had
 * before stays valid.
 */
struct swarm_option {
	const char *name;               /* letters, digits, "_" */
	enum swarm_option_type type;
	void *dest;
	const char *deflt;              /* as text, parsed like a user's value;
	                                 * NULL: what `dest` was initialised to */
	const char *help;               /* one line */
	unsigned flags;                 /* SWARM_SECRET, SWARM_REQUIRED */
	const char *choices;            /* of a string: "tcp|tls|ws"; NULL: any */
};

/*
 * The module itself.  The first four fields are frozen for ever and are
 * checked before anything else is read.
 */
struct swarm_module {
	uint32_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t size;
	/* Strides of the arrays below, so that their elements may grow. */
	uint32_t user_size;
	uint32_t task_size;
	uint32_t option_size;
	uint32_t export_size;
	uint32_t executor_size;

	/* Letters, digits, "_" and "-"; prefixes options and log lines.
	 * Default: the file name without .so. */
	const char *name;
	const char *version;            /* of the module; "" when NULL */
	const char *summary;            /* one line */
	const char *help;               /* any length */

	const struct swarm_option *options;     /* ends with name == NULL */
	const struct swarm_user_class *users;   /* ends with name == NULL */
	const struct swarm_export *exports;     /* ends with id == NULL */

	/* How the load is made unless the command line says otherwise; ends
	 * with name == NULL.  NULL: by -u, --rate and their like. */
	const struct swarm_executor *executors;

	/* [main] Once in every process, after options are set and after the
	 * modules imported from were loaded.  Checks options, reserves slots;
	 * threads and connections belong into worker_start().  0, or -1 after
	 * swarm_error(). */
	int (*load)(void);
	/* [main] Once, at exit, if load() succeeded or is absent. */
	void (*unload)(void);
	/* [worker] Once per worker process, on its loop thread, outside any
	 * fiber, before the first user starts (0, or -1 after swarm_error())
	 * and after the last one has gone. */
	int (*worker_start)(void);
	void (*worker_stop)(void);
	/* [main] After load(), in the master and in each worker alike: may add
	 * classes and tasks and change weights (see user.h).  Must do the same
	 * in every process.  0, or -1 after swarm_error(). */
	int (*setup)(void);

	/* Which files `-f` may be given beside .so and .c when this module is
	 * there: those whose name ends so (".lua").  For `-f x.lua` swarm looks
	 * for the plugin `lua` by itself, unless a module named by --plugin
	 * reads such files. */
	const char *reads;
	/* [main] For each such file, once in every process, before imports are
	 * connected and options set: says whether it is one, notes it for
	 * setup(), and may call swarm_import() for an interface that it needs.
	 * `path` is absolute and lives as long as the module.  0, or -1 after
	 * swarm_error(). */
	int (*read)(const char *path);
};

/* [any thread] Whether this process runs users: a worker, and `swarm try`;
 * false in the master. */
SWARM_API bool swarm_is_worker(void);

/* What a scenario or plugin wants from others; made by SWARM_IMPORT.  Frozen. */
struct swarm_import {
	const char *id;
	uint32_t minor;
	const struct swarm_iface **slot;
	struct swarm_import *next;
};

/*
 * [main] Notes an import; called by the constructor SWARM_IMPORT makes, and
 * by a module's read(), where one import may be noted once.  Only stores
 * pointers, so it is harmless before any check.
 */
SWARM_API void swarm_import(struct swarm_import *);

/*
 * Declares `static const struct type *slot`, to be pointed at the interface
 * `id` of at least `minor` before the module's load().  For public headers of
 * plugins; a module may contain it any number of times.  For an id
 * "VENDOR.NAME/n" that no loaded module provides swarm looks for a plugin
 * NAME (or fastNAME, which it prefers).
 */
#ifdef SWARM_IMPORT_BY_HAND
/*
 * Defined before the headers of plugins are included, for a module that knows
 * only in read() what it needs: nothing is imported until it calls
 * swarm_import(&SLOTimport), once, with the name of the slot.
 */
#define SWARM_IMPORT(type, slot, id_, minor_) \
	static const struct type *slot __attribute__((unused)); \
	static struct swarm_import slot##import __attribute__((unused)) = { \
		id_, minor_, (const struct swarm_iface **)(void *)&slot, NULL };
#else
#define SWARM_IMPORT(type, slot, id_, minor_) \
	static const struct type *slot __attribute__((unused)); \
	__attribute__((constructor)) static void slot##import(void) \
	{ \
		static struct swarm_import import_ = { \
			id_, minor_, (const struct swarm_iface **)(void *)&slot, \
			NULL }; \
		swarm_import(&import_); \
	}
#endif

#define SWARM_EXPORTS(...) \
	(const struct swarm_export[]){ __VA_ARGS__, { NULL, NULL } }

#define SWARM_OPTIONS(...) \
	(const struct swarm_option[]){ __VA_ARGS__, { .name = NULL } }

#ifndef __cplusplus
/*
 * The type of the variable decides the type of the option; its name is the
 * option's.  More fields may follow:
 *	SWARM_OPTION(password, NULL, "of the broker", .flags = SWARM_SECRET)
 */
#define SWARM_OPTION(var, deflt_, ...) \
	SWARM_OPTION_AS_(var, _Generic(&(var), bool *: SWARM_BOOL, \
		int *: SWARM_INT, int64_t *: SWARM_INT64, \
		double *: SWARM_DOUBLE, const char **: SWARM_STRING), \
		deflt_, __VA_ARGS__)
/* A double in seconds, or an int64_t in bytes: anything else won't compile. */
#define SWARM_OPTION_DURATION(var, deflt_, ...) \
	SWARM_OPTION_AS_(var, _Generic(&(var), double *: SWARM_DURATION), \
		deflt_, __VA_ARGS__)
#define SWARM_OPTION_SIZE(var, deflt_, ...) \
	SWARM_OPTION_AS_(var, _Generic(&(var), int64_t *: SWARM_SIZE), \
		deflt_, __VA_ARGS__)
#define SWARM_OPTION_AS_(var, type_, deflt_, ...) \
	{ .name = #var, .type = (type_), .dest = (void *)&(var), \
		.deflt = (deflt_), .help = __VA_ARGS__ }
#endif

/*
 * Defines the module.  At file scope, once; needs <swarm/user.h> too.  In C++,
 * which has no compound literals, give static arrays instead of the macros
 * SWARM_OPTIONS, SWARM_EXPORTS, SWARM_USERS, SWARM_TASKS and SWARM_EXECUTORS.
 */
#define SWARM_MODULE(...) \
	SWARM_PARTLY_ \
	static const struct swarm_module swarm_module_ = { \
		.magic = SWARM_MAGIC, \
		.abi_major = SWARM_ABI_MAJOR, \
		.abi_minor = SWARM_ABI_NEEDS, \
		.size = (uint32_t)sizeof(struct swarm_module), \
		.user_size = (uint32_t)sizeof(struct swarm_user_class), \
		.task_size = (uint32_t)sizeof(struct swarm_task), \
		.option_size = (uint32_t)sizeof(struct swarm_option), \
		.export_size = (uint32_t)sizeof(struct swarm_export), \
		.executor_size = (uint32_t)sizeof(struct swarm_executor), \
		__VA_ARGS__ \
	}; \
	SWARM_PARTLY_END_ \
	SWARM_MODULE_ENTRY_ \
	{ \
		return &swarm_module_; \
	}

#ifdef __cplusplus
/* -Wextra of C++ complains of fields left out, by name or not. */
#define SWARM_PARTLY_ \
	_Pragma("GCC diagnostic push") \
	_Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")
#define SWARM_PARTLY_END_ _Pragma("GCC diagnostic pop")
#define SWARM_MODULE_ENTRY_ \
	extern "C" SWARM_API const struct swarm_module *swarm_module_v1(void)
#else
#define SWARM_PARTLY_
#define SWARM_PARTLY_END_
#define SWARM_MODULE_ENTRY_ \
	SWARM_API const struct swarm_module *swarm_module_v1(void); \
	const struct swarm_module *swarm_module_v1(void)
#endif

#ifdef __cplusplus
}
#endif
#endif
