/*
 * What the page is told of a figure that is held and of a search for capacity:
 * each second how it stands, and all of its course when it is asked for.
 */
#ifndef CLI_PAGE_ANSWERS_H
#define CLI_PAGE_ANSWERS_H

#include <stdbool.h>

struct buf;
struct web_state;

/* Into `state`, whose run is there already. */
void page_answers_gather(struct web_state *state);
/* A search sets the load. */
bool page_answers_search(void);
/* web_actions' own. */
int page_answers_hold(struct buf *json, void *arg);
int page_answers_capacity(struct buf *json, void *arg);

#endif
