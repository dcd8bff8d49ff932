/*
 * The scripts that come with pgbench: TPC-B as far as it goes, the same
 * without the contended tables, and a look-up.  The statements are those of
 * pgbench, so that figures can be compared.
 */
#include "pgs_script.h"

#include <string.h>

#define VARIABLES \
	"\\set aid random(1, 100000 * :scale)\n" \
	"\\set bid random(1, 1 * :scale)\n" \
	"\\set tid random(1, 10 * :scale)\n" \
	"\\set delta random(-5000, 5000)\n"
#define ACCOUNT \
	"UPDATE pgbench_accounts SET abalance = abalance + :delta" \
	" WHERE aid = :aid;\n" \
	"SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
#define HISTORY \
	"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime)" \
	" VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);\n"

static const struct {
	const char *name;
	const char *text;
} builtins[] = {
	{ "tpcb-like",
	  VARIABLES
	  "BEGIN;\n"
	  ACCOUNT
	  "UPDATE pgbench_tellers SET tbalance = tbalance + :delta"
	  " WHERE tid = :tid;\n"
	  "UPDATE pgbench_branches SET bbalance = bbalance + :delta"
	  " WHERE bid = :bid;\n"
	  HISTORY
	  "END;\n" },
	{ "simple-update",
	  VARIABLES
	  "BEGIN;\n"
	  ACCOUNT
	  HISTORY
	  "END;\n" },
	{ "select-only",
	  "\\set aid random(1, 100000 * :scale)\n"
	  "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n" },
};

const char *pgs_script_builtin(const char *name, const char **full,
    struct pgs_error *err)
{
	const char *text = NULL;
	size_t i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strncmp(builtins[i].name, name, strlen(name)) != 0)
			continue;
		if (text != NULL) {
			pgs_error_set(err, "ambiguous builtin name \"%.40s\": "
			    "choose tpcb-like, simple-update or select-only",
			    name);
			return NULL;
		}
		text = builtins[i].text;
		*full = builtins[i].name;
	}
	if (text == NULL)
		pgs_error_set(err, "no builtin script \"%.40s\": choose "
		    "tpcb-like, simple-update or select-only", name);
	return text;
}
