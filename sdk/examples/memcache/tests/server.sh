#!/bin/sh
# The demo under load, against a memcached of its own.
# usage: server.sh SWARM PLUGIN SOURCE
set -eu
swarm=$1 plugin=$2 source=$3
folder=$(mktemp -d)
mkfifo "$folder/log"
memcached -vv -u "$(id -un)" -s "$folder/socket" > "$folder/log" 2>&1 &
server=$!
trap 'kill $server; wait $server || :; rm -rf "$folder"' EXIT
# Until it listens; what it says later is not wanted.
exec 3< "$folder/log"
while read -r line <&3; do
	case $line in *'server listening'*) break ;; esac
done
cat <&3 > /dev/null &
CFLAGS="-I$source/include" XDG_CACHE_HOME="$folder" "$swarm" \
	--plugin "$plugin" -f "$source/demo.c" --headless -u 20 -r 100 \
	-t 1s --processes 1 --host "unix:$folder/socket" \
	--fail-if 'errors > 0' --fail-if 'count(set) < 100' \
	--fail-if 'count(get) < 200'
