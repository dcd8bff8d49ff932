/* Never wider than the terminal: see summary.c. */
#include "report/summary_paint.h"

#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void summary_line(const struct summary *s, struct buf *line)
{
	fprintf(s->stream, "%s\n", buf_str(line));
	buf_clear(line);
}

/* One that is wider than a line is shortened in its middle. */
static char *cut_word(const char *at, size_t len, size_t width,
    const struct summary *s)
{
	char *word = xstrndup(at, len);
	struct buf cut = BUF_INIT(8192);

	text_name(&cut, word, width, s->terminal.utf8, false);
	free(word);
	return buf_detach(&cut);
}

void summary_wrap(const struct summary *s, size_t indent,
    const char *text)
{
	struct buf clean = BUF_INIT(8192);
	size_t used = 0, width = (size_t)s->terminal.width - indent;
	const char *at;

	text_name(&clean, text, 0, s->terminal.utf8, false);
	for (at = buf_str(&clean); *at; at += strspn(at, " ")) {
		int len = (int)strcspn(at, " ");
		char *word = cut_word(at, (size_t)len, width, s);
		size_t taken = text_width(word);

		if (used > 0 && used + 1 + taken > width) {
			fprintf(s->stream, "\n%*s", (int)indent, "");
			used = 0;
		}
		fprintf(s->stream, "%s%s", used ? " " : "", word);
		used += taken + (used > 0);
		at += len;
		free(word);
	}
	fputc('\n', s->stream);
	buf_release(&clean);
}

void summary_wrapped(const struct summary *s, const char *head,
    const char *text)
{
	fputs(head, s->stream);
	summary_wrap(s, strlen(head), text);
}

void summary_cell(struct buf *line, struct buf *value, size_t width)
{
	text_right(line, buf_str(value), width);
	buf_clear(value);
}

void summary_parts_begin(struct summary_parts *p, const struct summary *s,
    const char *title)
{
	p->summary = s;
	buf_init(&p->line, 4096);
	buf_printf(&p->line, "  %-9s", title);
	p->used = 11;
}

void summary_parts_add(struct summary_parts *p, const char *name,
    struct buf *value)
{
	size_t width = 3 + strlen(name) + text_width(buf_str(value));

	if (p->used + width > (size_t)p->summary->terminal.width) {
		summary_line(p->summary, &p->line);
		buf_printf(&p->line, "%11s", "");
		p->used = 11;
	}
	buf_printf(&p->line, "  %s%s%s", name, name[0] ? " " : "",
	    buf_str(value));
	p->used += width;
	buf_clear(value);
}

void summary_parts_end(struct summary_parts *p)
{
	summary_line(p->summary, &p->line);
	buf_release(&p->line);
}
