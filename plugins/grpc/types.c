/*
 * A set of descriptors for each target, as its server reflects them, or one for
 * all from files.  The first fiber that needs a method loads it while the
 * others wait.
 *
 * JSON that is sent again and again is turned into bytes once: a scenario's
 * requests are constants mostly.
 *
 * protobuf goes deep, as deep as files import each other, so nothing of it runs
 * on a fiber's stack but on the worker's large one; messages that are long
 * are handed to the thread pool.
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
#define LONG       65536u               /* bytes that would hold up the loop */

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
	bool loaded;                    /* the files, or as far as they go */
	char *wrong;                    /* what is wrong with them, or NULL */
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
	/* Each Unix socket has the same authority. */
	if (!files && r->channel->target.is_unix)
		snprintf(key, sizeof key, "unix:%s", r->channel->target.host);
	else if (!files)
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
		free(t->wrong);
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

		if (!name)
			abort();
		rc = proto_add_source(job->proto, types_sources.import_path,
		    name, &job->error);
		free(name);
		list += n + (list[n] == ',');
	}
	return rc;
}

/* What the thread pool was asked to do. */
static int not_run(struct rpc *r)
{
	return client_fail(r, errno, "%s", errno == ECANCELED ?
	    "the user is being stopped" : strerror(errno));
}

static int load_files(struct rpc *r, struct types *t)
{
	struct files_job job = { t->proto, NULL };

	if (!t->loaded) {
		if (swarm_offload(read_files, &job) == -1 && !job.error)
			return not_run(r);
		t->loaded = true;
		t->wrong = job.error;
	}
	return t->wrong ? client_fail(r, EINVAL, "%s", t->wrong) : 0;
}

/* One fiber at a time: 0, and end_turn() is owed; 1 when another has just loaded
 * something and it is worth to look again; or -1. */
static int await_turn(struct rpc *r, struct types *t)
{
	if (!t->loading) {
		t->loading = true;
		return 0;
	}
	while (t->loading) {
		if (swarm_waiters_wait(&t->waiters, SWARM_FOREVER) == -1)
			return client_fail(r, errno, "the user is being "
			    "stopped");
	}
	return 1;
}

/* In any case; 0, or -1. */
static int await_own_turn(struct rpc *r, struct types *t)
{
	int rc;

	while ((rc = await_turn(r, t)) == 1)
		;
	return rc;
}

static void end_turn(struct types *t)
{
	int error = errno;

	t->loading = false;
	swarm_waiters_wake(&t->waiters);
	errno = error;
}

