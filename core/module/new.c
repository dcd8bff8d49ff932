/*
 * `swarm new`: a scenario or a plugin to start from.
 *
 * The templates are files in share/swarm/templates, so that plugins bring
 * their own: "plugin" is a folder, every NAME.c beside it a scenario.  In
 * their texts and file names @NAME@ is the name given, @ID@ the same as an
 * identifier of C, @CAPS@ in capitals, @FILE@ the file written.  Nothing that
 * exists is written over.
 */
#include "module/tools.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/write.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/names.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (1 << 20)
#define DEFAULT_TEMPLATE "scenario"

struct subject {
	char *name;
	char *id;
	char *caps;
	const char *file;
};

static int usage(void)
{
	fputs("usage: swarm new scenario NAME [--template TEMPLATE]\n"
	    "       swarm new [scenario NAME] --from-har FILE\n"
	    "       swarm new scenario NAME --from-curl 'curl ...'\n"
	    "       swarm new plugin NAME\n"
	    "       swarm new --list\n", stderr);
	return TOOLS_USAGE;
}

static bool good_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > 64 || !isalpha((unsigned char)name[0]))
		return false;
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			return false;
	return true;
}

static void name_subject(struct subject *s, char *name)
{
	s->name = name;
	s->id = xstrdup(name);
	s->caps = xstrdup(name);
	for (char *c = s->id; *c; c++)
		*c = *c == '-' ? '_' : *c;
	for (char *c = s->caps; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

static void release_subject(struct subject *s)
{
	free(s->name);
	free(s->id);
	free(s->caps);
}

static void replace(const struct subject *s, const char *text,
    struct buf *out)
{
	const char *const words[][2] = {
		{ "@NAME@", s->name }, { "@ID@", s->id },
		{ "@CAPS@", s->caps }, { "@FILE@", s->file },
	};

	while (*text) {
		size_t len = strcspn(text, "@");
		bool known = false;

		buf_add(out, text, len);
		text += len;
		for (size_t i = 0; i < 4 && !known; i++) {
			size_t n = strlen(words[i][0]);

			known = strncmp(text, words[i][0], n) == 0;
			if (!known)
				continue;
			buf_puts(out, words[i][1]);
			text += n;
		}
		if (!known && *text)
			buf_putc(out, *text++);
	}
}

static int read_text(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!f) {
		log_error("cannot read the template %s: %m", path);
		return -1;
	}
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(out, part, n);
	fclose(f);
	return 0;
}

/* Writes a new file; its number of lines, or -1 after log_error(). */
static int write_new(const char *path, const struct buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	const char *s = buf_str(text);
	int lines = 0;

	if (fd == -1 && errno == EEXIST)
		log_error("%s is there already; choose another name, or "
		    "remove it first", path);
	else if (fd == -1)
		log_error("cannot create %s: %m", path);
	if (fd == -1)
		return -1;
	if (write_all(fd, s, text->len) == -1) {
		log_error("cannot write %s: %m", path);
		close(fd);
		unlink(path);
		return -1;
	}
	close(fd);
	for (; *s; s++)
		lines += *s == '\n';
	return lines;
}

static int instantiate(const struct subject *s, const char *from,
    const char *to)
{
	struct buf text = BUF_INIT(TEXT_MAX), out = BUF_INIT(TEXT_MAX);
	int lines = -1;

	if (read_text(from, &text) == 0) {
		replace(s, buf_str(&text), &out);
		lines = write_new(to, &out);
	}
	if (lines >= 0)
		printf("created %s (%d lines)\n", to, lines);
	buf_release(&text);
	buf_release(&out);
	return lines >= 0 ? 0 : -1;
}

/* A folder and what is in it; 0, or -1 after log_error(). */
static int instantiate_dir(const struct subject *s, const char *from,
    const char *to)
{
	struct names files = { 0 };
	DIR *d = opendir(from);
	struct dirent *e;
	int rc = 0;

	if (mkdir(to, 0777) == -1) {
		if (errno == EEXIST)
			log_error("%s is there already; choose another name, "
			    "or remove it first", to);
		else
			log_error("cannot create %s: %m", to);
		rc = -1;
	}
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			names_add(&files, e->d_name);
	if (d)
		closedir(d);
	names_sort(&files);
	for (size_t i = 0; i < files.count && rc == 0; i++) {
		struct buf name = BUF_INIT(1024);
		char *source = xasprintf("%s/%s", from, files.at[i]);
		char *target;
		struct stat st;

		replace(s, files.at[i], &name);
		target = xasprintf("%s/%s", to, buf_str(&name));
		if (stat(source, &st) == 0 && S_ISDIR(st.st_mode))
			rc = instantiate_dir(s, source, target);
		else
			rc = instantiate(s, source, target);
		free(target);
		free(source);
		buf_release(&name);
	}
	names_release(&files);
	return rc;
}

/* The scenario templates, sorted. */
static void list_templates(struct names *out)
{
	char *dir = find_data("templates");
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (find_ends_with(e->d_name, ".c"))
			names_take(out, find_stem(e->d_name));
	if (d)
		closedir(d);
	names_sort(out);
	free(dir);
}

static int print_templates(void)
{
	struct names all = { 0 };

	list_templates(&all);
	for (size_t i = 0; i < all.count; i++)
		puts(all.at[i]);
	names_release(&all);
	return TOOLS_OK;
}

static int say_no_template(const char *template)
{
	struct names all = { 0 };
	const char *near;
	char *list;

	list_templates(&all);
	near = names_suggest(&all, template);
	list = names_join(&all, "none; is swarm installed whole?");
	if (near)
		log_error("there is no template \"%s\"; did you mean %s?  "
		    "There are: %s", template, near, list);
	else
		log_error("there is no template \"%s\"; there are: %s",
		    template, list);
	free(list);
	names_release(&all);
	return TOOLS_USAGE;
}

static int new_scenario(const char *path, const char *template)
{
	char *relative = xasprintf("templates/%s.c", template);
	char *from = strchr(template, '/') ? NULL : find_data(relative);
	char *to = find_ends_with(path, ".c") ? xstrdup(path) :
	    xasprintf("%s.c", path);
	struct subject s = { .file = to };
	int rc;

	name_subject(&s, find_stem(to));
	if (!good_name(s.name)) {
		log_error("\"%s\" cannot be a scenario's name; begin with a "
		    "letter, and use letters, digits, \"_\" and \"-\"",
		    s.name);
		rc = TOOLS_USAGE;
	} else if (!from) {
		rc = say_no_template(template);
	} else if (instantiate(&s, from, to) == 0) {
		printf("next:  swarm try %s\nthen:  swarm -f %s\n", to, to);
		rc = TOOLS_OK;
	} else {
		rc = TOOLS_USAGE;
	}
	release_subject(&s);
	free(to);
	free(from);
	free(relative);
	return rc;
}

static int new_plugin(const char *path)
{
	char *from = find_data("templates/plugin");
	struct subject s = { .file = path };
	int rc = TOOLS_USAGE;

	name_subject(&s, find_stem(path));
	if (!good_name(s.name))
		log_error("\"%s\" cannot be a plugin's name; begin with a "
		    "letter, and use letters, digits, \"_\" and \"-\"",
		    s.name);
	else if (!from)
		log_error("there is no template for plugins; is swarm "
		    "installed whole?");
	else if (instantiate_dir(&s, from, path) == 0)
		rc = TOOLS_OK;
	if (rc == TOOLS_OK)
		printf("next:  cmake -S %s -B %s/build && cmake --build "
		    "%s/build\n", path, path, path);
	release_subject(&s);
	free(from);
	return rc;
}

/* Without a name it is that of what it is made from, or "scenario". */
static int from_something(const char *kind, const char *what,
    const char *name)
{
	char *stem = find_stem(name ? name : what);
	char *dot = strrchr(stem, '.');
	char *to;
	int rc;

	if (dot && !name)
		*dot = '\0';
	if (!name && !good_name(stem)) {
		free(stem);
		stem = xstrdup(DEFAULT_TEMPLATE);
	}
	if (name)
		to = find_ends_with(name, ".c") ? xstrdup(name) :
		    xasprintf("%s.c", name);
	else
		to = xasprintf("%s.c", stem);
	if (good_name(stem)) {
		rc = module_new_from(kind, what, to);
	} else {
		log_error("\"%s\" cannot be a scenario's name; begin with a "
		    "letter, and use letters, digits, \"_\" and \"-\"",
		    stem);
		rc = TOOLS_USAGE;
	}
	free(to);
	free(stem);
	return rc;
}

int module_new_main(int argc, char **argv)
{
	const char *template = DEFAULT_TEMPLATE;
	const char *words[2] = { NULL, NULL };
	const char *kind = NULL, *what = NULL;
	int count = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			return print_templates();
		if (strcmp(argv[i], "--template") == 0 && i + 1 < argc)
			template = argv[++i];
		else if (strncmp(argv[i], "--from-", 7) == 0 && i + 1 < argc) {
			kind = argv[i] + 7;
			what = argv[++i];
		} else if (argv[i][0] == '-' || count == 2)
			return usage();
		else
			words[count++] = argv[i];
	}
	if (kind && count == 0)
		return from_something(kind, what, NULL);
	if (kind && count == 2 && strcmp(words[0], "scenario") == 0)
		return from_something(kind, what, words[1]);
	if (kind)
		return usage();
	if (count == 2 && strcmp(words[0], "scenario") == 0)
		return new_scenario(words[1], template);
	if (count == 2 && strcmp(words[0], "plugin") == 0)
		return new_plugin(words[1]);
	/* `swarm new shop.c` says enough. */
	if (count == 1 && find_ends_with(words[0], ".c"))
		return new_scenario(words[0], template);
	return usage();
}
