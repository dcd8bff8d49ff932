/* Modules that a master of this process hands to a worker of this process. */
#include "cluster/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"
#include "cluster/master.h"
#include "cluster/shelf.h"
#include "fiber/loop.h"
#include "stats/stats.h"

static char folder[] = "/tmp/swarm_fetch_XXXXXX";
static struct stats *stats;
static char fetched[256];

static int each(const char *path, const struct wire_file *f, void *arg)
{
	(void)f;
	(void)arg;
	snprintf(fetched, sizeof fetched, "%s", path);
	return 0;
}

static void setting(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

static int setup(void **state)
{
	struct master_options o = { .bind = "tcp://127.0.0.1:0",
		.report_interval = 1 };

	(void)state;
	if (mkdtemp(folder) == NULL || loop_init() == -1)
		return -1;
	o.stats = stats = stats_new(10, 10);
	return master_start(&o);
}

static int teardown(void **state)
{
	(void)state;
	master_release();
	stats_free(stats);
	loop_release();
	return 0;
}

static void remove_in(const char *sub, const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s%s%s", folder, sub,
	    name[0] != '\0' ? "/" : "", name);
	assert_int_equal(remove(path), 0);
}

/* Processes of two containers that share a folder may have the same number,
 * and one that was killed leaves what it had begun. */
static void test_beside_one_of_the_same_number(void **state)
{
	const struct fetch_options o = { .connect = master_endpoint(),
		.folder = folder, .each = each, .setting = setting };
	char source[256], theirs[256], other[512], hash[HASH_HEX];
	struct stat st;
	FILE *f;

	(void)state;
	snprintf(source, sizeof source, "%s/rows.csv", folder);
	f = fopen(source, "w");
	assert_non_null(f);
	fputs("a\n1\n", f);
	fclose(f);
	assert_int_equal(hash_file(source, hash), 0);
	snprintf(theirs, sizeof theirs, "%s/%s", folder, hash);
	assert_int_equal(mkdir(theirs, 0700), 0);
	snprintf(other, sizeof other, "%s/.%d", theirs, (int)getpid());
	f = fopen(other, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(shelf_add(source, "rows.csv", WIRE_DATA), 0);
	assert_int_equal(fetch_modules(&o), 0);
	assert_int_equal(stat(fetched, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(st.st_mode & 0777, 0500);
	/* It is somebody's still. */
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(remove(other), 0);
	remove_in(hash, "rows.csv");
	remove_in(hash, "");
	remove_in("rows.csv", "");
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_beside_one_of_the_same_number, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
