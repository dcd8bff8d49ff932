/*
 * The files: read when swarm opens them, so that a syntax error is said
 * before anything begins and their protocols are known, and run in setup(),
 * where options have their values.  Other files that they require are looked
 * for below the first file's folder.
 */
#include "own.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16 * 1024 * 1024)
#define DEPTH_MAX 32                    /* of files that require files */

struct script {
	const char *path;
	char *folder;
	struct script *next;
};

static struct script *scripts;
static const struct script *running;

/* A growing list of the files scanned, so that a circle ends. */
struct reading {
	const struct script *script;
	char *seen[256];
	size_t count;
	int depth;
	bool failed;
};

static int scan_file(struct reading *r, const char *path, bool required);

/* The whole file (free()), or NULL with errno. */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;

	if (!f)
		return NULL;
	text = malloc(FILE_MAX + 1);
	*len = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
	if (!text || ferror(f) || *len > FILE_MAX) {
		errno = *len > FILE_MAX ? EFBIG : EIO;
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

/* "a.b" is a/b.lua; whatever else is no module's name. */
static bool good_name(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool dot = name[i] == '.';

		if (!dot && name[i] != '_' && name[i] != '-' &&
		    !(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= '0' && name[i] <= '9'))
			return false;
		if (dot && (i == 0 || i + 1 == len || name[i + 1] == '.'))
			return false;
	}
	return len > 0 && len < 200;
}

/* "FOLDER/a/b.lua"; false when it does not fit or is no name. */
static bool module_path(char path[PATH_MAX], const char *folder,
    const char *name, size_t len)
{
	int n;

	if (!good_name(name, len))
		return false;
	n = snprintf(path, PATH_MAX, "%s/%.*s.lua", folder, (int)len, name);
	if (n < 0 || n >= PATH_MAX)
		return false;
	for (char *s = path + strlen(folder); s < path + n - 4; s++)
		if (*s == '.')
			*s = '/';
	return true;
}

static void on_require(const char *name, size_t len, void *arg)
{
	struct reading *r = arg;
	char path[PATH_MAX];

	if (r->failed || protocols_import(name, len) ||
	    !module_path(path, r->script->folder, name, len))
		return;
	if (scan_file(r, path, false) == -1)
		r->failed = true;
}

/* The name that messages give it: below the script's folder. */
static const char *shown(const struct script *s, const char *path)
{
	size_t len = strlen(s->folder);

	return strncmp(path, s->folder, len) == 0 && path[len] == '/' ?
	    path + len + 1 : path;
}

/* Compiles it; the chunk or, with -1, the message is on L's stack. */
static int compile(lua_State *L, const struct script *s, const char *path,
    const char *text, size_t len)
{
	const char *at = text;

	if (len > 0 && *at == '#') {
		while (at < text + len && *at != '\n')
			at++;
	}
	lua_pushfstring(L, "@%s", shown(s, path));
	if (luaL_loadbufferx(L, at, (size_t)(text + len - at),
	    lua_tostring(L, -1), "t") != LUA_OK) {
		lua_remove(L, -2);
		return -1;
	}
	lua_remove(L, -2);
	return 0;
}

static bool seen(struct reading *r, const char *path)
{
	size_t max = sizeof(r->seen) / sizeof(r->seen[0]);

	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->seen[i], path) == 0)
			return true;
	if (r->count == max)
		return true;
	r->seen[r->count] = strdup(path);
	if (r->seen[r->count])
		r->count++;
	return false;
}

/* A file that is only required may be absent: require() will say it. */
static int scan_file(struct reading *r, const char *path, bool required)
{
	size_t len = 0;
	char *text;
	int rc;

	if (r->depth >= DEPTH_MAX || seen(r, path))
		return 0;
	text = read_file(path, &len);
	if (!text && !required && errno == ENOENT)
		return 0;
	if (!text) {
		swarm_error("cannot read %s: %m", path);
		return -1;
	}
	rc = compile(state, r->script, path, text, len);
	if (rc == -1)
		swarm_error("%s", lua_tostring(state, -1));
	lua_pop(state, 1);
	r->depth++;
	if (rc == 0)
		scan_requires(text, len, on_require, r);
	r->depth--;
	free(text);
	return rc == 0 && !r->failed ? 0 : -1;
}

int script_read(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct reading r = { .count = 0 };
	struct script **end = &scripts;
	struct script *s;
	int rc;

	if (!state && state_open() == -1)
		return -1;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->path = path;
	s->folder = slash ? strndup(path, (size_t)(slash - path)) :
	    strdup(".");
	while (*end)
		end = &(*end)->next;
	*end = s;
	r.script = s;
	rc = scan_file(&r, path, true);
	for (size_t i = 0; i < r.count; i++)
		free(r.seen[i]);
	return rc;
}

struct chunk {
	const struct script *script;
	const char *text;
	size_t len;
};

/* Protected, as compiling too may find no memory. */
static int run_chunk(lua_State *L)
{
	const struct chunk *c = lua_touserdata(L, 1);

	if (compile(L, c->script, c->script->path, c->text, c->len) == -1)
		return lua_error(L);
	lua_call(L, 0, 0);
	return 0;
}

static int run_script(const struct script *s)
{
	struct chunk c = { .script = s };
	size_t had = define_count();
	char *text = read_file(s->path, &c.len);
	int rc;

	if (!text) {
		swarm_error("cannot read %s: %m", s->path);
		return -1;
	}
	running = s;
	c.text = text;
	lua_pushcfunction(state, run_chunk);
	lua_pushlightuserdata(state, &c);
	rc = state_call(1, 0, s->path);
	free(text);
	if (rc == 0 && define_count() == had) {
		swarm_error("%s declares no users: call swarm.user{ name = "
		    "..., tasks = { ... } }", s->path);
		rc = -1;
	}
	running = NULL;
	return rc;
}

int script_setup(void)
{
	for (const struct script *s = scripts; s; s = s->next)
		if (run_script(s) == -1)
			return -1;
	return 0;
}

void script_release(void)
{
	while (scripts) {
		struct script *s = scripts;

		scripts = s->next;
		free(s->folder);
		free(s);
	}
}

const char *script_folder(void)
{
	return running ? running->folder : ".";
}

bool script_load_module(lua_State *L, const char *name)
{
	const struct script *s = running ? running : scripts;
	char path[PATH_MAX];
	size_t len = 0;
	char *text;
	int rc;

	if (!s || !module_path(path, s->folder, name, strlen(name)))
		return false;
	text = read_file(path, &len);
	if (!text)
		return false;
	rc = compile(L, s, path, text, len);
	free(text);
	if (rc == -1)
		lua_error(L);
	return true;
}
