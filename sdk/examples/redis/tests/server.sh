#!/bin/sh
# The demo under load, against a Redis of its own.
# usage: server.sh SWARM PLUGIN SOURCE
set -eu
swarm=$1 plugin=$2 source=$3
folder=$(mktemp -d)
mkfifo "$folder/log"
redis-server --port 0 --unixsocket "$folder/socket" --save '' \
	--requirepass hush --dir "$folder" > "$folder/log" &
server=$!
trap 'kill $server; wait $server || :; rm -rf "$folder"' EXIT
# Until it is ready; what it says later is not wanted.
exec 3< "$folder/log"
while read -r line <&3; do
	case $line in *'Ready to accept'* | *'ready to accept'*) break ;; esac
done
cat <&3 > /dev/null &

run() {
	CFLAGS="-I$source/include" XDG_CACHE_HOME="$folder" "$swarm" \
		--plugin "$plugin" -f "$source/demo.c" --headless -u 20 -r 100 \
		-t 1s --processes 1 --host "unix:$folder/socket" "$@"
}
run -o redis.password=hush --fail-if 'errors > 0' \
	--fail-if 'count(GET) < 100' --fail-if 'count(INCR) < 100'
keys=$(redis-cli -s "$folder/socket" -a hush --no-auth-warning dbsize)
test "$keys" -ge 20
# A wrong password fails every command, and nothing worse.
if run -o redis.password=loud --fail-if 'errors > 0' > "$folder/out" 2>&1; then
	echo "a wrong password passed"
	exit 1
fi
grep -q 'AUTH: WRONGPASS' "$folder/out"
