/*
 * check, inspect, new, plugins and test: run as children of this program, which
 * takes those words as its first argument.
 */
#include "module_kit.h"

#include "module/find.h"
#include "module/spawn.h"
#include "module/tools.h"

#define HEAD "#include <swarm/swarm.h>\n"
#define TASK HEAD \
	"static void t(struct swarm_user *u) { swarm_skip_wait(u); " \
	"swarm_sleep(0.001); }\n"
#define USERS ".users = SWARM_USERS({ .name = \"a\", .tasks = " \
	"SWARM_TASKS(SWARM_TASK(t)) })"

static struct buf out = BUF_INIT(1 << 20), err = BUF_INIT(1 << 20);

/* swarm ARGS...; its exit code. */
static int swarm(const char *first, ...)
{
	struct names argv = { 0 };
	va_list ap;
	int rc;

	names_add(&argv, find_exe());
	va_start(ap, first);
	for (const char *a = first; a; a = va_arg(ap, const char *))
		names_add(&argv, a);
	va_end(ap);
	buf_clear(&out);
	buf_clear(&err);
	rc = spawn_capture(names_argv(&argv), 60, &out, &err);
	names_release(&argv);
	return rc;
}

static void has(const struct buf *b, const char *text)
{
	if (!strstr(buf_str(b), text))
		fail_msg("no \"%s\" in:\n%s\nerrors:\n%s", text, buf_str(b),
		    buf_str(&err));
}

static void test_inspect(void **state)
{
	char *path = kit_build("seen", TASK
	    "static int n; static const char *pw;\n"
	    "static const struct swarm_iface x = { 8, 3 };\n"
	    "struct y { struct swarm_iface head; };\n"
	    "SWARM_IMPORT(y, y_, \"acme.y/2\", 4)\n"
	    "static const struct swarm_task_set in = { .tasks = SWARM_TASKS("
	    "SWARM_TASK(t, .weight = 9)), .flow = SWARM_SEQUENTIAL };\n"
	    "SWARM_MODULE(.name = \"seen\", .version = \"1.2\", .summary = "
	    "\"a \\\"quoted\\\" thing\", .exports = SWARM_EXPORTS("
	    "{ \"acme.x/1\", &x }), .options = SWARM_OPTIONS("
	    "SWARM_OPTION(n, \"5\", \"a number\"), SWARM_OPTION(pw, \"hid\", "
	    "\"a word\", .flags = SWARM_SECRET)), .users = SWARM_USERS({ "
	    ".name = \"web\", .weight = 2, .tasks = SWARM_TASKS(SWARM_TASK(t, "
	    ".tags = \"read\"), SWARM_SET(in)) }), .executors = "
	    "SWARM_EXECUTORS({ .name = \"surge\", .classes = \"web\", "
	    ".users = 7, .start = 1.5, .rate = \"9s:4\" }));\n");

	(void)state;
	assert_int_equal(swarm("inspect", path, NULL), TOOLS_OK);
	has(&out, "name      seen 1.2");
	has(&out, path);
	has(&out, "needs     acme.y/2, minor 4");
	has(&out, "offers    acme.x/1, minor 3");
	has(&out, "-o seen.n=int, default 5");
	has(&out, "-o seen.pw=string, secret");
	has(&out, "users     web, weight 2, random");
	has(&out, "t, weight 1, tags read");
	has(&out, "in, weight 1, a set:");
	has(&out, "t, weight 9");
	has(&out, "executors surge: classes=web,users=7,rate=9s:4,start=1.5s");
	assert_null(strstr(buf_str(&out), "hid"));

	assert_int_equal(swarm("inspect", "--json", path, NULL), TOOLS_OK);
	has(&out, "\"summary\": \"a \\\"quoted\\\" thing\"");
	has(&out, "\"flow\": \"sequential\"");
	has(&out, "\"default\": \"5\"");
	has(&out, "\"executors\": [");
	has(&out, "\"name\": \"surge\"");
	assert_null(strstr(buf_str(&out), "hid"));
}

