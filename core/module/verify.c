/*
 * The dynamic linker's own texts do not help a first user ("invalid ELF
 * header", "file too short", "only ET_DYN and ET_EXEC can be loaded"), and by
 * the time it speaks a wrong library's constructors may have run.  So a file
 * is looked at first, and told apart by what people really pass by mistake.
 */
#include "module/verify.h"

#include <swarm/version.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "module/find.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_ANY "swarm_module_v"
#define LOOKED_AT 512

#define HOW_TO_BUILD \
	"cc -shared -fPIC $(pkg-config --cflags swarm) NAME.c -o NAME.so"

int verify_trust(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1) {
		log_error("cannot load %s: %m", path);
		return -1;
	}
	if (st.st_mode & S_IWOTH) {
		log_error("refusing to load %s: everybody on this machine "
		    "may write to it; chmod o-w it", path);
		return -1;
	}
	if (geteuid() == 0 && (st.st_mode & S_IWGRP) && st.st_gid != 0) {
		log_error("refusing to load %s as root: group %u may write "
		    "to it; chmod g-w it", path, (unsigned)st.st_gid);
		return -1;
	}
	return 0;
}

void verify_say_absent(const char *path)
{
	char *similar = find_similar(path);

	if (similar)
		log_error("cannot load %s: there is no such file; did you "
		    "mean %s in the same folder?", path, similar);
	else
		log_error("cannot load %s: there is no such file", path);
	free(similar);
}

static bool starts(const struct elf *e, const char *bytes, size_t len)
{
	return e->size >= len && memcmp(e->data, bytes, len) == 0;
}

static bool is_text(const struct elf *e)
{
	size_t n = e->size < LOOKED_AT ? e->size : LOOKED_AT;

	for (size_t i = 0; i < n; i++)
		if (e->data[i] < 0x20 && !isspace(e->data[i]))
			return false;
	return true;
}

static bool first_line_has(const struct elf *e, const char *word)
{
	size_t n = e->size < LOOKED_AT ? e->size : LOOKED_AT;
	const void *end = memchr(e->data, '\n', n);

	if (end)
		n = (size_t)((const unsigned char *)end - e->data);
	return memmem(e->data, n, word, strlen(word)) != NULL;
}

static bool is_cplusplus(const char *path)
{
	return find_ends_with(path, ".cc") || find_ends_with(path, ".cpp") ||
	    find_ends_with(path, ".cxx") || find_ends_with(path, ".C");
}

static void say_text(const char *path, const struct elf *e)
{
	if (find_ends_with(path, ".py") ||
	    (starts(e, "#!", 2) && first_line_has(e, "python")))
		log_error("cannot load %s: it is a Python script, not a "
		    "shared library; swarm compiles .c files for you, and "
		    "Python scenarios take part as Locust workers: swarm "
		    "--master here, locust -f %s --worker beside it", path,
		    path);
	else if (is_cplusplus(path))
		log_error("cannot load %s: it is C++ source; build it first: "
		    "c++ -shared -fPIC $(pkg-config --cflags swarm) NAME.cc "
		    "-o NAME.so", path);
	else if (find_ends_with(path, ".so"))
		log_error("cannot load %s: it is a text file, not a shared "
		    "library; build it: " HOW_TO_BUILD, path);
	else
		log_error("cannot load %s: it is a text file, not a shared "
		    "library; a C source is compiled for you when its name "
		    "ends in .c, and NAME.xyz is read by a plugin xyz, if "
		    "that is installed and can", path);
}

static void say_not_elf(const char *path, const struct elf *e)
{
	if (e->size == 0)
		log_error("cannot load %s: the file is empty; build it "
		    "again: " HOW_TO_BUILD, path);
	else if (starts(e, "!<arch>\n", 8))
		log_error("cannot load %s: it is a static library (.a); link "
		    "it into a module: cc -shared -fPIC module.c lib.a "
		    "-o NAME.so", path);
	else if (starts(e, "MZ", 2))
		log_error("cannot load %s: it was built for Windows; build "
		    "it on this system: " HOW_TO_BUILD, path);
	else if (starts(e, "\xcf\xfa\xed\xfe", 4) ||
	    starts(e, "\xca\xfe\xba\xbe", 4))
		log_error("cannot load %s: it was built for macOS; build it "
		    "on this system: " HOW_TO_BUILD, path);
	else if (is_text(e))
		say_text(path, e);
	else
		log_error("cannot load %s: it is not a shared library (not "
		    "an ELF file); give a .so or a .c", path);
}

