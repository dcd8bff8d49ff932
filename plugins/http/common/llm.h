/* Chats with language models, on whichever provider this is built into. */
#ifndef HTTP_COMMON_LLM_H
#define HTTP_COMMON_LLM_H

#include <swarm/llm.h>

/* load(): the provider's own table. */
void llm_load(const struct http_api *);
/* [fiber] Function of struct http_api. */
struct llm_answer *llm_ask(struct swarm_user *, const struct llm_args *);

#endif