static void test_inspect_refuses(void **state)
{
	char *path;

	(void)state;
	path = kit_build("segv", HEAD "#include <stdlib.h>\n__attribute__(("
	    "constructor)) static void c(void) { abort(); }\n"
	    "SWARM_MODULE(.summary = \"x\");\n");
	assert_int_equal(swarm("inspect", path, NULL), TOOLS_MODULE);
	has(&err, "crashed while it was loaded (signal 6, SIGABRT)");
	has(&err, path);
	path = kit_build("loops", HEAD "#include <unistd.h>\n__attribute__(("
	    "constructor)) static void c(void) { for (;;) pause(); }\n"
	    "SWARM_MODULE(.summary = \"x\");\n");
	assert_int_equal(swarm("inspect", "--timeout", "0.3", path, NULL),
	    TOOLS_MODULE);
	has(&err, "was not loaded within 0.3 s");
	assert_int_equal(swarm("inspect", kit_path("absent.so"), NULL),
	    TOOLS_MODULE);
	has(&err, "there is no such file");
	assert_int_equal(swarm("inspect", "nothing-of-that-name", NULL),
	    TOOLS_MODULE);
	has(&err, "there is no plugin");
	assert_int_equal(swarm("inspect", NULL), TOOLS_USAGE);
	assert_int_equal(swarm("inspect", "--jason", "x", NULL), TOOLS_USAGE);
}

static void test_plugins(void **state)
{
	char *dirs = xasprintf("%s/plugins:%s/more", kit_dir, kit_dir);

	(void)state;
	mkdir(kit_path("more"), 0755);
	kit_build("plugins/one", HEAD "SWARM_MODULE(.version = \"3\", "
	    ".summary = \"the first\");\n");
	kit_build("more/one", HEAD "SWARM_MODULE(.summary = \"other\");\n");
	kit_write("more/broken.so", "text");
	setenv("SWARM_PLUGIN_PATH", dirs, 1);
	assert_int_equal(swarm("plugins", NULL), TOOLS_OK);
	has(&out, "plugins (SWARM_PLUGIN_PATH):");
	has(&out, "one            3        the first\n");
	has(&out, "other (shadowed by the one above)");
	has(&out, "(cannot be loaded)");
	has(&err, "broken.so");
	setenv("SWARM_PLUGIN_PATH", kit_path("plugins"), 1);
	free(dirs);
}

/* ---- check ---- */

static void failed(const char *title)
{
	char *line = NULL;
	const char *at = strstr(buf_str(&out), title);

	assert_non_null(at);
	while (at > out.data && at[-1] != '\n')
		at--;
	line = xstrndup(at, strcspn(at, "\n"));
	if (strncmp(line, "not ok", 6) != 0)
		fail_msg("passed: %s\n%s", line, buf_str(&out));
	free(line);
}

static void test_check_good(void **state)
{
	char *path = kit_build_with("fine", TASK
	    "static int n;\nSWARM_MODULE(.summary = \"s\", .options = "
	    "SWARM_OPTIONS(SWARM_OPTION(n, \"1\", \"n\")), " USERS ");\n",
	    "-fvisibility=hidden");

	(void)state;
	assert_int_equal(swarm("check", path, NULL), TOOLS_OK);
	has(&out, "TAP version 13\n1..20\n");
	has(&out, "ok 14 - its users end when stopped, at any moment\n");
	has(&out, "# 0 of 20 checks of ");
	assert_null(strstr(buf_str(&out), "not ok"));
	/* Only what matters. */
	assert_int_equal(swarm("check", "--only-failed", "--only", "exported",
	    "--only", "options", path, NULL), TOOLS_OK);
	has(&out, "TAP version 13\n1..2\n#");
}

