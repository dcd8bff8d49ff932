/*
 * The few messages of the reflection protocol are put together and taken apart
 * here: a name goes there, files or names come back.  What comes is a
 * stranger's bytes, and every length in it is checked.
 */
#include "reflect.h"

#include "call.h"
#include "stream.h"

#include <swarm/user.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT     20.0
/* Of a server: they may import each other in one row, and building that many
 * takes most of the stack that there is. */
#define FILES_MAX   1000
#define NAMES_MAX   (1u << 20)          /* bytes */

/* Fields of ServerReflectionRequest. */
enum { BY_FILENAME = 3, BY_SYMBOL = 4, LIST_SERVICES = 7 };

static const char *const methods[] = {
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	"grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

/* ---- protobuf's wire format ---- */

struct reader {
	const uint8_t *at;
	const uint8_t *end;
};

struct field {
	unsigned number;
	const uint8_t *data;            /* of a length-delimited one; or NULL */
	size_t len;
	uint64_t value;
};

static bool get_varint(struct reader *r, uint64_t *to)
{
	*to = 0;
	for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		uint8_t b = *r->at++;

		*to |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* The next field; false at the end, also when it is cut off. */
static bool get_field(struct reader *r, struct field *f)
{
	uint64_t tag, n;

	*f = (struct field){ 0 };
	if (!get_varint(r, &tag))
		return false;
	f->number = (unsigned)(tag >> 3);
	switch (tag & 7) {
	case 0:
		return get_varint(r, &f->value);
	case 1:
		n = 8;
		break;
	case 5:
		n = 4;
		break;
	case 2:
		if (!get_varint(r, &n))
			return false;
		f->data = r->at;
		break;
	default:
		return false;
	}
	if (n > (uint64_t)(r->end - r->at))
		return false;
	f->len = n;
	r->at += n;
	return true;
}

static struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){ data, (const uint8_t *)data + len };
}

/* ---- one question ---- */

struct talk {
	struct rpc *rpc;
	struct rpc_call *call;
	int version;                    /* 1 or 2 */
};

