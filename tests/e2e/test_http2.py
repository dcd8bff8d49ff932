"""HTTP/2: against nginx and nghttpd, in all arrangements of connections, and
against servers that break the protocol or what it is for."""
import contextlib
import json
import re
import signal
import socket
import ssl
import struct

import pytest

from conftest import free_port, need_program, read_csv, totals, wait_for
from h2_server import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM,
                       HEADERS, INTERNAL_ERROR, PING, PUSH_PROMISE,
                       REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE,
                       H2Server, answer, frame, goaway, head, literal, reset,
                       status)
from http_server import Server, server
from test_http import (CHECKS, MEANT, calls, cert, counts, load, nginx,
                       served_as_counted)
import test_llm


def errors(tmp_path):
    return {f["Error"] for f in read_csv(tmp_path / "out_failures.csv")}


def opts(provider="fasthttp", **values):
    return [a for k, v in values.items()
            for a in ("-o", f"{provider}.{k}={v}")]


# ---- all that scenarios can ask for ----

def in_front_of(nginx, server, listen):
    """nginx with HTTP/2 before a server that tells what it was sent."""
    nginx.start(listen=listen, extra="proxy_http_version 1.1; "
                "proxy_buffering off; client_max_body_size 100m; "
                "proxy_redirect off; proxy_set_header Host $http_host;",
                reply=f"proxy_pass http://127.0.0.1:{server.server_port};")
    server.url = nginx.url              # where it redirects to


@pytest.mark.parametrize("provider,version,multiplex", [
    ("fasthttp", "2", "no"), ("fasthttp", "h2c", "yes"), ("http", "2", "no")])
def test_calls(swarm, tmp_path, nginx, cert, server, provider, version,
               multiplex):
    in_front_of(nginx, server, "ssl http2" if version == "2" else "http2")
    # What closes a user's own connections leaves shared ones alone.
    own = "yes" if multiplex == "no" else "no"
    _, rows, failures = calls(
        swarm, provider, tmp_path, nginx.url, *opts(
            provider, version=version, multiplex=multiplex,
            ca=f"{cert}/cert.pem"),
        "-o", "http_calls.h2=yes", "-o", f"http_calls.own={own}")
    assert sorted(failures) == sorted(MEANT)
    for check in CHECKS:
        assert rows["CHECK", check] == (1, 0)
    assert rows["GET", "three"] == (1, 0)
    assert rows["GET", "batch"] == (3, 0)


def test_streams_of_events(swarm, tmp_path, nginx, server):
    """Chats and events are measured as over HTTP/1.1."""
    in_front_of(nginx, server, "http2")
    _, rows, metrics, failed, _ = test_llm.run(
        swarm, "fasthttp", tmp_path, server, swarm.module("llm_calls.so"),
        "-u", "1", "-t", "60s", "--processes", "1", *opts(version="h2c"))
    assert not [f for f in failed if f[0] == "CHECK"], failed
    assert rows["token gap", "streamed"]["service_ms"]["count"] == 7
    assert rows["token gap", "streamed"]["service_ms"]["mean"] >= 45
    assert rows["piece gap", "ticks"]["service_ms"]["count"] == 4


# ---- nginx ----

@pytest.mark.parametrize("provider,version,multiplex", [
    ("fasthttp", "2", "no"), ("fasthttp", "2", "yes"),
    ("fasthttp", "h2c", "no"), ("fasthttp", "h2c", "yes"),
    ("http", "2", "yes"), ("http", "h2c", "no")])
def test_every_request_reaches_nginx_once(swarm, tmp_path, nginx, cert,
                                          provider, version, multiplex):
    nginx.start(listen="ssl http2" if version == "2" else "http2")
    done = load(swarm, provider, tmp_path, nginx.url, "--processes", "1",
                *opts(provider, version=version, multiplex=multiplex,
                      ca=f"{cert}/cert.pem"), seconds=1)
    assert done.status == 0, done.text
    served = served_as_counted(nginx, tmp_path, least=50)
    assert {s[3] for s in served} == {"HTTP/2.0"}
    connections = len({s[4] for s in served})
    assert connections == (8 if multiplex == "no" else 1)


