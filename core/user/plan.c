/*
 * The plan as text: one line each, because names of classes may hold anything
 * but a line's end.
 */
#include "user/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/xalloc.h"

#define TEXT_MAX    65535               /* what a message takes */
#define GRANTED_MAX INT64_C(1000000000000000)

static struct plan_executor *last(struct plan *p)
{
	return p->count > 0 ? &p->executors[p->count - 1] : NULL;
}

static int add_executor(struct plan *p, const char *name)
{
	if (p->count == PLAN_EXECUTORS_MAX)
		return -1;
	p->executors = xreallocarray(p->executors, p->count + 1,
	    sizeof p->executors[0]);
	p->executors[p->count++] = (struct plan_executor){ .name = name,
		.granted = -1 };
	return 0;
}

static void add_class(struct plan_executor *e, const char *name)
{
	e->classes = xreallocarray(e->classes, e->class_count + 1,
	    sizeof e->classes[0]);
	e->classes[e->class_count++] = name;
}

static int parse_numbers(char *text, int64_t *first, int64_t *second)
{
	char *space = strchr(text, ' ');

	if (space == NULL)
		return -1;
	*space = '\0';
	return parse_int64(text, 0, GRANTED_MAX, first) == -1 ? -1 :
	    parse_int64(space + 1, 0, INT64_MAX / 4, second);
}

static int parse_line(struct plan *p, const char *key, char *value)
{
	struct plan_executor *e = last(p);
	int64_t a = 0;
	int64_t b = 0;

	if (strcmp(key, "executor") == 0)
		return add_executor(p, value);
	if (strcmp(key, "pause") == 0) {
		if (parse_numbers(value, &a, &b) == -1)
			return -1;
		p->paused = a != 0;
		p->shift = b;
		return 0;
	}
	if (e == NULL)
		return -1;
	if (strcmp(key, "class") == 0) {
		add_class(e, value);
	} else if (strcmp(key, "arrivals") == 0) {
		e->open = true;
		return arrivals_plan_parse(&e->arrivals, value);
	} else if (strcmp(key, "granted") == 0) {
		if (parse_numbers(value, &a, &b) == -1)
			return -1;
		e->granted = a;
		e->lease = (unsigned)b;
	} else if (strcmp(key, "each") == 0) {
		return parse_int64(value, 1, GRANTED_MAX, &e->each);
	}
	return 0;
}

int plan_parse(struct plan *p, const char *text)
{
	char *save = NULL;

	memset(p, 0, sizeof *p);
	p->text = xstrdup(text);
	for (char *line = strtok_r(p->text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		if (space != NULL)
			*space++ = '\0';
		if (space == NULL || parse_line(p, line, space) == -1) {
			plan_release(p);
			return -1;
		}
	}
	return 0;
}

void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->executors[i].classes);
	free(p->executors);
	free(p->text);
	memset(p, 0, sizeof *p);
}

static void put_executor(const struct plan_executor *e, struct buf *out)
{
	buf_printf(out, "executor %s\n", e->name);
	for (size_t i = 0; i < e->class_count; i++)
		buf_printf(out, "class %s\n", e->classes[i]);
	if (e->open) {
		buf_puts(out, "arrivals ");
		arrivals_plan_text(&e->arrivals, out);
		buf_putc(out, '\n');
	}
	if (e->granted >= 0)
		buf_printf(out, "granted %lld %u\n", (long long)e->granted,
		    e->lease);
	if (e->each > 0)
		buf_printf(out, "each %lld\n", (long long)e->each);
}

char *plan_text(const struct plan *p)
{
	struct buf out = BUF_INIT(TEXT_MAX);

	buf_printf(&out, "pause %d %lld\n", p->paused, (long long)p->shift);
	for (size_t i = 0; i < p->count; i++)
		put_executor(&p->executors[i], &out);
	if (out.overflow) {
		buf_release(&out);
		return NULL;
	}
	return buf_detach(&out);
}
