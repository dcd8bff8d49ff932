"""swarm.grpc/1 against a real server (plugins/grpc/tests/server.cc), killed and
misused, and against servers that break off."""
import json
import os
import socket
import subprocess
import threading

import pytest

from conftest import BUILD, SOURCE, free_port, wait_for

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
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True)
    return folder


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
    assert ended == (0 if mode == "abandon" else 9)
    if mode == "slow_reader":
        assert counters["grpc_read_paused"] >= 9
