/*
 * Prometheus' text format, as exporters answer it: sample by sample, without
 * a tree, in the memory of the answer itself.  Whatever it holds, a line is
 * either a sample or left out and counted.
 */
#ifndef WATCH_EXPOSITION_H
#define WATCH_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

#define EXPOSITION_LABELS 32    /* of a sample; lines with more are left out */

struct exposition_label {
	const char *name;
	const char *value;
};

struct exposition_sample {
	const char *name;
	struct exposition_label labels[EXPOSITION_LABELS];
	size_t label_count;
	double value;                   /* finite */
	bool counter;                   /* as its TYPE line says */
};

struct exposition_count {
	size_t samples;
	size_t bad;                     /* lines that are none */
};

/* Calls `take` for each sample; names and values live in `text`, which is
 * changed.  Samples that are no finite number are passed over. */
void exposition_parse(char *text, struct exposition_count *count,
    void (*take)(const struct exposition_sample *, void *arg), void *arg);
/* The value of a label, "" when there is none. */
const char *exposition_label(const struct exposition_sample *,
    const char *name);
/*
 * NAME or NAME{label="value",...}, in the same grammar: fills in all but the
 * value; `text` is changed.  0, or -1.
 */
int exposition_selector(char *text, struct exposition_sample *out);

#endif
