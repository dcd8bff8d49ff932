/* A results file, JSON or HTML, that comes from who knows where: read, shown
 * in every form, compared with itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "report/compare.h"
#include "report/html.h"
#include "report/json.h"
#include "report/junit.h"
#include "report/markdown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

static void show(const struct result *r)
{
	struct compare_options options = { 0.05, 0.001, 1, 20 };
	struct compare_side side = { r, 1 };
	struct buf out = BUF_INIT(64 << 20);
	struct comparison c;

	json_write(&out, r);
	html_write(&out, r);
	markdown_write(&out, r);
	junit_write(&out, r);
	buf_release(&out);
	/* Drawing many large histograms takes long and shows nothing new. */
	if (r->point_count > 50)
		return;
	compare_init(&c, &side, &side, &options);
	compare_is_worse(&c);
	compare_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct result r;

	if (text == NULL)
		return 0;
	log_set_sink(ignore, NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (json_read_text(&r, text, size, "input") == 0) {
		show(&r);
		result_release(&r);
	}
	free(text);
	return 0;
}
