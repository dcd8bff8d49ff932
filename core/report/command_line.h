/* How swarm was called, as people may see it. */
#ifndef REPORT_COMMAND_LINE_H
#define REPORT_COMMAND_LINE_H

/* One line, quoted where a shell would need it, with "..." for the values of
 * modules' secret options and the passwords of URLs; free(). */
char *command_line_text(int argc, char *const *argv);

#endif
