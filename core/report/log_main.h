/* The command `swarm log`. */
#ifndef REPORT_LOG_MAIN_H
#define REPORT_LOG_MAIN_H

int log_main(int argc, char **argv);

#endif