@pytest.mark.parametrize("multiplex", ["no", "yes"])
def test_goodbyes(swarm, tmp_path, nginx, multiplex):
    """nginx takes leave of each connection after ten requests: those that it
    has not looked at are asked again, and none is lost or asked twice."""
    nginx.start(listen="http2", limit=10)
    done = load(swarm, "fasthttp", tmp_path, nginx.url, "--processes", "1",
                *opts(version="h2c", multiplex=multiplex), seconds=1)
    assert done.status == 0, done.text
    rows = counts(totals(tmp_path / "out"))
    nginx.stop(signal.SIGQUIT)
    served = nginx.served()
    mine = sum(rows["GET", path][0] for path in ("/hello", "/world"))
    assert mine <= len(served) <= mine + 8
    assert len({s[4] for s in served}) > 10


@pytest.mark.parametrize("multiplex", ["no", "yes"])
def test_restart_in_mid_run(swarm, tmp_path, nginx, multiplex):
    nginx.start(listen="http2")
    process = swarm.start("-f", swarm.scenario("hello.so"), "--plugin",
                          "fasthttp", "--headless", "-H", nginx.url, "-u",
                          "4", "-r", "100", "-t", "60s", "--csv",
                          tmp_path / "out", "--processes", "1",
                          *opts(version="h2c", multiplex=multiplex))
    wait_for(lambda: len(nginx.served()) > 100, "requests")
    nginx.stop()
    before = len(nginx.served())
    nginx.start(listen="http2", port=nginx.port)
    wait_for(lambda: len(nginx.served()) > before + 100, "requests again")
    process.interrupt()
    process.wait()
    allowed = {"connect: Connection refused",
               "connect: Connection reset by peer",
               "the server closed the connection",
               "read: Connection reset by peer", "write: Broken pipe",
               "the answer ended early"}
    assert "connect: Connection refused" in errors(tmp_path) <= allowed


def test_http_1_where_tls_agrees_on_it(swarm, tmp_path, nginx, cert):
    """Also of users who wait for another's connection."""
    nginx.start(listen="ssl")
    done = load(swarm, "fasthttp", tmp_path, nginx.url, "--processes", "1",
                *opts(multiplex="yes", ca=f"{cert}/cert.pem"), seconds=1)
    assert done.status == 0, done.text
    nginx.stop(signal.SIGQUIT)
    served = nginx.served()
    assert {s[3] for s in served} == {"HTTP/1.1"}
    assert len({s[4] for s in served}) == 8


def test_fast_one_is_taken(swarm, tmp_path, nginx):
    """The other cannot share connections without TLS."""
    nginx.start(listen="http2")
    done = swarm.run("http", nginx.url, "--h2c", "--multiplex", "-c", "16",
                     "-d", "1s", "--", "--processes", "1")
    assert done.status == 0, done.text
    nginx.stop(signal.SIGQUIT)
    served = nginx.served()
    assert {s[3] for s in served} == {"HTTP/2.0"}
    assert len({s[4] for s in served}) == 1


# ---- nghttpd ----

