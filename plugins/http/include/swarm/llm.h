/*
 * Chats with language models over HTTP, as OpenAI's interface has them and
 * vLLM, llama.cpp, Ollama and others offer it: POST /v1/chat/completions, the
 * answer streamed as server-sent events.
 *
 *	static void ask(struct swarm_user *u)
 *	{
 *		struct llm_answer *a = llm_chat(u, .model = "small",
 *		    .prompt = "Why is the sky blue?", .max_tokens = 200);
 *
 *		if (!a->error)
 *			swarm_info("%u tokens", a->tokens);
 *	}
 *
 * It comes with both providers of <swarm/http.h>.  A call is one sample, a
 * POST whose time is that of the whole answer, and fails as others do, also
 * when the server reports an error in the stream or ends it early.  Besides
 * there are series with the sample's name and the types
 *
 *	first byte      from the call to the head of the answer
 *	first token     from the call to the first piece of text
 *	token gap       from each piece of text to the next
 *
 * the distribution "NAME tokens/s", of each answer after its first token, and
 * the counters llm_prompt_tokens and llm_tokens.
 */
#ifndef SWARM_LLM_H
#define SWARM_LLM_H

#include <swarm/http.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One message of a conversation; lists end with role == NULL.  Frozen. */
struct llm_message {
	const char *role;               /* "system", "user", "assistant" */
	const char *content;            /* UTF-8 */
};

#define LLM_MESSAGES(...) \
	((const struct llm_message[]){ __VA_ARGS__, { NULL, NULL } })

/* A question.  Everything but the model may be left out. */
struct llm_args {
	uint32_t size;
	const char *model;
	const char *prompt;             /* one message of the user; or: */
	const struct llm_message *messages;
	int max_tokens;                 /* 0: the server's own limit */
	/* More members of the request, as a JSON object:
	 * "{\"temperature\": 0, \"seed\": 7}". */
	const char *extra;
	bool whole;                     /* not streamed */
	const char *path;               /* NULL: "/v1/chat/completions" */
	const char *name;               /* of the sample; NULL: the path */
	const char *key;                /* sent as a bearer token */
	double timeout;                 /* seconds; 0: the plugin's option */
};

/* What came of it; lives until the task returns. */
struct llm_answer {
	uint32_t size;
	struct http_response *response; /* never NULL; ended */
	const char *error;              /* NULL: passed */
	const char *text;               /* so far, when it failed */
	size_t len;                     /* of text */
	/* As the server counts them, else pieces of text. */
	unsigned tokens;
	unsigned prompt_tokens;         /* 0: not told */
	const char *finish_reason;      /* "stop", "length", …; "" */
	/* ns from the call; -1: there was none. */
	int64_t first_byte;
	int64_t first_token;
	int64_t last_token;
	double tokens_per_second;       /* after the first token; 0: unknown */
};

#ifndef __cplusplus
/* [fiber] Asks and reads the answer to its end; never NULL. */
#define llm_chat(u, ...) \
	http_api_->chat((u), &(const struct llm_args){ \
		.size = (uint32_t)sizeof(struct llm_args), __VA_ARGS__ })
#else
/* `args` needs no size. */
static inline struct llm_answer *llm_chat(struct swarm_user *u,
    struct llm_args args)
{
	args.size = (uint32_t)sizeof args;
	return http_api_->chat(u, &args);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
