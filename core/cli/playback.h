/* `swarm replay FILE`, and --replay: which trace, by which module. */
#ifndef CLI_PLAYBACK_H
#define CLI_PLAYBACK_H

#include <stdbool.h>

struct options;
struct trace_options;

/* "replay FILE ..." becomes "--replay FILE ...": true; else nothing does. */
bool playback_word(int argc, char **argv);
/* The command without a file: says how it is used. */
int playback_main(int argc, char **argv);
/* What the command sets.  0, or -1 after log_error(). */
int playback_defaults(struct options *);
/* Before modules are bound: opens the plugins that read traces. */
int playback_open(void);
/* After they are loaded: their traces, and the users that perform them. */
int playback_offer(void);
/* In the master: looks at the file.  The schedule of user/replay.h (free()),
 * or NULL after log_error(). */
char *playback_plan(const struct options *);
const struct trace_options *playback_trace(void);

#endif
