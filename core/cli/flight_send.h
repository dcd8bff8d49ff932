/*
 * The flight recorder on a worker: when the master asks, waits for the end of
 * the window and sends what the users who fared worst did in it.
 */
#ifndef CLI_FLIGHT_SEND_H
#define CLI_FLIGHT_SEND_H

struct stats;
struct wire_flight;

/* Starts to record; `stats` names the series. */
void flight_send_start(const struct stats *);
void flight_send_stop(void);
/* The master asks. */
void flight_send_asked(const struct wire_flight *);
/* The test ends: what was asked for goes out before the window is over. */
void flight_send_now(void);

#endif
