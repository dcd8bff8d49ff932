/*
 * What a module leaves behind.  A worker with some users is started and ended
 * again and again, and what is held is counted when it has ended, so that
 * swarm's own tables, which grow with what is measured, are not in it.  What is
 * fetched once and kept (a cache, a table of names) stops growing after some
 * rounds, a leak never does.
 *
 * Memory is counted by the C library.  Its caches for each thread would hide
 * small blocks for a while, so the parent starts this process without them
 * (check.c).  A sanitizer's own allocator is not seen here; it tells at the
 * end of the process.
 */
#include "module/check.h"

#include "base/clock.h"
#include "module/module.h"
#include "user/user.h"

#include <dirent.h>
#include <malloc.h>

#define ROUNDS 6                        /* looked at after each */
#define SETTLED 2                       /* of these, not judged */
#define USERS_A_ROUND 8
#define USER_NS (8 * NS_PER_MS)
#define UNEVEN 4                        /* rounds of a leak are alike */

struct held {
	size_t bytes;
	size_t descriptors;
	size_t threads;
};

static size_t entries(const char *folder)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static struct held held_now(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct held){ m.uordblks + m.hblkhd,
		entries("/proc/self/fd"), entries("/proc/self/task") };
}

/* Whether each round, but for the first ones, left more than the one before;
 * *more of it each. */
static bool always_grew(const struct held *at, size_t field, size_t *more)
{
	size_t first = 0, last = 0, least = SIZE_MAX, most = 0;

	for (size_t i = SETTLED; i < ROUNDS; i++) {
		size_t now = *(const size_t *)((const char *)&at[i] + field);

		if (i > SETTLED && now <= last)
			return false;
		if (i == SETTLED) {
			first = now;
		} else {
			least = now - last < least ? now - last : least;
			most = now - last > most ? now - last : most;
		}
		last = now;
	}
	if (most / UNEVEN > least)
		return false;
	*more = (last - first) / (ROUNDS - 1 - SETTLED);
	return true;
}

/* Growth of a round, or 0 when it is not a steady one. */
static size_t growth(const struct held *at, size_t field)
{
	size_t more;

	return always_grew(at, field, &more) ? more : 0;
}

/* `before`: what the hooks alone leave, of which this is not to speak. */
static int judge(const struct held *at, const struct held *before,
    const char *what, size_t times, bool say)
{
	static const struct {
		size_t field;
		/* Hooks run once in a process: what a library of theirs
		 * keeps is no leak of the module's. */
		size_t least;
		size_t least_user;      /* a smallest block, at the least */
		const char *name;
		const char *advice;
	} kinds[] = {
		{ offsetof(struct held, bytes), 1024, 16, "bytes of memory",
		  "free them, or take them from swarm_alloc()" },
		{ offsetof(struct held, descriptors), 1, 1,
		  "descriptors",
		  "close them when the user, or the worker, ends" },
		{ offsetof(struct held, threads), 1, 1, "threads",
		  "end and join them in worker_stop()" },
	};
	int rc = CHECK_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t more = growth(at, kinds[i].field);
		size_t less = before ? growth(before, kinds[i].field) : 0;

		if (more < less + (before ? kinds[i].least_user * times :
		    kinds[i].least))
			continue;
		rc = CHECK_BAD;
		if (say)
			check_say("%s leaves about %zu %s behind each time; "
			    "%s", what, (more - less + times - 1) / times,
			    kinds[i].name, kinds[i].advice);
	}
	return rc;
}

/* One worker from its start to its end, with so many users of a class. */
static int one_worker(size_t class, size_t users)
{
	int rc = CHECK_OK;

	for (size_t i = 0; i < users && rc == CHECK_OK; i++) {
		if (check_one_user(class, USER_NS, 0))
			continue;
		check_say("its users do not end");
		rc = CHECK_SKIP;
	}
	if (rc == CHECK_OK)
		rc = check_restart_worker();
	return rc;
}

static int rounds(struct held *at, size_t class, size_t users)
{
	int rc = CHECK_OK;

	for (size_t i = 0; i < ROUNDS && rc == CHECK_OK; i++) {
		rc = one_worker(class, users);
		at[i] = held_now();
	}
	return rc;
}

static int users_leak(const struct held *hooks, size_t class, bool say)
{
	struct held users[ROUNDS];
	int rc = rounds(users, class, USERS_A_ROUND);

	return rc != CHECK_OK ? rc : judge(users, hooks,
	    user_class_at(class)->name, USERS_A_ROUND, say);
}

int check_leaks(const struct check_subject *s)
{
	struct held hooks[ROUNDS];
	int rc;

	if (!check_start_worker(s, &rc))
		return CHECK_SKIP;
	rc = rounds(hooks, 0, 0);
	if (rc == CHECK_OK)
		rc = judge(hooks, NULL, "worker_start() with worker_stop()",
		    1, true);
	for (size_t i = 0; i < user_class_count() && rc == CHECK_OK; i++) {
		rc = users_leak(hooks, i, false);
		/* A table that happened to grow in each round does not do so
		 * again; a leak does. */
		if (rc == CHECK_BAD)
			rc = users_leak(hooks, i, true);
	}
	if (rc == CHECK_OK)
		check_finish_worker();
	return rc;
}
