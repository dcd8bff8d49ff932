/*
 * What the files of this plugin share.
 *
 * One Lua state in each process, a coroutine for each task that runs.  Lua
 * runs on the large stack of swarm_deep(), never on a fiber's, and never
 * while a fiber waits: a function that waits (a request, a sleep) notes what
 * it wants in the struct run, yields, and the driver in run.c, back on the
 * fiber with no Lua frame below it, does the waiting and resumes.  So neither
 * the interpreter nor its longjmp() ever meets a switch of fibers.
 */
#ifndef LUA_OWN_H
#define LUA_OWN_H

#include <swarm/swarm.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define RUN_SPACE 768

/* A task, or a hook, of a user; on its fiber's stack. */
struct run {
	struct swarm_user *user;
	lua_State *co;
	/* What the script waits for, done on the fiber; NULL: nothing. */
	void (*wait)(struct run *);
	uint64_t serial;                /* of the task */
	uint64_t owner;                 /* the user's number here, never used
	                                 * again */
	uint64_t token;                 /* of the wait */
	int64_t cpu;                    /* ns of the thread's time, at the first
	                                 * look since Lua last began to run; 0:
	                                 * there was none */
	int status;                     /* of lua_resume() */
	int args;                       /* on the stack of `co` */
	int results;
	int thread;                     /* co's place among the threads */
	int function;                   /* reference of what is called */
	int no_wait;                    /* depth of calls that cannot yield */
	bool failed;                    /* by an error */
	bool told;                      /* that */
	double number;                  /* what run_number() returns */
	/* Arguments and results of the wait. */
	_Alignas(max_align_t) unsigned char space[RUN_SPACE];
};

/* The module's options. */
struct own {
	double limit;                   /* seconds without a wait; 0: none */
	int64_t memory;                 /* bytes; 0: no limit */
	const char *args;               /* "a=1,b=2" */
};
extern struct own own;

/* The process's Lua state; NULL before state_open(). */
extern lua_State *state;

/* ---- state.c ---- */

/* Makes the state; 0, or -1 after swarm_error(). */
int state_open(void);
void state_close(void);
/* As lua_pcall(), on `state`, within the limits; a failure is told by
 * swarm_error() as "WHAT: message".  0 or -1. */
int state_call(int args, int results, const char *what);
/* From now on the time limit runs anew. */
void state_begin(void);
/* The hook that enforces the limit, for a new or a used coroutine. */
void state_limit(lua_State *L);

/* ---- script.c ---- */

/* The module's read() and setup(). */
int script_read(const char *path);
int script_setup(void);
void script_release(void);
/* The folder of the script that is being run ("." when there is none). */
const char *script_folder(void);
/* For require(): pushes the chunk of module `name` below the script's
 * folder; false when there is no such file.  Errors are raised. */
bool script_load_module(lua_State *L, const char *name);

/* ---- scan.c ---- */

/* Calls fn for every literal NAME in require "NAME" or require("NAME"). */
void scan_requires(const char *text, size_t len,
    void (*fn)(const char *name, size_t len, void *arg), void *arg);

/* ---- run.c ---- */

int run_load(void);
void run_release(void);
/* Runs one call of a user's: its own object is the argument. */
void run_call(struct swarm_user *u, int function);
/* The same for a function that returns a number and must not wait. */
double run_number(struct swarm_user *u, int function);

/* The running task; raises an error when there is none. */
struct run *run_current(lua_State *L);
/* The same or NULL. */
struct run *run_now(void);
/*
 * A function that waits: begins with run_begin(), which gives zeroed memory
 * for its arguments and results (at most RUN_SPACE), ends with run_wait(),
 * and is gone on with in `k`, which begins with run_resumed().
 */
void *run_begin(lua_State *L, size_t size);
int run_wait(lua_State *L, void (*wait)(struct run *), lua_KFunction k);
void *run_resumed(lua_State *L, lua_KContext ctx);

/* ---- the libraries: each pushes its table ---- */

int api_open(lua_State *L);             /* api.c: swarm */
int measure_open(lua_State *L);         /* measure.c: adds to swarm */
int feed_open(lua_State *L);            /* feed.c: adds to swarm */
int define_open(lua_State *L);          /* define.c: adds to swarm */
int event_open(lua_State *L);           /* event.c: adds to swarm */
int coroutine_open(lua_State *L);       /* coroutine.c: replaces some */
int json_open(lua_State *L);            /* json.c */

/* define.c: how many classes the scripts have declared. */
size_t define_count(void);
void define_release(void);
/* event.c: what is exported to swarm; the rest of it is filled by scripts. */
extern struct swarm_export event_exports[];
/* A hook of the script runs, where there are statistics. */
bool event_running(void);
void event_release(void);

/* ---- json.c ---- */

/* Pushes the text of the value at `index`; raises an error. */
const char *json_push_text(lua_State *L, int index);
/* Pushes the value of the text, or nil and a message. */
int json_push_value(lua_State *L, const char *text, size_t len);

/* ---- args.c: a table of named arguments into a struct ---- */

enum args_kind { ARGS_STRING, ARGS_NUMBER, ARGS_FLAG, ARGS_NOT, ARGS_INT,
	ARGS_INT64, ARGS_CHOICE, ARGS_OWN };

struct args_field {
	const char *name;
	enum args_kind kind;
	size_t offset;                  /* of const char *, double, bool, bool
	                                 * (the contrary), int, int64_t, int */
	const char *const *words;       /* ARGS_CHOICE: ends with NULL */
	/* ARGS_OWN: the value is at the top of the stack; it and more may stay
	 * there. */
	void (*own)(lua_State *L, void *args);
};

/*
 * Reads the table at `table` (an absolute index; nothing is read when there
 * is none) by `fields`, which end with name == NULL; an unknown field or a
 * wrong type raises an error that names `what`.  The values stay on the
 * stack, so that strings live while the call waits.
 */
void args_read(lua_State *L, int table, const char *what,
    const struct args_field *fields, void *args);
/* A type of userdata, with methods; scripts cannot reach its metatable. */
void args_type(lua_State *L, const char *name, const luaL_Reg *methods);
/* A string at `index`, which may be a number, copied into the task's arena. */
char *args_copy(lua_State *L, int index);

/* ---- handle.c: what belongs to a user, as a connection does ---- */

/* Pushes one of that type (args_type()) for the running user. */
void handle_push(lua_State *L, const char *type, void *p);
/* The first argument; raises an error when it belongs to another user, who
 * may be gone with it, or was freed. */
void *handle_of(lua_State *L, const char *type);
/* The same, which from now on is freed. */
void *handle_take(lua_State *L, const char *type);
/* The deadline for an argument in seconds; none when it is absent. */
int64_t handle_deadline(lua_State *L, int index);

/* ---- protocols.c: interfaces of other plugins ---- */

struct protocol {
	const char *name;               /* as in require "http" */
	struct swarm_import *import;
	int (*open)(lua_State *L);      /* pushes the library */
	bool wanted;                    /* the import was noted */
};
extern struct protocol http_protocol;
extern struct protocol mqtt_protocol;
extern struct protocol websocket_protocol;
extern struct protocol postgres_protocol;
extern struct protocol grpc_protocol;
extern struct protocol llm_protocol;

/* A protocol of that name: notes its import, once.  False: there is none. */
bool protocols_import(const char *name, size_t len);
/* Pushes the library of that protocol; false: none of that name.  An error
 * is raised when its import was not noted. */
bool protocols_push(lua_State *L, const char *name);

#endif
