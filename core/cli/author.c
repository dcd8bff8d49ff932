/*
 * Crash reports for those who write modules: the rooms that run their code
 * (module) and the one that reads a stack (cluster) do not know each other.
 */
#include "cli/author.h"

#include "module/tools.h"
#include "user/user.h"

bool author_where(struct crash_where *at)
{
	struct user_where user;

	if (!users_where(&user))
		return false;
	at->module = user.module;
	at->user_class = user.user_class;
	at->task = user.task;
	at->user = user.id;
	return true;
}

static void install(void)
{
	crash_init(author_where);
}

static void explain(const char *text, struct buf *out)
{
	struct crash_report *r = crash_parse(text);

	if (r != NULL)
		crash_print(r, out);
}

void author_init(void)
{
	tools_on_crash(install, explain);
}
