/* Result files: written whole, or not at all. */
#ifndef REPORT_FILE_H
#define REPORT_FILE_H

#include <stddef.h>

/* Makes the folders that a path needs.  0, or -1 after log_error(). */
int file_make_folders(const char *path);
/* Makes the folders and sees whether the file could be written there, so
 * that a run does not find out at its end.  0, or -1 after log_error(). */
int file_check(const char *path);
/* Replaces the file at once (a temporary one beside it, renamed): a reader
 * sees the old or the new, never half.  Folders are made.  0, or -1 after
 * log_error(). */
int file_replace(const char *path, const void *data, size_t len);
/* The same without a word: -1 with errno. */
int file_try_replace(const char *path, const void *data, size_t len);

#endif
