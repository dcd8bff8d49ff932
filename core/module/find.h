/*
 * Where modules, headers and templates are: relative to this program, so that
 * an installed tree may be moved and a build tree runs as it is.
 */
#ifndef MODULE_FIND_H
#define MODULE_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "module/names.h"

struct find_dir {
	char *path;
	const char *what;               /* "SWARM_PLUGIN_PATH", "install", … */
};

/* `exe`: this program; NULL asks the kernel.  May be called again. */
void find_init(const char *exe);
/* The plugin folders in the order they are searched. */
size_t find_dir_count(void);
const struct find_dir *find_dir_at(size_t i);

/* NAME or NAME.so in the plugin folders; an absolute path (free()) or
 * NULL.  `here`: the current folder is looked at last. */
char *find_plugin(const char *name, bool here);
/* NAME.so in one plugin folder (free()), or NULL. */
char *find_plugin_in(const struct find_dir *, const char *name);
/* A scenario of that name that came with swarm, NAME.so or, with its ending,
 * one that a plugin reads (free()), or NULL. */
char *find_scenario(const char *name);
/* Adds the names of all plugins found, each once, sorted. */
void find_plugin_names(struct names *);
/* Adds the names of the plugins in one folder, sorted. */
void find_plugin_names_in(const struct find_dir *, struct names *);

/* Folders for -I, as this program's build or install has them. */
void find_include_dirs(struct names *);
/* A file or folder of share/swarm (free()), or NULL. */
char *find_data(const char *relative);
/* This program (never NULL after find_init()). */
const char *find_exe(void);

/* The path without its folder and without a last ".so" or ".c" (free()). */
char *find_stem(const char *path);
bool find_ends_with(const char *path, const char *suffix);
/* The nearest name to `path` in its folder (free()), or NULL. */
char *find_similar(const char *path);

#endif
