/*
 * What can be done by /api/v1: each request becomes a command, and is
 * answered once that was carried out.
 */
#include "web/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/xalloc.h"
#include "module/module.h"
#include "web/command.h"
#include "web/presets.h"

static void done(struct http_call *call)
{
	struct jsonw j;

	jsonw_init(&j, &call->body, 2);
	jsonw_object(&j);
	jsonw_put_string(&j, "state",
	    run_state_name(call->snapshot->run.state));
	jsonw_put_bool(&j, "success", true);
	jsonw_end(&j);
	http_json(call);
}

/* "FIELD: what is wrong with it" names the field. */
static void refuse(struct command *c, struct http_call *call)
{
	char field[256] = "";
	size_t len = strcspn(c->error, ":");

	if (c->rc == WEB_BAD_VALUE && c->error[len] && len < sizeof(field))
		memcpy(field, c->error, len);
	http_error(call, c->rc == WEB_BAD_VALUE ? 400 : 409,
	    field[0] ? field : NULL, "%s", c->error);
}

static void finish(struct command *c, struct http_call *call)
{
	if (c->rc < 0) {
		refuse(c, call);
	} else if (c->body.len > 0) {
		command_give_body(c, call);
		http_json(call);
	} else {
		done(call);
	}
	http_send(call);
}

static bool submit(struct http_call *call, enum command_kind kind,
    const char *text)
{
	struct command *c = command_new(call, kind, finish);

	c->text = text ? xstrdup(text) : NULL;
	command_submit(c);
	return false;
}

static bool with_load(struct http_call *call, enum command_kind kind,
    struct form *form)
{
	char field[256], error[256];
	struct load_form *load = load_form_read(form, field, error,
	    sizeof(error));
	struct command *c;

	if (!load) {
		http_error(call, 400, field, "%s", error);
		return true;
	}
	c = command_new(call, kind, finish);
	c->load = load;
	command_submit(c);
	return false;
}

static bool with_body(struct http_call *call, enum command_kind kind)
{
	struct form form;

	return http_form(call, &form) == -1 || with_load(call, kind, &form);
}

static bool start(struct http_call *call)
{
	return with_body(call, COMMAND_START);
}

static bool edit(struct http_call *call)
{
	return with_body(call, COMMAND_EDIT);
}

static bool try_once(struct http_call *call)
{
	return with_body(call, COMMAND_TRY);
}

static bool plan(struct http_call *call)
{
	struct form form;

	if (form_parse_query(&form, call->request->query) == -1) {
		form_release(&form);
		http_error(call, 400, NULL, "malformed query");
		return true;
	}
	return with_load(call, COMMAND_PLAN, &form);
}

static bool resources(struct http_call *call)
{
	return submit(call, COMMAND_RESOURCES, NULL);
}

static bool hold(struct http_call *call)
{
	return submit(call, COMMAND_HOLD, NULL);
}

static bool capacity(struct http_call *call)
{
	return submit(call, COMMAND_CAPACITY, NULL);
}

static bool stop(struct http_call *call)
{
	return submit(call, COMMAND_STOP, NULL);
}

static bool stop_now(struct http_call *call)
{
	return submit(call, COMMAND_STOP_NOW, NULL);
}

static bool pause_test(struct http_call *call)
{
	return submit(call, COMMAND_PAUSE, NULL);
}

static bool resume(struct http_call *call)
{
	return submit(call, COMMAND_RESUME, NULL);
}

static bool reset(struct http_call *call)
{
	return submit(call, COMMAND_RESET, NULL);
}

static bool undo_reset(struct http_call *call)
{
	return submit(call, COMMAND_UNDO_RESET, NULL);
}

static bool note(struct http_call *call)
{
	const char *text;
	struct form form;
	bool rc = true;

	if (http_form(call, &form) == -1)
		return true;
	text = form_get(&form, "text");
	if (!text || !text[0] || strlen(text) > 500)
		http_error(call, 400, "text", "a note has 1 to 500 bytes");
	else
		rc = submit(call, COMMAND_NOTE, text);
	form_release(&form);
	return rc;
}