static void test_check_tables(void **state)
{
	char *path = kit_build_with("wrong", TASK
	    "int leaked(void);\nint leaked(void) { return 1; }\n"
	    "static int n, k;\n"
	    "SWARM_MODULE(.options = SWARM_OPTIONS(SWARM_OPTION(n, \"1\", "
	    "\"\"), { .name = \"n\", .type = SWARM_INT, .dest = &k, .deflt = "
	    "\"x\", .help = \"again\" }), .users = SWARM_USERS({ .name = "
	    "\"empty\", .tasks = SWARM_TASKS({ .name = \"none\" }, "
	    "SWARM_TASK(t)) }));\n", "-fvisibility=hidden -Dleaked="
	    "'__attribute__((visibility(\"default\"))) leaked'");

	(void)state;
	assert_int_equal(swarm("check", "--only", "exported", "--only",
	    "options", "--only", "tables", path, NULL), TOOLS_FAILED);
	failed("it exports one name only");
	has(&out, "# it also exports leaked");
	failed("its options are described");
	has(&out, "# n has no help text");
	has(&out, "# n and n share a name or a variable");
	failed("its users and tasks are complete");
	has(&out, "# empty.none needs a function or a set");
}

static void test_check_hooks(void **state)
{
	char *path;

	(void)state;
	path = kit_build("crash", TASK "#include <stdlib.h>\n"
	    "static int load(void) { abort(); }\n"
	    "SWARM_MODULE(.load = load, " USERS ");\n");
	assert_int_equal(swarm("check", "--only", "load", path, NULL),
	    TOOLS_FAILED);
	failed("load(), setup() and unload() succeed");
	has(&out, "# crashed (signal 6, SIGABRT)");

	path = kit_build("manners", TASK "#include <signal.h>\n"
	    "#include <pthread.h>\n#include <unistd.h>\n"
	    "static void h(int s) { (void)s; }\n"
	    "static void *run(void *p) { for (;;) pause(); return p; }\n"
	    "static pthread_t id;\nstatic int load(void) { "
	    "signal(SIGUSR2, h); return pthread_create(&id, 0, run, 0); }\n"
	    "SWARM_MODULE(.load = load, " USERS ");\n");
	assert_int_equal(swarm("check", "--only", "threads", "--only",
	    "signals", path, NULL), TOOLS_FAILED);
	failed("load() starts no thread");
	has(&out, "# 1 threads were started");
	failed("it leaves signal handlers alone");
	has(&out, "SIGUSR2");
}

static void test_check_users(void **state)
{
	char *path;

	(void)state;
	path = kit_build("deaf", HEAD "static void t(struct swarm_user *u) { "
	    "(void)u; for (;;) swarm_sleep(0.001); }\n"
	    "SWARM_MODULE(" USERS ");\n");
	assert_int_equal(swarm("check", "--only", "users", "--timeout", "1",
	    path, NULL), TOOLS_FAILED);
	failed("its users end when stopped");
	has(&out, "# a user of a, stopped after ");
	has(&out, "# did not end within 1 s");

	path = kit_build("block", HEAD "#include <unistd.h>\n"
	    "static void t(struct swarm_user *u) { (void)u; usleep(500000); "
	    "swarm_sleep(0.5); }\nSWARM_MODULE(" USERS ");\n");
	assert_int_equal(swarm("check", "--only", "blocking", path, NULL),
	    TOOLS_FAILED);
	failed("its tasks never block the worker");
	has(&out, "# t of a ran ");
	has(&out, "swarm_offload()");
}

static void test_check_needs(void **state)
{
	char *path = kit_build_with("needs", TASK
	    "struct y { struct swarm_iface head; };\n"
	    "SWARM_IMPORT(y, y_, \"acme.absent/2\", 4)\n"
	    "static const char *url;\nSWARM_MODULE(.options = SWARM_OPTIONS("
	    "SWARM_OPTION(url, NULL, \"u\", .flags = SWARM_REQUIRED)), "
	    USERS ");\n", "-fvisibility=hidden");

	(void)state;
	assert_int_equal(swarm("check", "--only", "bound", path, NULL),
	    TOOLS_FAILED);
	failed("what it needs is there");
	has(&out, "needs the interface acme.absent/2");
	kit_build("absent", HEAD "static const struct swarm_iface x = { 8, 4 "
	    "};\nSWARM_MODULE(.exports = SWARM_EXPORTS({ \"acme.absent/2\", "
	    "&x }));\n");
	assert_int_equal(swarm("check", "--only", "load", "--plugin",
	    kit_path("absent.so"), path, NULL), TOOLS_OK);
	has(&out, "# SKIP needs.url must be given: -o needs.url=VALUE");
	assert_int_equal(swarm("check", "--only", "load", "--plugin",
	    kit_path("absent.so"), "-o", "needs.url=x", path, NULL), TOOLS_OK);
	has(&out, "ok 1 - load(), setup() and unload() succeed\n");
	assert_int_equal(swarm("check", "--list", NULL), TOOLS_OK);
	has(&out, "blocking ");
	assert_int_equal(swarm("check", NULL), TOOLS_USAGE);
	assert_int_equal(swarm("check", "--only", "leak", path, NULL),
	    TOOLS_USAGE);
	has(&err, "there is no check leak; did you mean leaks?");
}

