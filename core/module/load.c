/*
 * Opens one shared object.  Nothing that a module says is used before its
 * magic number, ABI and sizes are checked; then its head is copied into a
 * struct of this host's size, so that an older module's missing fields read
 * as zero and a newer one's extra fields are not seen.
 *
 * RTLD_LOCAL, so that two modules may have functions of the same name; never
 * closed, because libraries with threads of their own would crash.
 */
#include "module/internal.h"

#include <swarm/user.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "module/find.h"
#include "module/guard.h"
#include "module/verify.h"

#include <ctype.h>
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#define HOW_TO_BUILD \
	"cc -shared -fPIC $(pkg-config --cflags swarm) NAME.c -o NAME.so"
#define STRUCT_MAX 65536                /* of one element or head, bytes */
#define ARRAY_MAX 65536                 /* elements */
#define MISSING_MAX 8                   /* names listed in a message */

#define END_OF(type, field) \
	(offsetof(type, field) + sizeof(((type *)0)->field))

/* Where constructors note imports while a module is being opened. */
static struct swarm_import **noting;

SWARM_API void swarm_import(struct swarm_import *import)
{
	if (!noting)
		return;
	import->next = *noting;
	*noting = import;
}

/* ---- what the dynamic linker says, in words ---- */

/* The plugin that a function called `symbol` belongs to by its name
 * (free()), or NULL. */
static char *owner_of(const char *symbol)
{
	struct names all = { 0 };
	char *owner = NULL;

	find_plugin_names(&all);
	for (size_t i = 0; i < all.count && !owner; i++) {
		size_t len = strlen(all.at[i]);

		if (strncmp(symbol, all.at[i], len) == 0 && symbol[len] == '_')
			owner = xstrdup(all.at[i]);
	}
	names_release(&all);
	return owner;
}

static void say_undefined(const char *path, const char *text)
{
	char *symbol = xstrndup(text, strcspn(text, ", \n"));
	char *owner = owner_of(symbol);

	if (owner)
		log_error("cannot load %s: it calls %s(), which by its name "
		    "belongs to the plugin %s; plugins are called through "
		    "their header: #include <swarm/%s.h>, and see whether it "
		    "has that function", path, symbol, owner, owner);
	else
		log_error("cannot load %s: nothing defines %s; is the name "
		    "right?  If it is a library's, link that: add -lNAME to "
		    "the compiler's line (for a .c given to swarm: "
		    "CFLAGS=-lNAME)", path, symbol);
	free(owner);
	free(symbol);
}

static void say_dlerror(const char *path, const char *error)
{
	static const char undefined[] = "undefined symbol: ";
	static const char absent[] = ": cannot open shared object file";
	const char *at;

	at = strstr(error, undefined);
	if (at) {
		say_undefined(path, at + sizeof(undefined) - 1);
		return;
	}
	at = strstr(error, absent);
	if (at) {
		log_error("cannot load %s: it needs the library %.*s, which "
		    "is not installed here; install its package, or put its "
		    "folder into LD_LIBRARY_PATH", path, (int)(at - error),
		    error);
		return;
	}
	if (strstr(error, "version `GLIBC_")) {
		log_error("cannot load %s: it was built on a newer system "
		    "than this one (%s); build it here: " HOW_TO_BUILD, path,
		    error);
		return;
	}
	log_error("cannot load %s: %s", path, error);
}

/* All at once, before dlopen() would name the first. */
static int check_host_has(const char *path, const struct elf *e)
{
	struct names missing = { 0 };
	const char *name;
	char *list;
	size_t at = 0;

	while ((name = elf_next_missing(e, &at)) &&
	    missing.count < MISSING_MAX)
		if (strncmp(name, "swarm_", 6) == 0 &&
		    !dlsym(RTLD_DEFAULT, name))
			names_add(&missing, name);
	if (missing.count == 0)
		return 0;
	list = names_join(&missing, "");
	log_error("cannot load %s: this swarm (" SWARM_VERSION ") has no %s; "
	    "the module needs a newer swarm, or misspells a name", path, list);
	free(list);
	names_release(&missing);
	return -1;
}

/* ---- what the module says ---- */

