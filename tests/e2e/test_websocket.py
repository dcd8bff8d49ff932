"""swarm.websocket/1 against a real server (python3-websockets), against swarm
target, and against servers that break every rule."""
import base64
import hashlib
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
from types import SimpleNamespace

import pytest

from conftest import (BUILD, SANITIZED, AsyncServer, Listener, free_port,
                      make_certificate, wait_for)

websockets = pytest.importorskip("websockets")

if not os.path.exists(os.path.join(BUILD, "plugins", "websocket",
                                   "websocket.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)


# ---- a real server ----

rooms = {}


async def tell(people, text):
    for other in list(people):
        try:
            await other.send(text)
        except websockets.ConnectionClosed:
            pass


async def serve_chat(ws):
    """As scenarios/chat.c says."""
    people = set()
    try:
        async for text in ws:
            message = json.loads(text)
            if message["op"] == "join":
                people = rooms.setdefault(message["room"], set())
                people.add(ws)
                await ws.send('{"op":"joined"}')
            elif message["op"] == "who":
                await ws.send(json.dumps({"op": "people", "names": [
                    id(p) for p in people]}, separators=(",", ":")))
            else:
                await tell(people, json.dumps(dict(message, op="said"),
                                              separators=(",", ":")))
    except websockets.ConnectionClosed:
        pass
    people.discard(ws)


async def serve_all(ws):
    """What one says, all hear."""
    people = rooms.setdefault("all", set())
    people.add(ws)
    try:
        async for text in ws:
            await tell(people, text)
    except websockets.ConnectionClosed:
        pass
    people.discard(ws)


async def serve_one(ws):
    if ws.path == "/chat":
        await serve_chat(ws)
        return
    if ws.path == "/all":
        await serve_all(ws)
        return
    if ws.path == "/request":
        h = ws.request_headers
        await ws.send("|".join([ws.path, h["Origin"], h["Cookie"], h["X-One"],
                                h["X-Two"]]))
    elif ws.path == "/close":
        await ws.close(4001, "go away")
    elif ws.path == "/drop":
        await ws.send("hi")
        ws.transport.abort()
    try:
        async for message in ws:
            await ws.send(message)
    except websockets.ConnectionClosed:
        pass


class Server(AsyncServer):
    def __init__(self, tls=None):
        self.tls = tls
        self.seen = set()
        super().__init__()

    async def serve(self, ws):
        self.seen.add((ws.remote_address[0], ws.request_headers.get("X-One")))
        await serve_one(ws)

    async def listen(self):
        return await websockets.serve(
            self.serve, "127.0.0.1", 0, ssl=self.tls,
            subprotocols=["chat.v2"], max_size=None)


@pytest.fixture
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path)


@pytest.fixture
def tls_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    s = Server(context)
    yield s
    s.stop()


def results(swarm, tmp_path, *args, status=(0,), timeout=60):
    out = tmp_path / "out.json"
    done = swarm.run(*args, "--headless", "--processes", "1", "--json-file",
                     out, timeout=timeout)
    assert done.status in status, done.text
    with open(out) as f:
        data = json.load(f)
    data["text"] = done.text
    return data


def flows(swarm, tmp_path, url, *args):
    data = results(swarm, tmp_path, "-f", swarm.module("ws_flows.so"), "-H",
                   url, "-u", "1", "-t", "60s", *args, status=(0, 1),
                   timeout=90)
    assert data["counters"].get("all flows done") == 1, data["text"]
    assert "not true" not in data["text"], data["text"]
    return data


def ledger(counters):
    """Opened is closed plus open, and every end has a name."""
    opened = counters.get("ws_opened", 0)
    closed = counters.get("ws_closed", 0)
    assert opened == closed + counters.get("ws_open", 0)
    ends = sum(n for name, n in counters.items()
               if name.startswith(("ws_closed_by_", "ws_lost")))
    assert ends == closed, counters


def test_every_flow(swarm, server, tmp_path):
    data = flows(swarm, tmp_path, f"ws://127.0.0.1:{server.port}")
    counters = data["counters"]
    ledger(counters)
    assert counters["ws_closed_by_us_4002"] == 1
    assert counters["ws_closed_by_server_4001"] >= 1
    assert counters["ws_lost"] >= 3
    # What users leave open is closed for them.
    assert counters["ws_closed_by_us_1001"] >= 5


def test_every_flow_over_tls(swarm, tls_server, certificate, tmp_path):
    data = flows(swarm, tmp_path, f"wss://localhost:{tls_server.port}", "-o",
                 f"websocket.cafile={certificate / 'cert.pem'}")
    ledger(data["counters"])
    assert "WS phase tls" in data["text"]


def test_certificates_are_verified(swarm, tls_server, certificate, tmp_path):
    base = ["-f", swarm.module("ws_one.so"), "-u", "1", "-H",
            f"wss://127.0.0.1:{tls_server.port}", "-o", "ws_one.path=/echo"]
    data = results(swarm, tmp_path, *base, status=(1, 4))
    assert "TLS: self-signed certificate" in data["text"]
    ok = results(swarm, tmp_path, *base, "-o", "websocket.insecure=true")
    assert ok["counters"]["ws_msgs_received"] == 1
    ok = results(swarm, tmp_path, *base, "-o",
                 f"websocket.cafile={certificate / 'cert.pem'}")
    assert ok["counters"]["ws_msgs_received"] == 1


def test_another_libwebsockets_is_refused(swarm, tmp_path):
    """What the plugin knows of the library is true of one version."""
    (tmp_path / "other.c").write_text(
        "const char *lws_get_library_version(void)\n"
        "{ return \"4.3.3-unknown\"; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "other.c", "-o", "other.so"],
                   cwd=tmp_path, check=True)
    done = swarm.run("ws", "ws://127.0.0.1:1/", "-c", "1", "--",
                     "--processes", "1", env={
                         "LD_PRELOAD": str(tmp_path / "other.so")})
    assert done.status != 0
    assert "the one found is 4.3.3-unknown" in done.text


# A sanitizer wants to be the first library loaded.
test_another_libwebsockets_is_refused.__test__ = not SANITIZED


# ---- servers that break the rules ----

def key_of(head):
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"sec-websocket-key:"):
            return line.split(b":", 1)[1].strip()
    return b""


