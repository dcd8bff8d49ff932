"""swarm.grpc/1 against a real server (plugins/grpc/tests/server.cc), killed and
misused, and against servers that break off."""
import json
import os

import pytest

from conftest import (BUILD, SOURCE, Listener, free_port, make_certificate,
                      wait_for)

SERVER = os.path.join(BUILD, "plugins", "grpc", "grpc_server")
PROTO = os.path.join(SOURCE, "plugins", "grpc", "tests", "echo.proto")
ECHO = "swarm.test.Echo/"

if not os.path.exists(SERVER) and not os.environ.get("CI"):
    pytest.skip("plugin or its server not built", allow_module_level=True)


class Server:
    def __init__(self, spawn, *args):
        self.process = spawn([SERVER, *args], stdin_pipe=True)
        self.port = int(self.process.wait_line(r"^(\d+)$").group(1))
        self.target = f"127.0.0.1:{self.port}"

    def kill(self):
        self.process.popen.kill()
        self.process.wait()


@pytest.fixture
def server(spawn):
    return Server(spawn)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "DNS:localhost")


def results(swarm, tmp_path, *args, status=(0,), timeout=60):
    out = tmp_path / "out.json"
    done = swarm.run(*args, "--headless", "--processes", "1", "--json-file",
                     out, timeout=timeout)
    assert done.status in status, done.text
    with open(out) as f:
        data = json.load(f)
    data["text"] = done.text
    data["rows"] = {(e["type"], e["name"]): e for e in data["series"]}
    return data


def calls(swarm, tmp_path, target, mode, *options, users=3, rounds=3,
          args=(), **kwargs):
    pairs = [f"mode={mode}", f"rounds={rounds}", *options]
    given = [a for pair in pairs for a in
             ("-o", pair if pair.startswith("grpc.") else
              f"grpc_calls.{pair}")]
    return results(swarm, tmp_path, "-f", swarm.module("grpc_calls.so"), "-H",
                   target, "-u", str(users), "-r", "100", "-t", "60s", *given,
                   *args, **kwargs)


def failures(data):
    """{(name, reason): count}"""
    return {(f["name"], f["error"]): f["occurrences"]
            for f in data["failures"]}


@pytest.mark.parametrize("mode", [
    "raw", "client_stream", "server_stream", "bidi", "swap", "leave",
    "handler", "slow_reader", "abandon"])
def test_every_kind(swarm, server, tmp_path, mode):
    data = calls(swarm, tmp_path, server.target, mode)
    counters = data["counters"]
    assert data["total"]["failures"] == 0
    assert counters["grpc_connects"] == (12 if mode == "abandon" else 3)
    assert counters.get("grpc_streams_open", 0) == 0
    ended = sum(n for name, n in counters.items()
                if name.startswith("grpc_status_"))
    assert ended == {"abandon": 0, "leave": 18}.get(mode, 9)
    assert counters.get("grpc_msgs_unanswered", 0) == 9 * (mode == "leave")
    if mode == "slow_reader":
        assert counters["grpc_read_paused"] >= 9


def command(swarm, tmp_path, *args, own=(), **kwargs):
    return results(swarm, tmp_path, "grpc", *args, "--", *own, **kwargs)


def p50(data, kind, name):
    return data["rows"][kind, name]["service_ms"]["p50"]


@pytest.mark.parametrize("mode", ["freed", "handlers"])
def test_scenarios_of_several_fibers(swarm, server, tmp_path, mode):
    data = calls(swarm, tmp_path, server.target, mode, users=1, rounds=1)
    assert data["exceptions"] == [], data["exceptions"]
    assert data["total"]["failures"] == 0
    assert data["counters"].get("grpc_streams_open", 0) == 0


# ---- what goes there and back ----

