/*
 * A bare loop on grpc core, as the peer of the plugin grpc in bench_grpc.py:
 * no users, no statistics, no phases.  A thread serves the completion queue and
 * hands what is complete through an eventfd to the thread that calls again at
 * once.
 *
 *	grpc_peer PORT CALLS CHANNELS SECONDS
 *
 * Prints {"calls": N, "cpu_us": per call}.
 */
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define METHOD "/swarm.test.Echo/Unary"
#define WARM_NS 500000000

struct call {
	struct call *next;
	grpc_channel *channel;
	grpc_call *call;
	grpc_metadata_array headers;
	grpc_metadata_array trailers;
	grpc_byte_buffer *answer;
	grpc_status_code code;
	grpc_slice details;
};

static grpc_completion_queue *queue;
static _Atomic(struct call *) arrived;
static int wake;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void *serve(void *arg)
{
	static const uint64_t one = 1;

	(void)arg;
	for (;;) {
		grpc_event e = grpc_completion_queue_next(queue,
		    gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
		struct call *c = e.tag, *head = atomic_load(&arrived);

		if (e.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		do
			c->next = head;
		while (!atomic_compare_exchange_weak(&arrived, &head, c));
		if (!head && write(wake, &one, sizeof one) == -1)
			abort();
	}
}

static void begin(struct call *c)
{
	static const char text[] = "\x1a\x3e................................"
	    "..............................";
	grpc_slice slice = grpc_slice_from_copied_buffer(text,
	    sizeof text - 1);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_op ops[6];

	memset(ops, 0, sizeof ops);
	grpc_metadata_array_init(&c->headers);
	grpc_metadata_array_init(&c->trailers);
	ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
	ops[1].op = GRPC_OP_SEND_MESSAGE;
	ops[1].data.send_message.send_message = message;
	ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
	ops[3].data.recv_initial_metadata.recv_initial_metadata = &c->headers;
	ops[4].op = GRPC_OP_RECV_MESSAGE;
	ops[4].data.recv_message.recv_message = &c->answer;
	ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
	ops[5].data.recv_status_on_client.trailing_metadata = &c->trailers;
	ops[5].data.recv_status_on_client.status = &c->code;
	ops[5].data.recv_status_on_client.status_details = &c->details;
	c->call = grpc_channel_create_call(c->channel, NULL,
	    GRPC_PROPAGATE_DEFAULTS, queue,
	    grpc_slice_from_static_string(METHOD), NULL,
	    gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	if (grpc_call_start_batch(c->call, ops, 6, c, NULL) != GRPC_CALL_OK)
		abort();
	grpc_byte_buffer_destroy(message);
	grpc_slice_unref(slice);
}

static void end(struct call *c)
{
	if (c->code != GRPC_STATUS_OK) {
		fprintf(stderr, "grpc_peer: status %d\n", c->code);
		exit(1);
	}
	grpc_slice_unref(c->details);
	grpc_byte_buffer_destroy(c->answer);
	grpc_metadata_array_destroy(&c->headers);
	grpc_metadata_array_destroy(&c->trailers);
	grpc_call_unref(c->call);
}

static grpc_channel *connect_to(const char *port)
{
	grpc_arg args[2] = {
		{ .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)
		    GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1 },
		{ .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)
		    GRPC_ARG_ENABLE_RETRIES, .value.integer = 0 },
	};
	grpc_channel_args all = { 2, args };
	char target[64];

	snprintf(target, sizeof target, "ipv4:127.0.0.1:%s", port);
	return grpc_channel_create(target, grpc_insecure_credentials_create(),
	    &all);
}

int main(int argc, char **argv)
{
	long calls, channels, count = 0, seconds;
	double before = 0;
	int64_t start, warm, over;
	pthread_t thread;
	grpc_channel **all;

	if (argc != 5)
		return 2;
	calls = strtol(argv[2], NULL, 10);
	channels = strtol(argv[3], NULL, 10);
	seconds = strtol(argv[4], NULL, 10);
	if (calls < 1 || channels < 1 || seconds < 1)
		return 2;
	grpc_init();
	wake = eventfd(0, EFD_CLOEXEC);
	queue = grpc_completion_queue_create_for_next(NULL);
	if (pthread_create(&thread, NULL, serve, NULL) != 0)
		return 1;
	all = calloc((size_t)channels, sizeof *all);
	for (long i = 0; i < channels; i++)
		all[i] = connect_to(argv[1]);
	for (long i = 0; i < calls; i++) {
		struct call *c = calloc(1, sizeof *c);

		c->channel = all[i % channels];
		begin(c);
	}
	start = now();
	warm = start + WARM_NS + channels * 1000000;
	over = warm + seconds * INT64_C(1000000000);
	while (now() < over) {
		uint64_t n;
		struct call *c;

		if (read(wake, &n, sizeof n) == -1)
			abort();
		c = atomic_exchange(&arrived, NULL);
		while (c) {
			struct call *next = c->next;

			end(c);
			begin(c);
			count++;
			c = next;
		}
		if (before == 0 && now() >= warm) {
			before = cpu();
			count = 0;
		}
	}
	printf("{\"calls\": %ld, \"cpu_us\": %.2f}\n", count,
	    (cpu() - before) / (double)count);
	return 0;
}
