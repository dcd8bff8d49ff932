/*
 * Who may use the page.  Without a login file everybody may.  With one, a
 * browser gets a session cookie for a name and password, and scripts may send
 * HTTP Basic.
 */
#ifndef WEB_LOGIN_H
#define WEB_LOGIN_H

#include "web/http.h"

/* Reads "user:hash" lines; NULL: no login.  0, or -1 after log_error(). */
int login_init(const char *file);
void login_release(void);
bool login_required(void);
/* The user's name ("" when no login is required), or NULL. */
const char *login_user(const struct web_request *);

extern const struct http_route login_routes[];

#endif
