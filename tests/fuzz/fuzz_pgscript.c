/*
 * pgbench's script language: parse, then evaluate every expression.
 */
#include <stdint.h>
#include <stdlib.h>

#include "postgres/pgs_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct pgs_script *script,
    const struct pgs_names *names)
{
	struct pgs_random rng;
	struct pgs_vars vars;
	struct pgs_env env = { .vars = &vars, .names = names, .random = &rng };
	size_t i;

	pgs_random_seed(&rng, 1);
	if (pgs_vars_init(&vars, names->count) == -1)
		return;
	env.stack = calloc(script->stack_depth + 1, sizeof(*env.stack));
	for (i = 0; env.stack != NULL && i < script->count; i++) {
		const struct pgs_command *command = &script->commands[i];
		struct pgs_value value;
		struct pgs_error err;

		if (command->expr.count > 0 && pgs_expr_eval(&command->expr,
		    &env, &value, &err) == 0 && command->slot >= 0)
			pgs_vars_set(&vars, command->slot, &value);
	}
	free(env.stack);
	pgs_vars_release(&vars);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pgs_names names = { 0 };
	struct pgs_script script;
	struct pgs_error err;

	if (pgs_script_parse(&script, &names, "fuzz", (const char *)data,
	    size, &err) == 0)
		evaluate(&script, &names);
	pgs_script_release(&script);
	pgs_names_release(&names);
	return 0;
}
