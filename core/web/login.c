/*
 * Hashes are crypt(5)'s, made by `mkpasswd` or `openssl passwd -6`, so that
 * the file holds no password.  Hashing is slow on purpose: what Basic sends
 * with every request is remembered by its digest, and failures are counted so
 * that guessing is slower still.
 */
#include "web/login.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "web/context.h"

#define MAX_USERS 100
#define MAX_SESSIONS 100
#define TOKEN 64                        /* hexadecimal digits */
#define SESSION_SECONDS (12 * 3600)
#define FREE_FAILURES 10                /* a minute */

static struct {
	bool required;
	char *name[MAX_USERS];
	char *hash[MAX_USERS];
	size_t users;
	struct session {
		char token[TOKEN + 1];
		size_t user;
		int64_t end;            /* clock_now() */
	} session[MAX_SESSIONS];
	size_t next_session;
	/* The last Basic credentials that were right. */
	unsigned char basic[32];
	size_t basic_user;
	bool basic_known;
	int64_t failures_from;
	unsigned failures;
} login;

static int add_user(const char *file, unsigned number, char *line)
{
	char *colon = strchr(line, ':');

	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (!colon || colon == line || strlen(colon + 1) < 13) {
		log_error("%s:%u: expected NAME:HASH; make the hash with "
		    "'openssl passwd -6'", file, number);
		return -1;
	}
	if (login.users == MAX_USERS) {
		log_error("%s: more than %d users", file, MAX_USERS);
		return -1;
	}
	*colon = '\0';
	login.name[login.users] = xstrdup(line);
	login.hash[login.users++] = xstrdup(colon + 1);
	return 0;
}

int login_init(const char *file)
{
	char line[1024];
	unsigned number = 0;
	int rc = 0;
	FILE *f;

	memset(&login, 0, sizeof(login));
	if (!file)
		return 0;
	login.required = true;
	f = fopen(file, "re");
	if (!f) {
		log_error("cannot read the login file %s: %m", file);
		return -1;
	}
	while (rc == 0 && fgets(line, sizeof(line), f))
		rc = add_user(file, ++number, line);
	fclose(f);
	if (rc == 0 && login.users == 0) {
		log_error("%s: no user in it; add a line NAME:HASH", file);
		rc = -1;
	}
	if (rc == -1)
		login_release();
	return rc;
}

void login_release(void)
{
	for (size_t i = 0; i < login.users; i++) {
		free(login.name[i]);
		free(login.hash[i]);
	}
	memset(&login, 0, sizeof(login));
}

bool login_required(void)
{
	return login.required;
}

static bool same(const char *a, const char *b, size_t len)
{
	unsigned char diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}

static bool too_many_failures(void)
{
	if (clock_now() - login.failures_from > 60 * NS_PER_S) {
		login.failures_from = clock_now();
		login.failures = 0;
	}
	return login.failures >= FREE_FAILURES;
}

/* The user's index, or -1. */
static int check_password(const char *name, const char *password)
{
	struct crypt_data *data;
	const char *hash;
	int user = -1;

	if (too_many_failures())
		return -1;
	for (size_t i = 0; i < login.users; i++)
		if (strcmp(login.name[i], name) == 0)
			user = (int)i;
	/* An unknown name costs as much time as a wrong password. */
	data = xcalloc(1, sizeof(*data));
	hash = crypt_r(password, login.hash[user < 0 ? 0 : user], data);
	if (user >= 0 && (!hash || strlen(hash) != strlen(login.hash[user]) ||
	    !same(hash, login.hash[user], strlen(hash))))
		user = -1;
	OPENSSL_cleanse(data, sizeof(*data));
	free(data);
	if (user == -1)
		login.failures++;
	return user;
}

static int basic_user(const char *authorization)
{
	unsigned char digest[32], text[512];
	char *colon;
	int len;

	if (strncmp(authorization, "Basic ", 6) != 0 ||
	    strlen(authorization) > 600)
		return -1;
	authorization += 6;
	EVP_Digest(authorization, strlen(authorization), digest, NULL,
	    EVP_sha256(), NULL);
	if (login.basic_known && same((char *)digest, (char *)login.basic, 32))
		return (int)login.basic_user;
	len = EVP_DecodeBlock(text, (const unsigned char *)authorization,
	    (int)strlen(authorization));
	if (len < 0 || len >= (int)sizeof(text))
		return -1;
	text[len] = '\0';
	colon = strchr((char *)text, ':');
	if (!colon)
		return -1;
	*colon = '\0';
	len = check_password((char *)text, colon + 1);
	if (len >= 0) {
		memcpy(login.basic, digest, 32);
		login.basic_user = (size_t)len;
		login.basic_known = true;
	}
	OPENSSL_cleanse(text, sizeof(text));
	return len;
}