/* ---- new ---- */

static void test_new_scenario(void **state)
{
	char *path = kit_path("web-shop.c");
	char *so;

	(void)state;
	assert_int_equal(swarm("new", "scenario", kit_path("web-shop"), NULL),
	    TOOLS_OK);
	has(&out, "created ");
	has(&out, "web-shop.c (");
	has(&out, "next:  swarm try ");
	so = xasprintf("cc " KIT_FLAGS " %s -o %s", path,
	    kit_path("web-shop.so"));
	assert_int_equal(system(so), 0);        /* lint: allow */
	free(so);
	assert_int_equal(swarm("check", "--only", "tables", path, NULL),
	    TOOLS_OK);
	/* Never over what is there. */
	assert_int_equal(swarm("new", path, NULL), TOOLS_USAGE);
	has(&err, "is there already");
}

static void test_new_wrong(void **state)
{
	(void)state;
	assert_int_equal(swarm("new", "scenario", kit_path("4you"), NULL),
	    TOOLS_USAGE);
	has(&err, "\"4you\" cannot be a scenario's name");
	assert_int_equal(swarm("new", "scenario", kit_path("x"), "--template",
	    "scenari", NULL), TOOLS_USAGE);
	has(&err, "did you mean scenario?");
	assert_int_equal(swarm("new", "scenario", kit_path("x"), "--template",
	    "../../x", NULL), TOOLS_USAGE);
	has(&err, "there is no template");
	assert_int_equal(swarm("new", "plugin", kit_path("a b"), NULL),
	    TOOLS_USAGE);
	assert_int_equal(swarm("new", "--list", NULL), TOOLS_OK);
	has(&out, "scenario\n");
	assert_int_equal(swarm("new", NULL), TOOLS_USAGE);
}

static void test_new_plugin(void **state)
{
	(void)state;
	assert_int_equal(swarm("new", "plugin", kit_path("line-proto"), NULL),
	    TOOLS_OK);
	assert_int_equal(access(kit_path("line-proto/CMakeLists.txt"), R_OK),
	    0);
	assert_int_equal(access(kit_path("line-proto/include/line-proto.h"),
	    R_OK), 0);
	assert_int_equal(access(kit_path("line-proto/tests/test_line.c"),
	    R_OK), 0);
	assert_int_equal(swarm("new", "plugin", kit_path("line-proto"), NULL),
	    TOOLS_USAGE);
	has(&err, "is there already");
}

/* ---- test ---- */

#define CASES "#include <swarm/swarm.h>\n#include <swarm/net.h>\n" \
	"#include <swarm/test.h>\n#include <string.h>\n" \
	"static struct swarm_stream *dial(struct swarm_peer *p)\n{\n" \
	"  return swarm_connect(&(struct swarm_connect_args){ .size =\n" \
	"    sizeof(struct swarm_connect_args), .host = \"127.0.0.1\",\n" \
	"    .port = swarm_peer_port(p) }, NULL, 0);\n}\n"

