/* Options: every type, where a value comes from, and each way to get one
 * wrong. */
#include "module_kit.h"

#define TEXT \
	"#include <swarm/swarm.h>\n" \
	"static bool verify; static int qos; static int64_t seed;\n" \
	"static double share, keep_alive; static int64_t payload;\n" \
	"static const char *topic, *transport, *password;\n" \
	"static int untouched = 42;\n" \
	"static int load(void)\n{\n" \
	"  swarm_info(\"%d %d %lld %g %g %lld %s %s %s %d\", verify, qos,\n" \
	"    (long long)seed, share, keep_alive, (long long)payload, topic,\n" \
	"    transport, password ? password : \"-\", untouched);\n" \
	"  return 0;\n}\n" \
	"SWARM_MODULE(.load = load, .options = SWARM_OPTIONS(\n" \
	"  SWARM_OPTION(verify, \"yes\", \"v\"),\n" \
	"  SWARM_OPTION(qos, \"1\", \"q\"),\n" \
	"  SWARM_OPTION(seed, \"-5\", \"s\"),\n" \
	"  SWARM_OPTION(share, \"0.25\", \"sh\"),\n" \
	"  SWARM_OPTION_DURATION(keep_alive, \"1m30s\", \"k\"),\n" \
	"  SWARM_OPTION_SIZE(payload, \"2k\", \"p\"),\n" \
	"  SWARM_OPTION(topic, \"a/b\", \"t\"),\n" \
	"  SWARM_OPTION(transport, \"tcp\", \"tr\",\n" \
	"    .choices = \"tcp|tls|ws\"),\n" \
	"  SWARM_OPTION(password, NULL, \"pw\", .flags = SWARM_SECRET),\n" \
	"  SWARM_OPTION(untouched, NULL, \"u\")));\n"

/* Loads TEXT under a new name, with settings; what its load() said. */
static void open_as(const char *name)
{
	assert_non_null(module_open_plugin(kit_build(name, TEXT)));
}

static void loaded(const char *line)
{
	assert_int_equal(load_all(), 0);
	assert_string_equal(buf_str(&kit_seen), line);
}

static void test_defaults(void **state)
{
	(void)state;
	open_as("opt1");
	loaded("[info] opt1: 1 1 -5 0.25 90 2048 a/b tcp - 42\n");
}

static void test_given(void **state)
{
	(void)state;
	/* Before and after the module is there; the last one counts. */
	assert_int_equal(module_set_option("opt2.qos=7"), 0);
	assert_int_equal(module_set_option("opt2.verify=off"), 0);
	open_as("opt2");
	assert_int_equal(module_set_option("opt2.qos=2"), 0);
	assert_int_equal(module_set_option("opt2.seed=9000000000"), 0);
	assert_int_equal(module_set_option("opt2.share=1e-3"), 0);
	assert_int_equal(module_set_option("opt2.keep-alive=250ms"), 0);
	assert_int_equal(module_set_option("opt2.payload=1.5m"), 0);
	assert_int_equal(module_set_option("opt2.topic=x=y.z"), 0);
	assert_int_equal(module_set_option("opt2.transport=ws"), 0);
	assert_int_equal(module_set_option("opt2.password="), 0);
	assert_int_equal(module_set_option("opt2.untouched=0"), 0);
	loaded("[info] opt2: 0 2 9000000000 0.001 0.25 1572864 x=y.z ws  0\n");
}

static void test_precedence(void **state)
{
	(void)state;
	module_set_config("opt3", "qos", "10", "swarm.conf:1");
	module_set_config("opt3", "seed", "11", "swarm.conf:2");
	module_set_config("opt3", "topic", "conf", "swarm.conf:3");
	module_set_config("elsewhere", "what", "ever", "swarm.conf:4");
	setenv("SWARM_OPT3_QOS", "20", 1);
	setenv("SWARM_OPT3_SEED", "21", 1);
	assert_int_equal(module_set_option("opt3.qos=30"), 0);
	open_as("opt3");
	loaded("[info] opt3: 1 30 21 0.25 90 2048 conf tcp - 42\n");
	unsetenv("SWARM_OPT3_QOS");
	unsetenv("SWARM_OPT3_SEED");
}