static struct session *find_session(const char *cookie)
{
	const char *at = strstr(cookie, "swarm_session=");

	if (!at || strlen(at += strlen("swarm_session=")) < TOKEN)
		return NULL;
	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		struct session *s = &login.session[i];

		if (s->token[0] && same(s->token, at, TOKEN) &&
		    s->end > clock_now())
			return s;
	}
	return NULL;
}

const char *login_user(const struct web_request *r)
{
	const struct session *s;
	int user;

	if (!login.required)
		return "";
	s = find_session(r->cookie);
	if (s)
		return login.name[s->user];
	user = basic_user(r->authorization);
	return user >= 0 ? login.name[user] : NULL;
}

static void page(struct http_call *call, int status, const char *message)
{
	buf_clear(&call->body);
	call->status = status;
	call->type = "text/html; charset=utf-8";
	buf_printf(&call->body,
	    "<!doctype html>\n<html lang=\"en\"><head>"
	    "<meta charset=\"utf-8\"><title>swarm: log in</title>"
	    "<meta name=\"viewport\" content=\"width=device-width\">"
	    "<link rel=\"stylesheet\" href=\"app.css\"></head>"
	    "<body class=\"login\"><main><h1>swarm</h1>"
	    "<form method=\"post\" action=\"login\"><p role=\"alert\">%s</p>"
	    "<label>Name <input name=\"username\" autocomplete=\"username\" "
	    "required autofocus></label>"
	    "<label>Password <input name=\"password\" type=\"password\" "
	    "autocomplete=\"current-password\" required></label>"
	    "<button>Log in</button></form></main></body></html>\n", message);
	http_header(call, "cache-control:", "no-store");
}

static void open_session(struct http_call *call, size_t user)
{
	struct session *s = &login.session[login.next_session++ %
	    MAX_SESSIONS];
	unsigned char bytes[TOKEN / 2];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
		http_text(call, 500, "No random numbers.");
		return;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(s->token + 2 * i, 3, "%02x", bytes[i]);
	s->user = user;
	s->end = clock_now() + SESSION_SECONDS * NS_PER_S;
	http_text(call, 303, "Welcome.");
	http_header(call, "location:", "./");
	http_header(call, "set-cookie:", "swarm_session=%s; HttpOnly; "
	    "SameSite=Strict; Max-Age=%d%s", s->token, SESSION_SECONDS,
	    call->request->secure ? "; Secure" : "");
}

static bool answer_login(struct http_call *call)
{
	const char *name, *password;
	struct form form;
	int user = -1;

	if (!login.required) {
		http_text(call, 302, "No login is needed.");
		http_header(call, "location:", "./");
		return true;
	}
	if (call->request->method != WEB_POST) {
		page(call, 200, "");
		return true;
	}
	if (http_form(call, &form) == -1)
		return true;
	name = form_get(&form, "username");
	password = form_get(&form, "password");
	if (too_many_failures()) {
		page(call, 429, "Too many failures; try again in a minute.");
	} else {
		if (name && password)
			user = check_password(name, password);
		if (user >= 0)
			open_session(call, (size_t)user);
		else
			page(call, 403, "Wrong name or password.");
	}
	form_release(&form);
	return true;
}

static bool answer_logout(struct http_call *call)
{
	struct session *s = find_session(call->request->cookie);

	if (s)
		memset(s, 0, sizeof(*s));
	http_text(call, 303, "Good-bye.");
	http_header(call, "location:", "login");
	return true;
}

const struct http_route login_routes[] = {
	{ "/login", HTTP_READS | HTTP_POSTS | HTTP_OPEN, answer_login },
	{ "/logout", HTTP_POSTS | HTTP_OPEN | HTTP_CHANGES, answer_logout },
	{ NULL, 0, NULL },
};