def test_metadata_and_json(swarm, server, tmp_path):
    data = calls(swarm, tmp_path, server.target, "unary",
                 'json={"id": "7", "counts": {"a": 1}, "when": '
                 '"2020-01-02T03:04:05Z"}', users=1, rounds=1,
                 args=("--debug",))
    text = data["text"]
    assert 'reply OK  {"id":"7"' in text
    assert "trailer y-always 1 1" in text
    assert "trailer y-mine 3 two" in text
    # Three bytes, the first of them a NUL.
    assert "trailer y-raw-bin 3 " in text


def test_messages_of_protobuf_c(swarm, server, tmp_path):
    data = results(swarm, tmp_path, "-f", os.path.join(
        BUILD, "plugins", "grpc", "tests", "packed.so"), "-H", server.target,
        "-u", "1", "-t", "30s")
    assert data["counters"]["grpc_status_OK"] == 1
    assert data["exceptions"] == []


def test_scenario(swarm, server, tmp_path):
    data = results(swarm, tmp_path, "-f", swarm.scenario("grpc.so"), "-H",
                   server.target, "-u", "20", "-r", "100", "-t", "5s")
    assert data["total"]["failures"] == 0 and data["exceptions"] == []
    rows = data["rows"]
    assert rows["GRPC", ECHO + "Unary"]["requests"] > 10
    assert rows["GRPC", "look for what is not there"]["requests"] > 5
    message = rows["GRPC message", ECHO + "Bidi"]
    assert message["requests"] >= 25
    assert 10 <= message["service_ms"]["p50"] < 25


@pytest.mark.parametrize("name", ["gzip", "deflate", "identity"])
def test_compression(swarm, server, tmp_path, name):
    data = calls(swarm, tmp_path, server.target, "unary",
                 'json={"text": "' + "long " * 200 + '"}',
                 f"compression={name}", users=1, rounds=2)
    assert data["counters"]["grpc_status_OK"] == 2


def test_every_status(swarm, server, tmp_path):
    codes = [{"code": n} for n in range(17)]
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "1",
                   "-n", "17", "-d", json.dumps(codes), status=(1,))
    got = {name: n for name, n in data["counters"].items()
           if name.startswith("grpc_status_")}
    assert len(got) == 17 and set(got.values()) == {1}
    assert data["total"]["failures"] == 16
    assert failures(data)[ECHO + "Unary", "NOT_FOUND: as asked"] == 1
    assert data["rows"]["GRPC DATA_LOSS", ECHO + "Unary"]
    # Those that are expected pass; all of a method has one name.
    data = command(swarm, tmp_path, server.target, "/" + ECHO + "Unary", "-c",
                   "1", "-n", "2", "-d", '{"code": 5}', "-e", "NOT_FOUND,OK")
    assert data["counters"]["grpc_status_NOT_FOUND"] == 2
    for kind in ("GRPC", "GRPC NOT_FOUND", "GRPC queued"):
        row = data["rows"][kind, ECHO + "Unary"]
        assert row["service_ms"]["count"] == 2


def test_shared_connections(swarm, server, tmp_path):
    data = calls(swarm, tmp_path, server.target, "raw", "share=2", users=6)
    assert data["counters"]["grpc_connects"] == 2
    assert data["rows"]["GRPC", "connect"]["requests"] == 2
    assert data["counters"]["grpc_status_OK"] == 18


def test_types_from_files(swarm, spawn, tmp_path):
    server = Server(spawn)
    protoset = os.path.join(BUILD, "plugins", "grpc", "tests",
                            "echo.protoset")
    folder, file = os.path.split(PROTO)
    for option in (["--protoset", protoset], ["--proto", PROTO],
                   ["-i", folder, "--proto", file]):
        data = command(swarm, tmp_path, server.target, ECHO + "Bidi", *option,
                       "-c", "2", "-n", "4")
        assert data["counters"]["grpc_status_OK"] == 4
        assert data["rows"]["GRPC message", ECHO + "Bidi"]["requests"] == 40
    bad = tmp_path / "bad.proto"
    bad.write_text("syntax = \"proto3\";\nmessage {}\n")
    imports = tmp_path / "imports.proto"
    imports.write_text("syntax = \"proto3\";\nimport \"gone.proto\";\n")
    for path, text in ((bad, "bad.proto:2:"),
                       (imports, "imports.proto:2:1: Import \"gone.proto\""),
                       (tmp_path / "none", "none: File not found")):
        done = command(swarm, tmp_path, server.target, ECHO + "Bidi",
                       "--proto", path, "-c", "1", status=(1, 2, 3, 4))
        assert text in done["text"]


