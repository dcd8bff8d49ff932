/*
 * The client as scenarios use it, against a server that follows a script to
 * the byte: what is sent, and which connections are used.
 */
#include "client_kit.h"

#include <malloc.h>

/* ---- requests ---- */

static void plain_requests(struct swarm_user *u)
{
	struct http_response *r = http_get(u, "/hello?x=1");

	assert_int_equal(r->status, 200);
	assert_null(r->error);
	assert_string_equal(r->body, "hi");
	assert_int_equal(r->len, 2);
	assert_false(r->reused);
	assert_string_equal(r->version, "1.1");
	assert_string_equal(http_header(r, "x-y"), "z");
	assert_null(http_header(r, "nothing"));
	assert_true(r->times.connect > 0 && r->times.total > 0);
	assert_int_equal(r->times.tls, -1);
	assert_int_equal(r->times.resolve, -1);
	r = http_get(u, "/items/42");
	assert_true(r->reused);
	assert_int_equal(r->times.connect, -1);
	assert_true(r->times.wait > 0);
	r = http_delete(u, "/items/43");
	assert_int_equal(r->status, 204);
	r = http_head(u, "/hello");
	assert_int_equal(r->status, 200);
	assert_string_equal(r->body, "");
	assert_int_equal(r->len, 0);
	r = http_post(u, "/empty");
	assert_int_equal(r->status, 200);
}

static void test_plain_requests(void **state)
{
	char want[256];

	(void)state;
	snprintf(want, sizeof want, "^GET /hello?x=1 HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\nUser-Agent: kit\r\nAccept: */*\r\n\r\n",
	    kit.port);
	kit_run(plain_requests, STEPS(
	    { .want = want, .reply = "HTTP/1.1 200 OK\r\nX-Y: z\r\n"
	      "Content-Length: 2\r\n\r\nhi" },
	    { .want = "^GET /items/42 HTTP/1.1\r\n", .reply = OK("0", "") },
	    { .want = "^DELETE /items/43 ",
	      .reply = "HTTP/1.1 204 No Content\r\n\r\n" },
	    { .want = "^HEAD /hello ", .reply = OK("2", "") },
	    { .want = "Content-Length: 0\r\n\r\n", .reply = OK("0", "") }));
	assert_int_equal(kit.connections, 1);
	kit_counts("GET", "/hello", 1, 0);
	kit_counts("GET", "/items/[id]", 1, 0);
	kit_counts("DELETE", "/items/[id]", 1, 0);
	kit_counts("HEAD", "/hello", 1, 0);
	kit_counts("POST", "/empty", 1, 0);
}

static void all_arguments(struct swarm_user *u)
{
	http_post(u, "/j", .json = "{\"a\":1}");
	http_post(u, "/f", .form = HTTP_FIELDS({ "a", "b c" }, { "d", "&" }));
	http_put(u, "/b", .body = "a\0b", .body_len = 3,
	    .headers = HTTP_FIELDS({ "Content-Type", "x/y" },
	        { "User-Agent", NULL }, { "accept", "text/html" }));
	http_request(u, .method = "PATCH", .path = "/p#frag",
	    .query = HTTP_FIELDS({ "q", "1 2" }), .name = "my name",
	    .user = "a", .password = "b");
	http_set_header(u, "Authorization", "Bearer me");
	http_set_header(u, "X-Own", "1");
	http_get(u, "/own", .user = "not", .password = "used");
	http_set_header(u, "X-Own", NULL);
	http_get(u, "/bearer", .headers = HTTP_FIELDS({ "Authorization",
	    NULL }));
}

static void test_all_arguments(void **state)
{
	(void)state;
	kit_run(all_arguments, STEPS(
	    { .want = "Content-Type: application/json\r\n"
	      "Content-Length: 7\r\n\r\n{\"a\":1}", .reply = OK("0", "") },
	    { .want = "Content-Type: application/x-www-form-urlencoded\r\n"
	      "Content-Length: 11\r\n\r\na=b+c&d=%26", .reply = OK("0", "") },
	    { .want = "accept: text/html\r\nContent-Length: 3\r\n\r\na",
	      .lacks = "User-Agent", .reply = OK("0", "") },
	    { .want = "^PATCH /p?q=1%202 HTTP/1.1\r\n",
	      .reply = OK("0", "") },
	    { .want = "\r\nAuthorization: Bearer me\r\nX-Own: 1\r\n",
	      .lacks = "Basic", .reply = OK("0", "") },
	    { .want = "^GET /bearer ", .lacks = "Authorization",
	      .reply = OK("0", "") }));
	kit_counts("POST", "/j", 1, 0);
	kit_counts("PATCH", "my name", 1, 0);
}

