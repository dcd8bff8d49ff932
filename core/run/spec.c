/* See the header. */
#include "run/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <swarm/user.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/xalloc.h"
#include "user/schedule.h"

#define MANY    1e9
#define REPLAY_POOL 1000                /* users */
#define AT_ONCE 1e9                     /* users a second */

static const char *const keys[] = { "name", "classes", "users", "spawn-rate",
	"shape", "rate", "poisson", "when-busy", "catch-up", "queue",
	"iterations", "user-iterations", "start", "time", NULL };

void spec_init(struct spec *s)
{
	*s = (struct spec){ .users = -1, .busy = ARRIVALS_QUEUE,
		.catch_up = ARRIVALS_BURST, .queue = 10000 };
	s->name = xstrdup("");
}

static void free_list(char **list)
{
	for (char **at = list; at != NULL && *at != NULL; at++)
		free(*at);
	free(list);
}

void spec_release(struct spec *s)
{
	free(s->name);
	free_list(s->classes);
	free(s->shape);
	free(s->rate);
	free(s->replay);
	memset(s, 0, sizeof *s);
}

static void copy_default(struct spec *s, const struct spec *deflt)
{
	spec_init(s);
	s->poisson = deflt->poisson;
	s->busy = deflt->busy;
	s->catch_up = deflt->catch_up;
	s->queue = deflt->queue;
}

static char **split(const char *text)
{
	char *copy = xstrdup(text);
	char **list = xcalloc(1, sizeof *list);
	char *save = NULL;
	size_t n = 0;

	for (char *word = strtok_r(copy, ",", &save); word != NULL;
	    word = strtok_r(NULL, ",", &save)) {
		list = xreallocarray(list, n + 2, sizeof *list);
		list[n++] = xstrdup(word);
		list[n] = NULL;
	}
	free(copy);
	return list;
}

static void replace(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

/* They go into file names, labels of metrics and lines of a plan. */
static int set_name(struct spec *s, const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	if (len == 0 || text[len] != '\0' || len > SPEC_NAME_MAX)
		return -1;
	replace(&s->name, text);
	return 0;
}

/* 0, or -1 for a bad value. */
static int set_load(struct spec *s, const char *key, const char *value)
{
	if (strcmp(key, "users") == 0)
		return parse_int64(value, 0, (int64_t)MANY, &s->users);
	if (strcmp(key, "spawn-rate") == 0)
		return parse_double(value, 1e-3, AT_ONCE, &s->spawn_rate);
	if (strcmp(key, "iterations") == 0)
		return parse_int64(value, 1, INT64_C(1000000000000),
		    &s->iterations);
	if (strcmp(key, "user-iterations") == 0)
		return parse_int64(value, 1, (int64_t)MANY,
		    &s->user_iterations);
	if (strcmp(key, "queue") == 0)
		return parse_int64(value, 1, 10000000, &s->queue);
	if (strcmp(key, "poisson") == 0)
		return parse_bool(value, &s->poisson);
	if (strcmp(key, "when-busy") == 0)
		return arrivals_busy_parse(value, &s->busy);
	return arrivals_catch_up_parse(value, &s->catch_up);
}

static int set(struct spec *s, const char *key, const char *value)
{
	if (strcmp(key, "name") == 0)
		return set_name(s, value);
	if (strcmp(key, "start") == 0)
		return parse_duration(value, &s->start);
	if (strcmp(key, "time") == 0)
		return parse_duration(value, &s->time);
	if (strcmp(key, "classes") == 0) {
		free_list(s->classes);
		s->classes = split(value);
		return s->classes[0] != NULL ? 0 : -1;
	}
	if (strcmp(key, "shape") == 0)
		replace(&s->shape, value);
	else if (strcmp(key, "rate") == 0)
		replace(&s->rate, value);
	else
		return set_load(s, key, value);
	return 0;
}

static const char *known_key(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; word[len] == '=' && keys[i] != NULL; i++) {
		if (strlen(keys[i]) == len && memcmp(keys[i], word, len) == 0)
			return keys[i];
	}
	return NULL;
}

static int bad_word(const char *text, const char *word)
{
	char *key = xstrndup(word, strcspn(word, "="));
	const char *near = parse_suggest(key, keys);

	if (near != NULL)
		log_error("executor \"%s\": there is no \"%s\"; did you mean "
		    "%s?", text, key, near);
	else
		log_error("executor \"%s\": \"%s\" is not KEY=VALUE; keys are "
		    "name, classes, users, spawn-rate, shape, rate, poisson, "
		    "when-busy, catch-up, queue, iterations, user-iterations, "
		    "start and time; part them with ; where a value holds "
		    "commas", text, word);
	free(key);
	return -1;
}

static int set_word(struct spec *s, const char *text, char *word)
{
	const char *key = known_key(word);
	const char *value;

	if (key == NULL)
		return bad_word(text, word);
	value = word + strlen(key) + 1;
	if (set(s, key, value) == 0)
		return 0;
	log_error("executor \"%s\": \"%s\" is no value for %s (see swarm(1), "
	    "EXECUTORS)", text, value, key);
	return -1;
}

/* The end of the word at `s`.  A comma ends it only before KEY=: what else
 * follows one belongs to a list. */
