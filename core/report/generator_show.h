/* The generator's part in the outputs: JSON both ways, HTML, Markdown and the
 * terminal. */
#ifndef REPORT_GENERATOR_SHOW_H
#define REPORT_GENERATOR_SHOW_H

#include <jansson.h>

#include "base/buf.h"
#include "report/generator.h"

/* The object "generator" of the results. */
json_t *generator_show_json(const struct generator_result *);
/* Reads one back; what is missing or impossible is not known. */
void generator_show_read(struct generator_result *, const json_t *);
/* A section of the page, and one line. */
void generator_show_html(struct buf *, const struct generator_result *);
/* "system-limited: …": the verdict as a sentence, for people. */
void generator_show_sentence(struct buf *, const struct generator_result *);

#endif