def field(number, data):
    """Of a message: a length-delimited one."""
    out, n = bytes([number << 3 | 2]), len(data)
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n]) + data


@pytest.fixture
def reflecting():
    """Starts a server with reflection v1, of which reflect(question) gives the
    answer, and swarm.test.Echo/Unary; its target."""
    grpc = pytest.importorskip("grpc")
    from concurrent import futures
    servers = []

    def start(reflect):
        def answers(requests, context):
            for q in requests:
                yield reflect(q)

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                if details.method.startswith("/grpc.reflection.v1.S"):
                    return grpc.stream_stream_rpc_method_handler(answers)
                if details.method == "/swarm.test.Echo/Unary":
                    return grpc.unary_unary_rpc_method_handler(
                        lambda request, context: field(1, b"x"))
                return None

        server = grpc.server(futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers((Handler(),))
        servers.append(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None)


def test_reflection_v1(swarm, reflecting, tmp_path):
    """Asked first; what it lacks is asked for by name."""
    descriptor = pytest.importorskip("google.protobuf.descriptor_pb2")

    with open(os.path.join(BUILD, "plugins", "grpc", "tests",
                           "echo.protoset"), "rb") as f:
        files = {x.name: x.SerializeToString()
                 for x in descriptor.FileDescriptorSet.FromString(
                     f.read()).file}
    asked = []

    def reflect(q):
        asked.append(q)
        name = q[2:].decode()
        if q[0] >> 3 == 7:
            return field(6, field(1, field(1, b"swarm.test.Echo")))
        if q[0] >> 3 == 3 and name in files:
            return field(4, field(1, files[name]))
        if name.startswith("swarm.test."):
            return field(4, field(1, files["echo.proto"]))
        return field(7, field(2, b"there is no such thing"))

    target = reflecting(reflect)
    # So many in all, also when the users cannot share them evenly.
    data = command(swarm, tmp_path, target, ECHO + "Unary", "-c", "3",
                   "-n", "8", "-d", '{"id": "1"}')
    assert data["counters"]["grpc_status_OK"] == 8
    # Protobuf's own files need not be asked for.
    assert len(asked) == 1
    done = swarm.run("grpc", target, "list", ECHO[:-1])
    assert done.status == 0 and ECHO + "Swap" in done.out
    done = swarm.run("grpc", target, "describe", "no.Such")
    assert done.status == 1
    assert "no.Such: reflection: there is no such thing" in done.err


def test_reflection_of_a_stranger(swarm, reflecting, tmp_path):
    """Names without end, and imports that lead on and on."""
    long = b"x" * (1 << 19)
    target = reflecting(lambda q: field(6, b"".join(
        field(1, field(1, name)) for name in (long, long, b"behind"))))
    done = swarm.run("grpc", target, "list")
    assert done.status == 1 and "a mebibyte" in done.err

    def import_next(q):
        n = int(q[2:-6]) if q[2:].endswith(b".proto") else 0
        return field(4, field(1, field(1, b"%d.proto" % n) + field(
            3, b"%d.proto" % (n + 1))))

    done = swarm.run("grpc", reflecting(import_next), "describe",
                     ECHO[:-1])
    assert done.status == 1 and "1000 files" in done.err, done.text


def test_imports_in_a_long_row(swarm, server, tmp_path):
    """More than a fiber's stack bears."""
    descriptor = pytest.importorskip("google.protobuf.descriptor_pb2")

    with open(os.path.join(BUILD, "plugins", "grpc", "tests",
                           "echo.protoset"), "rb") as f:
        files = descriptor.FileDescriptorSet.FromString(f.read())
    last = files.file[-1]
    assert last.name == "echo.proto"
    for n in range(1000):
        one = files.file.add(name=f"{n}.proto", syntax="proto3")
        if n < 999:
            one.dependency.append(f"{n + 1}.proto")
    last.dependency.append("0.proto")
    path = tmp_path / "long.protoset"
    path.write_bytes(files.SerializeToString())
    data = command(swarm, tmp_path, server.target, ECHO + "Unary",
                   "--protoset", path, "-c", "1", "-n", "2")
    assert data["counters"]["grpc_status_OK"] == 2


def test_no_reflection(swarm, tmp_path):
    grpc = pytest.importorskip("grpc")
    from concurrent import futures

    server = grpc.server(futures.ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        data = command(swarm, tmp_path, f"127.0.0.1:{port}", ECHO + "Bidi",
                       "-c", "1", status=(1,))
        assert "the server has no reflection" in data["text"]
        assert data["run"]["duration_s"] < 5
    finally:
        server.stop(None)


def test_list_and_describe(swarm, server):
    done = swarm.run("grpc", server.target, "list")
    assert done.status == 0 and ECHO[:-1] in done.out.split("\n")
    done = swarm.run("grpc", server.target, "list", ECHO[:-1])
    assert done.out.split() == [ECHO + m for m in (
        "Unary", "ClientStream", "ServerStream", "Bidi", "Swap")]
    done = swarm.run("grpc", server.target, "describe")
    assert "rpc Bidi(stream .swarm.test.Request)" in done.out
    done = swarm.run("grpc", server.target, "describe", ECHO + "Unary")
    assert "message Request" in done.out and "message Reply" in done.out
    done = swarm.run("grpc", f"127.0.0.1:{free_port()}", "list")
    assert done.status == 1 and "Connection refused" in done.err


# ---- what is measured ----

def test_known_delays(swarm, server, tmp_path):
    """Message by message, and not the stream as a whole."""
    data = command(swarm, tmp_path, server.target, ECHO + "Bidi", "-c", "4",
                   "-n", "40", "-d",
                   '[{"delayUs": 2000}, {"delayUs": 2000}, '
                   '{"delayUs": 20000}]')
    row = data["rows"]["GRPC message", ECHO + "Bidi"]
    assert row["requests"] == 400
    ms = row["service_ms"]
    assert 2 <= ms["p50"] < 20 <= ms["p90"] < 74
    assert ms["min"] >= 2
    assert data["rows"]["GRPC stream", ECHO + "Bidi"]["service_ms"][
        "min"] >= 74
    # Of a stream without answers the gaps.
    data = calls(swarm, tmp_path, server.target, "server_stream",
                 "delay_us=5000", users=1, rounds=4)
    row = data["rows"]["GRPC gap", ECHO + "ServerStream"]
    assert row["service_ms"]["count"] == 16
    assert row["service_ms"]["p50"] >= 4.5


def test_waiting_for_a_stream_is_told_apart(swarm, spawn, tmp_path):
    server = Server(spawn, "--max-streams", "2")
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "10",
                   "--connections", "1", "-n", "60", "-d",
                   '{"delayUs": 20000}')
    name = ECHO + "Unary"
    assert data["counters"]["grpc_connects"] == 1
    assert p50(data, "GRPC queued", name) > 30
    assert 20 <= p50(data, "GRPC server", name) < 30
    assert p50(data, "GRPC", name) > 50


def test_deadlines_by_phase(swarm, spawn, tmp_path):
    server = Server(spawn, "--max-streams", "1")
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "6",
                   "--connections", "1", "-n", "6", "-t", "300ms", "-d",
                   '{"delayUs": 5000000}', status=(1,),
                   own=("-o", "grpc.phases=1"))
    counters = data["counters"]
    assert counters["grpc_status_DEADLINE_EXCEEDED"] == 6
    # The library lets one more than allowed through, and another when the
    # server was the first to see that one's time was over.
    assert 1 <= counters["grpc_deadline_waiting"] <= 3
    assert (counters["grpc_deadline_before_send"] +
            counters["grpc_deadline_waiting"]) == 6
    assert (ECHO + "Unary",
            "DEADLINE_EXCEEDED before the request was sent") in failures(data)
    # Where not all are timed in full, those after the first that hits its
    # deadline are.
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "40",
                   "--connections", "1", "-n", "120", "-t", "200ms", "-d",
                   '{"delayUs": 5000000}', status=(1,))
    assert data["counters"]["grpc_deadline_untold"] <= 40
    data = command(swarm, tmp_path, server.target, ECHO + "ServerStream",
                   "-c", "1", "-n", "1", "-t", "300ms", "-d",
                   '{"count": 1000, "delayUs": 20000}', status=(1,))
    assert data["counters"]["grpc_deadline_streaming"] == 1
    # A stream that has brought nothing is waited for.
    data = command(swarm, tmp_path, server.target, ECHO + "ServerStream",
                   "-c", "1", "-n", "1", "-t", "300ms", "-d",
                   '{"count": 1000, "delayUs": 5000000}', status=(1,))
    assert data["counters"]["grpc_deadline_waiting"] == 1
    assert (ECHO + "ServerStream",
            "DEADLINE_EXCEEDED waiting for an answer") in failures(data)


