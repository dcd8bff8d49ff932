/*
 * Command words for people who write modules.  argv[0] is the word; each
 * returns the exit code of the program: 0, 1 (a check failed), 2 (wrong usage)
 * or 3 (could not be loaded).  After module_init().
 */
#ifndef MODULE_TOOLS_H
#define MODULE_TOOLS_H

#define TOOLS_OK     0
#define TOOLS_FAILED 1
#define TOOLS_USAGE  2
#define TOOLS_MODULE 3

struct buf;
/*
 * How the children of check and test say where they crash: `install` is called
 * in each before it runs strangers' code, and `explain` in the parent with what
 * it left on its standard error; adds lines to `out`.
 */
void tools_on_crash(void (*install)(void),
    void (*explain)(const char *text, struct buf *out));
/* swarm check MODULE: what can be found wrong without a test, as TAP. */
int module_check_main(int argc, char **argv);
/* swarm inspect MODULE: what it is and offers; loads it in a child. */
int module_inspect_main(int argc, char **argv);
/* swarm new scenario|plugin NAME: writes files to start from. */
int module_new_main(int argc, char **argv);
/* The same from what a plugin's command can read ("har", "curl"), into the new
 * file `to`. */
int module_new_from(const char *kind, const char *what, const char *to);
/* swarm test TEST: runs the cases of a test module, as TAP. */
int module_test_main(int argc, char **argv);
/* swarm plugins: what is found where. */
int module_plugins_main(int argc, char **argv);

#endif
