/* Keys on the terminal while a run goes on without a web page. */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

/* Listens when standard input is a terminal that is ours; else does nothing.
 * console_stop() gives the terminal back as it was. */
void console_start(void);
void console_stop(void);

#endif
