/* Several requests at once, and requests sent ahead: order, losses, redirects
 * and nonsense in between. */
#include "client_kit.h"

static void batched(struct swarm_user *u)
{
	const struct http_args *requests[] = {
		HTTP_REQUEST(.path = "/1"), HTTP_REQUEST(.path = "/2"),
		HTTP_REQUEST(.path = "/3"),
	};
	struct http_response *r[3];

	settings.connections = 1;
	http_batch(u, requests, r, 3);
	assert_string_equal(r[0]->body, "a");
	assert_string_equal(r[1]->body, "b");
	assert_string_equal(r[2]->body, "c");
	http_close(u);
	settings.connections = 2;
	http_batch(u, requests, r, 2);
	assert_string_equal(r[0]->body, "d");
	assert_string_equal(r[1]->body, "e");
}

/* The first of the last two is answered when the other is there too. */
static void test_batch(void **state)
{
	(void)state;
	kit_run(batched, STEPS(
	    { .want = "/1", .reply = OK("1", "a") },
	    { .want = "/2", .reply = OK("1", "b") },
	    { .want = "/3", .reply = OK("1", "c"), .close = true },
	    { .want = "/1", .reply = OK("1", "d"), .second = true,
	      .close = true },
	    { .want = "/2", .reply = OK("1", "e") }));
	assert_int_equal(kit.connections, 3);
}

static void pipelined(struct swarm_user *u)
{
	const struct http_args *const requests[] = {
		HTTP_REQUEST(.path = "/1"),
		HTTP_REQUEST(.path = "/2", .method = "HEAD"),
		HTTP_REQUEST(.path = "/3", .json = "{}"),
		HTTP_REQUEST(.path = "/4", .headers = HTTP_FIELDS({ "A", "b" })),
		HTTP_REQUEST(.path = "/bad", .body = "a", .json = "b"),
	};
	struct http_response *r[5];
	const char *const bodies[] = { "one", "", "three", "four", "" };
	size_t i;

	own.pipeline = 4;
	http_batch(u, requests, r, 5);
	for (i = 0; i < 4; i++) {
		assert_null(r[i]->error);
		assert_string_equal(r[i]->body, bodies[i]);
		assert_int_equal(r[i]->reused, i > 0);
	}
	assert_non_null(strstr(r[4]->error, "one body"));
	/* The server stops after the second and third: what may be asked for
	 * again is, what may not has failed. */
	http_batch(u, requests, r, 4);
	assert_string_equal(r[0]->body, "1");
	assert_int_equal(r[1]->status, 200);
	assert_string_equal(r[2]->error, "the server closed the connection");
	assert_string_equal(r[3]->body, "4");
	/* A redirect within. */
	http_batch(u, requests, r, 2);
	assert_string_equal(r[0]->body, "there");
	assert_int_equal(r[0]->redirects, 1);
	assert_int_equal(r[1]->status, 200);
	/* Nonsense: the one that got it fails, the other is asked again. */
	http_batch(u, requests, r, 2);
	assert_string_equal(r[0]->error, "not an answer in HTTP/1.x");
	assert_int_equal(r[1]->status, 200);
	own.pipeline = 1;
}

static void test_pipelined(void **state)
{
	(void)state;
	/* Four requests are there before the first answer, and the answers
	 * arrive together, cut anywhere. */
	kit_run(pipelined, STEPS(
	    { .want = "^GET /1 ", .ahead = 3, .reply = OK("3", "one")
	      OK("9", "") OK("5", "three") OK("4", "four"), .piece = 7 },
	    { .want = "^GET /1 ", .ahead = 3, .reply = OK("1", "1")
	      OK("9", ""), .close = true },
	    { .want = "^GET /4 ", .reply = OK("1", "4") },
	    { .want = "^GET /1 ", .ahead = 1,
	      .reply = "HTTP/1.1 302 Found\r\nLocation: /there\r\n"
	      "Content-Length: 0\r\n\r\n" OK("9", "") },
	    { .want = "^GET /there ", .reply = OK("5", "there") },
	    { .want = "^GET /1 ", .ahead = 1, .reply = "nonsense\r\n\r\n",
	      .close = true },
	    { .want = "^HEAD /2 ", .reply = OK("9", "") }));
	assert_int_equal(kit.connections, 3);
	kit_counts("GET", "/[id]", 6, 1);
	kit_counts("HEAD", "/[id]", 4, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_batch, kit_setup,
		    kit_teardown),
		cmocka_unit_test_setup_teardown(test_pipelined, kit_setup,
		    kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
