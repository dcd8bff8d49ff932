#!/bin/sh
# The demo under load, against a dnsmasq of its own.
# usage: server.sh SWARM PLUGIN SOURCE
set -eu
PATH=$PATH:/usr/sbin:/sbin
swarm=$1 plugin=$2 source=$3
folder=$(mktemp -d)
port=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
mkfifo "$folder/log"
dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
	--address=/test/192.0.2.7 --listen-address=127.0.0.1 --bind-interfaces \
	--port="$port" --user="$(id -un)" --pid-file="$folder/pid" \
	--log-facility=- > "$folder/log" 2>&1 &
server=$!
trap 'kill $server; wait $server || :; rm -rf "$folder"' EXIT
# Until it has started; what it says later is not wanted.
exec 3< "$folder/log"
while read -r line <&3; do
	case $line in *started,*) break ;; esac
done
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
