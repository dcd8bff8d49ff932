/*
 * Conversations with a language model behind an OpenAI-compatible interface:
 * a question, an answer that is read as it is written, and a question about
 * it.  Shows the time to the first token, the gaps between tokens and tokens
 * a second as distributions.
 *
 *	swarm -f llm -H http://127.0.0.1:8000 -o llm.model=small -u 16 -t 1m
 */
#include <swarm/llm.h>
#include <swarm/swarm.h>

static const char *model;
static const char *key;
static int max_tokens;

static void converse(struct swarm_user *u)
{
	static const char *const topics[] = { "the sea", "railways", "bread",
		"the moon", "chess", "volcanoes" };
	const char *topic = topics[swarm_below(u, 6)];
	const char *question = swarm_printf(u, "Tell me about %s.", topic);
	struct llm_answer *a;

	a = llm_chat(u, .name = "question", .model = model, .key = key,
	    .max_tokens = max_tokens, .prompt = question);
	if (a->error)
		return;
	swarm_sleep(swarm_uniform(u) * 2);
	llm_chat(u, .name = "follow-up", .model = model, .key = key,
	    .max_tokens = max_tokens, .messages = LLM_MESSAGES(
	        { "user", question }, { "assistant", a->text },
	        { "user", "In one sentence, please." }));
}

SWARM_MODULE(
	.name = "llm",
	.summary = "conversations with a language model",
	.options = SWARM_OPTIONS(
		SWARM_OPTION(model, "default", "the model's name"),
		SWARM_OPTION(key, NULL, "the API key",
			.flags = SWARM_SECRET),
		SWARM_OPTION(max_tokens, "200", "longest answer")),
	.users = SWARM_USERS({ .name = "reader", .wait = SWARM_BETWEEN(1, 5),
		.tasks = SWARM_TASKS(SWARM_TASK(converse)) }),
);
