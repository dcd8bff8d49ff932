/*
 * ELF files, read by section headers for names and by program headers for the
 * rest.  A file stripped of its section headers still loads: its names are
 * then unknown here, and the checks that need them are left to dlopen().
 */
#include "module/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

/* This program's own head, by the linker. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool in_file(const struct elf *e, uint64_t offset, uint64_t len)
{
	return offset <= e->size && len <= e->size - offset;
}

/* `count` records of `record` bytes at `offset`, aligned; NULL if not. */
static const void *table(const struct elf *e, uint64_t offset, uint64_t count,
    size_t record)
{
	if (count > e->size / record || offset % sizeof(void *) != 0 ||
	    !in_file(e, offset, count * record))
		return NULL;
	return e->data + offset;
}

static enum elf_result map_file(struct elf *e, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *map;
	int saved;

	if (fd == -1)
		return ELF_NO_FILE;
	if (fstat(fd, &st) == -1)
		goto close_fd;
	errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	if (!S_ISREG(st.st_mode))
		goto close_fd;
	e->size = (size_t)st.st_size;
	if (e->size == 0) {
		close(fd);
		return ELF_NOT_ELF;
	}
	map = mmap(NULL, e->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		goto close_fd;
	close(fd);
	e->data = map;
	return ELF_OK;

close_fd:
	saved = errno;
	close(fd);
	errno = saved;
	return ELF_NO_FILE;
}

/* A string table: it must end with a NUL to be used safely. */
static bool strings(const struct elf *e, const ElfW(Shdr) *s, const char **at,
    size_t *size)
{
	if (s->sh_size == 0 || !in_file(e, s->sh_offset, s->sh_size) ||
	    e->data[s->sh_offset + s->sh_size - 1] != '\0')
		return false;
	*at = (const char *)e->data + s->sh_offset;
	*size = s->sh_size;
	return true;
}

static bool read_section(struct elf *e, const ElfW(Shdr) *all, size_t count,
    const ElfW(Shdr) *s)
{
	if (s->sh_type != SHT_DYNSYM && s->sh_type != SHT_DYNAMIC)
		return true;
	if (s->sh_link >= count)
		return false;
	if (s->sh_type == SHT_DYNSYM) {
		e->symbol_count = s->sh_size / sizeof(ElfW(Sym));
		e->symbols = table(e, s->sh_offset, e->symbol_count,
		    sizeof(ElfW(Sym)));
		return e->symbols && strings(e, &all[s->sh_link],
		    &e->symbol_names, &e->symbol_names_size);
	}
	e->dynamic_count = s->sh_size / sizeof(ElfW(Dyn));
	e->dynamic = table(e, s->sh_offset, e->dynamic_count,
	    sizeof(ElfW(Dyn)));
	return e->dynamic && strings(e, &all[s->sh_link], &e->dynamic_names,
	    &e->dynamic_names_size);
}

static enum elf_result read_sections(struct elf *e)
{
	const ElfW(Ehdr) *h = e->head;
	const ElfW(Shdr) *all;

	if (h->e_shnum == 0 || h->e_type == ET_REL)
		return ELF_OK;
	if (!in_file(e, h->e_shoff, (uint64_t)h->e_shnum * sizeof(*all)))
		return ELF_TRUNCATED;
	all = table(e, h->e_shoff, h->e_shnum, sizeof(*all));
	if (!all || h->e_shentsize != sizeof(*all))
		return ELF_DAMAGED;
	for (size_t i = 0; i < h->e_shnum; i++)
		if (!read_section(e, all, h->e_shnum, &all[i]))
			return ELF_DAMAGED;
	return ELF_OK;
}

static enum elf_result read_segments(struct elf *e)
{
	const ElfW(Ehdr) *h = e->head;
	const ElfW(Phdr) *all;

	if (h->e_phnum == 0)
		return ELF_OK;
	if (!in_file(e, h->e_phoff, (uint64_t)h->e_phnum * sizeof(*all)))
		return ELF_TRUNCATED;
	all = table(e, h->e_phoff, h->e_phnum, sizeof(*all));
	if (!all || h->e_phentsize != sizeof(*all))
		return ELF_DAMAGED;
	for (size_t i = 0; i < h->e_phnum; i++) {
		if (!in_file(e, all[i].p_offset, all[i].p_filesz))
			return ELF_TRUNCATED;
		if (all[i].p_type == PT_INTERP)
			e->has_interpreter = true;
		if (all[i].p_type == PT_GNU_STACK && all[i].p_flags & PF_X)
			e->has_exec_stack = true;
	}
	return ELF_OK;
}

static enum elf_result read_mapped(struct elf *e)
{
	enum elf_result result;

	if (e->size < SELFMAG || memcmp(e->data, ELFMAG, SELFMAG) != 0)
		return ELF_NOT_ELF;
	if (e->size < sizeof(ElfW(Ehdr)))
		return ELF_TRUNCATED;
	e->head = (const ElfW(Ehdr) *)(const void *)e->data;
	if (e->head->e_ident[EI_CLASS] != HOST_CLASS ||
	    e->head->e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
	    e->head->e_machine != __ehdr_start.e_machine)
		return ELF_OTHER_MACHINE;
	result = read_segments(e);
	return result == ELF_OK ? read_sections(e) : result;
}

enum elf_result elf_read(struct elf *e, const void *data, size_t size)
{
	*e = (struct elf){ .data = data, .size = size };
	return read_mapped(e);
}

enum elf_result elf_open(struct elf *e, const char *path)
{
	enum elf_result result;

	*e = (struct elf){ 0 };
	result = map_file(e, path);
	return result == ELF_OK ? read_mapped(e) : result;
}

void elf_close(struct elf *e)
{
	if (e->data)
		munmap((void *)(uintptr_t)e->data, e->size);
	*e = (struct elf){ 0 };
}

static const char *describe(char *out, size_t size, const unsigned char *ident,
    unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} known[] = {
		{ EM_X86_64, "x86-64" }, { EM_386, "x86" },
		{ EM_AARCH64, "ARM (aarch64)" }, { EM_ARM, "ARM" },
		{ EM_RISCV, "RISC-V" }, { EM_PPC64, "PowerPC" },
		{ EM_S390, "IBM Z" }, { EM_MIPS, "MIPS" },
	};
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].machine == machine)
			name = known[i].name;
	snprintf(out, size, "%s%s%s", ident[EI_CLASS] == ELFCLASS32 ?
	    "32-bit " : "64-bit ", ident[EI_DATA] == ELFDATA2MSB ?
	    "big-endian " : "", name ? name : "machine of an unknown kind");
	return out;
}

