/*
 * A set of descriptors for each target, as its server reflects them, or one for
 * all from files.  The first fiber that needs a method loads it while the
 * others wait.
 *
 * JSON that is sent again and again is turned into bytes once: a scenario's
 * requests are constants mostly.  Turning deeply nested JSON, or a stranger's
 * bytes, needs more stack than a fiber has, so that happens on another thread.
 */
#include "types.h"

#include "reflect.h"

#include <swarm/user.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS    64u                  /* powers of two */
#define CACHED     64u                  /* requests of a method */
#define CACHE_TEXT 65536u               /* longest one kept */
#define SHALLOW    12                   /* nesting that a fiber's stack bears */

struct request {
	char *json;
	char *data;
	size_t len;
};

struct method {
	struct method *next;
	char *name;
	struct proto_shape shape;
	char *unknown;                  /* why there is none, or NULL */
	struct request requests[CACHED];
};

struct types {
	struct types *next;
	char *key;
	struct proto *proto;
	bool from_files;
	bool loaded;                    /* the files */
	bool loading;
	int version;                    /* of reflection */
	struct swarm_waiters waiters;
	struct method *methods[BUCKETS];
};

struct types_sources types_sources;

static struct types *sets;

static uint32_t hash_of(const char *text)
{
	uint32_t h = 2166136261u;

	while (*text)
		h = (h ^ (unsigned char)*text++) * 16777619u;
	return h;
}

/* ---- sets ---- */

static struct types *types_of(struct rpc *r)
{
	bool files = *types_sources.protoset || *types_sources.proto;
	char key[TARGET_HOST_MAX + 16] = "";
	struct types *t;

	if (r->channel->types)
		return r->channel->types;
	if (!files)
		target_authority(&r->channel->target, key, sizeof key);
	for (t = sets; t && strcmp(t->key, key) != 0; t = t->next)
		;
	if (!t) {
		t = calloc(1, sizeof *t);
		if (!t || !(t->key = strdup(key)))
			abort();
		t->proto = proto_new();
		t->from_files = files;
		t->next = sets;
		sets = t;
	}
	r->channel->types = t;
	return t;
}

static void method_free(struct method *m)
{
	for (unsigned i = 0; i < CACHED; i++) {
		free(m->requests[i].json);
		free(m->requests[i].data);
	}
	free(m->name);
	free(m->unknown);
	free(m);
}

void types_stop(void)
{
	while (sets) {
		struct types *t = sets;

		sets = t->next;
		for (unsigned i = 0; i < BUCKETS; i++) {
			while (t->methods[i]) {
				struct method *m = t->methods[i];

				t->methods[i] = m->next;
				method_free(m);
			}
		}
		proto_free(t->proto);
		free(t->key);
		free(t);
	}
}

/* ---- loading ---- */

struct files_job {
	struct proto *proto;
	char *error;
};

/* On another thread: it reads files. */
static int read_files(void *arg)
{
	struct files_job *job = arg;
	const char *list = types_sources.proto;
	int rc = 0;

	if (*types_sources.protoset)
		rc = proto_add_set(job->proto, types_sources.protoset,
		    &job->error);
	while (rc == 0 && *list) {
		size_t n = strcspn(list, ",");
		char *name = strndup(list, n);

		rc = name ? proto_add_source(job->proto,
		    types_sources.import_path, name, &job->error) : -1;
		free(name);
		list += n + (list[n] == ',');
	}
	return rc;
}

static int load_files(struct rpc *r, struct types *t)
{
	struct files_job job = { t->proto, NULL };
	int rc;

	if (t->loaded)
		return 0;
	errno = 0;
	rc = swarm_offload(read_files, &job);
	if (rc == 0)
		t->loaded = true;
	else
		client_fail(r, errno == ECANCELED ? ECANCELED : EINVAL, "%s",
		    job.error ? job.error : "the user is being stopped");
	free(job.error);
	return rc == 0 ? 0 : -1;
}