def listens(port):
    """It says so too, but not before its buffer is full."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True


@pytest.fixture
def nghttpd(spawn, tmp_path):
    """A function that starts one with options; its URL."""
    program = need_program("nghttpd", "/usr/sbin")

    def start(*args):
        (tmp_path / "www").mkdir()
        for name in "hello", "world":
            (tmp_path / "www" / name).write_bytes(b"x" * 20000)
        for _ in range(5):
            port = free_port()
            process = spawn([program, "--no-tls", "-d", tmp_path / "www",
                             "-a", "127.0.0.1", *args, str(port)])
            wait_for(lambda: listens(port) or process.popen.poll()
                     is not None, "nghttpd")
            if process.popen.poll() is None:
                return f"http://127.0.0.1:{port}"
        pytest.fail("nghttpd does not start:\n" + process.text)
    return start


def test_requests_queue_for_streams(swarm, tmp_path, nghttpd):
    """With one connection of four streams, the other users wait, in turn, and
    their samples say how long."""
    url = nghttpd("--max-concurrent-streams=4")
    done = load(swarm, "fasthttp", tmp_path, url, "--processes", "1",
                *opts(version="h2c", multiplex="yes", shared=1, phases="yes"),
                "--json-file", tmp_path / "out", users=32, seconds=1)
    assert done.status == 0, done.text
    rows = {(s["type"], s["name"]): s for s in
            json.loads((tmp_path / "out.json").read_text())["series"]}
    asked, queued = rows["GET", "/hello"], rows["queue", "/hello"]
    assert asked["failures"] == 0 and asked["requests"] > 50
    assert queued["service_ms"]["count"] > asked["requests"] / 2
    # It is a part of the sample, and here the largest.
    assert queued["service_ms"]["mean"] < asked["service_ms"]["mean"] < \
        4 * queued["service_ms"]["mean"]


@pytest.mark.parametrize("provider", ["fasthttp", "http"])
def test_trailers(swarm, tmp_path, nghttpd, provider):
    scenario = tmp_path / "trailers.c"
    scenario.write_text(f"#define LIBCURL {int(provider == 'http')}" """
#include <swarm/http.h>
#include <swarm/swarm.h>
#include <string.h>
static void ask(struct swarm_user *u)
{
	struct http_response *r = http_get(u, "/hello", .catch_response = true);
	const char *sum = http_trailer(r, "X-Sum");

	/* libcurl does not wait for them behind a length. */
	if (r->len == 20000 && !http_header(r, "x-sum") &&
	    (sum ? strcmp(sum, "7") == 0 : LIBCURL))
		http_ok(r);
	else
		http_fail(r, "sum is %s", sum ? sum : "not there");
}
SWARM_SCENARIO({ .name = "x", .tasks = SWARM_TASKS(SWARM_TASK(ask)) });
""")
    done = load(swarm, provider, tmp_path, nghttpd("--trailer=x-sum: 7"),
                *opts(provider, version="h2c"), scenario=scenario, users=2,
                seconds=1)
    assert done.status == 0, done.text
    assert int(totals(tmp_path / "out")["GET", "/hello"]["Request Count"]) > 5


def test_windows(swarm, tmp_path, nghttpd):
    """Bodies many times as large as the windows, both ways, on one
    connection; one user reads slowly and keeps nobody from reading."""
    url = nghttpd("--echo-upload", "--window-bits=14")
    scenario = tmp_path / "bodies.c"
    scenario.write_text("""
#include <swarm/http.h>
#include <swarm/swarm.h>
#include <string.h>
static int64_t pieces(void *arg, void *buf, size_t size)
{
	size_t *left = arg, n = *left < 7777 ? *left : 7777;

	memset(buf, 'p', n < size ? n : size);
	*left -= n;
	swarm_sleep(0);
	return (int64_t)n;
}
static void bodies(struct swarm_user *u)
{
	size_t len = 1500000, left = len, got = 0;
	char *data = swarm_alloc(u, len);
	struct http_response *r;
	const char *piece;
	int64_t n;

	memset(data, 'x', len);
	r = http_post(u, "/whole", .body = data, .body_len = len,
	    .catch_response = true);
	if (r->len == len && r->body[len - 1] == 'x')
		http_ok(r);
	else
		http_fail(r, "%d %zu %s", r->status, r->len, r->error);
	r = http_open(u, .method = "POST", .path = "/pieces", .produce = pieces,
	    .produce_arg = &left, .catch_response = true);
	while ((n = http_read(r, &piece)) > 0) {
		got += (size_t)n;
		if (swarm_user_id(u) == 0)
			swarm_sleep(0.001);
	}
	if (n == 0 && got == len)
		http_ok(r);
	else
		http_fail(r, "%d %zu %s", r->status, got, r->error);
	swarm_stop_user(u);
}
SWARM_SCENARIO({ .name = "bodies",
	.tasks = SWARM_TASKS(SWARM_TASK(bodies)) });