def test_every_sample_is_kept(swarm, server, tmp_path):
    """Short of the million of the benchmark."""
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "50",
                   "--connections", "2", "-n", "20000", "-z", "60s")
    name = ECHO + "Unary"
    assert data["rows"]["GRPC", name]["requests"] == 20000
    assert data["rows"]["GRPC", name]["service_ms"]["count"] == 20000
    assert data["rows"]["GRPC OK", name]["service_ms"]["count"] == 20000
    assert data["counters"]["grpc_msgs_received"] == 20000
    # At least one in sixteen phase by phase; all, if it is asked for.
    queued = data["rows"]["GRPC queued", name]["service_ms"]["count"]
    assert 20000 / 16 <= queued <= 20000
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "50",
                   "--connections", "2", "-n", "5000", "-z", "60s",
                   own=["-o", "grpc.phases=1"])
    for kind in ("GRPC queued", "GRPC server", "GRPC headers"):
        assert data["rows"][kind, name]["service_ms"]["count"] == 5000


def phases(data, last):
    """The handshake is TCP and the rest."""
    rows = data["rows"]
    assert rows["GRPC phase", "resolve"]["service_ms"]["count"] == 3
    assert rows["GRPC phase", "handshake"]["service_ms"]["count"] == 3
    for name in ("tcp", last):
        row = rows["GRPC phase", name]["service_ms"]
        # A SYN that a crowded machine has sent again tells nothing.
        assert 1 <= row["count"] <= 3
        assert row["max"] <= rows["GRPC phase", "handshake"]["service_ms"][
            "max"]