static bool worker(struct http_call *call, enum web_worker_act act)
{
	struct command *c;
	struct form form;
	const char *id;

	if (http_form(call, &form) == -1)
		return true;
	id = form_get(&form, "id");
	if (!id || !id[0]) {
		http_error(call, 400, "id", "the id of a worker is needed");
		form_release(&form);
		return true;
	}
	c = command_new(call, COMMAND_WORKER, finish);
	c->text = xstrdup(id);
	c->act = act;
	form_release(&form);
	command_submit(c);
	return false;
}

static bool drain(struct http_call *call)
{
	return worker(call, WEB_WORKER_DRAIN);
}

static bool refill(struct http_call *call)
{
	return worker(call, WEB_WORKER_REFILL);
}

static bool remove_worker(struct http_call *call)
{
	return worker(call, WEB_WORKER_REMOVE);
}

/* ---- presets: on this thread alone ---- */

static bool is_secret(const char *name)
{
	char *setting = xasprintf("%s=", name);
	bool secret = module_option_secret(setting) != NULL;

	free(setting);
	return secret;
}

static bool save_preset(struct http_call *call)
{
	char field[256], error[256];
	struct load_form *checked;
	struct form form;

	if (http_form(call, &form) == -1)
		return true;
	/* Others read them: in the file, and on the page. */
	form_remove(&form, is_secret);
	checked = load_form_read(&form, field, error, sizeof(error));
	if (!checked)
		http_error(call, 400, field, "%s", error);
	else if (presets_save(&checked->form, error, sizeof(error)) == -1)
		http_error(call, 409, "name", "%s", error);
	else
		done(call);
	load_form_free(checked);
	return true;
}

static bool delete_preset(struct http_call *call)
{
	const char *name;
	struct form form;
	char error[256];

	if (http_form(call, &form) == -1)
		return true;
	name = form_get(&form, "name");
	if (presets_delete(name ? name : "", error, sizeof(error)) == -1)
		http_error(call, 409, "name", "%s", error);
	else
		done(call);
	form_release(&form);
	return true;
}

const struct http_route control_routes[] = {
	{ "/api/v1/start", HTTP_POSTS | HTTP_CHANGES, start },
	{ "/api/v1/load", HTTP_POSTS | HTTP_CHANGES, edit },
	{ "/api/v1/plan", HTTP_READS, plan },
	{ "/api/v1/resources", HTTP_READS, resources },
	{ "/api/v1/try", HTTP_POSTS | HTTP_CHANGES, try_once },
	{ "/api/v1/hold", HTTP_READS, hold },
	{ "/api/v1/capacity", HTTP_READS, capacity },
	{ "/api/v1/stop", HTTP_POSTS | HTTP_CHANGES, stop },
	{ "/api/v1/stop/now", HTTP_POSTS | HTTP_CHANGES, stop_now },
	{ "/api/v1/pause", HTTP_POSTS | HTTP_CHANGES, pause_test },
	{ "/api/v1/resume", HTTP_POSTS | HTTP_CHANGES, resume },
	{ "/api/v1/reset", HTTP_POSTS | HTTP_CHANGES, reset },
	{ "/api/v1/reset/undo", HTTP_POSTS | HTTP_CHANGES, undo_reset },
	{ "/api/v1/note", HTTP_POSTS | HTTP_CHANGES, note },
	{ "/api/v1/workers/drain", HTTP_POSTS | HTTP_CHANGES, drain },
	{ "/api/v1/workers/refill", HTTP_POSTS | HTTP_CHANGES, refill },
	{ "/api/v1/workers/remove", HTTP_POSTS | HTTP_CHANGES, remove_worker },
	{ "/api/v1/presets/save", HTTP_POSTS | HTTP_CHANGES, save_preset },
	{ "/api/v1/presets/delete", HTTP_POSTS | HTTP_CHANGES, delete_preset },
	{ NULL, 0, NULL },
};
