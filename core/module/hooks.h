/*
 * The events of a run, passed to modules that export "swarm.hooks/1".  The
 * roles call these on their loops; what does not fit the state (a stop without
 * a start) is ignored, so that they need not keep track.
 */
#ifndef MODULE_HOOKS_H
#define MODULE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After module_load_all() and loop_init(). */
void hooks_init(void);
void hooks_release(void);

void hooks_test_start(void);
void hooks_spawning_complete(uint64_t users);
void hooks_test_stopping(void);
/* Says test_stopping first, if nobody did. */
void hooks_test_stop(void);
/* Ends a test that is still running. */
void hooks_quitting(void);

/* Somebody wants samples: only then hooks_sample() needs to be called. */
bool hooks_want_samples(void);
/* Fit struct users_options. */
void hooks_sample(const char *type, const char *name, int64_t service_ns,
    size_t bytes, const char *error, const char *tags, void *unused);
/* Somebody wants what outputs are shown (master). */
bool hooks_want_intervals(void);
struct swarm_sink_interval;
void hooks_interval(const struct swarm_sink_interval *);
void hooks_raised(const char *message, const char *where);

/* Once; later calls do nothing. */
void hooks_ready(void);
void hooks_worker_connect(const char *worker);
void hooks_worker_lost(const char *worker, const char *why);
/* Worker: what modules have to say, one after the other. */
void hooks_gather(void (*say)(const char *module, const void *data,
    size_t len));
/* Master: what a module said there; then that the report has come. */
void hooks_worker_data(const char *worker, const char *module,
    const void *data, size_t len);
void hooks_worker_report(const char *worker);
void hooks_reset_stats(void);
void hooks_usage(double cpu_percent, int64_t memory);
void hooks_heartbeat_sent(const char *worker);
void hooks_heartbeat_received(void);
/* After hooks_quitting(): the code that a module wants, -1 for none. */
int hooks_exit_code(void);
void hooks_quit(int exit_code);

#endif