/* The same request again and again is known, and a change of what the same
 * pointers point at is seen. */
static void heads_again(struct swarm_user *u)
{
	char name[] = "X-One", value[] = "1";
	struct http_field f[] = { { name, value }, { NULL, NULL },
		{ NULL, NULL } };
	int i;

	for (i = 0; i < 2; i++)
		assert_null(http_get(u, "/a", .headers = f)->error);
	value[0] = '2';
	assert_null(http_get(u, "/a", .headers = f)->error);
	name[2] = 'B';
	assert_null(http_get(u, "/a", .headers = f)->error);
	f[1] = (struct http_field){ "X-Two", "3" };
	assert_null(http_get(u, "/a", .headers = f)->error);
	f[1] = (struct http_field){ "Accept", NULL };
	for (i = 0; i < 2; i++)
		assert_null(http_get(u, "/a", .headers = f)->error);
	f[1].name = NULL;
	assert_null(http_post(u, "/a", .headers = f, .body = "b")->error);
	http_set_cookie(u, "c", "d");
	assert_null(http_get(u, "/a", .headers = f)->error);
	http_set_header(u, "X-Mine", "e");
	assert_null(http_get(u, "/a", .headers = f)->error);
	value[0] = '\n';
	assert_string_equal(http_get(u, "/a", .headers = f)->error,
	    "a header's value has a line break in it");
}

static void test_heads_again(void **state)
{
	(void)state;
	kit_run(heads_again, STEPS(
	    { .want = "*/*\r\nX-One: 1\r\n\r\n", .reply = OK("0", "") },
	    { .want = "*/*\r\nX-One: 1\r\n\r\n", .reply = OK("0", "") },
	    { .want = "X-One: 2\r\n\r\n", .reply = OK("0", "") },
	    { .want = "X-Bne: 2\r\n\r\n", .lacks = "X-One",
	      .reply = OK("0", "") },
	    { .want = "X-Bne: 2\r\nX-Two: 3\r\n\r\n",
	      .reply = OK("0", "") },
	    { .want = "X-Bne: 2\r\n\r\n", .lacks = "Accept",
	      .reply = OK("0", "") },
	    { .want = "X-Bne: 2\r\n\r\n", .lacks = "Accept",
	      .reply = OK("0", "") },
	    { .want = "*/*\r\nX-Bne: 2\r\nContent-Length: 1\r\n\r\nb",
	      .reply = OK("0", "") },
	    { .want = "X-Bne: 2\r\nCookie: c=d\r\n\r\n",
	      .reply = OK("0", "") },
	    { .want = "X-Mine: e\r\nX-Bne: 2\r\nCookie: c=d\r\n\r\n",
	      .reply = OK("0", "") }));
	assert_int_equal(kit.connections, 1);
}

static void bad_arguments(struct swarm_user *u)
{
	assert_string_equal(http_get(u, "/", .headers = HTTP_FIELDS(
	    { "A b", "c" }))->error,
	    "a header's name has a character that no name has");
	assert_string_equal(http_get(u, "/", .headers = HTTP_FIELDS(
	    { "A", "c\r\nEvil: 1" }))->error,
	    "a header's value has a line break in it");
	assert_string_equal(http_request(u, .method = "GET /x",
	    .path = "/")->error,
	    "the method has a character that no method has");
	assert_string_equal(http_get(u, "/", .expect = "nonsense")->error,
	    ".expect is no list of statuses, as \"200-299,404\"");
	assert_string_equal(http_get(u, "http://:1/")->error,
	    "it has no host");
	assert_string_equal(http_get(u, "/", .auth = "digest", .user = "u")
	    ->error, "only basic authentication is possible here: run with "
	    "--plugin http");
	/* Line breaks in a path are data, not lines. */
	http_get(u, "/a b\r\nEvil: 1");
}