static int check_abi(const char *path, const struct swarm_module *m)
{
	unsigned major = SWARM_ABI_MAJOR, minor = SWARM_ABI_MINOR;
	bool newer = m->abi_major > major ||
	    (m->abi_major == major && m->abi_minor > minor);
	bool older = m->abi_major < major;

	if (newer) {
		log_error("cannot load %s: it was built for ABI %u.%u, newer "
		    "than the %d.%d of this swarm (" SWARM_VERSION "); update "
		    "swarm, or rebuild the module with this swarm's headers: "
		    HOW_TO_BUILD, path, m->abi_major, m->abi_minor,
		    SWARM_ABI_MAJOR, SWARM_ABI_MINOR);
		return -1;
	}
	if (older) {
		log_error("cannot load %s: it was built for ABI %u.%u, older "
		    "than the %d.%d of this swarm (" SWARM_VERSION "); "
		    "rebuild it: " HOW_TO_BUILD, path, m->abi_major,
		    m->abi_minor, SWARM_ABI_MAJOR, SWARM_ABI_MINOR);
		return -1;
	}
	return 0;
}

static bool good_stride(uint32_t stride, size_t least)
{
	return stride >= least && stride <= STRUCT_MAX &&
	    stride % sizeof(void *) == 0;
}

static bool has_executors(const struct swarm_module *m)
{
	return m->size >= END_OF(struct swarm_module, executors) &&
	    m->executors;
}

static int check_sizes(const char *path, const struct swarm_module *m)
{
	if (m->size >= END_OF(struct swarm_module, exports) &&
	    m->size <= STRUCT_MAX &&
	    good_stride(m->user_size, END_OF(struct swarm_user_class,
	    tasks)) &&
	    good_stride(m->task_size, END_OF(struct swarm_task, run)) &&
	    good_stride(m->option_size, END_OF(struct swarm_option, help)) &&
	    good_stride(m->export_size, END_OF(struct swarm_export, iface)) &&
	    (!has_executors(m) || good_stride(m->executor_size,
	    END_OF(struct swarm_executor, users))))
		return 0;
	log_error("cannot load %s: its description has impossible sizes "
	    "(%u, %u, %u, %u, %u, %u); let SWARM_MODULE() or "
	    "SWARM_SCENARIO() write it", path, m->size, m->user_size,
	    m->task_size, m->option_size, m->export_size, m->executor_size);
	return -1;
}

static const struct swarm_module *ask(const char *path, void *handle)
{
	const struct swarm_module *(*entry)(void);
	const struct swarm_module *m;
	void *symbol = dlsym(handle, VERIFY_ENTRY);

	if (!symbol) {
		log_error("cannot load %s: it exports no " VERIFY_ENTRY "; end "
		    "its source with SWARM_MODULE() or SWARM_SCENARIO()",
		    path);
		return NULL;
	}
	memcpy(&entry, &symbol, sizeof(entry));
	m = entry();
	if (!m) {
		log_error("cannot load %s: " VERIFY_ENTRY "() returned NULL; "
		    "let SWARM_MODULE() write it", path);
		return NULL;
	}
	if (m->magic != SWARM_MAGIC) {
		log_error("cannot load %s: its description does not begin "
		    "with SWARM_MAGIC (0x%08x instead); let SWARM_MODULE() "
		    "write it", path, m->magic);
		return NULL;
	}
	if (check_abi(path, m) == -1 || check_sizes(path, m) == -1)
		return NULL;
	return m;
}

/* Names prefix options ("NAME.x"), log lines and environment variables. */
static bool good_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]))
		return false;
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			return false;
	return strlen(name) <= 64;
}

/* The module's own name, or one made from the file's (free()); NULL after
 * log_error(). */
