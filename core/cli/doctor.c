/* See doctor.h: reading the machine, and saying what was found. */
#include "cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "cli/role.h"
#include "fiber/stack.h"
#include "module/find.h"
#include "module/module.h"

#define USERS_MAX      1000000000
#define USERS_LARGE    1000             /* fewer fit anywhere */

/* ---- reading ---- */

static void gather_tools(struct doctor_machine *m)
{
	struct names dirs = { 0 };

	m->compiler = module_can_compile();
	find_include_dirs(&dirs);
	for (size_t i = 0; i < dirs.count && !m->headers; i++) {
		char *path = xasprintf("%s/swarm/swarm.h", dirs.at[i]);

		m->headers = access(path, R_OK) == 0;
		free(path);
	}
	names_release(&dirs);
}

void doctor_gather(struct doctor_machine *m)
{
	*m = (struct doctor_machine){ 0 };
	machine_read(&m->at);
	m->not_root = geteuid() != 0;
	m->guards_are_maps = !stack_guard_is_free();
	gather_tools(m);
}

/* ---- saying ---- */

void doctor_warn(int64_t users, int64_t processes)
{
	struct doctor_plan plan = { users, processes > 0 ? processes : 1,
		DOCTOR_USER_BYTES };
	struct doctor_finding findings[DOCTOR_CHECKS];
	struct doctor_machine machine;

	if (users < USERS_LARGE || processes <= 0)
		return;
	doctor_gather(&machine);
	doctor_examine(&machine, &plan, findings);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		const struct doctor_finding *f = &findings[i];

		if (f->verdict == DOCTOR_LACKS)
			log_warn("%s: %s: %s", f->name, f->text, f->mend);
	}
}

static const char *const verdict_names[] = { "fine", "slows", "LACKS" };

static void print(const struct doctor_plan *p,
    const struct doctor_finding *findings, size_t worst)
{
	printf("This machine, for %lld users in %lld worker%s:\n\n",
	    (long long)p->users, (long long)p->processes,
	    p->processes == 1 ? "" : "s");
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		const struct doctor_finding *f = &findings[i];

		printf("  %-5s  %-12s %s\n", verdict_names[f->verdict],
		    f->name, f->text);
		if (f->mend[0])
			printf("%22s%s\n", "", f->mend);
	}
	printf("\n%s\n", worst == DOCTOR_LACKS ?
	    "The plan does not fit: run what stands under each LACKS." :
	    worst == DOCTOR_SLOWS ?
	    "The plan fits; what slows makes figures worse than need be." :
	    "The plan fits.");
}

static void print_json(const struct doctor_plan *p,
    const struct doctor_finding *findings, size_t worst)
{
	struct buf out = BUF_INIT(64 * 1024);
	struct jsonw j;

	jsonw_init(&j, &out, 2);
	jsonw_object(&j);
	jsonw_put_string(&j, "schema", "swarm-doctor/1");
	jsonw_put_int(&j, "users", p->users);
	jsonw_put_int(&j, "workers", p->processes);
	jsonw_put_bool(&j, "fits", worst != DOCTOR_LACKS);
	jsonw_key(&j, "findings");
	jsonw_array(&j);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
		const struct doctor_finding *f = &findings[i];

		jsonw_object(&j);
		jsonw_put_string(&j, "name", f->name);
		jsonw_put_string(&j, "verdict", f->verdict == DOCTOR_LACKS ?
		    "lacks" : verdict_names[f->verdict]);
		jsonw_put_string(&j, "text", f->text);
		jsonw_put_string(&j, "mend", f->mend[0] ? f->mend : NULL);
		jsonw_end(&j);
	}
	jsonw_end_array(&j);
	jsonw_end(&j);
	puts(buf_str(&out));
	buf_release(&out);
}

static void usage(FILE *out)
{
	fprintf(out, "usage: swarm doctor [-u USERS] [--processes N] "
	    "[--user-memory SIZE] [--json]\n\n"
	    "Says whether this machine can bear that load, and what to run "
	    "where it cannot.\nWithout options: 1000 users, a worker for "
	    "each core, %d KiB a user.\nExit code 0: the plan fits; 1: it "
	    "does not.\n", DOCTOR_USER_BYTES / 1024);
}

static int bad(const char *option, const char *value, const char *what)
{
	if (value)
		log_error("doctor: %s %s: give %s", option, value, what);
	else
		log_error("doctor: %s: give %s", option, what);
	return -1;
}

/* 0, or -1 after log_error(). */
static int take_value(struct doctor_plan *p, const char *option,
    const char *value)
{
	if (strcmp(option, "-u") == 0 || strcmp(option, "--users") == 0) {
		if (value && parse_int64(value, 1, USERS_MAX, &p->users) == 0)
			return 0;
		return bad(option, value, "a number of users, at least 1");
	}
	if (strcmp(option, "--processes") == 0) {
		if (value && parse_int64(value, 1, 4096, &p->processes) == 0)
			return 0;
		return bad(option, value, "a number from 1 to 4096");
	}
	if (strcmp(option, "--user-memory") == 0) {
		if (value && parse_size(value, &p->user_bytes) == 0 &&
		    p->user_bytes >= 1024 && p->user_bytes <= 1 << 30)
			return 0;
		return bad(option, value, "bytes, from 1k to 1g");
	}
	log_error("doctor: no option \"%s\"; see swarm doctor --help",
	    option);
	return -1;
}

/* One option and its value, "--users 5" or "--users=5"; how many words they
 * were, or -1. */
static int take_option(struct doctor_plan *p, char **at, bool *json)
{
	char *equals = strncmp(at[0], "--", 2) == 0 ? strchr(at[0], '=') :
	    NULL;

	if (strcmp(at[0], "--json") == 0) {
		*json = true;
		return 1;
	}
	if (equals == NULL)
		return take_value(p, at[0], at[1]) == 0 ? 2 : -1;
	*equals = '\0';
	return take_value(p, at[0], equals + 1) == 0 ? 1 : -1;
}

int doctor_main(int argc, char **argv)
{
	struct doctor_plan plan = { 1000, sysconf(_SC_NPROCESSORS_ONLN),
		DOCTOR_USER_BYTES };
	struct doctor_finding findings[DOCTOR_CHECKS];
	enum doctor_verdict worst = DOCTOR_FINE;
	struct doctor_machine machine;
	bool json = false;

	for (int i = 1; i < argc;) {
		int words;

		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			usage(stdout);
			return EXIT_PASSED;
		}
		words = take_option(&plan, &argv[i], &json);
		if (words == -1)
			return EXIT_USAGE;
		i += words;
	}
	doctor_gather(&machine);
	doctor_examine(&machine, &plan, findings);
	for (size_t i = 0; i < DOCTOR_CHECKS; i++)
		if (findings[i].verdict > worst)
			worst = findings[i].verdict;
	if (json)
		print_json(&plan, findings, worst);
	else
		print(&plan, findings, worst);
	fflush(stdout);
	return worst == DOCTOR_LACKS ? EXIT_FAILED_REQUESTS : EXIT_PASSED;
}