static int ask(struct talk *t, unsigned field, const char *text)
{
	size_t n = strlen(text), len = 0;
	struct rpc_send_args a = { .size = sizeof a };
	uint8_t *to;

	if (n > 10000)
		return client_fail(t->rpc, EINVAL, "a name is too long");
	to = swarm_alloc(t->rpc->user, n + 8);
	to[len++] = (uint8_t)(field << 3 | 2);
	for (size_t left = n; ; left >>= 7) {
		to[len++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		if (left <= 0x7f)
			break;
	}
	memcpy(to + len, text, n);
	a.data = to;
	a.len = len + n;
	return stream_send(t->call, &a);
}

/* The field `number` of the answer; an error that it holds instead fails. */
static int take_answer(struct talk *t, const struct rpc_message *m,
    unsigned number, struct field *found)
{
	struct reader r = reader_of(m->data, m->len);
	struct field f, in;

	found->data = NULL;
	while (get_field(&r, &f)) {
		if (f.number == number && f.data)
			*found = f;
		if (f.number != 7 || !f.data)
			continue;
		r = reader_of(f.data, f.len);
		while (get_field(&r, &in)) {
			if (in.number == 2 && in.data)
				return client_fail(t->rpc, ENOENT,
				    "reflection: %.*s", (int)(in.len > 150 ?
				    150 : in.len), (const char *)in.data);
		}
		return client_fail(t->rpc, ENOENT, "reflection: not found");
	}
	if (found->data)
		return 0;
	return client_fail(t->rpc, EPROTO, "the server's reflection answers "
	    "with something else");
}

/* With a reference of its own: the user may free the channel meanwhile, and
 * with it all calls. */
static void open_talk(struct talk *t)
{
	struct rpc_call_args a = {
		.size = sizeof a, .method = methods[t->version - 1],
		.timeout = TIMEOUT, .wait_for_ready = true,
	};

	t->call = stream_open_quiet(t->rpc, &a);
	call_ref(t->call);
}

static void drop_talk(struct talk *t)
{
	call_drop(t->call);
	call_unref(t->call);
	t->call = NULL;
}

/* Why the stream ended without an answer. */
static int ended(struct talk *t)
{
	const struct rpc_reply *end = t->call->rpc ?
	    stream_finish(t->call) : NULL;

	drop_talk(t);
	if (!end)
		return client_fail(t->rpc, ECANCELED, "the channel was freed");
	if (end->code == RPC_CANCELLED && swarm_stopping(t->rpc->user))
		return client_fail(t->rpc, ECANCELED, "the user is being "
		    "stopped");
	if (end->code == RPC_UNIMPLEMENTED)
		return client_fail(t->rpc, ENOSYS, "the server has no "
		    "reflection: give -o grpc.protoset=FILE or "
		    "-o grpc.proto=FILE");
	return client_fail(t->rpc, EIO, "reflection: %s: %s",
	    rows_code_name(end->code), end->message);
}

/* Asks, and waits for the answer; a server without v1 is asked by v1alpha. */
static const struct rpc_message *question(struct talk *t, unsigned field,
    const char *text)
{
	const struct rpc_message *m;

	for (;;) {
		if (!t->call)
			open_talk(t);
		m = ask(t, field, text) == 0 ?
		    stream_receive(t->call, SWARM_FOREVER) : NULL;
		if (m)
			return m;
		if (ended(t) == 0 || errno != ENOSYS || t->version == 2)
			return NULL;
		t->version = 2;
		t->rpc->error[0] = 0;
	}
}

static void close_talk(struct talk *t, int *version)
{
	int error = errno;

	if (t->call) {
		*version = t->version;
		drop_talk(t);
	}
	errno = error;
}

/* ---- what is asked ---- */

static int add_files(struct talk *t, struct proto *p,
    const struct rpc_message *m)
{
	struct reader r;
	struct field f;

	if (take_answer(t, m, 4, &f) == -1)
		return -1;
	r = reader_of(f.data, f.len);
	while (get_field(&r, &f)) {
		if (f.number != 1 || !f.data)
			continue;
		if (proto_files(p) == FILES_MAX)
			return client_fail(t->rpc, EPROTO, "the server's "
			    "reflection gives more than %d files: give "
			    "-o grpc.protoset=FILE", FILES_MAX);
		if (proto_add_file(p, f.data, f.len) == -1)
			return client_fail(t->rpc, EPROTO, "the server's "
			    "reflection gives a file that is none");
	}
	return 0;
}

int reflect_symbol(struct rpc *r, struct proto *p, const char *symbol,
    int *version)
{
	struct talk t = { .rpc = r, .version = *version ? *version : 1 };
	const struct rpc_message *m = question(&t, BY_SYMBOL, symbol);
	char *missing = NULL, *before = NULL;
	int rc = m ? add_files(&t, p, m) : -1;

	while (rc == 0 && (missing = proto_missing(p))) {
		m = question(&t, BY_FILENAME, missing);
		rc = m ? add_files(&t, p, m) : -1;
		/* Answered with other files: it will not come. */
		if (rc == 0 && before && strcmp(before, missing) == 0)
			rc = client_fail(r, ENOENT, "the server's reflection "
			    "does not give %s", missing);
		free(before);
		before = missing;
	}
	free(before);
	close_talk(&t, version);
	return rc;
}

/* The name in a ServiceResponse; its data is NULL when there is none. */
static struct field name_in(const struct field *service)
{
	struct reader in = reader_of(service->data, service->len);
	struct field name;

	while (get_field(&in, &name)) {
		if (name.number == 1 && name.data)
			return name;
	}
	return (struct field){ .data = NULL };
}

/* Of a ListServiceResponse: a line each. */
static char *take_names(struct talk *t, const uint8_t *data, size_t size)
{
	struct reader in = reader_of(data, size);
	char *names = malloc(NAMES_MAX);
	struct field f, name;
	size_t len = 0;

	if (!names)
		abort();
	while (get_field(&in, &f)) {
		if (f.number != 1 || !f.data)
			continue;
		name = name_in(&f);
		/* And the end of its line, and of all. */
		if (name.len >= NAMES_MAX - len - 1) {
			free(names);
			client_fail(t->rpc, EPROTO, "the server's reflection "
			    "lists names of more than a mebibyte");
			return NULL;
		}
		if (!name.data)
			continue;
		memcpy(names + len, name.data, name.len);
		len += name.len;
		names[len++] = '\n';
	}
	names[len] = 0;
	return names;
}

char *reflect_services(struct rpc *r, int *version)
{
	struct talk t = { .rpc = r, .version = *version ? *version : 1 };
	const struct rpc_message *m = question(&t, LIST_SERVICES, "*");
	char *names = NULL;
	struct field f;

	if (m && take_answer(&t, m, 6, &f) == 0)
		names = take_names(&t, f.data, f.len);
	close_talk(&t, version);
	return names;
}
