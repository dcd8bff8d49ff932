/* `swarm report FILE`: shows results again, and makes reports of them. */
#ifndef REPORT_REPORT_MAIN_H
#define REPORT_REPORT_MAIN_H

/* The exit code: 0, or 2 for wrong usage or an unreadable file. */
int report_main(int argc, char **argv);

#endif