const char *elf_machine_name(const struct elf *e)
{
	static char out[80];
	uint16_t machine = e->head->e_machine;

	if (e->head->e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA])
		machine = (uint16_t)(machine << 8 | machine >> 8);
	return describe(out, sizeof(out), e->head->e_ident, machine);
}

const char *elf_host_name(void)
{
	static char out[80];

	return describe(out, sizeof(out), __ehdr_start.e_ident,
	    __ehdr_start.e_machine);
}

uint64_t elf_dynamic(const struct elf *e, int64_t tag, uint64_t absent)
{
	for (size_t i = 0; i < e->dynamic_count; i++) {
		if (e->dynamic[i].d_tag == DT_NULL)
			break;
		if (e->dynamic[i].d_tag == tag)
			return e->dynamic[i].d_un.d_val;
	}
	return absent;
}

const char *elf_needed(const struct elf *e, size_t i)
{
	for (size_t k = 0; k < e->dynamic_count; k++) {
		const ElfW(Dyn) *d = &e->dynamic[k];

		if (d->d_tag == DT_NULL)
			break;
		if (d->d_tag == DT_NEEDED && i-- == 0)
			return d->d_un.d_val < e->dynamic_names_size ?
			    e->dynamic_names + d->d_un.d_val : NULL;
	}
	return NULL;
}

bool elf_is_program(const struct elf *e)
{
	uint64_t flags = elf_dynamic(e, DT_FLAGS_1, 0);

	return e->head->e_type == ET_EXEC || (flags & DF_1_PIE) ||
	    (e->has_interpreter && !elf_dynamic(e, DT_SONAME, 0));
}

static const char *symbol_name(const struct elf *e, const ElfW(Sym) *s)
{
	return s->st_name < e->symbol_names_size ?
	    e->symbol_names + s->st_name : "";
}

/* The bind and visibility fields have one layout in both classes. */
const char *elf_next_export(const struct elf *e, size_t *at)
{
	while (*at < e->symbol_count) {
		const ElfW(Sym) *s = &e->symbols[(*at)++];

		if (s->st_shndx == SHN_UNDEF || s->st_shndx == SHN_ABS)
			continue;
		if (ELF64_ST_BIND(s->st_info) != STB_LOCAL)
			return symbol_name(e, s);
	}
	return NULL;
}

const char *elf_next_missing(const struct elf *e, size_t *at)
{
	while (*at < e->symbol_count) {
		const ElfW(Sym) *s = &e->symbols[(*at)++];

		if (s->st_shndx == SHN_UNDEF && s->st_name != 0 &&
		    ELF64_ST_BIND(s->st_info) == STB_GLOBAL)
			return symbol_name(e, s);
	}
	return NULL;
}

bool elf_exports(const struct elf *e, const char *name)
{
	size_t at = 0;
	const char *s;

	while ((s = elf_next_export(e, &at)))
		if (strcmp(s, name) == 0)
			return true;
	return false;
}