static void wrong(const char *assignment, const char *what,
    const char *advice)
{
	assert_int_equal(module_set_option(assignment), -1);
	kit_one_error("-o ");
	kit_said(what);
	kit_said(advice);
	buf_clear(&kit_seen);
}

static void test_wrong_values(void **state)
{
	(void)state;
	open_as("opt4");
	wrong("opt4.qos=many", "-o opt4.qos: \"many\"", "a whole number");
	wrong("opt4.qos=3000000000", "\"3000000000\"", "2147483647");
	wrong("opt4.qos=", "\"\"", "a whole number");
	wrong("opt4.verify=maybe", "\"maybe\"", "true or false");
	wrong("opt4.share=nan", "\"nan\"", "a number such as 0.5");
	wrong("opt4.keep_alive=5 parsecs", "\"5 parsecs\"",
	    "10s, 500ms or 1h20m");
	wrong("opt4.payload=-1", "\"-1\"", "512, 64k or 1.5m");
	wrong("opt4.transport=udp", "\"udp\" is not one of tcp, tls, ws", "");
	wrong("opt4.transport=tl", "\"tl\" is not one of",
	    "did you mean tls?");
	wrong("opt4.qoss=1", "has no option \"qoss\"", "did you mean qos?");
	wrong("opt4.zzz=1", "verify=yes, qos=1, seed=-5", "");
	/* A refused setting is forgotten. */
	loaded("[info] opt4: 1 1 -5 0.25 90 2048 a/b tcp - 42\n");
}

static void test_wrong_shape(void **state)
{
	(void)state;
	wrong("nonsense", "-o \"nonsense\"", "MODULE.NAME=VALUE");
	wrong("a=b.c", "-o \"a=b.c\"", "MODULE.NAME=VALUE");
	wrong(".a=1", "-o \".a=1\"", "MODULE.NAME=VALUE");
	wrong("a.=1", "-o \"a.=1\"", "MODULE.NAME=VALUE");
	wrong("", "-o \"\"", "MODULE.NAME=VALUE");
}

static void test_wrong_later(void **state)
{
	(void)state;
	assert_int_equal(module_set_option("opt5.qos=x"), 0);
	open_as("opt5");
	assert_int_equal(load_all(), -1);
	kit_one_error("-o opt5.qos: \"x\"");
	kit_clear(NULL);

	assert_int_equal(module_set_option("opt.qos=1"), 0);
	open_as("opt6");
	assert_int_equal(load_all(), -1);
	kit_one_error("no module \"opt\" is loaded");
	kit_said("did you mean opt6?");
	kit_said("loaded: opt6");
	kit_clear(NULL);

	setenv("SWARM_OPT7_QOS", "x", 1);
	open_as("opt7");
	assert_int_equal(load_all(), -1);
	kit_one_error("SWARM_OPT7_QOS: \"x\"");
	unsetenv("SWARM_OPT7_QOS");
	kit_clear(NULL);

	module_set_config("opt8", "qso", "1", "swarm.conf:7");
	open_as("opt8");
	assert_int_equal(load_all(), -1);
	kit_one_error("swarm.conf:7: opt8 has no option \"qso\"");
}

static void test_required(void **state)
{
	static const char text[] = "#include <swarm/swarm.h>\n"
	    "static const char *topic;\n"
	    "static int load(void) { swarm_info(\"%s\", topic); return 0; }\n"
	    "SWARM_MODULE(.load = load, .options = SWARM_OPTIONS(\n"
	    "  SWARM_OPTION(topic, NULL, \"where to publish\",\n"
	    "    .flags = SWARM_REQUIRED)));\n";

	(void)state;
	assert_non_null(module_open_plugin(kit_build("req1", text)));
	assert_int_equal(load_all(), -1);
	kit_one_error("req1.topic must be set (where to publish)");
	kit_said("-o req1.topic=VALUE");
	kit_said("SWARM_REQ1_TOPIC=VALUE");
	kit_clear(NULL);
	assert_non_null(module_open_plugin(kit_build("req2", text)));
	assert_int_equal(module_set_option("req2.topic=t"), 0);
	loaded("[info] req2: t\n");
}

