/*
 * The card of a run: what it takes to repeat it, and what two runs must share
 * to be compared.  Versions, modules by hash, the machine and its limits, the
 * seed, options that were set.  An ordered list of names and texts: a reader
 * of an older or newer card compares what both have.
 */
#ifndef REPORT_CARD_H
#define REPORT_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

struct card_entry {
	char *name;
	char *text;
};

struct card {
	struct card_entry *entries;
	size_t count;
};

/* Of this process, its modules and its machine; `seed_chosen`: nobody asked
 * for that seed; `load`: names and values in turn, NULL-ended, or NULL.
 * Release it. */
void card_take(struct card *, uint64_t seed, bool seed_chosen,
    char *const *load);
void card_release(struct card *);
/* NULL when it has no such entry. */
const char *card_text(const struct card *, const char *name);

/* Object "card", both ways; what is no text in it is skipped. */
json_t *card_json(const struct card *);
void card_read(struct card *, const json_t *);

/*
 * Where two cards differ in a way that bears on the figures: at most `max`
 * names into `out`, which live as long as the cards; returns how many there
 * are.  A card without entries (of an older swarm) differs in nothing.
 */
size_t card_differences(const struct card *, const struct card *,
    const char **out, size_t max);

#endif
