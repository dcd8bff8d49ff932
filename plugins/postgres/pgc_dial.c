/*
 * Connecting, step by step.  Steps that compute (the TLS handshake, a
 * password's hash: milliseconds each) run in a thread, so that a worker that
 * connects a thousand users goes on measuring the others.
 */
#include "pgc_dial.h"

#include <errno.h>
#include <string.h>

#include "pgc_turn.h"

/* Connections in the making. */
static struct pgc_gate gate = { .limit = 32 };

void pgc_dial_limit(int max_at_once)
{
	gate.limit = max_at_once > 0 ? max_at_once : 1;
}

/* ---- steps ---- */

struct dial {
	struct pgc_target *target;
	PGconn *pq;
	PostgresPollingStatusType poll;
	int64_t deadline;
	struct pgc_phases *phases;
	int64_t mark;                   /* when the present phase began */
	bool connected;
	bool secured;
};

static int64_t lap(struct dial *d, int64_t now)
{
	int64_t took = now - d->mark;

	d->mark = now;
	return took;
}

static int start_in_place(void *arg)
{
	struct dial *d = arg;
	const struct pgc_target *t = d->target;
	const char *keywords[PGC_KEYWORDS_MAX];
	const char *values[PGC_KEYWORDS_MAX];
	bool resolved = t->has_names;
	const struct {
		const char *keyword;
		const char *value;
	} own[] = {
		{ "host", resolved ? t->hosts : t->host },
		{ "hostaddr", resolved ? t->addresses : t->hostaddr },
		{ "port", resolved ? t->ports : t->port },
	};
	size_t n = t->count;
	size_t i;

	memcpy(keywords, t->keywords, n * sizeof(keywords[0]));
	for (i = 0; i < n; i++)
		values[i] = t->values[i];
	for (i = 0; i < 3; i++) {
		if (own[i].value == NULL)
			continue;
		keywords[n] = own[i].keyword;
		values[n++] = own[i].value;
	}
	keywords[n] = NULL;
	values[n] = NULL;
	d->pq = PQconnectStartParams(keywords, values, 0);
	if (d->pq != NULL)
		PQsetErrorVerbosity(d->pq, PQERRORS_VERBOSE);
	return 0;
}

static int poll_in_place(void *arg)
{
	struct dial *d = arg;

	d->poll = PQconnectPoll(d->pq);
	return 0;
}

static bool computes(const PGconn *pq)
{
	const char *password = PQpass(pq);

	if (PQstatus(pq) == CONNECTION_SSL_STARTUP)
		return true;
	return PQstatus(pq) == CONNECTION_AWAITING_RESPONSE &&
	    password != NULL && password[0] != '\0';
}

static void note_phase(struct dial *d, ConnStatusType before)
{
	ConnStatusType status = PQstatus(d->pq);
	int64_t now = swarm_now();

	if (!d->connected && status != CONNECTION_STARTED) {
		d->connected = true;
		d->phases->tcp = lap(d, now);
	}
	if (before == CONNECTION_SSL_STARTUP &&
	    status != CONNECTION_SSL_STARTUP && !d->secured) {
		d->secured = true;
		d->phases->tls = lap(d, now);
	}
	/* Something was answered and the server's next word is awaited. */
	if (before == CONNECTION_AWAITING_RESPONSE &&
	    status == CONNECTION_AWAITING_RESPONSE)
		d->phases->auth = (d->phases->auth > 0 ? d->phases->auth : 0) +
		    lap(d, now);
}

/* One step; the fiber waits for the socket before it. */
static int step(struct dial *d)
{
	unsigned want = d->poll == PGRES_POLLING_WRITING ? SWARM_WRITE :
	    SWARM_READ;
	ConnStatusType before;

	if (swarm_wait_fd(PQsocket(d->pq), want, d->deadline) == -1)
		return -1;
	before = PQstatus(d->pq);
	if (computes(d->pq)) {
		if (swarm_offload(poll_in_place, d) == -1)
			return -1;
	} else {
		poll_in_place(d);
	}
	note_phase(d, before);
	return 0;
}

static int run_steps(struct dial *d, struct pgc_error *err)
{
	while (d->poll == PGRES_POLLING_READING ||
	    d->poll == PGRES_POLLING_WRITING) {
		if (step(d) == 0)
			continue;
		if (errno == ETIMEDOUT)
			pgc_error_set(err, PGC_CANNOT_CONNECT, "timeout %s",
			    !d->connected ? "while connecting" :
			    "after connecting, before the server was ready");
		else if (errno != ECANCELED)
			pgc_error_set(err, PGC_CANNOT_CONNECT,
			    "waiting for the socket: %s", strerror(errno));
		return -1;
	}
	if (d->poll == PGRES_POLLING_OK)
		return 0;
	pgc_error_from_connect(err, d->pq);
	errno = ECONNREFUSED;
	return -1;
}

static int run(struct dial *d, struct pgc_error *err)
{
	char why[PGC_ERROR_MAX];
	int64_t now;

	if (d->target->has_names) {
		if (pgc_target_resolve(d->target, why, sizeof(why)) == -1) {
			if (errno != ECANCELED)
				pgc_error_set(err, PGC_CANNOT_CONNECT, "%s",
				    why);
			return -1;
		}
		d->phases->resolve = lap(d, swarm_now());
	}
	/* Where a service file decides, libpq resolves by itself. */
	if (d->target->is_opaque) {
		if (swarm_offload(start_in_place, d) == -1)
			return -1;
	} else {
		start_in_place(d);
	}
	if (d->pq == NULL) {
		pgc_error_set(err, PGC_CANNOT_CONNECT, "out of memory");
		errno = ENOMEM;
		return -1;
	}
	d->poll = PQstatus(d->pq) == CONNECTION_BAD ? PGRES_POLLING_FAILED :
	    PGRES_POLLING_WRITING;
	if (run_steps(d, err) == -1)
		return -1;
	now = swarm_now();
	d->phases->ready = lap(d, now);
	if (d->phases->auth == -1)
		d->phases->auth = 0;
	return 0;
}

struct pgc_conn *pgc_dial(struct pgc_target *target, int64_t deadline,
    int64_t max_input, struct pgc_phases *phases, struct pgc_error *err)
{
	struct dial d = { .target = target, .deadline = deadline,
		.phases = phases };
	int64_t start = swarm_now();
	struct pgc_conn *conn;
	int rc;

	*phases = (struct pgc_phases){ -1, -1, -1, -1, -1, -1 };
	pgc_error_clear(err);
	if (pgc_gate_enter(&gate, deadline) == -1) {
		if (errno == ETIMEDOUT)
			pgc_error_set(err, PGC_CANNOT_CONNECT,
			    "timeout before its turn to connect");
		return NULL;
	}
	d.mark = swarm_now();
	rc = run(&d, err);
	pgc_gate_leave(&gate);
	if (rc == -1) {
		PQfinish(d.pq);
		return NULL;
	}
	phases->total = swarm_now() - start;
	conn = pgc_conn_new(d.pq, max_input);
	if (conn == NULL)
		pgc_error_set(err, PGC_CANNOT_CONNECT,
		    "out of memory or descriptors");
	return conn;
}