""")
    done = load(swarm, "fasthttp", tmp_path, url, "--processes", "1",
                *opts(version="h2c", multiplex="yes", window="16k",
                      connection_window="64k"),
                scenario=scenario, users=4, seconds=60)
    assert done.status == 0, done.text
    rows = counts(totals(tmp_path / "out"))
    assert rows["POST", "/whole"] == rows["POST", "/pieces"] == (4, 0)


# ---- servers that misbehave ----

def literally(data):
    return lambda peer, stream: peer.send(data(stream))


def then_close(data):
    def act(peer, stream):
        peer.send(data(stream))
        peer.close()
    return act


def flood(first, data):
    def act(peer, stream):
        peer.send(first(stream))
        peer.flood(data(stream) * 100)
    return act


def nothing(stream):
    return b""


def drip(peer, stream):
    peer.send(head(stream))
    while not peer.server.stopped.wait(0.01):
        peer.send(frame(DATA, 0, stream, b"z"))


def endless(peer, stream):
    """A body within its window, which opens again and again."""
    peer.send(head(stream))
    room = 65536
    while True:
        peer.send(frame(DATA, 0, stream, bytes(16384)))
        room -= 16384
        while room < 16384:
            f = peer.read()
            if f.kind == RST_STREAM:
                return
            if f.kind == WINDOW_UPDATE and f.stream == stream:
                room += struct.unpack(">I", f.data)[0]


def block(stream, fields=b"", flags=END_HEADERS):
    """A head without its frame's."""
    return frame(HEADERS, flags, stream, status(200) + fields)