def accept(head, extra=b""):
    digest = hashlib.sha1(key_of(head) +
                          b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " +
            base64.b64encode(digest) + b"\r\n" + extra + b"\r\n")


def frame(first, payload, mask=None):
    n = len(payload)
    bit = 0x80 if mask else 0
    if n < 126:
        head = bytes([first, bit | n])
    elif n < 65536:
        head = bytes([first, bit | 126]) + struct.pack(">H", n)
    else:
        head = bytes([first, bit | 127]) + struct.pack(">Q", n)
    if mask:
        head += mask
        payload = bytes(c ^ mask[i % 4] for i, c in enumerate(payload))
    return head + payload


class Raw(Listener):
    """Answers each upgrade with what `behave` yields: bytes to send, ... to
    hear from it first, or None to close.  Then reads until the client has
    gone."""

    def __init__(self, behave, tls=None):
        super().__init__()
        self.behave = behave
        self.tls = tls
        self.left = threading.Semaphore(0)

    def attend(self, conn):
        super().attend(conn)
        self.left.release()

    def serve(self, conn):
        if self.tls:
            conn = self.tls.wrap_socket(conn, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head:
            data = conn.recv(4096)
            if not data:
                return
            head += data
        for part in self.behave(head):
            if part is None:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
                return
            if part is ...:
                conn.recv(4096)
            else:
                conn.sendall(part)
        while conn.recv(65536):
            pass


def endless_headers(head):
    yield b"HTTP/1.1 101 Switching Protocols\r\n"
    for i in range(10000):
        yield b"X-%d: " % i + b"y" * 100 + b"\r\n"


def endless_message(head):
    yield accept(head)
    yield frame(0x02, b"x" * 60000)
    while True:
        yield frame(0x00, b"x" * 60000)


BAD_UPGRADE = {
    "status": (lambda h: [b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n"
                          b"\r\n"], "answered with status 403"),
    "redirect": (lambda h: [b"HTTP/1.1 302 Found\r\nLocation: /x\r\n"
                            b"Content-Length: 0\r\n\r\n"],
                 "answered with status 302"),
    "no accept": (lambda h: [accept(h).replace(b"Sec-WebSocket-Accept",
                                               b"X-Nothing")],
                  "upgrade: ACCEPT missing"),
    "wrong accept": (lambda h: [accept(b"")], "upgrade: Accept hash wrong"),
    "no upgrade": (lambda h: [accept(h).replace(b"Upgrade: websocket\r\n",
                                                b"")],
                   "upgrade: UPGRADE missing"),
    "protocol nobody asked for":
        (lambda h: [accept(h, b"Sec-WebSocket-Protocol: mine\r\n")],
         "upgrade: PROTOCOL malformed"),
    "extension nobody asked for":
        (lambda h: [accept(h, b"Sec-WebSocket-Extensions: x-odd\r\n")],
         "upgrade: EXT: unknown ext"),
    "no HTTP": (lambda h: [b"\x15\x03\x01 nonsense\r\n\r\n"], "upgrade: "),
    "closed": (lambda h: [None], "upgrade: the server closed the connection"),
    "silent": (lambda h: [], "upgrade: timed out"),
    "endless headers": (endless_headers, "upgrade: "),
}


# These are not answered at all; the others have all the time they need.
SILENT = ("no HTTP", "silent", "never answers")


def one(swarm, tmp_path, server, *args, name=""):
    return results(swarm, tmp_path, "-f", swarm.module("ws_one.so"), "-u",
                   "1", "-t", "30s", "-H", f"ws://127.0.0.1:{server.port}",
                   "-o", "ws_one.timeout=" + (
                       "1s" if name in SILENT else "20s"), *args,
                   status=(0, 1, 4))


@pytest.mark.parametrize("name", BAD_UPGRADE)
def test_bad_upgrade(swarm, tmp_path, name):
    behave, text = BAD_UPGRADE[name]
    server = Raw(behave)
    data = one(swarm, tmp_path, server, name=name)
    server.stop()
    assert text in data["text"], data["text"]
    counters = data["counters"]
    assert counters["ws_connect_fail"] == 1
    assert counters.get("ws_opened", 0) == 0
    if "status" in text:
        assert counters[f"ws_upgrade_{text[-3:]}"] == 1
    assert server.left.acquire(timeout=10), "the socket is still open"


BAD_FRAMES = {
    "abrupt": (lambda h: [accept(h), None], "ws_lost"),
    "reserved bits": (lambda h: [accept(h), frame(0xf1, b"x")],
                      "ws_closed_by_us_1002"),
    "unknown opcode": (lambda h: [accept(h), frame(0x83, b"x")],
                       "ws_closed_by_us_1002"),
    "long ping": (lambda h: [accept(h), frame(0x89, b"x" * 200)],
                  "ws_closed_by_us_1002"),
    "masked": (lambda h: [accept(h), ..., frame(0x81, b"hello", b"abcd")],
               "ws_closed_by_us_1002"),
    "masked, at once": (lambda h: [accept(h) + frame(0x81, b"hi", b"abcd")],
                        "ws_closed_by_us_1002"),
    "masked ping": (lambda h: [accept(h), ...,
                               frame(0x89, b"hello", b"abcd")],
                    "ws_closed_by_us_1002"),
    "fragmented ping": (lambda h: [accept(h), frame(0x09, b"x")],
                        "ws_closed_by_us_1002"),
    "continuation of nothing": (lambda h: [accept(h), frame(0x80, b"x")],
                                "ws_closed_by_us_1002"),
    "bad UTF-8": (lambda h: [accept(h), frame(0x81, b"a\xc3\x28") +
                             frame(0x81, b"good")],
                  "ws_closed_by_us_1007"),
    "bad UTF-8, and more of it":
        (lambda h: [accept(h), frame(0x81, b"\xff" + b"x" * 500000)],
         "ws_closed_by_us_1007"),
    "half a character": (lambda h: [accept(h), frame(0x81, b"a\xe2\x82")],
                         "ws_closed_by_us_1007"),
    "too long": (lambda h: [accept(h), frame(0x82, b"x" * 2000000)],
                 "ws_closed_by_us_1009"),
    "endless": (endless_message, "ws_closed_by_us_1009"),
    "says a huge length": (lambda h: [accept(h), b"\x82\x7f\x7f" +
                                      b"\xff" * 7 + b"x" * 2000000],
                           "ws_closed_by_us_1009"),
    "negative length": (lambda h: [accept(h), b"\x82\x7f" + b"\xff" * 8],
                        "ws_closed_by_us_1002"),
    "half a frame": (lambda h: [accept(h), b"\x82\x10abc", None], "ws_lost"),
    "close without a code": (lambda h: [accept(h), frame(0x88, b"")],
                             "ws_closed_by_server_1005"),
    "close with a code that is none":
        (lambda h: [accept(h), frame(0x88, b"\x03\xed")],
         "ws_closed_by_server_1002"),
    "never answers": (lambda h: [accept(h)], "ws_closed_by_us_1001"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frames(swarm, tmp_path, name):
    behave, counter = BAD_FRAMES[name]
    server = Raw(behave)
    data = one(swarm, tmp_path, server, name=name)
    server.stop()
    counters = data["counters"]
    assert counters["ws_opened"] == 1, data["text"]
    assert counters.get(counter) == 1, (counters, data["text"])
    # Nor is anything taken that comes behind it.
    assert counters.get("ws_msgs_received", 0) == 0
    ledger(counters)
    assert server.left.acquire(timeout=10), "the socket is still open"


@pytest.mark.parametrize("name", ["masked", "masked, at once", "bad UTF-8",
                                  "too long"])
def test_bad_frames_over_tls(swarm, tmp_path, certificate, name):
    behave, counter = BAD_FRAMES[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = Raw(behave, context)
    data = one(swarm, tmp_path, server, "-H",
               f"wss://127.0.0.1:{server.port}", "-o",
               f"websocket.cafile={certificate / 'cert.pem'}")
    server.stop()
    assert data["counters"].get(counter) == 1, data["text"]
    ledger(data["counters"])


def test_nobody_listens(swarm, tmp_path):
    server = SimpleNamespace(port=free_port())
    data = one(swarm, tmp_path, server)
    assert "connect: Connection refused" in data["text"]


def test_server_that_reads_nothing(swarm, tmp_path):
    """What does not fit into the socket waits, is measured, and times out."""
    done = threading.Event()

    def behave(head):
        yield accept(head)
        done.wait(20)

    server = Raw(behave)
    data = command(swarm, tmp_path, f"ws://127.0.0.1:{server.port}/",
                   "--mode", "broadcast", "-c", "2", "-r", "500", "-s",
                   "100000", "--timeout", "0.5", "--", "-t", "3s",
                   status=(1,))
    done.set()
    server.stop()
    counters = data["counters"]
    assert counters["ws_send_blocked"] >= 1
    assert "WS phase send blocked" in data["text"]
    assert {(f["name"], f["error"]) for f in data["failures"]} == {
        ("send", "the socket took nothing in time")}
    assert counters["ws_msgs_sent"] > 1


# ---- swarm's own server ----

def test_echo_against_target(swarm, target, tmp_path):
    url = target().replace("http:", "ws:")
    data = results(swarm, tmp_path, "-f", swarm.module("ws_one.so"), "-u",
                   "50", "-r", "100", "-H", url, "-o", "ws_one.path=/echo",
                   "-o", "ws_one.count=200")
    counters = data["counters"]
    assert counters["ws_msgs_sent"] == counters["ws_msgs_received"] == 10000
    assert counters["ws_bytes_sent"] == counters["ws_bytes_received"] == 50000
    assert counters["ws_opened"] == 50
    ledger(counters)


def test_chat(swarm, server, tmp_path):
    data = results(swarm, tmp_path, "-f", swarm.scenario("chat.so"), "-H",
                   f"ws://127.0.0.1:{server.port}", "-u", "30", "-r", "60",
                   "-t", "6s")
    counters = data["counters"]
    ledger(counters)
    assert counters["ws_opened"] == 30
    assert "WS say" in data["text"] and "WS join" in data["text"]
    assert "chat heard after" in data["text"]
    # Three in a room: most of what is said is heard by more than one.
    assert counters["ws_msgs_received"] > counters["ws_msgs_sent"]


# ---- the command ----

def command(swarm, tmp_path, *args, status=(0,)):
    out = tmp_path / "out.json"
    done = swarm.run("ws", *args, "--processes", "1", "--json-file", out,
                     timeout=60)
    assert done.status in status, done.text
    with open(out) as f:
        data = json.load(f)
    data["text"] = done.text
    ledger(data["counters"])
    return data


def test_command_echo(swarm, server, tmp_path):
    data = command(swarm, tmp_path, f"ws://127.0.0.1:{server.port}/echo",
                   "-c", "5", "-r", "50", "-n", "20", "-m", "what=17", "-e",
                   "=[0-9]+", "--connect-rate", "50", "--")
    assert data["counters"]["ws_msgs_received"] == 100
    assert data["counters"]["ws_bytes_sent"] == 700
    assert "WS echo" in data["text"]


def test_command_expects_in_vain(swarm, server, tmp_path):
    data = command(swarm, tmp_path, f"ws://127.0.0.1:{server.port}/echo",
                   "-c", "1", "-n", "1", "-m", "a", "-e", "b", "--timeout",
                   "0.2", "--", status=(1,))
    assert "no matching message in time" in data["text"]


def test_command_idle(swarm, server, tmp_path):
    data = command(swarm, tmp_path, f"ws://127.0.0.1:{server.port}/echo",
                   "--mode", "idle", "-c", "100", "--connect-rate", "200",
                   "--ping", "0.5", "-d", "3s", "--")
    assert data["counters"]["ws_opened"] == 100
    assert data["counters"].get("ws_msgs_sent", 0) == 0
    assert "WS phase ping" in data["text"]


def test_command_broadcast(swarm, server, tmp_path):
    data = command(swarm, tmp_path, f"ws://127.0.0.1:{server.port}/all",
                   "--mode", "broadcast", "-c", "21", "--connect-rate",
                   "100", "-r", "20", "--", "-t", "4s")
    counters = data["counters"]
    sent = counters["ws_msgs_sent"]
    # The first are sent before all are there, the last as they leave.
    assert sent > 5
    assert 20 * sent / 2 < counters["ws_broadcast_delivered"] <= 20 * sent
    assert "WS broadcast spread" in data["text"]
    assert "WS broadcast delay" in data["text"]


def test_command_renews_sessions(swarm, server, tmp_path):
    """In pieces, from several addresses, and for half a second each."""
    data = command(swarm, tmp_path, f"ws://127.0.0.1:{server.port}/echo",
                   "-c", "4", "-r", "20", "-s", "100", "--fragment", "30",
                   "--session", "0.5", "--source", "127.0.0.2,127.0.0.3",
                   "-H", "X-One: 1", "--", "-t", "3s")
    counters = data["counters"]
    assert counters["ws_closed_by_us_1000"] >= 4 * 3
    assert "WS reconnect" in data["text"]
    assert counters["ws_msgs_received"] == counters["ws_msgs_sent"] > 0
    assert counters["ws_bytes_received"] == 100 * counters["ws_msgs_sent"]
    assert server.seen == {("127.0.0.2", "1"), ("127.0.0.3", "1")}


def rss(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def test_idle_sessions_with_tls_are_small(swarm, spawn, certificate,
                                          tmp_path):
    """OpenSSL would keep a 16 KiB buffer for each."""
    responder = spawn([os.path.join(BUILD, "tests", "bench", "ws_responder"),
                       tmp_path / "count", "1", certificate / "cert.pem",
                       certificate / "key.pem"])
    port = responder.wait_line(r"\d+").group(0)
    sizes = []
    for count in (100, 500):
        run = swarm.start(
            "ws", f"wss://127.0.0.1:{port}/", "--mode", "idle", "-c",
            str(count), "--connect-rate", "500", "--timeout", "30",
            "--cafile", certificate / "cert.pem", "--", "--processes", "1",
            "-t", "5m")
        worker, = run.wait_children(1)
        fds = f"/proc/{worker}/fd"
        wait_for(lambda: len(os.listdir(fds)) > count, "all sessions")
        # The largest part of an address space only shrinks for a while.
        wait_for(lambda: "hold" in run.text, "the ramp's end")
        if sizes:
            # Buffers are given back when the handshakes are done.
            wait_for(lambda: (rss(worker) - sizes[0]) / 400 < 38,
                     "less than 38 KiB each")
        sizes.append(rss(worker))
        run.interrupt()
        run.wait()


# Sanitizers have a memory of their own.
test_idle_sessions_with_tls_are_small.__test__ = not SANITIZED


@pytest.mark.parametrize("args, text", [
    (["ws://h/", "--source", "h"], "--source h: give up to"),
    ([], "give an address"),
    (["ws://h/", "--mode", "x"], "give echo, idle or broadcast"),
    (["ws://h/", "-d", "soon"], "run-time"),
    (["ws://h/", "--rate", "x"], "--rate x: give a number"),
    (["ws://h/", "--nonsense"], "there is no option"),
    (["ws://h/", "-e", "("], "--expect (: give a POSIX regular expression"),
    (["ws://h/", "-H", "x"], "Name: value"),
    (["ws://h/", "--mode", "broadcast", "-c", "1"], "needs more sockets"),
])
def test_command_says_what_is_wrong(swarm, args, text):
    done = swarm.run("ws", *args)
    assert done.status == 2
    assert text in done.text