/* The client sees each piece; the script sees each byte. */
static void test_peer(void **state)
{
	char *path = kit_build("peer_test", CASES
	    "static void echo(struct swarm_peer *p, void *arg)\n{\n"
	    "  swarm_peer_accept(p);\n"
	    "  swarm_peer_expect(p, \"hello\\n\", 6);\n"
	    "  swarm_peer_pieces(p, *(size_t *)arg);\n"
	    "  swarm_peer_send(p, \"world\\n\", 6);\n"
	    "  swarm_peer_expect_end(p);\n}\n"
	    "static void talk(struct swarm_user *u, size_t piece)\n{\n"
	    "  struct swarm_peer *p = swarm_peer_new(u, echo, &piece);\n"
	    "  struct swarm_stream *s = dial(p);\n"
	    "  char got[16] = \"\"; size_t len = 0, reads = 0;\n"
	    "  swarm_expect(s && !swarm_write(s, \"hello\\n\", 6, "
	    "SWARM_FOREVER));\n"
	    "  for (; len < 6; reads++) {\n"
	    "    int64_t n = swarm_read(s, got + len, 10, SWARM_FOREVER);\n"
	    "    swarm_expect(n > 0); len += (size_t)n; }\n"
	    "  swarm_expect(strcmp(got, \"world\\n\") == 0);\n"
	    "  swarm_expect(reads == (6 + piece - 1) / piece);\n"
	    "  swarm_close(s);\n"
	    "  swarm_expect(swarm_peer_join(p) == 0);\n}\n"
	    "static void pieces(struct swarm_user *u)\n"
	    "{ for (size_t n = 1; n <= 6; n++) talk(u, n); }\n"
	    "static void wrong(struct swarm_user *u)\n{\n"
	    "  size_t piece = 1;\n"
	    "  struct swarm_peer *p = swarm_peer_new(u, echo, &piece);\n"
	    "  struct swarm_stream *s = dial(p);\n"
	    "  swarm_write(s, \"help\\r\\n\", 6, SWARM_FOREVER);\n"
	    "  swarm_expect(swarm_peer_join(p) == -1);\n"
	    "  swarm_close(s);\n}\n"
	    "static void reset(struct swarm_peer *p, void *arg)\n"
	    "{ (void)arg; swarm_peer_accept(p); "
	    "swarm_peer_hang_up(p, true); }\n"
	    "static void broken(struct swarm_user *u)\n{\n"
	    "  struct swarm_peer *p = swarm_peer_new(u, reset, NULL);\n"
	    "  struct swarm_stream *s = dial(p); char b[8];\n"
	    "  swarm_expect(s && swarm_read(s, b, 8, SWARM_FOREVER) == -1);\n"
	    "  swarm_close(s); }\n"
	    "SWARM_TESTS(SWARM_CASE(pieces), SWARM_CASE(wrong), "
	    "SWARM_CASE(broken));\n");

	(void)state;
	assert_int_equal(swarm("test", path, NULL), TOOLS_FAILED);
	has(&out, "TAP version 13\n1..3\nok 1 - pieces\nnot ok 2 - wrong\n"
	    "# the peer's script, step 2: expected 6 bytes, \"hello\\n\", and "
	    "got \"help\\r\\n\", different from byte 3 on\n"
	    "ok 3 - broken\n# 1 of 3 cases of ");
	assert_int_equal(swarm("test", "--only", "piece", path, NULL),
	    TOOLS_USAGE);
	has(&err, "there is no case piece; did you mean pieces?");
	assert_int_equal(swarm("test", "--only", "pieces", path, NULL),
	    TOOLS_OK);
	assert_int_equal(swarm("test", "--list", path, NULL), TOOLS_OK);
	assert_string_equal(buf_str(&out), "pieces\nwrong\nbroken\n");
}

