/*
 * Reads an ELF file without running it, so that a wrong file is refused with
 * a clear text before the dynamic linker (and any constructor) sees it.
 * Nothing in the file is trusted: every offset is checked.
 */
#ifndef MODULE_ELF_H
#define MODULE_ELF_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf {
	const unsigned char *data;      /* the whole file, mapped */
	size_t size;
	const ElfW(Ehdr) *head;         /* NULL unless ELF_OK */
	/* 0 and NULL where the file has none. */
	const ElfW(Sym) *symbols;
	size_t symbol_count;
	const char *symbol_names;
	size_t symbol_names_size;
	const ElfW(Dyn) *dynamic;
	size_t dynamic_count;
	const char *dynamic_names;
	size_t dynamic_names_size;
	bool has_interpreter;
	bool has_exec_stack;
};

enum elf_result {
	ELF_OK,
	ELF_NO_FILE,                    /* see errno */
	ELF_NOT_ELF,                    /* data and size are set */
	ELF_OTHER_MACHINE,              /* elf_machine_name() tells which */
	ELF_TRUNCATED,
	ELF_DAMAGED,
};

/* Maps and reads; elf_close() in every case. */
enum elf_result elf_open(struct elf *, const char *path);
/* The same of bytes in memory, aligned as a pointer is; no elf_close(). */
enum elf_result elf_read(struct elf *, const void *data, size_t size);
void elf_close(struct elf *);

/* "64-bit ARM (aarch64)": what a file's head says, and what this program is.
 * In static storage. */
const char *elf_machine_name(const struct elf *);
const char *elf_host_name(void);

/* The value of a dynamic tag, or `absent`. */
uint64_t elf_dynamic(const struct elf *, int64_t tag, uint64_t absent);
/* Name of a library needed, the i-th; NULL after the last. */
const char *elf_needed(const struct elf *, size_t i);
/* A program that may be loaded anywhere, rather than a library. */
bool elf_is_program(const struct elf *);

/* Walks names: defined ones that others may use, or undefined ones that must
 * be met (weak ones need not).  Start with *at 0; NULL at the end. */
const char *elf_next_export(const struct elf *, size_t *at);
const char *elf_next_missing(const struct elf *, size_t *at);
bool elf_exports(const struct elf *, const char *name);

#endif
