#!/bin/sh
# Accounts out of one database, results into another, and both agree.
# usage: run.sh SWARM PLUGIN SOURCE
set -eu
swarm=$1 plugin=$2 source=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
sqlite3 accounts.db "CREATE TABLE accounts (name, password);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 50)
	INSERT INTO accounts SELECT printf('user%02d', i),
		'a \"secret\",' || char(10) FROM n;"
export XDG_CACHE_HOME="$folder"
"$swarm" --plugin "$plugin" -f "$source/demo.c" --headless -u 4 -r 100 -t 10s \
	--processes 2 --out sqlite=results.db --fail-if 'errors > 0' \
	--fail-if 'count < 50' --fail-if 'count > 50'
ask() {
	answer=$(sqlite3 results.db "$1")
	test "$answer" = "$2" || { echo "$1: $answer, not $2"; exit 1; }
}
ask 'SELECT sum(requests), sum(failures), count(DISTINCT name) FROM seconds' \
	'50|0|50'
ask 'SELECT count(*), verdict FROM runs' '1|passed'
# What is wrong is said before the run begins.
if "$swarm" --plugin "$plugin" -f "$source/demo.c" --headless -t 1s \
	--out sqlite=/nowhere/x.db > out 2>&1; then
	exit 1
fi
grep -q 'unable to open database file' out
sqlite3 accounts.db 'DROP TABLE accounts'
if "$swarm" --plugin "$plugin" -f "$source/demo.c" --list > out 2>&1; then
	exit 1
fi
grep -q 'accounts.db: no such table: accounts' out
# Without the plugin nobody knows what sqlite: is.
if "$swarm" -f "$source/demo.c" --list > out 2>&1; then
	exit 1
fi
grep -q 'no loaded module has a feeder "sqlite"' out