def test_phases_of_a_connection(swarm, server, tmp_path):
    phases(calls(swarm, tmp_path, server.target, "raw"), "settings")


# ---- bad ends ----

def test_wrong_calls(swarm, server, tmp_path):
    data = calls(swarm, tmp_path, server.target, "wrong", users=1, rounds=1,
                 status=(1,))
    counters = data["counters"]
    # This server answers bytes that are no message like that, too.
    assert counters["grpc_status_UNIMPLEMENTED"] == 3
    found = failures(data)
    assert data["total"]["failures"] == 9, found
    assert any("swarm.test.Request: " in e
               for n, e in found if n == "wrong json"), found
    assert ("wrong encoding", 'compression is "gzip", "deflate" or '
            '"identity"') in found
    for name in ("wrong metadata", "wrong value", "wrong key"):
        assert any(n == name for n, e in found), name


def test_long_messages(swarm, spawn, tmp_path):
    server = Server(spawn, "--max-receive", "1000")
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "1",
                   "-n", "3", "-d", '{"text": "' + "x" * 2000 + '"}',
                   status=(1,))
    assert data["counters"]["grpc_status_RESOURCE_EXHAUSTED"] == 3
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "1",
                   "-n", "3", "-d", '{"replyBytes": 50000}', "--max-receive",
                   "10k", status=(1,))
    assert data["counters"]["grpc_status_RESOURCE_EXHAUSTED"] == 3
    # The connection lives.
    assert data["counters"]["grpc_connects"] == 1
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "-c", "1",
                   "-n", "3", "-d", '{"replyBytes": 3000000}')
    assert data["counters"]["grpc_bytes_received"] > 9000000
    # More than may wait at a time, in one stream.
    data = command(swarm, tmp_path, server.target, ECHO + "ServerStream",
                   "-c", "1", "-n", "1", "-d",
                   '{"count": 12, "replyBytes": 1000000}')
    assert data["counters"]["grpc_status_OK"] == 1
    assert data["counters"]["grpc_bytes_received"] > 12000000