static void test_bad_arguments(void **state)
{
	(void)state;
	kit_run(bad_arguments, STEPS(
	    { .want = "^GET /a%20b%0D%0AEvil:%201 HTTP/1.1\r\n",
	      .reply = OK("0", "") }));
	assert_int_equal(kit.connections, 1);
	kit_counts("GET", "/", 4, 4);
}

static int64_t three_pieces(void *arg, void *buf, size_t size)
{
	int *n = arg;

	assert_true(size >= 16);
	if (++*n > 3)
		return 0;
	memset(buf, 'a' + *n, 5);
	return 5;
}

static void produced_body(struct swarm_user *u)
{
	int n = 0;

	http_post(u, "/up", .produce = three_pieces, .produce_arg = &n);
}

static void test_produced_body(void **state)
{
	(void)state;
	kit_run(produced_body, STEPS(
	    { .want = "Transfer-Encoding: chunked\r\n\r\n"
	      "5\r\nbbbbb\r\n5\r\nccccc\r\n5\r\nddddd\r\n0\r\n\r\n",
	      .reply = OK("0", "") }));
	kit_counts("POST", "/up", 1, 0);
}

/* A body that no socket buffer holds, and headers beside it. */
static void large_body(struct swarm_user *u)
{
	char *data = swarm_alloc(u, 900000);

	memset(data, 'x', 900000);
	assert_int_equal(http_post(u, "/large", .body = data,
	    .body_len = 900000)->status, 200);
	assert_int_equal(kit.request_len - 900000,
	    strstr(kit.request, "\r\n\r\n") + 4 - kit.request);
}

static void test_large_body(void **state)
{
	(void)state;
	kit_run(large_body, STEPS({ .want = "Content-Length: 900000\r\n",
	    .reply = OK("0", "") }));
}

/* ---- connections that were closed meanwhile ---- */

static void stale_connections(struct swarm_user *u)
{
	struct http_response *r;

	assert_null(http_get(u, "/1")->error);
	/* Closed while the user thought: seen before anything is sent. */
	swarm_sleep(0.02);
	r = http_post(u, "/2", .body = "x");
	assert_null(r->error);
	assert_false(r->reused);
	/* Closed as the request arrives: repeated, since that is safe. */
	r = http_get(u, "/3");
	assert_null(r->error);
	assert_string_equal(r->body, "3");
	/* Not repeated: it might be done twice. */
	r = http_post(u, "/4", .body = "x");
	assert_string_equal(r->error, "the server closed the connection");
	/* Once only. */
	assert_null(http_get(u, "/5")->error);
	r = http_get(u, "/6");
	assert_string_equal(r->error, "the server closed the connection");
}

static void test_stale_connections(void **state)
{
	(void)state;
	kit_run(stale_connections, STEPS(
	    { .want = "/1", .reply = OK("0", ""), .close = true },
	    { .want = "POST /2", .reply = OK("0", "") },
	    { .want = "GET /3", .close = true },
	    { .want = "GET /3", .reply = OK("1", "3") },
	    { .want = "POST /4", .close = true },
	    { .want = "GET /5", .reply = OK("0", "") },
	    { .want = "GET /6", .close = true },
	    { .want = "GET /6", .close = true }));
	kit_counts("GET", "/[id]", 4, 1);
	kit_counts("POST", "/[id]", 2, 1);
}

static void no_keep_alive(struct swarm_user *u)
{
	settings.keepalive = false;
	assert_null(http_get(u, "/1")->error);
	assert_null(http_post(u, "/2", .body = "x")->error);
}

/* The server would keep it: the second step finds the end of the first
 * connection, or a request that it does not answer. */
static void test_no_keep_alive(void **state)
{
	(void)state;
	kit_run(no_keep_alive, STEPS(
	    { .want = "/1", .reply = OK("0", "") },
	    { .want = "/2", .close = true },
	    { .want = "/2", .reply = OK("0", "") }));
	assert_int_equal(kit.connections, 2);
}

static void unasked_bytes(struct swarm_user *u)
{
	assert_null(http_get(u, "/a")->error);
	assert_false(http_get(u, "/b")->reused);
}