/* One fiber at a time; when another has just loaded something, look again. */
static int await_turn(struct rpc *r, struct types *t)
{
	if (!t->loading)
		return 0;
	while (t->loading) {
		if (swarm_waiters_wait(&t->waiters, SWARM_FOREVER) == -1)
			return client_fail(r, errno, "the user is being "
			    "stopped");
	}
	return 1;
}

static int load(struct rpc *r, struct types *t, const char *symbol)
{
	int rc, error;

	t->loading = true;
	rc = t->from_files ? load_files(r, t) :
	    symbol ? reflect_symbol(r, t->proto, symbol, &t->version) : 0;
	error = errno;
	t->loading = false;
	swarm_waiters_wake(&t->waiters);
	errno = error;
	return rc;
}

static struct method *find(struct types *t, const char *name)
{
	struct method *m = t->methods[hash_of(name) & (BUCKETS - 1)];

	while (m && strcmp(m->name, name) != 0)
		m = m->next;
	return m;
}

static struct method *remember(struct types *t, const char *name,
    const struct proto_shape *shape, const char *unknown)
{
	struct method *m = calloc(1, sizeof *m);
	unsigned at = hash_of(name) & (BUCKETS - 1);

	if (!m || !(m->name = strdup(name)))
		abort();
	if (shape)
		m->shape = *shape;
	else
		m->unknown = strdup(unknown);
	m->next = t->methods[at];
	t->methods[at] = m;
	return m;
}

/* "a.B" of "a.B/C"; also of "a.B.C". */
static char *service_of(struct swarm_user *u, const char *name)
{
	char *s = swarm_strdup(u, name + (*name == '/'));
	char *end = strrchr(s, '/');

	if (!end)
		end = strrchr(s, '.');
	if (end)
		*end = 0;
	return s;
}

static const struct method *known(struct rpc *r, const struct method *m)
{
	if (!m->unknown)
		return m;
	client_fail(r, ENOENT, "%s", m->unknown);
	return NULL;
}

const struct method *types_method(struct rpc *r, const char *name)
{
	char why[CLIENT_ERROR];
	struct proto_shape shape;
	struct method *m;
	struct types *t;
	int rc;

	if (!r->channel) {
		errno = ENOTCONN;
		return NULL;
	}
	t = types_of(r);
	do {
		m = find(t, name);
		if (m)
			return known(r, m);
		rc = await_turn(r, t);
	} while (rc == 1);
	if (rc == -1 || (load(r, t, service_of(r->user, name)) == -1 &&
	    errno != ENOENT))
		return NULL;
	if (proto_method(t->proto, name, &shape) == 0)
		return remember(t, name, &shape, NULL);
	snprintf(why, sizeof why, "the method %.120s is unknown to the %s",
	    name, t->from_files ? "files given" : "server's reflection");
	return known(r, remember(t, name, NULL, why));
}

/* ---- JSON to bytes ---- */

static bool is_shallow(const char *json)
{
	int depth = 0;

	for (; *json; json++) {
		if (*json == '{' || *json == '[')
			depth++;
		else if (*json == '}' || *json == ']')
			depth--;
		if (depth > SHALLOW)
			return false;
	}
	return true;
}

struct code_job {
	const struct proto_type *type;
	const char *json;
	char *data;
	size_t len;
	char *error;
};

static int encode(void *arg)
{
	struct code_job *job = arg;

	return proto_encode(job->type, job->json, &job->data, &job->len,
	    &job->error);
}

static int decode(void *arg)
{
	struct code_job *job = arg;

	job->data = proto_decode(job->type, job->json, job->len, false,
	    &job->error);
	return job->data ? 0 : -1;
}

static int failed(struct rpc *r, struct code_job *job)
{
	client_fail(r, job->error ? EINVAL : ECANCELED, "%s", job->error ?
	    job->error : "the user is being stopped");
	free(job->error);
	return -1;
}