def test_server_killed_and_back(swarm, spawn, tmp_path):
    server = Server(spawn)
    out = tmp_path / "out.json"
    run = swarm.start("-f", swarm.module("grpc_calls.so"), "-H",
                      server.target, "-u", "5", "-r", "100", "-t", "60s",
                      "--headless", "--processes", "1", "--json-file", out,
                      "-o", "grpc_calls.mode=raw", "-o",
                      "grpc_calls.think=20ms", "-o",
                      "grpc.reconnect_max=300ms")
    run.wait_line(r"hold .* fail 0 ")
    server.kill()
    run.wait_line(r"fail [1-9]")
    Server(spawn, "--port", str(server.port))
    # The share of failures goes down again: requests pass.
    shares = []

    def falling():
        shares[:] = [float(line.split("(")[1].split("%")[0])
                     for line in run.err.split("\n") + run.out.split("\n")
                     if " hold " in line and "(" in line]
        return len(shares) > 2 and shares[-1] < max(shares)

    wait_for(falling, "users that recover")
    run.interrupt()
    assert run.wait() == 1
    with open(out) as f:
        counters = json.load(f)["counters"]
    assert counters["grpc_status_UNAVAILABLE"] > 0
    assert counters["grpc_connections_lost"] == 5
    assert counters["grpc_reconnects"] == 5


def test_handshake_of_a_busy_scenario(swarm, spawn, tmp_path):
    """Connected again while the loop could not look: the handshake has begun
    at some time all the same."""
    server = Server(spawn, "--age", "100")
    data = calls(swarm, tmp_path, server.target, "busy", users=1, rounds=5,
                 status=(0, 1))
    assert data["counters"]["grpc_reconnects"] >= 2
    for name in ("handshake", "reconnect"):
        row = data["rows"]["GRPC phase", name]["service_ms"]
        assert row["max"] < 10000, row


def test_server_that_says_goaway(swarm, spawn, tmp_path):
    """After an age of the connection, as load balancers do it."""
    server = Server(spawn, "--age", "200")
    data = calls(swarm, tmp_path, server.target, "raw", "think=10ms",
                 users=3, rounds=100, status=(0, 1))
    counters = data["counters"]
    assert counters["grpc_connections_lost"] >= 3
    assert counters["grpc_reconnects"] >= 3
    assert counters["grpc_status_OK"] > 250


