/* `swarm completion bash|zsh|fish`. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

int completion_main(int argc, char **argv);

#endif