FIELD = literal(b"x-y", b"z" * 100)
BREAKS = r"the server breaks HTTP/2: "
MISDEEDS = {
    "silence": (lambda peer, stream: None, r"timed out"),
    "drip": (drip, r"timed out"),
    "nothing": (then_close(nothing), r"the server closed the connection"),
    "truncated": (then_close(lambda s: head(s) + frame(DATA, 0, s, b"abc")),
                  r"the answer ended early"),
    "another protocol": (then_close(lambda s: b"HTTP/1.1 400 Bad\r\n\r\n"),
                         BREAKS),
    "garbage": (then_close(lambda s: bytes(range(256)) * 10), BREAKS),
    "oversized frame": (literally(
        lambda s: head(s) + frame(DATA, 0, s, bytes(16385))),
        BREAKS + "FRAME_SIZE_ERROR"),
    "body beyond the window": (literally(
        lambda s: head(s) + frame(DATA, 0, s, bytes(16384)) * 8),
        r"FLOW_CONTROL_ERROR"),
    "endless body": (endless, r"larger than the option max_body"),
    "endless head": (flood(
        lambda s: block(s, flags=0),
        lambda s: frame(CONTINUATION, 0, s, FIELD * 20)),
        r"larger than 64 KiB|too many headers|" + BREAKS),
    "many headers": (literally(lambda s: block(s, literal(b"a", b"b") * 300)),
                     r"too many headers"),
    "large head": (literally(
        lambda s: block(s, FIELD * 140, 0) + frame(
            CONTINUATION, 0, s, literal(b"w", b"z" * 126) * 120) * 4 +
        frame(CONTINUATION, END_HEADERS, s)),
        r"larger than 64 KiB|too many headers"),
    "empty continuations": (flood(lambda s: block(s, flags=0),
                                  lambda s: frame(CONTINUATION, 0, s)),
                            BREAKS),
    "something in a head": (literally(
        lambda s: block(s, flags=0) + frame(PING, 0, 0, bytes(8))),
        BREAKS + "PROTOCOL_ERROR"),
    "not HPACK": (literally(lambda s: frame(
        HEADERS, END_HEADERS, s, b"\xff\xff\xff\xff\xff\xff")),
        BREAKS + "COMPRESSION_ERROR"),
    "capitals": (literally(lambda s: block(s, literal(b"Name", b"x"))),
                 r"the answer breaks HTTP/2: PROTOCOL_ERROR"),
    "no status": (literally(lambda s: frame(
        HEADERS, END_HEADERS, s, literal(b"a", b"b"))),
        r"the answer breaks HTTP/2: PROTOCOL_ERROR"),
    "wrong length": (literally(
        lambda s: block(s, literal(b"content-length", b"9")) +
        frame(DATA, END_STREAM, s, b"abc")),
        r"the answer breaks HTTP/2: PROTOCOL_ERROR"),
    "interim answers": (flood(nothing, lambda s: head(s, code=103)),
                        r"too many interim answers"),
    "endless trailers": (literally(
        lambda s: head(s) + frame(HEADERS, END_STREAM, s, b"") + b"".join(
            frame(CONTINUATION, 0, s, FIELD * 150) for _ in range(7)) +
        frame(CONTINUATION, END_HEADERS, s)),
        r"too many trailers"),
    "push": (literally(lambda s: frame(
        PUSH_PROMISE, END_HEADERS, s, struct.pack(">I", 2) + b"\x82\x84\x86" +
        literal(b":authority", b"a"))), BREAKS + "PROTOCOL_ERROR"),
    "a stream nobody asked for": (literally(lambda s: answer(s + 98)),
                                  BREAKS),
    "windows too large": (literally(lambda s: frame(
        WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff)) * 2),
        BREAKS + "FLOW_CONTROL_ERROR"),
    "pings": (flood(nothing, lambda s: frame(PING, 0, 0, bytes(8))),
              r"floods"),
    "settings": (flood(nothing, lambda s: frame(SETTINGS)), r"floods"),
    "unknown frames": (flood(nothing, lambda s: frame(99, 0, 0, bytes(16000))),
                       r"floods"),
    "empty data": (flood(head, lambda s: frame(DATA, 0, s)), r"floods"),
    "resets": (literally(lambda s: reset(s, INTERNAL_ERROR)),
               r"the server reset the stream: INTERNAL_ERROR"),
    "resets of one stream": (flood(
        nothing, lambda s: reset(s, INTERNAL_ERROR)),
        r"the server reset the stream: INTERNAL_ERROR|floods"),
    "refusals": (literally(lambda s: reset(s, REFUSED_STREAM)),
                 r"the server refused the stream"),
    "goodbyes": (then_close(lambda s: goaway(0)),
                 r"the server went away before the request \(GOAWAY\)"),
    "blame": (then_close(lambda s: goaway(s, 11)),
              r"the server ended the connection: ENHANCE_YOUR_CALM"),
    "interim end": (literally(
        lambda s: head(s, code=103, flags=END_HEADERS | END_STREAM)),
        r"the answer breaks HTTP/2: PROTOCOL_ERROR"),
    "upgrade": (literally(lambda s: head(s, code=101)), r"HTTP/2|101"),
}

HOSTILE = """
#include <swarm/http.h>
#include <swarm/swarm.h>
static void ask(struct swarm_user *u)
{
	static const char *const urls[][2] = { %s };
	enum { COUNT = sizeof urls / sizeof urls[0] };
	const struct http_args *requests[COUNT];
	struct http_args args[COUNT];
	struct http_response *r[COUNT];
	size_t i;

	for (i = 0; i < COUNT; i++) {
		args[i] = *HTTP_REQUEST(.path = urls[i][1],
		    .name = urls[i][0], .timeout = 0.7);
		requests[i] = &args[i];
	}
	for (i = 0; i < 3; i++)
		http_batch(u, requests, r, COUNT);
	swarm_stop_user(u);
}
SWARM_SCENARIO({ .name = "ask", .tasks = SWARM_TASKS(SWARM_TASK(ask)) });
"""