/* An hour passes at once; what waits for ever is said. */
static void test_clock(void **state)
{
	char *path = kit_build("clock_test", CASES
	    "static void hour(struct swarm_user *u)\n{\n"
	    "  int64_t begin = swarm_now();\n"
	    "  struct swarm_timer t = swarm_begin(u, \"A\", \"b\");\n"
	    "  swarm_sleep(3600); swarm_fail(&t, \"late\");\n"
	    "  swarm_expect(swarm_now() - begin >= 3600000000000);\n"
	    "  swarm_expect(swarm_test_samples() == 1);\n"
	    "  swarm_expect(!strcmp(swarm_test_sample(0)->error, \"late\"));\n"
	    "  swarm_expect(!strcmp(swarm_test_sample(0)->type, \"A\"));\n"
	    "  swarm_expect(swarm_test_sample(0)->service_ns >= "
	    "3600000000000);\n"
	    "  swarm_expect(swarm_test_sample(1)->error != NULL);\n"
	    "  swarm_test_host(\"there\");\n"
	    "  swarm_expect(!strcmp(swarm_host(u), \"there\")); }\n"
	    "static void stuck(struct swarm_user *u)\n"
	    "{ (void)u; (void)dial; swarm_park(SWARM_FOREVER); }\n"
	    "static int seven(void *p) { (void)p; return 7; }\n"
	    "static void offloads(struct swarm_user *u)\n"
	    "{ (void)u; swarm_expect(swarm_offload(seven, NULL) == 7); }\n"
	    "static void raises(struct swarm_user *u)\n"
	    "{ swarm_raise(u, \"oops\"); }\n"
	    "static void untrue(struct swarm_user *u)\n"
	    "{ (void)u; swarm_expect(1 + 1 == 3); }\n"
	    "static void real(struct swarm_user *u)\n"
	    "{ (void)u; swarm_expect(swarm_sleep(0.005) == 0); }\n"
	    "SWARM_TESTS(SWARM_CASE(hour), SWARM_CASE(stuck), "
	    "SWARM_CASE(offloads), SWARM_CASE(raises), SWARM_CASE(untrue), "
	    "SWARM_CASE(real, .real_time = true));\n");

	(void)state;
	assert_int_equal(swarm("test", path, NULL), TOOLS_FAILED);
	has(&out, "ok 1 - hour\nnot ok 2 - stuck\n"
	    "# nothing can happen any more:\n# a fiber is parked\n");
	has(&out, "\nok 3 - offloads\nnot ok 4 - raises\n# raised: oops (");
	has(&out, "not ok 5 - untrue\n");
	has(&out, "does not hold: 1 + 1 == 3\nok 6 - real\n");
}

static void test_no_tests(void **state)
{
	char *path = kit_build("untested", TASK "SWARM_MODULE(" USERS ");\n");

	(void)state;
	assert_int_equal(swarm("test", path, NULL), TOOLS_MODULE);
	has(&err, "it has no tests; end it with SWARM_TESTS()");
	assert_int_equal(swarm("test", NULL), TOOLS_USAGE);
}

static int dispatch(int argc, char **argv)
{
	module_init(NULL);
	if (strcmp(argv[0], "check") == 0)
		return module_check_main(argc, argv);
	if (strcmp(argv[0], "inspect") == 0)
		return module_inspect_main(argc, argv);
	if (strcmp(argv[0], "new") == 0)
		return module_new_main(argc, argv);
	if (strcmp(argv[0], "test") == 0)
		return module_test_main(argc, argv);
	return module_plugins_main(argc, argv);
}

static int teardown(void **state)
{
	buf_release(&out);
	buf_release(&err);
	return kit_teardown(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_inspect, kit_clear),
		cmocka_unit_test_setup(test_inspect_refuses, kit_clear),
		cmocka_unit_test_setup(test_plugins, kit_clear),
		cmocka_unit_test_setup(test_check_good, kit_clear),
		cmocka_unit_test_setup(test_check_tables, kit_clear),
		cmocka_unit_test_setup(test_check_hooks, kit_clear),
		cmocka_unit_test_setup(test_check_users, kit_clear),
		cmocka_unit_test_setup(test_check_needs, kit_clear),
		cmocka_unit_test_setup(test_peer, kit_clear),
		cmocka_unit_test_setup(test_clock, kit_clear),
		cmocka_unit_test_setup(test_no_tests, kit_clear),
		cmocka_unit_test_setup(test_new_scenario, kit_clear),
		cmocka_unit_test_setup(test_new_wrong, kit_clear),
		cmocka_unit_test_setup(test_new_plugin, kit_clear),
	};

	if (argc > 1)
		return dispatch(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, kit_setup, teardown);
}
