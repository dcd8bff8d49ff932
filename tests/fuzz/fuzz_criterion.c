/* --fail-if and --stop-if: text that somebody types, or a script made. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run/criterion.h"
#include "run/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf error = BUF_INIT(4096), shown = BUF_INIT(4096);
	struct criterion c;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (criterion_parse(&c, text, CRITERION_FAIL, &error) == 0) {
		criterion_holds(&c, 1);
		criterion_print_value(&c, c.value, &shown);
		if (c.series != NULL)
			pattern_matches(c.series, c.tags, "GET", text);
		criterion_release(&c);
	} else if (error.len == 0) {
		abort();
	}
	buf_release(&error);
	buf_release(&shown);
	free(text);
	return 0;
}
