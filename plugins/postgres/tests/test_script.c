/*
 * Scripts: where statements end, what becomes of variables, which commands
 * are refused, where branches lead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pgs_script.h"
#include "pgs_sql.h"

static struct pgs_names names;
static struct pgs_script script;
static struct pgs_error err;

static int parse(const char *text)
{
	pgs_script_release(&script);
	return pgs_script_parse(&script, &names, "t.sql", text, strlen(text),
	    &err);
}

static int teardown(void **state)
{
	(void)state;
	pgs_script_release(&script);
	pgs_names_release(&names);
	return 0;
}

static const char *sql(size_t i)
{
	assert_true(i < script.count);
	assert_int_equal(script.commands[i].kind, PGS_SQL);
	return script.commands[i].text;
}

static void statements_end_at_semicolons(void **state)
{
	(void)state;
	assert_int_equal(parse("-- first\n  /* a; */ select 1;\n\n"
	    "select -- b;\n 2\n; select 3"), 0);
	assert_int_equal(script.count, 3);
	assert_string_equal(sql(0), "/* a; */ select 1;");
	assert_string_equal(sql(1), "select -- b;\n 2\n;");
	assert_string_equal(sql(2), "select 3");
	assert_int_equal(script.commands[0].line, 2);
	assert_int_equal(script.commands[1].line, 4);
	assert_int_equal(script.commands[2].line, 6);
	/* A comment before it may begin with the same letter. */
	pgs_script_release(&script);
	assert_int_equal(parse("-- select one\nselect 1;\n\\set x \\\n 1\n"
	    "-- update\n\n update t set a = :x;\n\\sleep 1\n"), 0);
	assert_int_equal(script.commands[0].line, 2);
	assert_int_equal(script.commands[1].line, 3);
	assert_int_equal(script.commands[2].line, 7);
	assert_int_equal(script.commands[3].line, 8);
}

static void quotes_hide_semicolons(void **state)
{
	(void)state;
	assert_int_equal(parse("select 'a;b''c;', E'\\';', \"d;\"\";\", "
	    "$$e;$x$;$$, $t$f;$$;$t$, $1, U&'g;';\n"
	    "select (1;2);select /* /* ; */ ; */ 3;select 4 \\; select 5;"),
	    0);
	assert_int_equal(script.count, 4);
	assert_string_equal(sql(0), "select 'a;b''c;', E'\\';', \"d;\"\";\", "
	    "$$e;$x$;$$, $t$f;$$;$t$, $1, U&'g;';");
	assert_string_equal(sql(1), "select (1;2);");
	assert_string_equal(sql(2), "select /* /* ; */ ; */ 3;");
	assert_string_equal(sql(3), "select 4 ; select 5;");
}

static void function_bodies_keep_their_semicolons(void **state)
{
	(void)state;
	assert_int_equal(parse("create or replace function f() returns int "
	    "begin atomic select case when true then 1 end; select 2; end;"
	    "begin; select 1; end;"), 0);
	assert_int_equal(script.count, 4);
	assert_string_equal(sql(1), "begin;");
	assert_string_equal(sql(3), "end;");
}

static void unfinished_text_is_a_statement(void **state)
{
	(void)state;
	assert_int_equal(parse("select 'a;"), 0);
	assert_string_equal(sql(0), "select 'a;");
	assert_int_equal(parse("select $$a;$"), 0);
	assert_int_equal(parse("select /* a;"), 0);
	assert_int_equal(parse("select E'a\\"), 0);
	assert_int_equal(script.count, 1);
}

static void variables_become_parameters(void **state)
{
	const struct pgs_command *c;

	(void)state;
	assert_int_equal(parse("select :a, ':b'::text, a::int, :a, x[1:2],"
	    " :=, :;"), 0);
	c = &script.commands[0];
	assert_string_equal(c->numbered, "select $1, '$2'::text, a::int, $3,"
	    " x[1:2], :=, :;");
	assert_int_equal(c->param_count, 3);
	assert_int_equal(c->params[0], c->params[2]);
	assert_string_equal(names.names[c->params[1]], "b");
	assert_int_equal(c->part_count, 4);
	assert_int_equal(c->parts[3].slot, -1);
	assert_int_equal(c->parts[0].reference, 2);
}

static void too_many_parameters(void **state)
{
	char text[2000] = "select ";
	size_t n = strlen(text);
	int i;

	(void)state;
	for (i = 0; i < 256; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ":p,");
	assert_int_equal(parse(text), -1);
	assert_non_null(strstr(err.text, "more than 255 variables"));
}

