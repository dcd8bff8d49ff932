/* What an exporter answers, and the metrics a person asks of it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "watch/pick.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	struct pick_figures figures;
	struct pick_wanted wanted;
	struct pick *p;
	size_t count;

	memcpy(text, data, size);
	text[size] = '\0';
	/* Its first line, as what is wanted. */
	text[strcspn(text, "\n")] = '\0';
	count = pick_wanted_init(&wanted, text) == 0;
	p = pick_new(&wanted, count);
	for (int i = 0; i < 2; i++) {
		memcpy(text, data, size);
		pick_take(p, text, i, &figures);
		for (size_t k = 0; k < figures.count; k++) {
			if (figures.at[k].value != figures.at[k].value)
				abort();
		}
	}
	pick_free(p);
	if (count > 0)
		pick_wanted_release(&wanted);
	free(text);
	return 0;
}