static void keep(struct request *q, const char *json,
    const struct code_job *job)
{
	if (strlen(json) > CACHE_TEXT || job->len > CACHE_TEXT)
		return;
	free(q->json);
	free(q->data);
	q->json = strdup(json);
	q->data = malloc(job->len + 1);
	if (!q->json || !q->data)
		abort();
	memcpy(q->data, job->data, job->len);
	q->len = job->len;
}

int types_encode(struct rpc *r, const char *name, const char *json,
    const void **data, size_t *len)
{
	const struct method *m = types_method(r, name);
	struct code_job job = { .json = json };
	struct request *q;
	char *to;
	int rc;

	if (!m)
		return -1;
	q = (struct request *)&m->requests[hash_of(json) & (CACHED - 1)];
	if (q->json && strcmp(q->json, json) == 0) {
		job.data = q->data;
		job.len = q->len;
	} else {
		job.type = m->shape.input;
		rc = is_shallow(json) ? encode(&job) :
		    swarm_offload(encode, &job);
		if (rc != 0)
			return failed(r, &job);
		keep(q, json, &job);
	}
	to = swarm_alloc(r->user, job.len + 1);
	memcpy(to, job.data, job.len);
	if (job.data != q->data)
		free(job.data);
	*data = to;
	*len = job.len;
	return 0;
}

const char *types_decode(struct rpc *r, const char *name, bool sent,
    const void *data, size_t len)
{
	const struct method *m = types_method(r, name);
	struct code_job job = { .json = data, .len = len };
	char *to;
	int rc;

	if (!m)
		return NULL;
	job.type = sent ? m->shape.input : m->shape.output;
	/* In a handler there is no fiber, and the loop's stack is large. */
	rc = swarm_self() ? swarm_offload(decode, &job) : decode(&job);
	if (rc != 0) {
		failed(r, &job);
		return NULL;
	}
	to = swarm_strdup(r->user, job.data);
	free(job.data);
	return to;
}

bool types_key(const struct method *m, bool sent, const void *data, size_t len,
    const char *field, uint64_t *key)
{
	const struct proto_type *type = sent ? m->shape.input :
	    m->shape.output;
	char *text = proto_field(type, data, len, field);
	uint64_t h = 14695981039346656037u;

	if (!text)
		return false;
	for (const char *p = text; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	*key = h;
	free(text);
	return true;
}

/* ---- the calls of the interface ---- */

const char *types_services(struct rpc *r)
{
	struct types *t;
	char *names, *to;

	if (!r->channel) {
		errno = ENOTCONN;
		return NULL;
	}
	t = types_of(r);
	if (await_turn(r, t) == -1 || load(r, t, NULL) == -1)
		return NULL;
	names = t->from_files ? proto_services(t->proto) :
	    reflect_services(r, &t->version);
	if (!names)
		return NULL;
	to = swarm_strdup(r->user, names);
	free(names);
	return to;
}

const char *types_describe(struct rpc *r, const char *symbol)
{
	const char *file = symbol;      /* what its file is asked for by */
	struct types *t;
	char *text, *to;

	if (!r->channel) {
		errno = ENOTCONN;
		return NULL;
	}
	t = types_of(r);
	if (strchr(symbol, '/'))
		file = service_of(r->user, symbol);
	if (await_turn(r, t) == -1 || load(r, t, file) == -1)
		return NULL;
	text = proto_describe(t->proto, symbol);
	if (!text) {
		client_fail(r, ENOENT, "there is no %.150s", symbol);
		return NULL;
	}
	to = swarm_strdup(r->user, text);
	free(text);
	return to;
}

int types_kind(struct rpc *r, const char *method)
{
	const struct method *m = types_method(r, method);

	if (!m)
		return -1;
	return (m->shape.client_streams ? 1 : 0) |
	    (m->shape.server_streams ? 2 : 0);
}