static int check_kind(const char *path, const struct elf *e)
{
	switch (e->head->e_type) {
	case ET_REL:
		log_error("cannot load %s: it is an object file; link it: "
		    "cc -shared -fPIC %s -o NAME.so, or give swarm the .c",
		    path, path);
		return -1;
	case ET_CORE:
		log_error("cannot load %s: it is a core dump; give a .so or "
		    "a .c", path);
		return -1;
	default:
		break;
	}
	if (elf_is_program(e)) {
		log_error("cannot load %s: it is a program, not a shared "
		    "library; build it with -shared: " HOW_TO_BUILD ", or "
		    "give swarm the .c", path);
		return -1;
	}
	return 0;
}

/* Before dlopen(), so that no constructor of a stranger's library runs.
 * Without section headers the names are not known; dlsym() will tell. */
static int check_entry(const char *path, const struct elf *e)
{
	size_t at = 0;
	const char *name, *other = NULL;

	if (!e->symbols || elf_exports(e, VERIFY_ENTRY))
		return 0;
	while ((name = elf_next_export(e, &at)))
		if (strncmp(name, ENTRY_ANY, sizeof(ENTRY_ANY) - 1) == 0)
			other = name + sizeof(ENTRY_ANY) - 1;
	if (other) {
		log_error("cannot load %s: it is a module of ABI %s.x, and "
		    "this swarm (" SWARM_VERSION ") loads ABI "
		    VERIFY_TEXT(SWARM_ABI_MAJOR) ".x; rebuild it: "
		    HOW_TO_BUILD, path, other);
		return -1;
	}
	log_error("cannot load %s: it is a shared library but not a swarm "
	    "module, as it exports no %s; end its source with, for example:\n"
	    "  static void hello(struct swarm_user *u) { swarm_sleep(1); }\n"
	    "  SWARM_SCENARIO({ .name = \"web\",\n"
	    "          .tasks = SWARM_TASKS(SWARM_TASK(hello)) });", path,
	    VERIFY_ENTRY);
	return -1;
}

static int say_result(const char *path, const struct elf *e,
    enum elf_result result)
{
	switch (result) {
	case ELF_OK:
		return 0;
	case ELF_NO_FILE:
		if (errno == ENOENT)
			verify_say_absent(path);
		else if (errno == EISDIR)
			log_error("cannot load %s: it is a folder; give a .so "
			    "or a .c in it", path);
		else if (errno == EINVAL)
			log_error("cannot load %s: it is not a regular file; "
			    "give a .so or a .c", path);
		else
			log_error("cannot load %s: %m", path);
		return -1;
	case ELF_NOT_ELF:
		say_not_elf(path, e);
		return -1;
	case ELF_OTHER_MACHINE:
		log_error("cannot load %s: it was built for %s, and this "
		    "machine is %s; build it here: " HOW_TO_BUILD, path,
		    elf_machine_name(e), elf_host_name());
		return -1;
	case ELF_TRUNCATED:
		log_error("cannot load %s: the file is cut off after %zu "
		    "bytes; copy or build it again", path, e->size);
		return -1;
	case ELF_DAMAGED:
		log_error("cannot load %s: the file is damaged; copy or "
		    "build it again", path);
		return -1;
	}
	return -1;
}

int verify_module(const char *path, const char *shown, struct elf *e)
{
	enum elf_result result = elf_open(e, path);

	if (say_result(shown, e, result) == -1)
		goto close_elf;
	if (check_kind(shown, e) == -1 || check_entry(shown, e) == -1 ||
	    verify_trust(path) == -1)
		goto close_elf;
	return 0;

close_elf:
	elf_close(e);
	return -1;
}
