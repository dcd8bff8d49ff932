/* Lists of strings: folders, candidates for "did you mean", command lines.
 * They are short, and looked through in order. */
#include "module/names.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define JOINED_MAX 65536

void names_take(struct names *n, char *name)
{
	n->at = xreallocarray(n->at, n->count + 2, sizeof(n->at[0]));
	n->at[n->count++] = name;
	n->at[n->count] = NULL;
}

void names_add(struct names *n, const char *name)
{
	names_take(n, xstrdup(name));
}

/* One word from *text on, without its quotes; NULL at the end. */
static char *next_word(const char **text)
{
	const char *s = *text + strspn(*text, " \t\r\n");
	char *word, *to;
	char quote = 0;

	if (*s == '\0')
		return NULL;
	word = to = xmalloc(strlen(s) + 1);
	for (; *s && (quote || !strchr(" \t\r\n", *s)); s++) {
		if (quote && *s == quote)
			quote = 0;
		else if (!quote && (*s == '"' || *s == '\''))
			quote = *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			*to++ = *++s;
		else
			*to++ = *s;
	}
	*to = '\0';
	*text = s;
	return word;
}

void names_add_words(struct names *n, const char *text)
{
	char *word;

	while ((word = next_word(&text)))
		names_take(n, word);
}

bool names_has(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->at[i], name) == 0)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *n)
{
	if (n->count > 1)
		qsort(n->at, n->count, sizeof(n->at[0]), compare);
}

char *names_join(const struct names *n, const char *none)
{
	struct buf out = BUF_INIT(JOINED_MAX);

	if (n->count == 0)
		return xstrdup(none);
	for (size_t i = 0; i < n->count; i++)
		buf_printf(&out, "%s%s", i ? ", " : "", n->at[i]);
	return buf_detach(&out);
}

const char *names_suggest(const struct names *n, const char *word)
{
	return n->count ? parse_suggest(word, (const char *const *)n->at) :
	    NULL;
}

char *const *names_argv(const struct names *n)
{
	static char *const empty[] = { NULL };

	return n->count ? n->at : empty;
}

void names_release(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->at[i]);
	free(n->at);
	*n = (struct names){ 0 };
}
