/* What the next test would be, with another load, for the page's form. */
#ifndef CLI_PAGE_PLAN_H
#define CLI_PAGE_PLAN_H

#include "web/web.h"

/* web_actions.plan. */
int page_plan_ask(const struct web_load *, struct buf *json, char *error,
    size_t size, void *arg);

#endif
