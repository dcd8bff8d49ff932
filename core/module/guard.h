/* Whose code it was, when a module's hook crashes the process. */
#ifndef MODULE_GUARD_H
#define MODULE_GUARD_H

/* [main] From here to guard_end() a module's code runs: `what` of it, for the
 * message; the file is what people know it by. */
void guard_begin(const char *file, const char *what);
void guard_end(void);

#endif
