/* --config-users: attributes of user classes as JSON. */
#ifndef CLI_CONFIG_USERS_H
#define CLI_CONFIG_USERS_H

/* Each of `items` (NULL-ended, may be NULL) is an object, an array of objects,
 * or the path of a file of either.  0, or -1 after log_error(). */
int config_users_apply(char *const *items);

#endif