class Http2(Listener):
    """Speaks just enough to answer a request with `frame(stream)`."""

    def __init__(self, frame):
        super().__init__()
        self.frame = frame
        self.target = f"127.0.0.1:{self.port}"

    def serve(self, conn):
        with conn.makefile("rb") as f:
            f.read(24)
            conn.sendall(b"\0\0\0\4\0\0\0\0\0")
            while head := f.read(9):
                length = int.from_bytes(head[:3], "big")
                stream = int.from_bytes(head[5:9], "big")
                f.read(length)
                if head[3] == 4 and not head[4] & 1:
                    conn.sendall(b"\0\0\0\4\1\0\0\0\0")
                if head[3] == 1:
                    answer = self.frame(stream)
                    if answer is None:
                        return
                    conn.sendall(answer)


def frame(kind, stream, payload, flags=0):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) +
            stream.to_bytes(4, "big") + payload)


@pytest.mark.parametrize("kind, code, counter", [
    ("reset", "CANCELLED", "grpc_rst_stream"),
    ("refused", "UNAVAILABLE", "grpc_rst_stream"),
    ("goaway", "UNAVAILABLE", "grpc_goaway"),
    ("close", "UNAVAILABLE", "grpc_connections_lost"),
    ("garbage", None, "grpc_connections_lost")])
def test_streams_cut_off(swarm, tmp_path, kind, code, counter):
    answers = {
        "reset": lambda n: frame(3, n, (8).to_bytes(4, "big")),
        "refused": lambda n: frame(3, n, (7).to_bytes(4, "big")),
        "goaway": lambda n: frame(7, 0, bytes(4) + (11).to_bytes(4, "big") +
                                  b"enough"),
        "close": lambda n: None,
        "garbage": lambda n: b"\xff" * 100,
    }
    server = Http2(answers[kind])
    data = calls(swarm, tmp_path, server.target, "raw", "think=300ms",
                 users=2, rounds=3, status=(1,))
    counters = data["counters"]
    assert data["total"]["failures"] == 6
    if code:
        assert counters["grpc_status_" + code] == 6, counters
    assert counters[counter] >= 4
    if kind in ("goaway", "close", "garbage"):
        assert counters["grpc_reconnects"] == 4


def test_status_that_is_none(swarm, tmp_path):
    """UNKNOWN, and not that of the same last bits, which is expected."""
    def literal(name, value):
        return b"\0" + b"".join(bytes([len(x)]) + x for x in (name, value))

    server = Http2(lambda n: frame(
        1, n, b"\x88" + literal(b"content-type", b"application/grpc") +
        literal(b"grpc-status", b"37"), flags=5))
    data = command(swarm, tmp_path, server.target, ECHO + "Unary", "--kind",
                   "unary", "-b", PROTO, "-c", "1", "-n", "2", "-e",
                   "NOT_FOUND", status=(1,))
    assert data["counters"]["grpc_status_UNKNOWN"] == 2
    assert failures(data) == {(ECHO + "Unary",
                               "UNKNOWN: no reason given"): 2}


def test_nobody_listens(swarm, tmp_path):
    data = calls(swarm, tmp_path, f"127.0.0.1:{free_port()}", "raw",
                 "think=10ms", users=2, rounds=3, status=(1,))
    found = failures(data)
    assert found["connect", "connect: Connection refused"] == 2
    assert found[ECHO + "Unary", "UNAVAILABLE: Connection refused"] == 6


def test_waits_for_a_server(swarm, spawn, tmp_path):
    port = free_port()
    run = swarm.start("-f", swarm.module("grpc_calls.so"), "-H",
                      f"127.0.0.1:{port}", "-u", "1", "-t", "60s",
                      "--headless", "--processes", "1", "-o",
                      "grpc_calls.wait_for_ready=true", "-o",
                      "grpc_calls.rounds=1", "--debug")
    run.wait_line("Connection refused")
    Server(spawn, "--port", str(port))
    run.wait_line("reply OK")
    run.wait()


