/* Verdicts as functions of a machine and a plan; the machine itself is read
 * in tests/e2e/test_doctor.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor.h"

static const struct doctor_machine good = {
	.at.nofile = 100000, .at.file_room = 1000000, .at.processes_max = -1,
	.at.ports = 60000, .at.time_wait = 10, .at.tw_reuse = 2, .at.somaxconn = 4096,
	.at.conntrack_room = -1, .at.timer_slack_ns = 50000, .at.clock_ns = 20,
	.at.clock_source = "tsc", .at.memory = INT64_C(16) << 30,
	.at.memory_of = "the machine", .at.cores = 8, .at.quota = -1,
	.at.map_max = 65530, .compiler = true, .headers = true,
};
static const struct doctor_plan plan = { 20000, 4, DOCTOR_USER_BYTES };

/* The one finding that is not fine, or NULL. */
static const struct doctor_finding *only(const struct doctor_machine *m,
    const struct doctor_plan *p)
{
	static struct doctor_finding out[DOCTOR_CHECKS];
	const struct doctor_finding *found = NULL;

	doctor_examine(m, p, out);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		assert_true(out[i].name[0] && out[i].text[0]);
		assert_null(strstr(out[i].text, "-1"));
		assert_null(strstr(out[i].text, "-0"));
		assert_true((out[i].verdict == DOCTOR_FINE) ==
		    (out[i].mend[0] == '\0'));
		if (out[i].verdict == DOCTOR_FINE)
			continue;
		assert_null(found);
		found = &out[i];
	}
	return found;
}

static void expect(const struct doctor_machine *m,
    const struct doctor_plan *p, const char *name,
    enum doctor_verdict verdict)
{
	const struct doctor_finding *f = only(m, p);

	assert_non_null(f);
	assert_string_equal(f->name, name);
	assert_int_equal(f->verdict, verdict);
}

static void test_a_good_machine(void **state)
{
	struct doctor_machine silent = { .at.nofile = -1, .at.file_room = -1,
		.at.processes_max = -1, .at.ports = -1, .at.time_wait = -1,
		.at.tw_reuse = -1, .at.somaxconn = -1, .at.conntrack_room = -1,
		.at.timer_slack_ns = -1, .at.memory = -1, .at.memory_of = "",
		.at.cores = 8, .at.quota = -1, .at.map_max = -1,
		.guards_are_maps = true, .compiler = true, .headers = true };

	(void)state;
	assert_null(only(&good, &plan));
	/* What a machine does not say is no fault. */
	assert_null(only(&silent, &plan));
}

#define WITH(field, value) ({ \
	struct doctor_machine m_ = good; \
	m_.field = (value); \
	m_; \
})

static void test_what_lacks(void **state)
{
	struct doctor_machine m;

	(void)state;
	m = WITH(at.nofile, 5063);
	expect(&m, &plan, "descriptors", DOCTOR_LACKS);
	m = WITH(at.nofile, 5064);
	assert_null(only(&m, &plan));
	m = WITH(at.file_room, 20000);
	expect(&m, &plan, "open files", DOCTOR_LACKS);
	m = WITH(at.processes_max, 79);
	expect(&m, &plan, "threads", DOCTOR_LACKS);
	m = WITH(at.ports, 19999);
	expect(&m, &plan, "ports", DOCTOR_LACKS);
	m = WITH(at.conntrack_room, 39999);
	expect(&m, &plan, "conntrack", DOCTOR_LACKS);
	m = WITH(at.memory, INT64_C(700) << 20);
	expect(&m, &plan, "memory", DOCTOR_LACKS);
}

static void test_what_slows(void **state)
{
	struct doctor_machine m;

	(void)state;
	m = WITH(at.time_wait, 30001);
	expect(&m, &plan, "TIME_WAIT", DOCTOR_SLOWS);
	m = WITH(at.tw_reuse, 0);
	expect(&m, &plan, "TIME_WAIT", DOCTOR_SLOWS);
	m = WITH(at.somaxconn, 128);
	expect(&m, &plan, "somaxconn", DOCTOR_SLOWS);
	m = WITH(at.timer_slack_ns, 4000000);
	expect(&m, &plan, "timer slack", DOCTOR_SLOWS);
	m = WITH(at.cores, 2);
	expect(&m, &plan, "cores", DOCTOR_SLOWS);
	m = WITH(at.quota, 1.5);
	expect(&m, &plan, "cores", DOCTOR_SLOWS);
	m = WITH(compiler, false);
	expect(&m, &plan, "compiler", DOCTOR_SLOWS);
	m = WITH(headers, false);
	expect(&m, &plan, "compiler", DOCTOR_SLOWS);
	m = good;
	snprintf(m.at.clock_source, sizeof m.at.clock_source, "acpi_pm");
	expect(&m, &plan, "clock", DOCTOR_SLOWS);
	m = good;
	snprintf(m.at.governor, sizeof m.at.governor, "powersave");
	expect(&m, &plan, "governor", DOCTOR_SLOWS);
	m = WITH(at.map_max, 2000);
	assert_null(only(&m, &plan));
	m.guards_are_maps = true;
	expect(&m, &plan, "guard pages", DOCTOR_SLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_machine),
		cmocka_unit_test(test_what_lacks),
		cmocka_unit_test(test_what_slows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
