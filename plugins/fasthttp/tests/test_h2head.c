/* Fields of HTTP/2 become the lines that all else looks at. */
#include "client_kit.h"

#include "exchange.h"
#include "h2head.h"
#include "limits.h"

static struct swarm_user *user;
static struct exchange *x;
static struct h2head head;

static void begin(void)
{
	x = swarm_alloc(user, sizeof *x);
	memset(x, 0, sizeof *x);
	x->c.a.pub.user = user;
	parse_init(&x->parse, NULL);
	parse_start(&x->parse, false);
	memset(&head, 0, sizeof head);
}

static const char *field(const char *name, const char *value)
{
	return h2head_field(&head, x, name, strlen(name), value,
	    strlen(value));
}

static const char *end(bool final)
{
	bool told;
	const char *why = h2head_end(&head, x, &told);

	if (!why)
		assert_int_equal(told, final);
	return why;
}

static void an_answer(void)
{
	begin();
	assert_null(field(":status", "103"));
	assert_null(field("link", "</a.css>"));
	assert_null(end(false));
	assert_null(field(":status", "302"));
	assert_null(field("location", "/there"));
	assert_null(field("set-cookie", "a=b"));
	assert_null(field("content-length", "12"));
	assert_null(field("empty", ""));
	assert_null(end(true));
	assert_int_equal(x->c.a.pub.status, 302);
	assert_string_equal(x->c.a.head, "location: /there\r\n"
	    "set-cookie: a=b\r\ncontent-length: 12\r\nempty: \r\n");
	assert_int_equal(x->c.a.head_len, strlen(x->c.a.head));
	assert_int_equal(x->location_len, 6);
	assert_memory_equal(x->location, "/there", 6);
	assert_true(x->parse.facts.has_cookies);
	assert_int_equal(x->parse.facts.length, 12);
	assert_false(x->parse.no_body);
	/* Trailers change nothing, and can be read. */
	assert_null(field("x-sum", "1"));
	assert_null(field("content-length", "13"));
	assert_null(answer_trailer(&x->c.a.pub, "x-sum"));
	assert_null(end(false));
	assert_int_equal(x->c.a.head_len, strlen(x->c.a.head));
	assert_int_equal(x->parse.facts.length, 12);
	assert_string_equal(answer_trailer(&x->c.a.pub, "X-Sum"), "1");
	assert_null(answer_trailer(&x->c.a.pub, "location"));
	assert_null(answer_header(&x->c.a.pub, "x-sum", 0));
	begin();
	assert_null(field(":status", "204"));
	assert_null(end(true));
	assert_true(x->parse.no_body);
	assert_string_equal(x->c.a.head, "");
}

static void limits(void)
{
	char large[9000];
	const char *why = NULL;
	unsigned i;

	memset(large, 'z', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	begin();
	field(":status", "200");
	for (i = 0; i < 7 && !why; i++)
		why = field("x", large);
	assert_null(why);
	assert_string_equal(field("x", large),
	    "the head is larger than 64 KiB");
	begin();
	field(":status", "200");
	for (i = 0; i < PARSE_HEADERS_MAX && !why; i++)
		why = field("x", "y");
	assert_null(why);
	assert_string_equal(field("x", "y"), "too many headers");
	begin();
	field(":status", "200");
	end(true);
	for (i = 0; i < 7 && !why; i++)
		why = field("x", large);
	assert_null(why);
	assert_string_equal(field("x", large), "too many trailers");
	begin();
	for (i = 0; i < LIMIT_INTERIM; i++) {
		field(":status", "100");
		assert_null(end(false));
	}
	field(":status", "100");
	assert_string_equal(end(false), "too many interim answers");
	begin();
	assert_string_equal(field(":status", "101"),
	    "101 Switching Protocols, which was not asked for");
	begin();
	assert_null(field(":status", "200"));
	assert_null(field("content-length", "1"));
	assert_string_equal(field("content-length", "2"),
	    "Content-Length given twice, differently");
	begin();
	assert_null(field(":status", "200"));
	assert_null(field("content-length", "99999999"));
	assert_string_equal(end(true),
	    "the body is larger than the option max_body");
}

/* What is of one connection of HTTP/1.1 is left out. */
static void a_request(void)
{
	static const char *const want[][2] = { { ":method", "GET" },
		{ ":scheme", "https" }, { ":authority", "there" },
		{ ":path", "/p" }, { "User-Agent", "kit" },
		{ "Accept", "*/*" }, { "TE", "trailers" }, { "X", "y" } };
	const struct http_args *args = HTTP_REQUEST(.headers = HTTP_FIELDS(
	    { "Host", "there" }, { "TE", "trailers" }, { "TE", "gzip" },
	    { "Connection", "te" }, { "Upgrade", "x" }, { "Keep-Alive", "1" },
	    { "X", "y" }));
	nghttp2_nv *nv;
	const char *why;
	size_t i;

	begin();
	x->c.args = args;
	x->c.method = "GET";
	x->c.path = "https://h/p";
	x->c.person = person_of(user);
	assert_int_equal(h2head_request(x, &nv, &why),
	    sizeof want / sizeof want[0]);
	for (i = 0; i < sizeof want / sizeof want[0]; i++) {
		assert_int_equal(nv[i].namelen, strlen(want[i][0]));
		assert_memory_equal(nv[i].name, want[i][0], nv[i].namelen);
		assert_int_equal(nv[i].valuelen, strlen(want[i][1]));
		assert_memory_equal(nv[i].value, want[i][1], nv[i].valuelen);
	}
}

static void within(struct swarm_user *u)
{
	user = u;
	a_request();
	an_answer();
	limits();
	/* HTTP/1.1 goes its own way. */
	assert_string_equal(http_get(u, "/one")->version, "1.1");
}

static void test_heads(void **state)
{
	(void)state;
	kit_run(within, STEPS({ .want = "^GET /one ",
	    .reply = "HTTP/1.1 204 No Content\r\n\r\n" }));
	kit_counts("GET", "/one", 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_heads, kit_setup,
		    kit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
