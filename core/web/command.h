/*
 * What the web thread asks of the loop, and the way back.  A command travels
 * by loop_post(), is carried out on the loop, a fresh snapshot is published
 * if it changed anything, and then the answer is sent on the web thread:
 * whoever asks again sees the change.
 */
#ifndef WEB_COMMAND_H
#define WEB_COMMAND_H

#include "web/http.h"
#include "web/load_form.h"
#include "web/web.h"

enum command_kind { COMMAND_START, COMMAND_EDIT, COMMAND_STOP,
	COMMAND_STOP_NOW, COMMAND_PAUSE, COMMAND_RESUME, COMMAND_RESET,
	COMMAND_UNDO_RESET, COMMAND_NOTE, COMMAND_USER, COMMAND_WORKER,
	COMMAND_TRY,
	/* From here on nothing is changed: what only the loop knows. */
	COMMAND_PLAN, COMMAND_RESOURCES, COMMAND_HOLD, COMMAND_CAPACITY,
	COMMAND_METRICS, COMMAND_REPORT };

struct command {
	struct command *next;
	enum command_kind kind;
	struct load_form *load;         /* of those that have one; owned */
	char *text;                     /* of a note; a worker's id; JSON of
	                                 * a class; owned */
	enum web_worker_act act;
	struct buf body;                /* of a report, metrics, a plan, what is
	                                 * held or searched for */
	bool wait;                      /* stop: until the users have ended */
	int rc;                         /* as the action's, or -1 */
	char error[256];
	/* On the web thread, with the outcome; sends the call. */
	void (*finish)(struct command *, struct http_call *);
	struct http_call *call;
};

/* Web thread: one for a request, to be filled in and handed over. */
struct command *command_new(struct http_call *, enum command_kind,
    void (*finish)(struct command *, struct http_call *));
/* Web thread: hands it over; it is freed after finish. */
void command_submit(struct command *);
/* Web thread, in finish: its body becomes the answer's. */
void command_give_body(struct command *, struct http_call *);
/* Web thread: finishes what is done. */
void command_collect(void);

/* Loop: how commands are carried out. */
void command_init(void);
/* Loop: the state may have changed; completes a waiting stop. */
void command_check(enum run_state);
/* Loop, after the web thread has ended: drops what is left. */
void command_release(void);

#endif
