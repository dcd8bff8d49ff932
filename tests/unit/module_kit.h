/*
 * For tests of core/module: modules are compiled on the spot into a folder of
 * their own, which also serves as plugin folder, cache and home; log lines are
 * kept for comparison.  Nothing loaded is ever unloaded, so every test gives
 * its files new names.
 */
#ifndef UNIT_MODULE_KIT_H
#define UNIT_MODULE_KIT_H

#include "base/buf.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "module/module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define KIT_FLAGS \
	"-shared -fPIC -g -Wall -Wextra -Werror " \
	"-I" TEST_SOURCE_DIR "/sdk/include -I" TEST_BINARY_DIR "/sdk/include"

static struct buf kit_seen = BUF_INIT(1 << 20);
static char kit_dir[64];

static void kit_sink(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	buf_printf(&kit_seen, "[%s] %s\n", log_level_name(level), line);
}

static inline int kit_setup(void **state)
{
	char *plugins;

	(void)state;
	snprintf(kit_dir, sizeof(kit_dir), "/tmp/swarm-unit-XXXXXX");
	if (!mkdtemp(kit_dir))
		return -1;
	plugins = xasprintf("%s/plugins", kit_dir);
	mkdir(plugins, 0755);
	setenv("SWARM_PLUGIN_PATH", plugins, 1);
	setenv("XDG_DATA_HOME", kit_dir, 1);
	setenv("XDG_CACHE_HOME", kit_dir, 1);
	unsetenv("CC");
	unsetenv("CFLAGS");
	free(plugins);
	log_set_sink(kit_sink, NULL);
	log_set_level(LOG_LEVEL_INFO);
	module_init(NULL);
	return 0;
}

static inline int kit_teardown(void **state)
{
	char *command = xasprintf("rm -rf %s", kit_dir);

	(void)state;
	module_forget_all();
	log_set_sink(NULL, NULL);
	buf_release(&kit_seen);
	if (system(command) != 0)       /* lint: allow */
		perror(command);
	free(command);
	return 0;
}

static inline int kit_clear(void **state)
{
	(void)state;
	buf_clear(&kit_seen);
	module_forget_all();
	return 0;
}

/* The path of `name` in the test's folder; of the last few calls. */
static inline char *kit_path(const char *name)
{
	static char paths[8][512];
	static unsigned at;
	char *path = paths[at++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", kit_dir, name);
	return path;
}

static inline char *kit_write(const char *name, const char *text)
{
	char *path = kit_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

/* NAME.so made of `text` with more flags; its path. */
static inline char *kit_build_with(const char *name, const char *text,
    const char *flags)
{
	char *source = xasprintf("%s.c", name);
	char *c = kit_write(source, text);
	char *so = xasprintf("%s.so", name);
	char *path = kit_path(so);
	char *command = xasprintf("cc " KIT_FLAGS " %s %s -o %s", c, flags,
	    path);

	if (system(command) != 0)       /* lint: allow */
		fail_msg("failed: %s", command);
	free(command);
	free(so);
	free(source);
	return path;
}

static inline char *kit_build(const char *name, const char *text)
{
	return kit_build_with(name, text, "");
}

/* Options and load(), as a process does it. */
static inline int load_all(void)
{
	return module_apply_options() == -1 ? -1 : module_load_all();
}

/* Whether a log line since kit_clear() has that text. */
static inline void kit_said(const char *text)
{
	if (!strstr(buf_str(&kit_seen), text))
		fail_msg("\"%s\" was not said, but:\n%s", text,
		    buf_str(&kit_seen));
}

static inline void kit_silent(void)
{
	if (kit_seen.len)
		fail_msg("said: %s", buf_str(&kit_seen));
}

/* One error, which names the place; lines of an example are indented. */
static inline void kit_one_error(const char *where)
{
	const char *s = buf_str(&kit_seen);
	int errors = 0;

	kit_said(where);
	while ((s = strstr(s, "[error] "))) {
		s += strlen("[error] ");
		errors += *s != ' ';
	}
	if (errors != 1)
		fail_msg("%d errors: %s", errors, buf_str(&kit_seen));
}

#endif