static void meta_commands(void **state)
{
	(void)state;
	assert_int_equal(parse("\\set x 1 + \\\n 2\n\\SET y :x\n"
	    "select 1 \\sleep 5us\n\\sleep :y ms\n\\sleep -3\n"
	    "\\startpipeline\nselect 2;\n\\syncpipeline\n\\endpipeline\r\n"),
	    0);
	assert_int_equal(script.count, 10);
	assert_int_equal(script.commands[0].kind, PGS_SET);
	assert_string_equal(names.names[script.commands[0].slot], "x");
	assert_int_equal(script.commands[1].line, 3);
	assert_string_equal(sql(2), "select 1 ");
	assert_int_equal(script.commands[3].amount, 5);
	assert_int_equal(script.commands[3].unit_us, 1);
	assert_string_equal(names.names[script.commands[4].slot], "y");
	assert_int_equal(script.commands[4].unit_us, 1000);
	assert_int_equal(script.commands[5].amount, -3);
	assert_int_equal(script.commands[5].unit_us, 1000000);
	assert_int_equal(script.commands[6].kind, PGS_STARTPIPELINE);
	assert_int_equal(script.commands[9].kind, PGS_ENDPIPELINE);
}

static void results_are_stored(void **state)
{
	(void)state;
	assert_int_equal(parse("select 1 as a \\gset p_\nselect 2;\n\\aset\n"
	    "select 3"), 0);
	assert_int_equal(script.count, 3);
	assert_int_equal(script.commands[0].store, PGS_STORE_GSET);
	assert_string_equal(script.commands[0].prefix, "p_");
	assert_int_equal(script.commands[1].store, PGS_STORE_ASET);
	assert_string_equal(script.commands[1].prefix, "");
	assert_int_equal(script.commands[2].store, PGS_STORE_NOT);
}

static void branches(void **state)
{
	const struct pgs_command *c;

	(void)state;
	assert_int_equal(parse("\\if 1\nselect 1;\n\\elif 2\n\\if 3\n"
	    "select 2;\n\\endif\n\\else\nselect 3;\n\\endif\n"), 0);
	c = script.commands;
	assert_int_equal(script.count, 9);
	assert_int_equal(c[0].otherwise, 2);
	assert_int_equal(c[2].otherwise, 6);
	assert_int_equal(c[6].otherwise, 8);
	assert_int_equal(c[3].otherwise, 5);
	assert_int_equal(c[3].end, 5);
	assert_int_equal(c[0].end, 8);
	assert_int_equal(c[2].end, 8);
	assert_int_equal(c[6].end, 8);
}

static void errors_say_where(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} bad[] = {
		{ "", "t.sql:1: no command in the script" },
		{ "-- nothing\n", "t.sql:1: no command in the script" },
		{ "select 1;\n\\foo", "t.sql:2: invalid command in \\foo" },
		{ "\\\n", "t.sql:1: a backslash without a command" },
		{ "\\set", "t.sql:1: missing argument in \\set" },
		{ "\\set x", "t.sql:1: the expression ends too early "
		    "(column 7) in \\set" },
		{ "\n\\set x 1 2\n", "t.sql:2: syntax error at \"2\" "
		    "(column 10) in \\set" },
		{ "\\set 1x 2", "t.sql:1: invalid variable name (1x) in "
		    "\\set" },
		{ "\\gset", "t.sql:1: \\gset must follow an SQL command" },
		{ "select 1 \\gset\n\\gset", "t.sql:2: \\gset must follow an "
		    "SQL command" },
		{ "\\set x 1\n\\aset", "t.sql:2: \\gset must follow an SQL "
		    "command" },
		{ "select 1 \\gset a b", "t.sql:1: too many arguments in "
		    "\\gset" },
		{ "\\sleep", "t.sql:1: missing argument in \\sleep" },
		{ "\\sleep x", "t.sql:1: invalid sleep time, must be an "
		    "integer (x) in \\sleep" },
		{ "\\sleep 1.5", "t.sql:1: unrecognized time unit, must be "
		    "us, ms or s (.5) in \\sleep" },
		{ "\\sleep 1 h", "t.sql:1: unrecognized time unit, must be "
		    "us, ms or s (h) in \\sleep" },
		{ "\\sleep 99999999999", "t.sql:1: invalid sleep time, must "
		    "be an integer (99999999999) in \\sleep" },
		{ "\\else", "t.sql:1: \\else without matching \\if" },
		{ "\\elif 1", "t.sql:1: \\elif without matching \\if" },
		{ "\\endif", "t.sql:1: \\endif without matching \\if" },
		{ "\\if 1\n\\else\n\\else\n\\endif",
		    "t.sql:3: \\else after \\else" },
		{ "\\if 1\n\\else\n\\elif 1\n\\endif",
		    "t.sql:3: \\elif after \\else" },
		{ "select 1;\n\\if 1\n", "t.sql:2: \\if without matching "
		    "\\endif" },
		{ "\\if 1\n\\endif 2", "t.sql:2: unexpected argument in "
		    "\\endif" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text), -1);
		assert_string_equal(err.text, bad[i].error);
	}
	assert_int_equal(parse("\\setshell x"), -1);
	assert_string_equal(err.text, "t.sql:1: missing argument in "
	    "\\setshell");
	assert_int_equal(parse("\\setshell 1x echo"), -1);
	assert_int_equal(parse("\\shell"), -1);
	assert_int_equal(parse("\\shell echo :1"), -1);
}

