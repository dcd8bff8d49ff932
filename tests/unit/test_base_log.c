/* Log lines: levels, prefixes, splitting, %m, and the clock beside them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct buf seen = BUF_INIT(1 << 20);

static void sink(enum log_level level, const char *line, void *arg)
{
	assert_ptr_equal(arg, &seen);
	buf_printf(&seen, "[%s] %s\n", log_level_name(level), line);
}

static void say(enum log_level level, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(enum log_level level, const char *who, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(level, who, fmt, ap);
	va_end(ap);
}

static int setup(void **state)
{
	(void)state;
	buf_clear(&seen);
	log_set_sink(sink, &seen);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	return 0;
}

static void test_levels(void **state)
{
	(void)state;
	log_debug("no");
	log_info("a %d", 1);
	log_warn("b");
	log_error("c");
	assert_string_equal(
	    buf_str(&seen), "[info] a 1\n[warning] b\n[error] c\n");
	assert_false(log_enabled(LOG_LEVEL_DEBUG));
	log_set_level(LOG_LEVEL_DEBUG);
	buf_clear(&seen);
	log_debug("yes");
	assert_string_equal(buf_str(&seen), "[debug] yes\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("no");
	assert_string_equal(buf_str(&seen), "[debug] yes\n");
}

static void test_errno_is_shown_and_kept(void **state)
{
	(void)state;
	errno = ENOENT;
	log_error("cannot open: %m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(buf_str(&seen),
	    "[error] cannot open: No such file or directory\n");
}

static void test_lines(void **state)
{
	(void)state;
	say(LOG_LEVEL_INFO, "mqtt", "one\ntwo\n\nthree\n");
	assert_string_equal(buf_str(&seen),
	    "[info] mqtt: one\n[info] mqtt: two\n[info] mqtt: three\n");
	buf_clear(&seen);
	say(LOG_LEVEL_INFO, NULL, "bell\a esc\033[2J tab\t");
	assert_string_equal(buf_str(&seen), "[info] bell? esc?[2J tab\t\n");
	/* Controls beyond ASCII, text that runs backwards, broken bytes. */
	buf_clear(&seen);
	say(LOG_LEVEL_INFO, NULL, "\xc2\x9b" "2J \xe2\x80\xae" "x \x9b" "2J "
	    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3");
	assert_string_equal(buf_str(&seen), "[info] ?2J ?x ?2J "
	    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80?\n");
}

static void test_long(void **state)
{
	static char text[200000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[5000] = '\0';
	errno = EACCES;
	say(LOG_LEVEL_INFO, "who", "%s %m", text);
	assert_int_equal(seen.len, strlen("[info] who: ") + 5000 +
	    strlen(" Permission denied\n"));
	assert_non_null(strstr(buf_str(&seen), "x Permission denied\n"));
	buf_clear(&seen);
	text[5000] = 'x';
	say(LOG_LEVEL_INFO, NULL, "%s", text);
	assert_in_range(seen.len, 60000, 70000);
}

static void test_standard_error(void **state)
{
	char got[256] = "";
	int pipe_fd[2], saved;
	ssize_t n;

	(void)state;
	log_set_sink(NULL, NULL);
	assert_int_equal(pipe(pipe_fd), 0);
	saved = dup(STDERR_FILENO);
	dup2(pipe_fd[1], STDERR_FILENO);
	say(LOG_LEVEL_WARN, "http", "slow");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fd[1]);
	n = read(pipe_fd[0], got, sizeof(got) - 1);
	close(pipe_fd[0]);
	assert_true(n > 0);
	assert_string_equal(got, "swarm: warning: http: slow\n");
}

static void test_clock(void **state)
{
	int64_t a = clock_now();
	double wall = clock_wall();

	(void)state;
	assert_true(a > 0);
	assert_true(clock_now() >= a);
	assert_true(wall > 1.6e9);
	clock_freeze(5 * NS_PER_S);
	assert_int_equal(clock_now(), 5 * NS_PER_S);
	clock_advance(NS_PER_MS);
	assert_int_equal(clock_now(), 5 * NS_PER_S + NS_PER_MS);
	/* A second ago on the clock is a second ago on the wall. */
	assert_true(clock_wall() - clock_wall_at(4 * NS_PER_S) < 60);
	assert_true(clock_wall() - clock_wall_at(4 * NS_PER_S) > 0.9);
	clock_thaw();
	assert_true(clock_now() >= a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_errno_is_shown_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_standard_error, setup, teardown),
		cmocka_unit_test(test_clock),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	buf_release(&seen);
	return rc;
}
