/*
 * See page_try.h.
 *
 * A thread waits for the process, as the loop must not; one at a time, so
 * that a page cannot fill the machine with them.  Whatever the scenario
 * prints besides is shown as its output.
 */
#include "cli/page_try.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "cli/setup.h"
#include "fiber/loop.h"
#include "module/spawn.h"

#define LIMIT    60.0                   /* seconds */
#define MOST_OUT (1u << 20)             /* bytes of its lines */
#define MOST_ERR (16u << 10)            /* bytes of its words */
#define MOST_ROWS 1000

struct trial {
	char **argv;
	struct buf out, err;
	int rc;
	void (*done)(struct buf *json);
};

static bool busy;

/* ---- what came of it ---- */

struct story {
	json_t *steps;
	json_t *requests;               /* of the last step; borrowed */
	json_t *sum;                    /* the last line; NULL: it never came */
	struct buf printed;
	size_t rows;
};

static void new_step(struct story *s, json_t *line)
{
	json_t *step = json_object();

	s->requests = json_array();
	json_object_set(step, "task", json_object_get(line, "step"));
	json_object_set(step, "class", json_object_get(line, "class"));
	json_object_set_new(step, "requests", s->requests);
	json_array_append_new(s->steps, step);
}

/* The last counts: a scenario may print whatever it likes. */
static void take_sum(struct story *s, json_t *line)
{
	json_decref(s->sum);
	s->sum = json_incref(line);
}

/* Beyond the most, only counted by the sum. */
static void take_line(struct story *s, const char *text)
{
	json_t *line = json_loads(text, 0, NULL);

	if (json_is_string(json_object_get(line, "step")) &&
	    s->rows++ < MOST_ROWS)
		new_step(s, line);
	else if (json_object_get(line, "passed") != NULL)
		take_sum(s, line);
	else if (s->requests != NULL && (json_object_get(line, "type") ||
	    json_object_get(line, "raised")) && s->rows++ < MOST_ROWS)
		json_array_append(s->requests, line);
	else if (line == NULL && text[0] != '\0')
		buf_printf(&s->printed, "%s\n", text);
	json_decref(line);
}

static const char *outcome(const struct trial *t, const struct story *s)
{
	if (t->rc == SPAWN_TIMEOUT)
		return "it did not end within a minute and was killed";
	if (t->rc > 128)
		return "it crashed";
	if (s->sum == NULL)
		return "it could not begin";
	return NULL;
}

static json_t *text_of(const struct buf *b)
{
	json_t *text = json_stringn(buf_str(b), b->len);

	return text != NULL ? text : json_string("(not UTF-8)");
}

static void tell(struct trial *t, struct buf *json)
{
	struct story s = { .steps = json_array(),
		.printed = BUF_INIT(MOST_ERR) };
	const char *why;
	char *rest = NULL, *text;
	json_t *o;

	buf_putc(&t->out, '\0');
	for (char *line = strtok_r(t->out.data, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		take_line(&s, line);
	buf_add(&s.printed, t->err.data, t->err.len);
	why = outcome(t, &s);
	o = json_pack("{s:I, s:I, s:i, s:s?, s:o, s:o}",
	    "passed", json_integer_value(json_object_get(s.sum, "passed")),
	    "failed", json_integer_value(json_object_get(s.sum, "failed")),
	    "exit_code", t->rc, "problem", why, "output",
	    text_of(&s.printed), "steps", s.steps);
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	buf_puts(json, text);
	free(text);
	json_decref(o);
	json_decref(s.sum);
	buf_release(&s.printed);
}

/* ---- the process ---- */

static void on_ended(void *arg)
{
	struct buf json = BUF_INIT(4 * MOST_OUT);
	struct trial *t = arg;

	tell(t, &json);
	busy = false;
	t->done(&json);
	buf_release(&json);
	buf_release(&t->out);
	buf_release(&t->err);
	setup_free_arguments(t->argv);
	free(t);
}

static void *wait_for_it(void *arg)
{
	struct trial *t = arg;

	t->rc = spawn_capture(t->argv, LIMIT, &t->out, &t->err);
	loop_post(on_ended, t);
	return NULL;
}

static void add(char ***argv, size_t *n, const char *text)
{
	*argv = xreallocarray(*argv, *n + 2, sizeof(char *));
	(*argv)[(*n)++] = xstrdup(text);
	(*argv)[*n] = NULL;
}

static bool is_command(const char *word)
{
	return strcmp(word, "run") == 0 || strcmp(word, "capacity") == 0;
}

/* What this process was started with and was changed since, and what the form
 * says of the next test. */
static char **arguments(const struct web_load *load)
{
	char **ours = setup_arguments(), **argv = NULL;
	const struct web_pair *p = load->settings;
	size_t n = 0;

	add(&argv, &n, "/proc/self/exe");
	add(&argv, &n, "try");
	for (size_t i = 0; ours != NULL && ours[i] != NULL; i++)
		if (i > 0 || !is_command(ours[0]))
			add(&argv, &n, ours[i]);
	setup_free_arguments(ours);
	for (; p != NULL && p->name != NULL; p++) {
		char *text = xasprintf("%s=%s", p->name, p->value);

		add(&argv, &n, "-o");
		add(&argv, &n, text);
		free(text);
	}
	if (load->host != NULL) {
		add(&argv, &n, "--host");
		add(&argv, &n, load->host);
	}
	add(&argv, &n, "--json");
	add(&argv, &n, "--class");
	add(&argv, &n, load->classes[0]);
	return argv;
}

static int known_class(const char *name)
{
	size_t count;
	const struct web_class *classes = setup_classes(&count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(classes[i].name, name) == 0)
			return 0;
	}
	return -1;
}

int page_try_ask(const struct web_load *load, void (*done)(struct buf *json),
    char *error, size_t size, void *arg)
{
	struct trial *t;
	pthread_t thread;
	int rc;

	(void)arg;
	if (load->classes == NULL || load->classes[0] == NULL ||
	    load->classes[1] != NULL || known_class(load->classes[0]) == -1) {
		snprintf(error, size, "user_classes: the name of one user "
		    "class is needed");
		return WEB_BAD_VALUE;
	}
	if (busy) {
		snprintf(error, size, "a class is being tried already");
		return -1;
	}
	t = xcalloc(1, sizeof *t);
	t->argv = arguments(load);
	t->done = done;
	buf_init(&t->out, MOST_OUT);
	buf_init(&t->err, MOST_ERR);
	rc = pthread_create(&thread, NULL, wait_for_it, t);
	if (rc != 0) {
		snprintf(error, size, "there is no thread for it: %s",
		    strerrordesc_np(rc));
		setup_free_arguments(t->argv);
		free(t);
		return -1;
	}
	pthread_detach(thread);
	busy = true;
	return 0;
}