static char *word_end(char *s, bool semicolons)
{
	for (; *s != '\0'; s++) {
		if (semicolons ? *s == ';' :
		    *s == ',' && s[1 + strcspn(s + 1, "=:,")] == '=')
			return s;
	}
	return s;
}

int spec_parse(struct spec *s, const char *text, const struct spec *deflt)
{
	char *copy = xstrdup(text);
	bool semicolons = strchr(text, ';') != NULL;
	char *next = copy;
	int rc = 0;

	copy_default(s, deflt);
	while (rc == 0 && *next != '\0') {
		char *word = next + strspn(next, " ");
		char *end = word_end(word, semicolons);

		next = *end != '\0' ? end + 1 : end;
		*end = '\0';
		if (*word != '\0')
			rc = set_word(s, text, word);
	}
	free(copy);
	if (rc == 0 && s->name[0] == '\0') {
		log_error("executor \"%s\" has no name: begin with name=...",
		    text);
		rc = -1;
	}
	if (rc == 0)
		rc = spec_complete(s);
	if (rc == -1)
		spec_release(s);
	return rc;
}

/* One value of a scenario's executor; NULL was not given. */
static int take(struct spec *s, const char *module, const char *key,
    const char *value)
{
	if (value == NULL || set(s, key, value) == 0)
		return 0;
	log_error("%s: executor \"%s\": \"%s\" is no value for .%s", module,
	    s->name, value, key);
	return -1;
}

static int bad_number(const struct spec *s, const char *module,
    const char *key)
{
	log_error("%s: executor \"%s\": .%s is out of range", module, s->name,
	    key);
	return -1;
}

int spec_take(struct spec *s, const struct swarm_executor *e,
    const struct spec *deflt, const char *module)
{
	copy_default(s, deflt);
	s->spawn_rate = e->spawn_rate;
	s->poisson = s->poisson || e->poisson;
	s->users = e->users > 0 ? (int64_t)e->users : -1;
	s->iterations = (int64_t)e->iterations;
	s->user_iterations = (int64_t)e->user_iterations;
	s->start = e->start;
	s->time = e->time;
	if (e->queue > 0)
		s->queue = (int64_t)e->queue;
	if (take(s, module, "name", e->name) == -1 ||
	    take(s, module, "classes", e->classes) == -1 ||
	    take(s, module, "shape", e->shape) == -1 ||
	    take(s, module, "rate", e->rate) == -1 ||
	    take(s, module, "when-busy", e->when_busy) == -1 ||
	    take(s, module, "catch-up", e->catch_up) == -1)
		goto fail;
	if (!(s->spawn_rate >= 0 && s->spawn_rate <= AT_ONCE)) {
		bad_number(s, module, "spawn_rate");
		goto fail;
	}
	if (!(s->start >= 0 && s->start < MANY) ||
	    !(s->time >= 0 && s->time < MANY)) {
		bad_number(s, module, "start or .time");
		goto fail;
	}
	if (spec_complete(s) == 0)
		return 0;

fail:
	spec_release(s);
	return -1;
}

enum spec_model spec_model(const struct spec *s)
{
	if (s->rate != NULL)
		return SPEC_RATE;
	if (s->replay != NULL)
		return SPEC_REPLAY;
	if (s->iterations > 0)
		return SPEC_ITERATIONS;
	if (s->user_iterations > 0)
		return SPEC_USER_ITERATIONS;
	return s->shape != NULL ? SPEC_SHAPE : SPEC_USERS;
}

const char *spec_model_name(enum spec_model model)
{
	static const char *const names[] = { "users", "shape", "rate",
		"iterations", "user-iterations", "replay" };

	return names[model];
}

static int check(const struct spec *s)
{
	int models = (s->rate != NULL) + (s->shape != NULL) +
	    (s->iterations > 0) + (s->user_iterations > 0);

	if (models <= 1)
		return 0;
	log_error("%s%s%sone load model at a time: a shape, a rate, shared "
	    "iterations or iterations of each user", s->name[0] != '\0' ?
	    "executor \"" : "", s->name, s->name[0] != '\0' ? "\": " : "");
	return -1;
}

/* Of the open model: a pool, there at once. */
static int complete_open(struct spec *s)
{
	struct schedule schedule;
	double peak;

	if (schedule_parse(&schedule, s->rate) == -1)
		return -1;
	peak = ceil(schedule_peak(&schedule));
	schedule_release(&schedule);
	if (s->users < 0)
		s->users = peak < 10 ? 10 : peak > 10000 ? 10000 :
		    (int64_t)peak;
	if (s->spawn_rate <= 0)
		s->spawn_rate = AT_ONCE;
	return 0;
}

int spec_complete(struct spec *s)
{
	if (check(s) == -1 || (s->rate != NULL && complete_open(s) == -1))
		return -1;
	if (s->replay != NULL && s->catch_up == ARRIVALS_SPREAD) {
		log_error("--catch-up spread is for a rate: a trace says "
		    "itself when its events are due (burst or drop)");
		return -1;
	}
	if (s->users < 0)
		s->users = s->replay != NULL ? REPLAY_POOL : 1;
	if (s->spawn_rate <= 0)
		s->spawn_rate = s->replay != NULL || s->iterations > 0 ||
		    s->user_iterations > 0 ?
		    AT_ONCE : 1;
	return 0;
}
