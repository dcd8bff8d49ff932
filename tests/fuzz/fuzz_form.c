/*
 * Bodies of requests.  The first byte chooses the content type; every value
 * that is accepted is a string without surprises, and what was taken from an
 * urlencoded body survives being written and read again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "web/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_printf(out, "%%%02x", (unsigned char)*text);
}

static void round_trip(const struct form *f)
{
	struct buf text = BUF_INIT(16u << 20);
	struct form again;

	for (size_t i = 0; i < f->count; i++) {
		buf_puts(&text, i > 0 ? "&" : "");
		encode(&text, f->field[i].name);
		buf_putc(&text, '=');
		encode(&text, f->field[i].value);
	}
	if (form_parse_query(&again, buf_str(&text)) == -1 ||
	    again.count != f->count)
		abort();
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(again.field[i].name, f->field[i].name) != 0 ||
		    strcmp(again.field[i].value, f->field[i].value) != 0)
			abort();
	form_release(&again);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		"application/x-www-form-urlencoded", "application/json",
		"multipart/form-data; boundary=b", "",
	};
	struct form form;
	char *body;

	if (size == 0)
		return 0;
	/* A copy of the exact size, so that a read beyond it is seen. */
	body = malloc(size - 1 ? size - 1 : 1);
	if (!body)
		return 0;
	memcpy(body, data + 1, size - 1);
	if (form_parse(&form, types[data[0] % 4], body, size - 1) == 0)
		round_trip(&form);
	form_release(&form);
	free(body);
	return 0;
}
