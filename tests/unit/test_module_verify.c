/* What people pass by mistake: each file refused with what, where and what to
 * do, before anything in it runs. */
#include "module_kit.h"

#include "module/verify.h"

static void refused(const char *path, const char *what, const char *advice)
{
	assert_null(module_open_scenario(path));
	kit_one_error(path);
	kit_said(what);
	kit_said(advice);
}

static void test_absent(void **state)
{
	(void)state;
	kit_write("checkout.so", "x");
	refused(kit_path("chekout.so"), "there is no such file",
	    "did you mean checkout.so");
	kit_clear(NULL);
	refused(kit_path("nothing-like-it"), "there is no such file", "");
}

static void test_text_files(void **state)
{
	(void)state;
	refused(kit_write("iot.py", "from locust import HttpUser\n"),
	    "a Python script", "as Locust workers");
	kit_clear(NULL);
	refused(kit_write("run", "#!/usr/bin/env python3\nprint(1)\n"),
	    "a Python script", "as Locust workers");
	kit_clear(NULL);
	refused(kit_write("notes", "buy milk\n"), "a text file",
	    "compiled for you when its name ends in .c");
	kit_clear(NULL);
	refused(kit_write("fake.so", "int x;\n"), "a text file",
	    "cc -shared -fPIC");
	kit_clear(NULL);
	refused(kit_write("x.cpp", "int x;\n"), "C++ source",
	    "c++ -shared -fPIC");
}

static void test_other_formats(void **state)
{
	(void)state;
	refused(kit_write("empty.so", ""), "is empty", "build it again");
	kit_clear(NULL);
	refused(kit_write("lib.a", "!<arch>\nxx"), "a static library",
	    "cc -shared");
	kit_clear(NULL);
	refused(kit_write("x.dll", "MZ\x01\x02"), "built for Windows",
	    "build it on this system");
	kit_clear(NULL);
	refused(kit_write("x.dylib", "\xcf\xfa\xed\xfe\x07"),
	    "built for macOS", "build it on this system");
	kit_clear(NULL);
	refused(kit_write("noise.bin", "\x01\x02\x03\x04"),
	    "not an ELF file", "give a .so or a .c");
	kit_clear(NULL);
	refused(kit_dir, "it is a folder", "give a .so or a .c");
}

static void test_objects_and_programs(void **state)
{
	char *path;

	(void)state;
	path = kit_build_with("object", "int x;\n", "-c -fPIC -r");
	refused(path, "an object file", "cc -shared -fPIC");
	kit_clear(NULL);
	path = xasprintf("cc %s -o %s", kit_write("program.c",
	    "int main(void) { return 0; }\n"), kit_path("program"));
	assert_int_equal(system(path), 0);      /* lint: allow */
	free(path);
	refused(kit_path("program"), "a program, not a shared library",
	    "-shared");
	kit_clear(NULL);
	refused("/bin/sh", "a program, not a shared library", "-shared");
}

static const char good[] =
    "#include <swarm/swarm.h>\n"
    "static void t(struct swarm_user *u) { (void)u; }\n"
    "SWARM_SCENARIO({ .name = \"a\", .tasks = SWARM_TASKS("
    "SWARM_TASK(t)) });\n";

static size_t slurp(const char *path, unsigned char **data)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	*data = xmalloc(1 << 20);
	n = fread(*data, 1, 1 << 20, f);
	fclose(f);
	return n;
}

static void spill(const char *path, const unsigned char *data, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void test_machines(void **state)
{
	unsigned char *data;
	size_t n;
	char *path = kit_build("arm", good);

	(void)state;
	n = slurp(path, &data);
	((Elf64_Ehdr *)(void *)data)->e_machine = EM_AARCH64;
	spill(path, data, n);
	refused(path, "built for 64-bit ARM (aarch64), and this machine is",
	    "build it here");
	kit_clear(NULL);
	data[EI_CLASS] = ELFCLASS32;
	((Elf64_Ehdr *)(void *)data)->e_machine = EM_386;
	spill(path, data, n);
	refused(path, "built for 32-bit x86", "build it here");
	free(data);
}

/* Cut at every length: never a crash, always one error, until it is whole. */
static void test_cut_off(void **state)
{
	unsigned char *data;
	char *path = kit_build("cut", good);
	size_t n = slurp(path, &data);

	(void)state;
	for (size_t len = 4; len < n; len += len < 4200 ? 61 : 1501) {
		spill(path, data, len);
		refused(path, "cut off after", "copy or build it again");
		kit_clear(NULL);
	}
	spill(path, data, n);
	assert_non_null(module_open_scenario(path));
	free(data);
}

/* Any byte of the head and of the tables changed: refused or accepted, but
 * read within bounds (the sanitizers watch).  Not loaded: the dynamic linker
 * trusts what it is given. */
static void test_damaged(void **state)
{
	unsigned char *data;
	char *path = kit_build("damaged", good);
	size_t accepted = 0, refused_count = 0;
	size_t n = slurp(path, &data);
	size_t tables = ((Elf64_Ehdr *)(void *)data)->e_shoff;

	(void)state;
	for (size_t i = 4; i < n; i = i < 1024 ? i + 1 :
	    i < tables ? i + 997 : i + 3) {
		unsigned char was = data[i];

		struct elf e;

		data[i] ^= 0xff;
		spill(path, data, n);
		if (verify_module(path, path, &e) == 0) {
			kit_silent();
			elf_close(&e);
			accepted++;
		} else {
			kit_one_error(path);
			refused_count++;
		}
		buf_clear(&kit_seen);
		data[i] = was;
	}
	free(data);
	assert_true(accepted > 100);
	assert_true(refused_count > 100);
}

static void test_not_a_module(void **state)
{
	char *path = kit_build_with("lib", "#include <stdlib.h>\n"
	    "__attribute__((constructor)) static void c(void) "
	    "{ abort(); }\nint f(void);\nint f(void) { return 1; }\n", "");

	(void)state;
	refused(path, "not a swarm module", "SWARM_SCENARIO(");
	kit_clear(NULL);
	path = kit_build("next", "void *swarm_module_v7(void);\n"
	    "void *swarm_module_v7(void) { return 0; }\n");
	refused(path, "a module of ABI 7.x", "rebuild it");
}

static void test_trust(void **state)
{
	char *path = kit_build("open", good);

	(void)state;
	assert_int_equal(chmod(path, 0757), 0);
	refused(path, "everybody on this machine may write to it",
	    "chmod o-w");
	kit_clear(NULL);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 0, 12345), 0);
		assert_int_equal(chmod(path, 0775), 0);
		refused(path, "as root: group 12345 may write to it",
		    "chmod g-w");
		kit_clear(NULL);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	assert_int_equal(chmod(path, 0755), 0);
	assert_non_null(module_open_scenario(path));
	kit_silent();
	path = kit_write("open.c", good);
	assert_int_equal(chmod(path, 0646), 0);
	refused(path, "everybody on this machine may write to it",
	    "chmod o-w");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_absent, kit_clear),
		cmocka_unit_test_setup(test_text_files, kit_clear),
		cmocka_unit_test_setup(test_other_formats, kit_clear),
		cmocka_unit_test_setup(test_objects_and_programs, kit_clear),
		cmocka_unit_test_setup(test_machines, kit_clear),
		cmocka_unit_test_setup(test_cut_off, kit_clear),
		cmocka_unit_test_setup(test_damaged, kit_clear),
		cmocka_unit_test_setup(test_not_a_module, kit_clear),
		cmocka_unit_test_setup(test_trust, kit_clear),
	};

	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
