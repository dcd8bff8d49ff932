#!/bin/sh
# The demo under load, against a dnsmasq of its own.
# usage: server.sh SWARM PLUGIN SOURCE
set -eu
PATH=$PATH:/usr/sbin:/sbin
swarm=$1 plugin=$2 source=$3
folder=$(mktemp -d)
mkfifo "$folder/log"
server=
trap 'kill $server || :; wait $server || :; rm -rf "$folder"' EXIT

# On a port that was free a moment ago; not there when somebody else took it.
start() {
	port=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
	dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
		--no-hosts --address=/test/192.0.2.7 --bind-interfaces \
		--listen-address=127.0.0.1 --port="$port" \
		--user="$(id -un)" --pid-file="$folder/pid" \
		--log-facility=- > "$folder/log" 2>&1 &
	server=$!
	exec 3< "$folder/log"
	while read -r line <&3; do
		case $line in *started,*) return 0 ;; esac
		echo "$line" >&2
	done
	return 1
}
start || start || start
# What it says later is not wanted.
cat <&3 > /dev/null &

run() {
	CFLAGS="-I$source/include" XDG_CACHE_HOME="$folder" "$swarm" \
		--plugin "$plugin" -f "$source/demo.c" --headless -u 20 -r 100 \
		-t 1s --processes 1 --fail-if 'errors > 0' \
		--fail-if 'count(query) < 100' "$@"
}
run --host "127.0.0.1:$port"
if run --host nowhere > "$folder/out" 2>&1; then
	exit 1
fi
grep -q 'dns needs --host ADDRESS:PORT' "$folder/out"
