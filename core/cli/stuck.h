/*
 * What a worker says of users that wait or block.
 */
#ifndef CLI_STUCK_H
#define CLI_STUCK_H

/* From now on SIGUSR1 logs what each fiber waits for, and a task that holds
 * the loop is named.  On the loop, after fiber_init(). */
void stuck_start(void);
/* No more words about tasks that hold the loop. */
void stuck_stop(void);

#endif