static void test_authors_mistakes(void **state)
{
	char *path = kit_build("def", "#include <swarm/swarm.h>\n"
	    "static int n;\nSWARM_MODULE(.options = SWARM_OPTIONS("
	    "SWARM_OPTION(n, \"lots\", \"n\")));\n");

	(void)state;
	assert_non_null(module_open_plugin(path));
	assert_int_equal(load_all(), -1);
	kit_one_error(path);
	kit_said("the default of n: \"lots\"");
	kit_clear(NULL);
	path = kit_build("type", "#include <swarm/swarm.h>\n"
	    "static int n;\nSWARM_MODULE(.options = SWARM_OPTIONS({ .name = "
	    "\"n\", .type = (enum swarm_option_type)99, .dest = &n }));\n");
	assert_non_null(module_open_plugin(path));
	assert_int_equal(load_all(), -1);
	kit_one_error(path);
	kit_said("type (99)");
	kit_clear(NULL);
	path = kit_build("dest", "#include <swarm/swarm.h>\n"
	    "SWARM_MODULE(.options = SWARM_OPTIONS({ .name = \"n\", "
	    ".type = SWARM_INT }));\n");
	assert_non_null(module_open_plugin(path));
	assert_int_equal(load_all(), -1);
	kit_one_error(path);
	kit_said("has no variable");
}

static void test_walk(void **state)
{
	struct swarm_option o;
	struct module *m;
	char *text;
	size_t n = 0;

	(void)state;
	open_as("opt9");
	m = module_find("opt9");
	assert_int_equal(module_set_option("opt9.password=hunter2"), 0);
	assert_int_equal(load_all(), 0);
	while (module_option_at(m, n, &o)) {
		text = module_option_text(&o);
		if (strcmp(o.name, "password") == 0)
			assert_string_equal(text, "(secret)");
		if (strcmp(o.name, "keep_alive") == 0) {
			assert_string_equal(text, "90");
			assert_string_equal(module_option_type_name(o.type),
			    "duration");
		}
		free(text);
		n++;
	}
	assert_int_equal(n, 10);
}

static void secret(const char *argument, const char *value)
{
	const char *found = module_option_secret(argument);

	if (value)
		assert_string_equal(found, value);
	else
		assert_null(found);
}

/* Of an argument of the command line, in each of its forms. */
static void test_secret_arguments(void **state)
{
	(void)state;
	open_as("opt10");
	secret("opt10.password=a=b.c", "a=b.c");
	secret("-oopt10.password=x", "x");
	secret("--option=opt10.password=", "");
	secret("opt10.topic=password", NULL);
	secret("opt10.password", NULL);
	secret("other.password=x", NULL);
	secret("password=x.y", NULL);
	secret("", NULL);
}

/* What a variable was initialised to is the module's. */
static void test_change_of_what_was_there(void **state)
{
	char *path = kit_build("first", "#include <swarm/swarm.h>\n"
	    "static const char *topic = \"at/first\";\n"
	    "SWARM_MODULE(.options = SWARM_OPTIONS("
	    "SWARM_OPTION(topic, NULL, \"t\")));\n");
	struct swarm_option o;
	char why[200];
	char *text;

	(void)state;
	assert_non_null(module_open_plugin(path));
	assert_int_equal(load_all(), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(module_option_change(module_find("first"),
		    "topic", i == 1 ? "b" : "a", why, sizeof why), 0);
	assert_true(module_option_at(module_find("first"), 0, &o));
	text = module_option_text(&o);
	assert_string_equal(text, "a");
	free(text);
	/* Frees what was the host's, and nothing else. */
	module_forget_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, kit_clear),
		cmocka_unit_test_setup(test_given, kit_clear),
		cmocka_unit_test_setup(test_precedence, kit_clear),
		cmocka_unit_test_setup(test_wrong_values, kit_clear),
		cmocka_unit_test_setup(test_wrong_shape, kit_clear),
		cmocka_unit_test_setup(test_wrong_later, kit_clear),
		cmocka_unit_test_setup(test_required, kit_clear),
		cmocka_unit_test_setup(test_authors_mistakes, kit_clear),
		cmocka_unit_test_setup(test_walk, kit_clear),
		cmocka_unit_test_setup(test_secret_arguments, kit_clear),
		cmocka_unit_test_setup(test_change_of_what_was_there,
		    kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
