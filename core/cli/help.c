/* --help, from the table. */
#include "cli/options.h"

#include <string.h>

#define COLUMN 30
#define WIDTH  79

/* Words of `text`, continued at COLUMN, never past WIDTH. */
static void print_wrapped(FILE *out, const char *text)
{
	int at = COLUMN;

	while (*text != '\0') {
		int len = (int)strcspn(text, " ");

		if (at > COLUMN && at + 1 + len > WIDTH) {
			fprintf(out, "\n%*s", COLUMN, "");
			at = COLUMN;
		} else if (at > COLUMN) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", len, text);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_option(FILE *out, const struct option *t)
{
	char text[512];
	char names[128];
	size_t n;

	snprintf(names, sizeof names, "  %c%c%s --%s%s%s",
	    t->letter != 0 ? '-' : ' ', t->letter != 0 ? t->letter : ' ',
	    t->letter != 0 ? "," : " ", t->name,
	    t->value != NULL ? " " : "", t->value != NULL ? t->value : "");
	fprintf(out, "%-*s", COLUMN, names);
	if (strlen(names) >= COLUMN)
		fprintf(out, "\n%*s", COLUMN, "");
	n = (size_t)snprintf(text, sizeof text, "%s", t->help);
	if (t->deflt != NULL)
		n += (size_t)snprintf(text + n, sizeof text - n,
		    " (default %s)", t->deflt);
	if (t->env != NULL)
		snprintf(text + n, sizeof text - n, " [%s]", t->env);
	print_wrapped(out, text);
}

void options_print_help(FILE *out, bool all)
{
	const char *group = "";

	fprintf(out,
	    "usage: swarm [-f SCENARIO] [--plugin NAME] [options] "
	    "[USER CLASS ...]\n"
	    "       swarm COMMAND ...         (swarm help lists them)\n");
	for (const struct option *t = options_table(); t->name != NULL; t++) {
		if (t->group == NULL && !all)
			continue;
		if (t->group != NULL && strcmp(group, t->group) != 0) {
			group = t->group;
			fprintf(out, "\n%s\n", group);
		}
		print_option(out, t);
	}
	fprintf(out, "\nExit codes: 0 passed, 1 requests failed, 2 wrong "
	    "usage, 3 module unusable,\n4 target never answered, 5 workers "
	    "missing, 6 a worker crashed,\n99 a criterion failed.\n");
}
