/* Chats with the model of http_server.py, each checked: one sample of type
 * CHECK for each, whose failure says what was wrong. */
#include "check.h"

#include <swarm/llm.h>

static void streamed(struct swarm_user *u)
{
	CHECK("streamed");
	struct llm_answer *a = llm_chat(u, .model = "talk 0.1 0.05 8",
	    .prompt = "one two three", .name = "streamed");

	EXPECT(!a->error);
	EXPECT(is(a->text, "t0 t1 t2 t3 t4 t5 t6 t7 ") &&
	    a->len == strlen(a->text));
	EXPECT(a->tokens == 8 && a->prompt_tokens == 3);
	EXPECT(is(a->finish_reason, "stop"));
	EXPECT(a->first_byte >= 0 && a->first_byte < a->first_token);
	EXPECT(a->first_token >= 100000000);
	EXPECT(a->last_token >= a->first_token + 300000000);
	EXPECT(a->tokens_per_second > 0 && a->tokens_per_second < 20.1);
	EXPECT(a->response->status == 200 && !a->response->error);
	swarm_done(&t, 0);
}

static void whole(struct swarm_user *u)
{
	CHECK("whole");
	struct llm_answer *a = llm_chat(u, .model = "talk 0 0 3",
	    .messages = LLM_MESSAGES({ "system", "be brief" },
	        { "user", "\"quoted\" \\ text" }), .whole = true,
	    .max_tokens = 7, .extra = "{\"seed\": 1}", .key = "secret");

	EXPECT(!a->error && is(a->text, "t0 t1 t2 ") && a->tokens == 3);
	EXPECT(a->prompt_tokens == 5);
	EXPECT(a->first_token == -1 && a->tokens_per_second == 0);
	swarm_done(&t, 0);
}

static void failures(struct swarm_user *u)
{
	CHECK("failures");
	struct llm_answer *a;

	a = llm_chat(u, .model = "busy", .name = "busy");
	EXPECT(is(a->error, "HTTP 429 Too Many Requests"));
	a = llm_chat(u, .model = "breaks 0 0 9", .name = "breaks");
	EXPECT(is(a->error, "the model's server: overloaded"));
	EXPECT(is(a->text, "t0 t1 t2 "));
	a = llm_chat(u, .model = "stops 0 0 9", .name = "stops");
	EXPECT(is(a->error, "the stream ended before the model was done"));
	a = llm_chat(u, .model = "babbles 0 0 9", .name = "babbles");
	EXPECT(is(a->error, "what the model's server sent is not JSON"));
	a = llm_chat(u, .model = "talk 5 0 1", .timeout = 0.2,
	    .name = "slow");
	EXPECT(is(a->error, "timed out"));
	a = llm_chat(u, .model = "\xff", .name = "bad");
	EXPECT(strstr(a->error, "not UTF-8"));
	a = llm_chat(u, .model = "m", .extra = "[1]", .name = "bad");
	EXPECT(is(a->error, ".extra is no JSON object"));
	swarm_done(&t, 0);
}

static void ticks(struct swarm_user *u)
{
	CHECK("ticks");
	struct http_response *r = http_open(u, .path = "/tick?n=5&s=0.05",
	    .measure = true, .name = "ticks");
	struct http_event e;
	int n = 0;

	while (http_next_event(r, &e) == 1)
		n++;
	EXPECT(n == 5 && !r->error);
	swarm_done(&t, 0);
}

static void all(struct swarm_user *u)
{
	streamed(u);
	whole(u);
	failures(u);
	ticks(u);
	swarm_stop_user(u);
}

SWARM_SCENARIO({ .name = "llm_calls",
	.tasks = SWARM_TASKS(SWARM_TASK(all)) });
