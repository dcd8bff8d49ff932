/* Which sinks of modules are wanted: the texts of --out, "NAME=TARGET". */
#ifndef REPORT_SINKS_H
#define REPORT_SINKS_H

#include <stdbool.h>
#include <stddef.h>

/* Before module_bind(), in the master: opens the plugin of each name that no
 * open module has a sink of.  `texts` ends with NULL, or is NULL.  0, or -1
 * after log_error(). */
int sinks_open(char *const *texts);
/* Whether one of them has this name. */
bool sinks_name(char *const *texts, const char *name, size_t len);

#endif
