/* `swarm try`: one user of each class, each task once, every step shown. */
#ifndef CLI_TRY_H
#define CLI_TRY_H

/* argv[0] is "try"; the exit code. */
int try_main(int argc, char **argv);

#endif