static void test_unasked_bytes(void **state)
{
	(void)state;
	kit_run(unasked_bytes, STEPS(
	    { .want = "/a", .reply = OK("1", "xHTTP/1.1 200 OK"),
	      .close = true },
	    { .want = "/b", .reply = OK("0", "") }));
}

/* ---- cookies and redirects ---- */

static void cookies(struct swarm_user *u)
{
	http_get(u, "/set");
	assert_string_equal(http_cookie(u, "a"), "1");
	assert_null(http_cookie(u, "p"));
	http_get(u, "/p/x");
	http_set_cookie(u, "a", "2");
	http_set_cookie(u, "b", "3");
	http_get(u, "/q");
	http_set_cookie(u, NULL, NULL);
	http_get(u, "/none");
}

static void test_cookies(void **state)
{
	(void)state;
	kit_run(cookies, STEPS(
	    { .want = "/set", .lacks = "Cookie", .reply = "HTTP/1.1 200 OK\r\n"
	      "Set-Cookie: a=1; Path=/; HttpOnly\r\n"
	      "Set-Cookie: p=2; Path=/p\r\n"
	      "Set-Cookie: gone=1; Max-Age=0\r\n"
	      "Set-Cookie: s=1; Secure\r\n"
	      "Set-Cookie: d=1; Domain=other.test\r\n"
	      "Content-Length: 0\r\n\r\n" },
	    { .want = "\r\nCookie: p=2; a=1\r\n", .reply = OK("0", "") },
	    { .want = "\r\nCookie: a=2; b=3\r\n", .reply = OK("0", "") },
	    { .want = "/none", .lacks = "Cookie", .reply = OK("0", "") }));
}

static void redirects(struct swarm_user *u)
{
	struct http_response *r = http_post(u, "/a/from", .json = "{}",
	    .name = "hop", .user = "me");

	assert_null(r->error);
	assert_string_equal(r->body, "there");
	assert_int_equal(r->redirects, 2);
	assert_non_null(strstr(r->url, "/there?x"));
	r = http_put(u, "/keep", .body = "b");
	assert_int_equal(r->status, 200);
	r = http_get(u, "/stay", .no_redirects = true);
	assert_int_equal(r->status, 302);
	assert_null(r->error);
	r = http_head(u, "/head");
	assert_int_equal(r->status, 301);
	settings.max_redirects = 1;
	assert_string_equal(http_get(u, "/loop")->error, "too many redirects");
	assert_string_equal(http_get(u, "/mail")->error,
	    "a redirect to no http URL");
	assert_string_equal(http_get(u, "/long")->error,
	    "a redirect to a URL longer than 8 KiB");
	/* What was before the answer that never came is not the answer. */
	r = http_get(u, "/dead");
	assert_string_equal(r->error, "connect: Connection refused");
	assert_int_equal(r->status, 0);
	assert_null(http_header(r, "Location"));
}

#define TO(status, where) "HTTP/1.1 " status " x\r\nLocation: " where \
	"\r\nContent-Length: 3\r\n\r\nold"

static void test_redirects(void **state)
{
	static char far[9000];
	size_t head = strlen(TO("302", "/")) - strlen("\r\nContent-Length: "
	    "3\r\n\r\nold");

	(void)state;
	memset(far, 'x', sizeof far);
	memcpy(far, TO("302", "/"), head);
	snprintf(far + 8500, sizeof far - 8500,
	    "\r\nContent-Length: 0\r\n\r\n");
	kit_run(redirects, STEPS(
	    { .want = "^POST /a/from ", .reply = TO("302", "../b/next") },
	    { .want = "^GET /b/next ", .lacks = "{}",
	      .reply = TO("301", "/there?x") },
	    { .want = "Authorization: Basic bWU6\r\n",
	      .reply = OK("5", "there") },
	    { .want = "^PUT /keep ", .reply = TO("307", "/kept") },
	    { .want = "^PUT /kept ", .reply = OK("0", "") },
	    { .want = "/stay", .reply = TO("302", "/away") },
	    { .want = "^HEAD /head", .reply = "HTTP/1.1 301 x\r\n"
	      "Location: /x\r\nContent-Length: 0\r\n\r\n" },
	    { .want = "/loop", .reply = TO("302", "/loop") },
	    { .want = "/loop", .reply = TO("302", "/loop"), .close = true },
	    { .want = "/mail", .reply = TO("302", "mailto:x"), .close = true },
	    { .want = "/long", .reply = far, .close = true },
	    { .want = "/dead", .reply = TO("302", "http://127.0.0.1:1/") }));
	kit_counts("POST", "hop", 1, 0);
	assert_int_equal(kit.connections, 4);
}