def ask_all(swarm, tmp_path, servers, body, *args):
    """Runs a scenario that is told names and URLs; counts by name."""
    scenario = tmp_path / "ask.c"
    scenario.write_text(body.replace("%s", ", ".join(
        f'{{ "{name}", "{server.url}/" }}'
        for name, server in servers.items())))
    load(swarm, "fasthttp", tmp_path, "http://127.0.0.1:1", "--processes",
         "1", *opts(version="h2c"), *args, scenario=scenario, users=1,
         seconds=60)
    return {name: n for (_, name), n in
            counts(totals(tmp_path / "out")).items()}


def test_misdeeds(swarm, tmp_path):
    """Each is a failed sample that says what was wrong, and nothing else."""
    servers = {name: H2Server(act) for name, (act, _) in MISDEEDS.items()}
    rows = ask_all(swarm, tmp_path, servers, HOSTILE, *opts(
        max_body="1m", window="64k", connections=64))
    failures = {}
    for f in read_csv(tmp_path / "out_failures.csv"):
        failures.setdefault(f["Name"], []).append(f["Error"])
    for server in servers.values():
        server.stop()
    for name, (_, want) in MISDEEDS.items():
        assert rows[name] == (3, 3), (name, rows[name])
        for error in failures[name]:
            assert re.search(want, error), (name, error)


PATIENT = """
#include <swarm/http.h>
#include <swarm/swarm.h>
#include <string.h>
static void ask(struct swarm_user *u)
{
	static const char *const urls[][2] = { %s };
	const char *url = urls[0][1], *piece;
	struct http_response *r;

	http_get(u, url, .name = "first");
	http_get(u, url, .name = "late", .timeout = 0.2);
	r = http_get(u, url, .name = "next", .catch_response = true);
	if (r->reused && r->status == 200)
		http_ok(r);
	r = http_open(u, .path = url, .name = "left");
	http_read(r, &piece);
	http_finish(r);
	http_get(u, url, .name = "large", .timeout = 5);
	http_post(u, url, .name = "refused", .body = "x");
	r = http_get(u, url, .name = "last", .catch_response = true);
	if (r->reused && strcmp(r->body, "ok") == 0)
		http_ok(r);
	http_get(u, url, .name = "half");
	swarm_stop_user(u);
}
SWARM_SCENARIO({ .name = "ask", .tasks = SWARM_TASKS(SWARM_TASK(ask)) });
"""


def test_a_stream_can_fail_alone(swarm, tmp_path):
    """What is late, unwanted, too large or refused is cancelled or asked for
    again, on a connection that goes on."""
    def act(peer, stream):
        n = peer.count
        if n == 1:                      # late
            return
        peer.send({3: head(stream) + frame(DATA, 0, stream, b"some"),
                   4: head(stream) + frame(DATA, 0, stream, bytes(9000)) * 2,
                   5: reset(stream, REFUSED_STREAM),
                   8: head(stream) + frame(DATA, 0, stream, b"half") +
                   reset(stream, REFUSED_STREAM)}.get(n, answer(stream)))

    server = H2Server(act)
    rows = ask_all(swarm, tmp_path, {"": server}, PATIENT,
                   *opts(max_body="16k"))
    server.stop()
    assert rows == {"first": (1, 0), "late": (1, 1), "next": (1, 0),
                    "left": (1, 0), "large": (1, 1), "refused": (1, 0),
                    "last": (1, 0), "half": (1, 1)}
    # Nobody has looked at it, says the last one, in the middle of its answer.
    assert errors(tmp_path) == {"timed out", "the body is larger than the "
                                "option max_body",
                                "the server refused the stream"}
    assert server.connections == 1
    assert [(f.stream, f.data) for _, f in server.frames(RST_STREAM)] == [
        (n, struct.pack(">I", CANCEL)) for n in (3, 7, 9)]
    assert [f.stream for _, f in server.frames(HEADERS)] == [
        1, 3, 5, 7, 9, 11, 13, 15, 17]