/* With the turn: the files, or what the server says of the symbol. */
static int load(struct rpc *r, struct types *t, const char *symbol)
{
	if (t->from_files)
		return load_files(r, t);
	return symbol ? reflect_symbol(r, t->proto, symbol, &t->version) : 0;
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

struct find_job {
	struct proto *proto;
	const char *name;
	struct proto_shape *shape;
	int rc;
};

static void find_method(void *arg)
{
	struct find_job *job = arg;

	job->rc = proto_method(job->proto, job->name, job->shape);
}

static const struct method *known(struct rpc *r, const struct method *m)
{
	if (r->freed) {
		client_fail(r, ECANCELED, "the channel was freed");
		return NULL;
	}
	if (!m->unknown)
		return m;
	client_fail(r, ENOENT, "%s", m->unknown);
	return NULL;
}

/* Asks for its types, with the turn; NULL after client_fail(). */
static struct method *learn(struct rpc *r, struct types *t, const char *name)
{
	struct proto_shape shape;
	struct find_job job = { t->proto, name, &shape, -1 };
	char why[CLIENT_ERROR];

	if (load(r, t, service_of(r->user, name)) == -1 && errno != ENOENT)
		return NULL;
	swarm_deep(find_method, &job);
	if (job.rc == 0)
		return remember(t, name, &shape, NULL);
	snprintf(why, sizeof why, "the method %.120s is unknown to the %s",
	    name, t->from_files ? "files given" : "server's reflection");
	return remember(t, name, NULL, why);
}

const struct method *types_method(struct rpc *r, const char *name)
{
	struct method *m;
	struct types *t;
	int rc;

	if (!r->channel) {
		errno = ENOTCONN;
		return NULL;
	}
	t = types_of(r);
	for (;;) {
		m = find(t, name);
		if (m)
			return known(r, m);
		if (!swarm_self()) {
			client_fail(r, EAGAIN, "a handler cannot wait for the "
			    "types of %.100s: ask for them before, by "
			    "rpc_kind()", name);
			return NULL;
		}
		rc = await_turn(r, t);
		if (rc == 0)
			break;
		if (rc == -1)
			return NULL;
	}
	m = learn(r, t, name);
	end_turn(t);
	return m ? known(r, m) : NULL;
}

/* ---- JSON to bytes ---- */

struct code_job {
	const struct proto_type *type;
	const char *json;
	char *data;
	size_t len;
	char *error;
};

static void encode(void *arg)
{
	struct code_job *job = arg;

	proto_encode(job->type, job->json, &job->data, &job->len,
	    &job->error);
}

static void decode(void *arg)
{
	struct code_job *job = arg;

	job->data = proto_decode(job->type, job->json, job->len, false,
	    &job->error);
}

static int encode_aside(void *arg)
{
	encode(arg);
	return 0;
}

static int decode_aside(void *arg)
{
	decode(arg);
	return 0;
}

static int failed(struct rpc *r, struct code_job *job)
{
	if (!job->error)
		return not_run(r);
	client_fail(r, EINVAL, "%s", job->error);
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

	if (!m)
		return -1;
	q = (struct request *)&m->requests[hash_of(json) & (CACHED - 1)];
	if (q->json && strcmp(q->json, json) == 0) {
		job.data = q->data;
		job.len = q->len;
	} else {
		job.type = m->shape.input;
		if (strlen(json) > LONG)
			swarm_offload(encode_aside, &job);
		else
			swarm_deep(encode, &job);
		if (!job.data)
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

	if (!m)
		return NULL;
	job.type = sent ? m->shape.input : m->shape.output;
	/* In a handler there is no fiber, and the loop's stack is large. */
	if (len > LONG && swarm_self())
		swarm_offload(decode_aside, &job);
	else
		swarm_deep(decode, &job);
	if (!job.data) {
		failed(r, &job);
		return NULL;
	}
	to = swarm_strdup(r->user, job.data);
	free(job.data);
	return to;
}

struct key_job {
	const struct proto_type *type;
	const void *data;
	size_t len;
	const char *field;
	char *text;
};

static void take_field(void *arg)
{
	struct key_job *job = arg;

	job->text = proto_field(job->type, job->data, job->len, job->field);
}

bool types_key(const struct method *m, bool sent, const void *data, size_t len,
    const char *field, uint64_t *key)
{
	struct key_job job = {
		.type = sent ? m->shape.input : m->shape.output,
		.data = data, .len = len, .field = field,
	};
	uint64_t h = 14695981039346656037u;

	swarm_deep(take_field, &job);
	if (!job.text)
		return false;
	for (const char *p = job.text; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	*key = h;
	free(job.text);
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
	if (await_own_turn(r, t) == -1)
		return NULL;
	if (load(r, t, NULL) == -1)
		names = NULL;
	else
		names = t->from_files ? proto_services(t->proto) :
		    reflect_services(r, &t->version);
	end_turn(t);
	if (!names)
		return NULL;
	to = swarm_strdup(r->user, names);
	free(names);
	return to;
}

struct describe_job {
	struct proto *proto;
	const char *symbol;
	char *text;
};

static void describe(void *arg)
{
	struct describe_job *job = arg;

	job->text = proto_describe(job->proto, job->symbol);
}

const char *types_describe(struct rpc *r, const char *symbol)
{
	const char *file = symbol;      /* what its file is asked for by */
	char why[CLIENT_ERROR];
	struct describe_job job;
	struct types *t;
	char *to;
	int rc;

	if (!r->channel) {
		errno = ENOTCONN;
		return NULL;
	}
	t = types_of(r);
	if (strchr(symbol, '/'))
		file = service_of(r->user, symbol);
	if (await_own_turn(r, t) == -1)
		return NULL;
	job = (struct describe_job){ t->proto, symbol, NULL };
	rc = load(r, t, file);
	if (rc == 0)
		swarm_deep(describe, &job);
	end_turn(t);
	if (rc == -1 && errno == ENOENT) {
		snprintf(why, sizeof why, "%s", r->error);
		client_fail(r, ENOENT, "there is no %.80s: %.100s", symbol, why);
	}
	if (rc == -1)
		return NULL;
	if (!job.text) {
		client_fail(r, ENOENT, "there is no %.150s", symbol);
		return NULL;
	}
	to = swarm_strdup(r->user, job.text);
	free(job.text);
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
