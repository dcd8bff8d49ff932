/* See the header. */
#include "web/load_form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/xalloc.h"

#define MOST_USERS 10000000

struct reader {
	const struct form *form;
	struct web_load *load;
	char *field;
	char *error;
	size_t size;
};

static int refuse(struct reader *r, const char *name, const char *text)
{
	snprintf(r->field, r->size, "%s", name);
	snprintf(r->error, r->size, "%s", text);
	return -1;
}

static int read_users(struct reader *r)
{
	const char *text = form_get(r->form, "user_count");

	if (!text)
		text = form_get(r->form, "users");
	if (text && parse_int64(text, 1, MOST_USERS, &r->load->users) == -1)
		return refuse(r, "user_count",
		    "users: a whole number from 1 to 10000000 is needed");
	return 0;
}

/* Over 0, a second. */
static int read_pace(struct reader *r, const char *name, double *out,
    const char *what)
{
	const char *text = form_get(r->form, name);

	if (text && text[0] && (parse_double(text, 0, 1e6, out) == -1 ||
	    *out <= 0))
		return refuse(r, name, what);
	return 0;
}

static int read_run_time(struct reader *r)
{
	const char *text = form_get(r->form, "run_time");

	if (text && text[0] && parse_duration(text, &r->load->run_time) == -1)
		return refuse(r, "run_time",
		    "run time: valid are 20, 20s, 3m, 2h, 1h20m, 3h30m10s");
	return 0;
}

static int read_host(struct reader *r)
{
	const char *host = form_get(r->form, "host");

	if (host && (strlen(host) > 2000 || strpbrk(host, "<>\"\r\n\t ")))
		return refuse(r, "host",
		    "host: an address such as mqtt://127.0.0.1:1883 is "
		    "needed, without blanks, quotes or brackets");
	r->load->host = host && host[0] ? host : NULL;
	return 0;
}

static int read_manual(struct reader *r)
{
	const char *text = form_get(r->form, "manual");

	if (text && parse_bool(text, &r->load->manual) == -1)
		return refuse(r, "manual", "manual: true or false");
	return 0;
}

/* Those that may be there several times. */
static void gather(struct load_form *l)
{
	size_t classes = 0, settings = 0;

	for (size_t i = 0; i < l->form.count; i++) {
		const struct form_field *f = &l->form.field[i];

		if (strcmp(f->name, "user_classes") == 0)
			l->classes[classes++] = f->value;
		else if (strchr(f->name, '.'))
			l->settings[settings++] = (struct web_pair){ f->name,
				f->value };
	}
	l->load.classes = classes > 0 ? l->classes : NULL;
	l->load.settings = settings > 0 ? l->settings : NULL;
}

struct load_form *load_form_read(struct form *form, char *field, char *error,
    size_t size)
{
	struct load_form *l = xcalloc(1, sizeof(*l));
	struct reader r = { &l->form, &l->load, field, error, size };

	l->form = *form;
	form->count = 0;
	field[0] = '\0';
	l->load = (struct web_load){ .users = -1, .spawn_rate = -1,
		.run_time = -1, .executor = form_get(&l->form, "executor") };
	if (read_users(&r) == 0 && read_pace(&r, "spawn_rate",
	    &l->load.spawn_rate, "spawn rate: a number over 0, users a "
	    "second, is needed") == 0 && read_pace(&r, "rate", &l->load.rate,
	    "rate: a number over 0, arrivals a second, is needed") == 0 &&
	    read_run_time(&r) == 0 && read_host(&r) == 0 &&
	    read_manual(&r) == 0) {
		gather(l);
		return l;
	}
	load_form_free(l);
	return NULL;
}

void load_form_free(struct load_form *l)
{
	if (!l)
		return;
	form_release(&l->form);
	free(l);
}
