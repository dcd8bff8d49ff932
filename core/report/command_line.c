/*
 * The command line goes into results, reports and the page, which are shown to
 * more people than a terminal: secrets are left out of it.
 */
#include "report/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "module/module.h"
#include "report/text.h"

static void put_word(struct buf *line, const char *word)
{
	if (word[0] && !strpbrk(word, " \t\n'\"\\$&|;<>()*?[{}#~`!")) {
		buf_puts(line, word);
		return;
	}
	buf_putc(line, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_puts(line, "'\\''");
		else
			buf_putc(line, *word);
	}
	buf_putc(line, '\'');
}

static void put_argument(struct buf *line, const char *argument)
{
	const char *secret = module_option_secret(argument);
	struct buf word = BUF_INIT(1 << 20);

	if (secret)
		buf_printf(&word, "%.*s...", (int)(secret - argument),
		    argument);
	else
		text_no_password(&word, argument);
	put_word(line, buf_str(&word));
	buf_release(&word);
}

char *command_line_text(int argc, char *const *argv)
{
	struct buf line = BUF_INIT(1 << 16), valid = BUF_INIT(1 << 17);

	for (int i = 0; i < argc; i++) {
		buf_puts(&line, i ? " " : "");
		put_argument(&line, argv[i]);
	}
	text_clean(&valid, buf_str(&line));
	buf_release(&line);
	return buf_detach(&valid);
}
