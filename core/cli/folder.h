/* -f FOLDER: the scenarios in it. */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include <stdbool.h>

bool folder_is(const char *path);
/*
 * Calls fn for every scenario in the folder and those below, by name: each .so,
 * and each .c that has no .so beside it.  Names that begin with "_" or "." are
 * left out.  0, or -1 when fn said so, or after log_error() when there is
 * none.
 */
int folder_each(const char *path, int (*fn)(const char *file));

#endif
