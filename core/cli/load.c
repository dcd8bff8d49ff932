/* Loading what the options name, in the order that makes imports meet. */
#include "cli/role.h"

#include <swarm/command.h>

#include <string.h>

#include "cli/command.h"
#include "cli/config_users.h"
#include "cli/folder.h"
#include "cli/modules.h"
#include "cli/playback.h"
#include "module/module.h"
#include "report/sinks.h"
#include "user/user.h"

/* Where no outputs run: in workers. */
static bool is_worker(const struct options *o)
{
	return o->worker || o->local_worker != NULL;
}

/* A local worker gets the master's options, among them those of outputs that
 * it does not load. */
static bool is_for_output(const struct options *o, const char *setting)
{
	return is_worker(o) && sinks_name(o->outs.items, setting,
	    strcspn(setting, ".="));
}

static int set_options(struct options *o)
{
	for (size_t i = 0; i < o->settings.count; i++) {
		const char *setting = o->settings.items[i];

		if (!is_for_output(o, setting) &&
		    module_set_option(setting) == -1)
			return EXIT_USAGE;
	}
	return EXIT_PASSED;
}

static int open_file(const char *path)
{
	return module_open_scenario(path) == NULL ? -1 : 0;
}

static int open_scenario(const char *path)
{
	return folder_is(path) ? folder_each(path, open_file) :
	    open_file(path);
}

static int open_modules(const struct options *o)
{
	if (o->accept_modules && (o->worker || o->relay) &&
	    modules_accept(o) == -1)
		return -1;
	for (size_t i = 0; i < o->plugins.count; i++) {
		if (module_open_plugin(o->plugins.items[i]) == NULL)
			return -1;
	}
	for (size_t i = 0; i < o->scenarios.count; i++) {
		if (open_scenario(o->scenarios.items[i]) == -1)
			return -1;
	}
	if (!is_worker(o) && sinks_open(o->outs.items) == -1)
		return -1;
	if (o->replay != NULL && playback_open() == -1)
		return -1;
	return module_bind();
}

int role_load_modules(struct options *o, int *command)
{
	int rc = set_options(o);

	*command = SWARM_COMMAND_RUN;
	if (rc != EXIT_PASSED)
		return rc;
	if (open_modules(o) == -1)
		return EXIT_MODULE;
	if (module_apply_options() == -1)
		return EXIT_USAGE;
	if (module_load_all() == -1)
		return EXIT_MODULE;
	if (o->replay != NULL && playback_offer() == -1)
		return EXIT_MODULE;
	if (command_taken() != NULL)
		*command = command_setup();
	if (*command == SWARM_COMMAND_ERROR)
		return EXIT_USAGE;
	if (config_users_apply(o->config_users.items) == -1)
		return EXIT_USAGE;
	if (o->equal_weights)
		user_class_equal_weights();
	return user_class_select(o->classes.items, o->tags.items,
	    o->exclude_tags.items) == -1 ? EXIT_USAGE : EXIT_PASSED;
}
