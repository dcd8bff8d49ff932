/*
 * "Try once" of the page: one user of a class runs each of its tasks, in a
 * process of its own (`swarm try --json`), so that neither its requests nor a
 * crash are part of any test.
 */
#ifndef CLI_PAGE_TRY_H
#define CLI_PAGE_TRY_H

#include "web/web.h"

/* web_actions.try_once. */
int page_try_ask(const struct web_load *, void (*done)(struct buf *json),
    char *error, size_t size, void *arg);

#endif
