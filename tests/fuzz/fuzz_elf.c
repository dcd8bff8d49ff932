/* A file given as a module: read, and asked everything that is asked of it. */
#include <stdlib.h>
#include <string.h>

#include "module/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct elf *e)
{
	size_t at = 0, sum = 0;
	const char *name;

	while ((name = elf_next_export(e, &at)))
		sum += strlen(name);
	at = 0;
	while ((name = elf_next_missing(e, &at)))
		sum += strlen(name);
	for (size_t i = 0; (name = elf_needed(e, i)); i++)
		sum += strlen(name);
	return sum + elf_exports(e, "swarm_module_v1") + elf_is_program(e) +
	    (size_t)elf_dynamic(e, DT_FLAGS, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of just that size, so that a byte too far is found. */
	void *copy = malloc(size ? size : 1);
	volatile size_t sum = 0;
	struct elf e;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	switch (elf_read(&e, copy, size)) {
	case ELF_OK:
		sum += walk(&e);
		break;
	case ELF_OTHER_MACHINE:
		sum += strlen(elf_machine_name(&e));
		break;
	default:
		break;
	}
	free(copy);
	return 0;
}