class LateServer(H2Server):
    """By TLS, but the first who connects waits in vain for its handshake."""

    def __init__(self, cert):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert / "pair.pem")
        self.context.set_alpn_protocols(["h2"])
        super().__init__(lambda peer, stream: peer.send(answer(stream)))
        self.url = self.url.replace("http:", "https:")

    def serve(self, conn):
        if self.connections == 1:
            self.stopped.wait(30)
            return
        with self.context.wrap_socket(conn, server_side=True) as secure:
            super().serve(secure)


UNKEPT = """
#include <swarm/http.h>
#include <swarm/swarm.h>
static void ask(struct swarm_user *u)
{
	const struct http_args *request = HTTP_REQUEST(.path = "/");
	const struct http_args *requests[12];
	struct http_response *r[12];
	int i;

	for (i = 0; i < 12; i++)
		requests[i] = request;
	http_batch(u, requests, r, 12);
	swarm_stop_user(u);
}
SWARM_SCENARIO({ .name = "ask", .tasks = SWARM_TASKS(SWARM_TASK(ask)) });
"""


def test_connections_that_are_not_kept(swarm, tmp_path):
    """One for each request, also when several are asked at once."""
    server = H2Server(lambda peer, stream: peer.send(answer(stream)))
    scenario = tmp_path / "unkept.c"
    scenario.write_text(UNKEPT)
    done = load(swarm, "fasthttp", tmp_path, server.url, "--processes", "1",
                *opts(version="h2c", keepalive="no"), scenario=scenario,
                users=2, seconds=60)
    server.stop()
    assert done.status == 0, done.text
    assert counts(totals(tmp_path / "out")) == {("GET", "/"): (24, 0)}
    assert server.connections == len(server.frames(HEADERS)) == 24


def test_who_connects_is_one_of_those_who_wait(swarm, tmp_path, cert):
    """When it is too impatient, another does, and only it has failed; when
    nobody can, all learn of it."""
    scenario = tmp_path / "wait.c"
    scenario.write_text("""
#include <swarm/http.h>
#include <swarm/swarm.h>
static void ask(struct swarm_user *u)
{
	http_get(u, "/", .timeout = swarm_user_id(u) == 0 ? 0.3 : 10);
	http_get(u, "http://127.0.0.1:1/none", .name = "none");
	swarm_stop_user(u);
}
SWARM_SCENARIO({ .name = "ask", .tasks = SWARM_TASKS(SWARM_TASK(ask)) });
""")
    server = LateServer(cert)
    load(swarm, "fasthttp", tmp_path, server.url, "--processes", "1",
         *opts(version="h2c", multiplex="yes", ca=f"{cert}/cert.pem"),
         scenario=scenario, users=5, seconds=60)
    server.stop()
    rows = counts(totals(tmp_path / "out"))
    assert rows == {("GET", "/"): (5, 1), ("GET", "none"): (5, 5)}
    failed = errors(tmp_path)
    assert failed > {"connect: Connection refused"} and len(failed) == 2
    assert any("timed out" in e for e in failed), failed
    assert server.connections == 2


@pytest.mark.parametrize("bad,text", [
    (dict(version="3"), r"give auto, 1.1, 2 or h2c"),
    (dict(shared=-1), r"give a number of connections"),
    (dict(window=1), r"give 1k to"),
    (dict(connection_window="1k"), r"give 64k to"),
    (dict(pipeline=2, version="2"), r"exclude each other")],
    ids=lambda v: "-".join(v) if isinstance(v, dict) else "")
def test_bad_options(swarm, bad, text):
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", "fasthttp",
                     "--headless", "-H", "http://127.0.0.1:1", *opts(**bad))
    assert done.status in (2, 3), done.text
    assert re.search(text, done.text)