def test_stopped_with_calls_under_way(swarm, server, tmp_path):
    """The end waits neither for the server nor for the library."""
    for mode, more in (("unary", ['json={"delayUs": 50000000}']),
                       ("bidi", ["delay_us=50000000"]),
                       ("server_stream", ["delay_us=50000000"])):
        data = calls(swarm, tmp_path, server.target, mode, *more, users=20,
                     rounds=-1, args=("-t", "1s", "--stop-timeout", "1s"),
                     timeout=20)
        assert data["run"]["duration_s"] < 5
        assert "not given back" not in data["text"]


# ---- TLS ----

@pytest.fixture
def tls_server(spawn, certificate):
    return Server(spawn, "--cert", str(certificate / "cert.pem"), "--key",
                  str(certificate / "key.pem"))


def test_tls(swarm, tls_server, certificate, tmp_path):
    port = tls_server.port
    ca = f"grpc.cafile={certificate / 'cert.pem'}"
    good = calls(swarm, tmp_path, f"grpcs://localhost:{port}", "unary", ca)
    assert good["counters"]["grpc_status_OK"] == 9
    phases(good, "tls")
    good = calls(swarm, tmp_path, f"grpcs://127.0.0.1:{port}", "raw", ca,
                 "grpc.server_name=localhost")
    assert good["counters"]["grpc_status_OK"] == 9
    good = calls(swarm, tmp_path, f"grpcs://127.0.0.1:{port}", "raw",
                 "grpc.insecure=true")
    assert good["counters"]["grpc_status_OK"] == 9


@pytest.mark.parametrize("what", ["unknown", "name", "plain"])
def test_tls_mismatch(swarm, tls_server, certificate, tmp_path, what):
    port = tls_server.port
    ca = f"grpc.cafile={certificate / 'cert.pem'}"
    target, options = {
        "unknown": (f"grpcs://localhost:{port}", []),
        "name": (f"grpcs://127.0.0.1:{port}", [ca]),
        "plain": (f"localhost:{port}", []),
    }[what]
    data = calls(swarm, tmp_path, target, "raw", *options, "think=10ms",
                 users=1, rounds=3, status=(1,))
    assert data["rows"]["GRPC", "connect"]["failures"] == 1
    assert data["counters"]["grpc_status_UNAVAILABLE"] == 3
    assert data["total"]["failures"] == 4
    why = {"unknown": "certificate verify failed", "name": "ostname",
           "plain": "a port for TLS?"}[what]
    assert any(n == "connect" and why in e for n, e in failures(data))


def test_tls_to_a_plain_server(swarm, server, certificate, tmp_path):
    data = calls(swarm, tmp_path, f"grpcs://localhost:{server.port}", "raw",
                 f"grpc.cafile={certificate / 'cert.pem'}", "think=10ms",
                 users=1, rounds=3, status=(1,))
    assert data["counters"]["grpc_status_UNAVAILABLE"] == 3
    # Files that are none say so.
    data = calls(swarm, tmp_path, f"grpcs://localhost:{server.port}", "raw",
                 f"grpc.cafile={tmp_path}/none.pem", users=1, rounds=1,
                 status=(1,))
    assert "none.pem: No such file" in data["text"]


def test_client_certificates(swarm, spawn, certificate, tmp_path):
    server = Server(spawn, "--cert", str(certificate / "cert.pem"), "--key",
                    str(certificate / "key.pem"), "--client-ca",
                    str(certificate / "cert.pem"))
    target = f"grpcs://localhost:{server.port}"
    ca = f"grpc.cafile={certificate / 'cert.pem'}"
    own = [f"grpc.cert={certificate / 'cert.pem'}",
           f"grpc.key={certificate / 'key.pem'}"]
    for more in ([ca], ["grpc.insecure=true"]):
        data = calls(swarm, tmp_path, target, "raw", *more, *own)
        assert data["counters"]["grpc_status_OK"] == 9
    data = calls(swarm, tmp_path, target, "raw", ca, "think=10ms", users=1,
                 rounds=2, status=(1,))
    assert data["counters"]["grpc_status_UNAVAILABLE"] == 2
