/*
 * Clients of `swarm pgbench`: what one user keeps, and how a transaction of a
 * script runs.
 */
#ifndef PGB_CLIENT_H
#define PGB_CLIENT_H

#include <swarm/user.h>

#include "pgb_options.h"
#include "pgc_query.h"
#include "pgc_session.h"
#include "pgs_script.h"

/* What all clients of a process share; set up once, then only read (but for
 * the series, which each worker looks up when it starts). */
struct pgb_program {
	struct pgb_options options;
	struct pgs_names names;
	struct pgs_script scripts[PGB_SCRIPTS_MAX];
	int script_count;
	uint64_t weight_sum;
	size_t command_count;           /* of all scripts */
	size_t first_command[PGB_SCRIPTS_MAX];
	size_t stack_depth;
	int64_t scale;
	uint64_t *seeds;                /* each client's, then that of hashes */
	uint32_t *command_series;       /* by number over all scripts */
	char (*stmt_names)[24];         /* of prepared statements, as well */
	uint32_t script_series[PGB_SCRIPTS_MAX];
	uint32_t lag;                   /* metrics */
	uint32_t late_share;
	uint32_t late;                  /* counters */
	uint32_t skipped;
	uint32_t retries;
	uint32_t retried;
};

extern struct pgb_program pgb_program;

/* A statement sent in a pipeline, or a sync point. */
struct pgb_sent {
	size_t command;                 /* number over all scripts */
	int64_t start;                  /* of a sync point: of its group */
	unsigned depth;                 /* of a sync point: its statements */
	bool is_sync;
};

/* A user's data; zeroed at first. */
struct pgb_client {
	bool is_ready;
	int index;                      /* 0 .. clients-1 */
	int64_t done;                   /* transactions, skipped ones too */
	struct pgs_vars vars;
	struct pgs_random random;
	struct pgs_random chooser;      /* of scripts */
	struct pgs_value *stack;
	struct pg *session;
	uint64_t conn_id;               /* that `prepared` is about */
	bool *prepared;                 /* by number over all scripts */
	char *text;                     /* of a simple statement */
	size_t text_size;
	/* the transaction under way */
	int script;
	size_t pc;                      /* the command */
	int64_t clock;                  /* ns; read at the beginning, and after
	                                 * what was no statement; 0: before a
	                                 * statement that has begun since */
	bool in_pipeline;
	int syncs;
	unsigned unsynced;              /* statements since the last sync */
	int64_t group_start;            /* when the first of them was sent */
	struct pgb_sent *sent;
	size_t sent_first;
	size_t sent_count;
	size_t sent_cap;
};

/* How a transaction, or a command of it, ended. */
enum pgb_end {
	PGB_OK,
	PGB_FAILED,                     /* an SQL error: session->error */
	PGB_STOPPED,                    /* the user is being stopped */
	PGB_BROKEN,                     /* the script is wrong; it was said */
};

/* The class's hooks and its task. */
void pgb_client_start(struct swarm_user *);
void pgb_client_stop(struct swarm_user *);
void pgb_client_transaction(struct swarm_user *);

/* pgb_sql.c: the command at client->pc, which is a statement or belongs to a
 * pipeline. */
enum pgb_end pgb_sql_run(struct swarm_user *, struct pgb_client *,
    const struct pgs_command *);
enum pgb_end pgb_sql_start_pipeline(struct swarm_user *,
    struct pgb_client *);
enum pgb_end pgb_sql_sync_pipeline(struct swarm_user *, struct pgb_client *,
    bool last);
/* Back to no pipeline and no transaction, after an error: 0, or -1 when the
 * connection is of no further use. */
int pgb_sql_clean(struct pgb_client *);
/* pgb_shell.c: \shell and \setshell. */
enum pgb_end pgb_shell_run(struct swarm_user *, struct pgb_client *,
    const struct pgs_command *);
/* Says what is wrong with the script, and ends the user. */
enum pgb_end pgb_client_broken(struct swarm_user *, struct pgb_client *,
    const char *what);

#endif
