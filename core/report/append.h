/*
 * Files that grow by whole lines while a run goes on.  Lines that do not fit
 * (a full disk) are taken back as a whole, so that the file is valid at every
 * moment, and counted; the next ones are tried again.
 */
#ifndef REPORT_APPEND_H
#define REPORT_APPEND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct append {
	int fd;
	char *path;
	off_t size;                     /* of whole lines; -1: not a file that
	                                 * can be cut */
	unsigned missing;               /* calls in a row that failed */
	unsigned missed;                /* in all */
};

/* Makes folders and an empty file that begins with `head`.  0, or -1 after
 * log_error(). */
int append_open(struct append *, const char *path, const void *head,
    size_t head_len);
/* As a whole or not at all: 0, or -1 with errno and not a word. */
int append_whole(struct append *, const void *data, size_t len);
/* The same, and a failure is counted and said by log_error() when it begins. */
int append_lines(struct append *, const void *data, size_t len);
/* `missing` as it was, and none from now on: after a line that says so. */
unsigned append_gap(struct append *);
/* 0, or -1 after log_error() when anything is missing. */
int append_close(struct append *);

#endif