static void shells_parse(void **state)
{
	const struct pgs_command *c;

	(void)state;
	assert_int_equal(parse("\\setshell x expr :y + ::z"), 0);
	c = &script.commands[0];
	assert_int_equal(c->kind, PGS_SETSHELL);
	assert_int_equal(c->slot, pgs_names_find(&names, "x", 1));
	assert_int_equal(c->part_count, 4);
	assert_string_equal(c->text, "expry+:z");
	assert_int_equal(c->parts[0].slot, -1);
	assert_int_equal(c->parts[1].slot, pgs_names_find(&names, "y", 1));
	assert_int_equal(c->parts[3].start, 6);
	assert_int_equal(parse("\\shell true"), 0);
	assert_int_equal(script.commands[0].kind, PGS_SHELL);
}

static void builtins_parse(void **state)
{
	static const char *const begin[] = { "tpcb-like", "simple-update",
		"se" };
	static const size_t commands[] = { 11, 9, 2 };
	const char *full;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		const char *text = pgs_script_builtin(begin[i], &full, &err);

		assert_non_null(text);
		assert_int_equal(parse(text), 0);
		assert_int_equal(script.count, commands[i]);
	}
	assert_string_equal(full, "select-only");
	assert_null(pgs_script_builtin("s", &full, &err));
	assert_non_null(strstr(err.text, "ambiguous"));
	assert_null(pgs_script_builtin("x", &full, &err));
}

static void titles_are_short(void **state)
{
	(void)state;
	assert_int_equal(parse("select   a\t+ 1 ;\nselect aaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"), 0);
	assert_string_equal(script.commands[0].title, "select a + 1");
	assert_int_equal(strlen(script.commands[1].title), 63);
}

static void variables_keep_text_and_value(void **state)
{
	struct pgs_vars vars;
	struct pgs_value v = { .type = PGS_INT, .v.i = INT64_MIN };
	char longer[100];
	size_t n;

	(void)state;
	assert_int_equal(pgs_vars_init(&vars, 2), 0);
	assert_null(pgs_vars_text(&vars, 0, &n));
	pgs_vars_set(&vars, 0, &v);
	assert_string_equal(pgs_vars_text(&vars, 0, &n),
	    "-9223372036854775808");
	assert_int_equal(n, 20);
	memset(longer, 'x', sizeof(longer));
	assert_int_equal(pgs_vars_set_text(&vars, 0, longer, 100), 0);
	assert_int_equal(strlen(pgs_vars_text(&vars, 0, &n)), 100);
	assert_int_equal(pgs_vars_set_text(&vars, 0, "7", 1), 0);
	assert_int_equal(pgs_vars_get(&vars, 0, "a", &v, &err), 0);
	assert_int_equal(v.v.i, 7);
	assert_int_equal(pgs_vars_set_text(&vars, 1, longer,
	    PGS_TEXT_MAX + 1), -1);
	pgs_vars_release(&vars);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_end_at_semicolons),
		cmocka_unit_test(quotes_hide_semicolons),
		cmocka_unit_test(function_bodies_keep_their_semicolons),
		cmocka_unit_test(unfinished_text_is_a_statement),
		cmocka_unit_test(variables_become_parameters),
		cmocka_unit_test(too_many_parameters),
		cmocka_unit_test(meta_commands),
		cmocka_unit_test(results_are_stored),
		cmocka_unit_test(branches),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(shells_parse),
		cmocka_unit_test(builtins_parse),
		cmocka_unit_test(titles_are_short),
		cmocka_unit_test(variables_keep_text_and_value),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