static char *name_of(const char *path, const struct swarm_module *def)
{
	char *name;

	if (def->name) {
		if (good_name(def->name))
			return xstrdup(def->name);
		log_error("cannot load %s: \"%.64s\" cannot be a module's "
		    "name; use letters, digits, \"_\" and \"-\"", path,
		    def->name);
		return NULL;
	}
	name = find_stem(path);
	for (char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			*s = '_';
	if (good_name(name))
		return name;
	log_error("cannot load %s: no module's name can be made from the "
	    "file's; set .name in SWARM_MODULE()", path);
	free(name);
	return NULL;
}

/* "vendor.name/revision" */
static bool good_id(const char *id)
{
	const char *slash = id ? strrchr(id, '/') : NULL;

	if (!slash || !memchr(id, '.', (size_t)(slash - id)))
		return false;
	for (const char *s = id; s < slash; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			return false;
	return isdigit((unsigned char)slash[1]) &&
	    slash[1 + strspn(slash + 1, "0123456789")] == '\0';
}

static int check_exports(const char *path, const struct module *m)
{
	struct swarm_export x;

	for (size_t i = 0; bind_export_at(m, i, &x); i++) {
		if (i >= ARRAY_MAX || !good_id(x.id)) {
			log_error("cannot load %s: \"%.80s\" cannot be an "
			    "interface's id; write \"vendor.name/1\"", path,
			    x.id);
			return -1;
		}
		if (!x.iface || x.iface->size < sizeof(*x.iface)) {
			log_error("cannot load %s: the table of %s has no "
			    "size; begin it with SWARM_IFACE(type, minor)",
			    path, x.id);
			return -1;
		}
	}
	return 0;
}

static int say_nameless(const char *path, const char *what, size_t i,
    const char *of)
{
	log_error("cannot load %s: %s %zu%s%s has no name, which would end "
	    "the list and leave it out; set .name", path, what, i + 1,
	    of ? " of " : "", of ? of : "");
	return -1;
}

/* Lists end with an entry that has no name: one with anything else in it was
 * meant to count. */
static int check_lists(const char *path, const struct module *m)
{
	struct swarm_user_class c;
	struct swarm_option o;
	struct swarm_export x;
	struct swarm_task t;
	size_t i, k;

	for (i = 0; module_user_at(m, i, &c); i++) {
		for (k = 0; module_task_at(m, &c, k, &t); k++)
			;
		if (t.run || t.set)
			return say_nameless(path, "task", k, c.name);
	}
	if (c.tasks || c.start)
		return say_nameless(path, "user class", i, NULL);
	for (i = 0; module_option_at(m, i, &o); i++)
		;
	if (o.dest)
		return say_nameless(path, "option", i, NULL);
	for (i = 0; bind_export_at(m, i, &x); i++)
		;
	return x.iface ? say_nameless(path, "export", i, NULL) : 0;
}

static uintptr_t base_of(void *handle)
{
	struct link_map *map = NULL;

	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == -1 || !map)
		return 0;
	return map->l_addr;
}

static struct module *open_verified(const char *path, const char *source,
    const struct elf *e)
{
	const struct swarm_module *said;
	const char *shown = source ? source : path;
	struct module *m = xcalloc(1, sizeof(*m));

	hash_data(e->data, e->size, m->sha256);
	noting = &m->imports;
	guard_begin(shown, "a constructor of it");
	m->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	guard_end();
	noting = NULL;
	if (!m->handle) {
		say_dlerror(shown, dlerror());
		goto free_module;
	}
	said = ask(shown, m->handle);
	if (!said)
		goto free_module;
	memcpy(&m->def, said, said->size < sizeof(m->def) ? said->size :
	    sizeof(m->def));
	m->name = name_of(shown, &m->def);
	if (!m->name || check_exports(shown, m) == -1 ||
	    check_lists(shown, m) == -1)
		goto free_module;
	m->path = xstrdup(path);
	m->source = source ? xstrdup(source) : NULL;
	m->base = base_of(m->handle);
	return m;

free_module:
	/* The object stays mapped; it is only forgotten. */
	free(m->name);
	free(m);
	return NULL;
}

struct module *load_module(const char *path, const char *source)
{
	const char *shown = source ? source : path;
	struct module *m = NULL;
	struct elf e;

	if (verify_module(path, shown, &e) == -1)
		return NULL;
	if (check_host_has(shown, &e) == 0)
		m = open_verified(path, source, &e);
	elf_close(&e);
	return m;
}

/* "shop" of ".../shop.lua", read by a module that reads ".lua". */
static char *name_of_read(const char *path, const struct module *reader)
{
	char *stem = xstrndup(path, strlen(path) - strlen(reader->def.reads));
	char *name = name_of(stem, &(struct swarm_module){ 0 });

	free(stem);
	return name;
}

struct module *load_read(const char *path, struct module *reader)
{
	unsigned before = api_log_errors();
	struct module *m;
	int rc;

	if (verify_trust(path) == -1)
		return NULL;
	m = xcalloc(1, sizeof(*m));
	m->def.abi_major = reader->def.abi_major;
	m->def.abi_minor = reader->def.abi_minor;
	m->reader = reader;
	m->path = xstrdup(path);
	m->name = name_of_read(path, reader);
	if (!m->name)
		goto free_module;
	if (hash_file(path, m->sha256) == -1) {
		log_error("cannot read %s: %m", path);
		goto free_module;
	}
	noting = &m->imports;
	rc = reader->def.read(m->path);
	noting = NULL;
	if (rc == 0)
		return m;
	if (api_log_errors() == before)
		log_error("%s cannot read %s, and does not say why",
		    reader->name, path);

free_module:
	free(m->name);
	free(m->path);
	free(m);
	return NULL;
}
