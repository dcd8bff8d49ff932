/*
 * Tests of modules.  A test is a module, too: `swarm test x_test.so` runs each
 * of its cases as a user on a fiber, in a process of its own, against a peer
 * whose bytes the test writes down.  No network is needed and no time passes:
 * the clock of swarm_now() stands still while anything can happen, and then
 * jumps to the next deadline.
 *
 *	#include <swarm/swarm.h>
 *	#include <swarm/test.h>
 *	#include "ask.h"
 *
 *	static void serve(struct swarm_peer *p, void *arg)
 *	{
 *		(void)arg;
 *		swarm_peer_accept(p);
 *		swarm_peer_expect(p, "hello\n", 6);
 *		swarm_peer_send(p, "world\n", 6);
 *	}
 *
 *	static void answers(struct swarm_user *u)
 *	{
 *		struct swarm_peer *p = swarm_peer_new(u, serve, NULL);
 *
 *		swarm_test_host(swarm_peer_address(p));
 *		swarm_expect(ask(u, "hello") != NULL);
 *		swarm_expect(swarm_peer_join(p) == 0);
 *		swarm_expect(swarm_test_sample(0)->error == NULL);
 *	}
 *
 *	SWARM_TESTS(SWARM_CASE(answers));
 */
#ifndef SWARM_TEST_H
#define SWARM_TEST_H

#include <swarm/hooks.h>
#include <swarm/module.h>
#include <swarm/user.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SWARM_TEST_ID "swarm.test/1"

struct swarm_case {
	const char *name;
	void (*run)(struct swarm_user *);       /* [fiber] */
	/* The machine's clock: for libraries with timers or threads of their
	 * own, of which a clock that jumps knows nothing. */
	bool real_time;
};

struct swarm_tests {
	struct swarm_iface head;
	uint32_t case_size;                     /* stride of cases */
	const struct swarm_case *cases;         /* ends with name == NULL */
};

#define SWARM_CASE(fn, ...)     { .name = #fn, .run = (fn), __VA_ARGS__ }

/* A module with nothing but tests. */
#define SWARM_TESTS(...) \
	static const struct swarm_tests swarm_tests_ = { \
		SWARM_IFACE(struct swarm_tests, 0), \
		.case_size = (uint32_t)sizeof(struct swarm_case), \
		.cases = (const struct swarm_case[]){ __VA_ARGS__, \
			{ .name = NULL } } \
	}; \
	SWARM_MODULE(.exports = SWARM_EXPORTS( \
		{ SWARM_TEST_ID, &swarm_tests_.head }))

/* Fails the case and returns from the function when it does not hold. */
#define swarm_expect(condition) \
	do { \
		if (!(condition)) { \
			swarm_test_fail(__FILE__, __LINE__, "%s", \
			    "does not hold: " #condition); \
			return; \
		} \
	} while (0)

/* [worker] Fails the running case, and goes on. */
SWARM_API void swarm_test_fail(const char *file, int line, const char *fmt,
    ...) SWARM_PRINTF(3, 4);
/* [worker] From now on what swarm_host() answers.  Copied. */
SWARM_API void swarm_test_host(const char *host);
/* [worker] The samples of this case so far, and the i-th of them; beyond the
 * last, one of type and name "" that failed.  Valid until the case ends. */
SWARM_API size_t swarm_test_samples(void);
SWARM_API const struct swarm_sample *swarm_test_sample(size_t i);

/*
 * A server of which the test writes every byte.
 *
 * swarm_peer_new: [fiber] listens on a free port of this machine and starts
 * script(peer, arg) on a fiber of its own; NULL with errno.  Freed by swarm
 * when the case ends.
 * swarm_peer_address: [worker] "127.0.0.1:PORT".
 * swarm_peer_join: [fiber] waits until the script has returned; 0, or -1 when
 * it met something unexpected (which has failed the case) or was cancelled.
 */
struct swarm_peer;
SWARM_API struct swarm_peer *swarm_peer_new(struct swarm_user *,
    void (*script)(struct swarm_peer *, void *arg), void *arg);
SWARM_API const char *swarm_peer_address(const struct swarm_peer *);
SWARM_API uint16_t swarm_peer_port(const struct swarm_peer *);
SWARM_API int swarm_peer_join(struct swarm_peer *);

/*
 * In the script.  Each returns 0, or -1 after failing the case; once one has
 * failed the others do nothing, so that a script needs no checks.
 *
 * swarm_peer_accept: [fiber] waits for a client; the one before is hung up on.
 * swarm_peer_expect: [fiber] the client sends exactly these bytes next.
 * swarm_peer_send: [fiber] sends, in pieces if so set.
 * swarm_peer_expect_end: [fiber] the client closes.
 */
SWARM_API int swarm_peer_accept(struct swarm_peer *);
SWARM_API int swarm_peer_expect(struct swarm_peer *, const void *data,
    size_t len);
SWARM_API int swarm_peer_send(struct swarm_peer *, const void *data,
    size_t len);
SWARM_API int swarm_peer_expect_end(struct swarm_peer *);
/* [fiber] Reads what is there, at least one byte: their number, 0 at the end,
 * -1 with errno. */
SWARM_API int64_t swarm_peer_read(struct swarm_peer *, void *buf, size_t size);
/* [worker] From now on send pieces of so many bytes, which the client sees one
 * by one; 0: whole. */
SWARM_API void swarm_peer_pieces(struct swarm_peer *, size_t bytes);
/* [worker] Closes the connection; `reset`: as a crash would. */
SWARM_API void swarm_peer_hang_up(struct swarm_peer *, bool reset);

#ifdef __cplusplus
}
#endif
#endif
