"""The plugin websocket against servers that others run: libwebsockets' own
test server, the npm package ws, and both schemes through nginx; and against a
peer that stops reading."""
import fcntl
import json
import os
import socket
import struct
import termios
import threading

import pytest

from conftest import (BUILD, SOURCE, free_port, need_node, need_program,
                      wait_for)
from test_http import Nginx, cert  # noqa: F401
from test_websocket import accept, command, ledger, results

if not os.path.exists(os.path.join(BUILD, "plugins", "websocket",
                                   "websocket.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)


@pytest.fixture
def node(spawn):
    program, _ = need_node("ws")
    process = spawn([program, os.path.join(SOURCE, "tests", "e2e",
                                           "ws_server.mjs")])
    return json.loads(process.wait_line(r"{.*}").group(0))


def one(swarm, tmp_path, url, path, *args, status=(0,)):
    data = results(swarm, tmp_path, "-f", swarm.module("ws_one.so"), "-u", "1",
                   "-t", "30s", "-H", url, "-o", f"ws_one.path={path}", "-o",
                   "ws_one.timeout=5s", *args, status=status)
    ledger(data["counters"])
    return data


# ---- npm's ws ----

def test_npm_ws(swarm, node, tmp_path):
    url = f"ws://127.0.0.1:{node['ws']}"
    echo = command(swarm, tmp_path, url + "/echo", "-c", "20", "-r", "0",
                   "-n", "50", "-s", "3000", "--fragment", "1000",
                   "--connect-rate", "100", "--protocols", "chat.v2", "--")
    assert echo["counters"]["ws_msgs_received"] == 1000
    assert echo["counters"]["ws_bytes_received"] == 3000000
    # It pings too, between the pieces of a message as well.
    pings = one(swarm, tmp_path, url, "/pings")
    assert pings["counters"]["ws_bytes_received"] == len("three pongs")
    pieces = one(swarm, tmp_path, url, "/fragments")
    assert pieces["counters"]["ws_msgs_received"] == 1
    assert pieces["counters"]["ws_bytes_received"] == \
        len("hello and the rest")


@pytest.mark.parametrize("path, counter, text", [
    ("/close", "ws_closed_by_server_4005", "closed by the server with code "
     "4005"),
    ("/terminate", "ws_lost", "connection lost (1006)"),
    ("/big", "ws_closed_by_us_1009", "longer than max_message"),
    ("/refuse", "ws_upgrade_401", "answered with status 401"),
])
def test_npm_ws_ends_it(swarm, node, tmp_path, path, counter, text):
    data = one(swarm, tmp_path, f"ws://127.0.0.1:{node['ws']}", path,
               status=(1,))
    assert data["counters"][counter] == 1, data["counters"]
    assert text in data["text"]


# ---- libwebsockets' own ----

@pytest.mark.parametrize("tls", [False, True])
def test_libwebsockets(swarm, spawn, tmp_path, cert, tls):  # noqa: F811
    program = need_program("libwebsockets-test-server")
    port = free_port()
    # The key it comes with is too short for today's OpenSSL.
    secure = ["--ssl", "-C", cert / "cert.pem", "-K", cert / "key.pem"]
    spawn([program, f"--port={port}", *(secure if tls else [])])

    def listens():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False

    wait_for(listens, "the test server")
    url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/"
    trust = ["--cafile", cert / "cert.pem"]
    # What one draws all see, the one too.
    mirror = command(swarm, tmp_path, url, *trust, "--protocols",
                     "lws-mirror-protocol", "-c", "1", "-n", "20", "-r", "0",
                     "-m", "d #1234 1 1 2 2;", "-e", "d #1234", "--")
    assert mirror["counters"]["ws_msgs_sent"] == 20
    assert mirror["counters"]["ws_closed_by_us_1000"] == 1
    # Numbers, twenty a second.
    numbers = command(swarm, tmp_path, url, *trust, "--protocols",
                      "dumb-increment-protocol", "--mode", "idle", "-c", "20",
                      "--connect-rate", "100", "--", "-t", "2s")
    assert numbers["counters"]["ws_opened"] == 20
    assert numbers["counters"]["ws_msgs_received"] > 100


# ---- nginx between ----

@pytest.fixture
def proxy(spawn, tmp_path, cert, node):  # noqa: F811
    """Both schemes in front of npm's ws: {scheme: address}."""
    ports = [free_port(), free_port()]
    to = f"proxy_pass http://127.0.0.1:{node['ws']}"
    upgrade = ("proxy_http_version 1.1; proxy_set_header Connection upgrade; "
               "proxy_set_header Upgrade $http_upgrade;")
    servers = "".join(f"""
  server {{
    listen 127.0.0.1:{port} {"ssl" if i else ""};
    ssl_certificate {cert}/cert.pem;
    ssl_certificate_key {cert}/key.pem;
    location / {{ {to}; {upgrade} }}
    location = /pings {{ {to}; {upgrade} proxy_buffering off; }}
    location = /forgotten {{ {to}; }}
    location = /impatient {{ {to}; {upgrade} proxy_read_timeout 1s; }}
    location = /down {{ proxy_pass http://127.0.0.1:1; {upgrade} }}
  }}""" for i, port in enumerate(ports))
    nginx = Nginx(spawn, tmp_path, cert).start(extra=servers)
    nginx.urls = {"ws": f"ws://127.0.0.1:{ports[0]}",
                  "wss": f"wss://127.0.0.1:{ports[1]}"}
    nginx.cafile = cert / "cert.pem"
    return nginx


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_through_nginx(swarm, proxy, tmp_path, scheme):
    url = proxy.urls[scheme]
    echo = command(swarm, tmp_path, url + "/echo", "-c", "10", "-r", "0",
                   "-n", "20", "-s", "70000", "--connect-rate", "100",
                   "--cafile", proxy.cafile, "--")
    assert echo["counters"]["ws_bytes_received"] == 10 * 20 * 70000
    assert ("WS phase tls" in echo["text"]) == (scheme == "wss")
    trust = ["-o", f"websocket.cafile={proxy.cafile}"]
    pings = one(swarm, tmp_path, url, "/pings", *trust)
    assert pings["counters"]["ws_msgs_received"] == 1
    # The header that nobody passed on; a server that is not there.
    forgotten = one(swarm, tmp_path, url, "/forgotten", *trust, status=(1,))
    assert forgotten["counters"]["ws_upgrade_426"] == 1
    down = one(swarm, tmp_path, url, "/down", *trust, status=(1,))
    assert down["counters"]["ws_upgrade_502"] == 1


def test_nginx_loses_patience(swarm, proxy, tmp_path):
    """A proxy ends what is idle for too long without a word."""
    idle = command(swarm, tmp_path, proxy.urls["ws"] + "/impatient", "--mode",
                   "idle", "-c", "5", "--connect-rate", "50", "--", "-t",
                   "4s")
    assert idle["counters"]["ws_lost"] == 5
    kept = command(swarm, tmp_path, proxy.urls["ws"] + "/impatient", "--mode",
                   "idle", "-c", "5", "--connect-rate", "50", "--ping", "0.3",
                   "--", "-t", "3s")
    assert "ws_lost" not in kept["counters"]
    assert kept["counters"]["ws_closed_by_us_1000"] == 5


# ---- a peer that stops reading ----

def frames(data):
    """Whole masked frames that are messages."""
    count = at = 0
    while at + 14 <= len(data):
        size, head = data[at + 1] & 0x7f, 6
        if size == 126:
            size, head = struct.unpack_from(">H", data, at + 2)[0], 8
        elif size == 127:
            size, head = struct.unpack_from(">Q", data, at + 2)[0], 14
        if at + head + size > len(data):
            break
        count += data[at] & 0x0f in (1, 2)
        at += head + size
    return count


class Stuck:
    """Reads the requests of two connections, then nothing until told to, then
    all."""

    def __init__(self):
        self.go_on = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.connections = []
        self.received = []
        self.readers = [threading.Thread(target=self.serve, daemon=True)
                        for _ in range(2)]
        for reader in self.readers:
            reader.start()

    def serve(self):
        conn, _ = self.listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            # One at a time: what follows stays in the socket.
            head += conn.recv(1)
        conn.sendall(accept(head))
        self.connections.append(conn)
        self.go_on.wait(60)
        data = bytearray()
        try:
            while part := conn.recv(1 << 20):
                data += part
        except OSError:
            pass
        self.received.append(frames(data))
        conn.close()

    def held(self):
        """Bytes that wait to be read."""
        return sum(struct.unpack("i", fcntl.ioctl(
            c.fileno(), termios.FIONREAD, b"\0" * 4))[0]
            for c in self.connections)


def send_blocked(data):
    return [s for s in data["series"]
            if (s["type"], s["name"]) == ("WS phase", "send blocked")][0]


def test_a_peer_that_stops_reading(swarm, tmp_path):
    stuck = Stuck()
    out = tmp_path / "out.json"
    run = swarm.start("ws", stuck.url, "--mode", "broadcast", "-c", "2", "-r",
                      "0", "-s", "100000", "-n", "300", "--timeout", "30",
                      "--", "--processes", "1", "--json-file", out, "-t",
                      "4s")
    run.wait_line("hold .*users 2/2")
    wait_for(lambda: stuck.held() > 0, "messages")
    run.wait_line("00:02 ")
    stuck.go_on.set()
    assert run.wait() == 0, run.text
    for reader in stuck.readers:
        reader.join(10)
    data = json.loads(out.read_text())
    counters = data["counters"]
    ledger(counters)
    # All of it arrived, in whole messages, once it was read again.
    assert counters["ws_msgs_sent"] == 300 == sum(stuck.received)
    assert counters["ws_send_blocked"] >= 1
    assert send_blocked(data)["service_ms"]["max"] > 300, data["series"]
    # What lay in the socket's buffer meanwhile.
    assert send_blocked(data)["bytes"] > 100000


def test_a_peer_that_never_reads_again(swarm, tmp_path):
    stuck = Stuck()
    data = command(swarm, tmp_path, stuck.url, "--mode", "broadcast", "-c",
                   "2", "-r", "0", "-s", "100000", "--timeout", "0.5", "--",
                   "-t", "3s", status=(1,))
    stuck.go_on.set()
    assert "the socket took nothing in time" in data["text"]
    assert data["counters"]["ws_send_blocked"] >= 3
    # What was sent of them is no more than two sockets hold.
    assert data["counters"]["ws_bytes_sent"] < 64 << 20