static void leave_credentials(struct swarm_user *u)
{
	struct http_response *r = http_get(u, swarm_printf(u,
	    "http://localhost:%u/x", kit.port), .bearer = "secret");

	assert_null(r->error);
	assert_string_equal(r->body, "b");
}

static void test_credentials_stay(void **state)
{
	char away[200];

	(void)state;
	snprintf(away, sizeof away, TO("302", "http://127.0.0.1:%u/y"),
	    kit.port);
	kit_run(leave_credentials, STEPS(
	    { .want = "Bearer secret", .reply = away, .close = true },
	    { .want = "GET /y ", .lacks = "secret", .reply = OK("1", "b") }));
}

/* ---- the end of a run ---- */

static bool began;

static void endless(struct swarm_user *u)
{
	struct http_response *r;

	began = true;
	r = http_get(u, "/never", .timeout = 1000);
	assert_string_equal(r->error, "cancelled");
}

static void test_stopped(void **state)
{
	const struct step *steps = STEPS(
	    { .want = "/never", .hang = true, .close = true });

	(void)state;
	began = false;
	kit.body = endless;
	kit.steps = steps;
	kit.running = true;
	fiber_start(NULL, kit_serve, NULL, kit_served);
	users_new_run();
	users_set_target(0, 1, 0);
	while (kit.request_len == 0)
		loop_once(true);
	users_set_target(0, 0, 0);
	while (kit.running || users_alive() > 0)
		loop_once(true);
	assert_true(began);
	kit_counts("GET", "/never", 0, 0);
}

/* ---- no allocation ---- */

#ifndef __SANITIZE_ADDRESS__
static size_t allocations;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	allocations++;
	return __libc_realloc(p, size);
}

static unsigned rounds;

/* Many tasks of the same user; the server is its own process. */
static void counting_task(struct swarm_user *u)
{
	static size_t before;

	assert_int_equal(http_get(u, "/steady")->status, 200);
	if (++rounds == 100)
		before = allocations;
	if (rounds == 1000) {
		assert_int_equal(allocations, before);
		swarm_stop_user(u);
	}
}

static void answer_for_ever(int listener)
{
	char buf[4096];
	int fd;

	fcntl(listener, F_SETFL, 0);
	fd = accept(listener, NULL, NULL);
	while (fd >= 0 && read(fd, buf, sizeof buf) > 0)
		if (write(fd, OK("2", "ok"), strlen(OK("2", "ok"))) < 0)
			break;
	_exit(0);
}

/* A histogram makes room for a range of times when it meets the first of
 * them: not the client's doing. */
static unsigned fill_histograms(void)
{
	struct series *s = stats_series(kit.stats, "GET", "/steady");
	unsigned n = 0;
	int64_t ns;

	for (ns = 1000; ns < INT64_C(100000000000); ns *= 2, n++)
		stats_record(kit.stats, s, swarm_now(), ns, 0, 0, false);
	return n;
}

static void test_steady_state_allocates_nothing(void **state)
{
	unsigned before = fill_histograms();
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		answer_for_ever(kit.listener);
	assert_true(pid > 0);
	rounds = 0;
	kit.body = counting_task;
	kit.repeat = true;
	users_new_run();
	users_set_target(0, 1, 0);
	while (rounds < 1000 || users_alive() > 0)
		loop_once(true);
	kit.repeat = false;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	kit_counts("GET", "/steady", before + 1000, 0);
}
#endif

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(test_plain_requests),
		T(test_all_arguments),
		T(test_heads_again),
		T(test_bad_arguments),
		T(test_produced_body),
		T(test_large_body),
		T(test_stale_connections),
		T(test_no_keep_alive),
		T(test_unasked_bytes),
		T(test_cookies),
		T(test_redirects),
		T(test_credentials_stay),
		T(test_stopped),
#ifndef __SANITIZE_ADDRESS__
		T(test_steady_state_allocates_nothing),
#endif
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
