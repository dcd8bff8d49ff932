"""Every flow of swarm.mqtt/1 on both providers, against a real broker and
against one that lies.

The broker's own counters are the judge of what was sent; a scenario that
checks what it receives is the judge of what came back.
"""
import base64
import collections
import contextlib
import hashlib
import json
import os
import socket
import subprocess

import pytest

from conftest import (BUILD, EC_KEY, Listener, free_port, openssl, read_csv,
                      totals, wait_for)

if not os.path.exists(os.path.join(BUILD, "plugins", "mqtt", "mqtt.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)

PROVIDERS = ["fastmqtt", "mqtt"]
both = pytest.mark.parametrize("provider", PROVIDERS)


@both
@pytest.mark.parametrize("version", [4, 5])
def test_every_flow(swarm, broker, provider, version):
    done = swarm.run("--plugin", provider, "-f", swarm.module("mqtt_flows.so"),
                     "--headless", "-H", broker.url, "-u", "1", "-t", "60s",
                     "-o", f"mqtt_flows.version={version}", timeout=90)
    assert done.status == 0, done.text
    assert "all flows done" in done.text


@both
def test_every_flow_over_websocket(swarm, spawn, tmp_path, provider):
    port = free_port()
    # This broker opens a WebSocket only beside a plain listener.
    start_mosquitto(spawn, tmp_path, f"listener {port} 127.0.0.1",
                    "protocol websockets", "allow_anonymous true",
                    "max_packet_size 400000")
    # What exceeds the limit is refused before it is sent: failures meant.
    done = swarm.run("--plugin", provider, "-f", swarm.module("mqtt_flows.so"),
                     "--headless", "-H", f"ws://127.0.0.1:{port}", "-u", "1",
                     "-t", "60s", "--exit-code-on-error", "0", timeout=90)
    assert done.status == 0, done.text
    assert "all flows done" in done.text
    assert "not true" not in done.text


def publishes(rows):
    return {name: int(row["Request Count"]) - int(row["Failure Count"])
            for (kind, name), row in rows.items()
            if kind == "MQTT" and name.startswith("publish:")}


def counted(broker):
    """Messages the broker got, by the last count that it published."""
    done = subprocess.run(
        ["mosquitto_sub", "-p", str(broker.port), "-C", "1", "-W", "10",
         "-t", "$SYS/broker/publish/messages/received"],
        capture_output=True, text=True, check=True)
    return int(done.stdout)


@both
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_broker_and_swarm_agree(swarm, spawn, broker, tmp_path, provider, qos):
    listener = spawn(["mosquitto_sub", "-p", str(broker.port), "-q", "2",
                      "-t", "load/#", "-F", "%t", "-i", "listener"])
    wait_for(lambda: broker.sys("clients/connected") >= 1, "the listener")
    done = swarm.run("--plugin", provider, "-f", swarm.module("mqtt_load.so"),
                     "--headless", "-H", broker.url, "-u", "20", "-r", "50",
                     "-t", "4s", "-o", f"mqtt_load.qos={qos}",
                     "--csv", tmp_path / "out", timeout=60)
    assert done.status == 0, done.text
    rows = totals(tmp_path / "out")
    mine = sum(publishes(rows).values())
    assert mine > 100
    wait_for(lambda: len(listener.lines["out"]) >= mine,
             f"{mine} messages at the listener", 10)
    # This broker's own counter leaves QoS 2 out.
    if qos < 2:
        wait_for(lambda: counted(broker) >= mine,
                 f"{mine} messages at the broker", 10)
        assert counted(broker) == mine
    assert len(listener.lines["out"]) == mine


@both
def test_wrong_password(swarm, spawn, tmp_path, provider):
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "right", "secret"],
                   check=True)
    url = start_mosquitto(spawn, tmp_path, "allow_anonymous false",
                          f"password_file {passwords}")
    args = ["--plugin", provider, "-f", swarm.scenario("iot.so"),
            "--headless", "-H", url, "-u", "3", "-r", "50", "-t", "2s"]
    done = swarm.run(*args, "-o", f"{provider}.username=right",
                     "-o", f"{provider}.password=wrong",
                     "--csv", tmp_path / "bad", timeout=60)
    assert done.status != 0, done.text
    errors = {row["Error"] for row in read_csv(f"{tmp_path}/bad_failures.csv")
              if row["Name"] == "connect"}
    assert len(errors) == 1
    assert "not authorized" in errors.pop()
    done = swarm.run(*args, "-o", f"{provider}.username=right",
                     "-o", f"{provider}.password=secret", timeout=60)
    assert done.status == 0, done.text


def start_mosquitto(spawn, directory, *lines):
    for _ in range(5):
        port = free_port()
        conf = directory / f"own-{port}.conf"
        user = ["user root"] if os.getuid() == 0 else []
        conf.write_text("\n".join([f"listener {port} 127.0.0.1", *lines,
                                   *user]) + "\n")
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        process = spawn(["mosquitto", "-c", conf], env=env)
        wait_for(lambda: "running" in process.err
                 or process.popen.poll() is not None, "mosquitto")
        if process.popen.poll() is None:
            return f"mqtt://127.0.0.1:{port}"
    pytest.fail("mosquitto does not start:\n" + process.err)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and keys of the server and of a client, signed by it."""
    where = tmp_path_factory.mktemp("tls")

    openssl(where, "req", "-x509", *EC_KEY, "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    for name in ("server", "client"):
        openssl(where, "req", *EC_KEY, "-keyout",
                f"{name}.key", "-out", f"{name}.csr", "-subj",
                "/CN=localhost")
        extra = where / f"{name}.ext"
        extra.write_text("subjectAltName=DNS:localhost\n")
        openssl(where, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem",
                "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return where


@both
def test_tls_with_client_certificates(swarm, spawn, tmp_path, certificates,
                                      provider):
    url = start_mosquitto(
        spawn, tmp_path, "allow_anonymous true",
        f"cafile {certificates}/ca.pem", f"certfile {certificates}/server.pem",
        f"keyfile {certificates}/server.key", "require_certificate true")
    url = url.replace("mqtt://127.0.0.1", "mqtts://localhost")
    files = ["-o", f"{provider}.cert={certificates}/client.pem",
             "-o", f"{provider}.key={certificates}/client.key"]
    args = ["--plugin", provider, "-f", swarm.module("mqtt_load.so"),
            "--headless", "-H", url, "-u", "5", "-r", "50", "-t", "2s"]
    done = swarm.run(*args, *files, "-o",
                     f"{provider}.cafile={certificates}/ca.pem", timeout=60)
    assert done.status == 0, done.text
    # An authority that is not trusted is a failure, and named.
    done = swarm.run(*args, *files, "--csv", tmp_path / "out", timeout=60)
    assert done.status != 0, done.text
    assert "TLS: certificate v" in done.text
    # So is a name that is not the certificate's, and a client without TLS.
    brief = ["-u", "1", "-t", "1s", "-o", f"{provider}.timeout=1s"]
    ca = ["-o", f"{provider}.cafile={certificates}/ca.pem"]
    done = swarm.run(*args, *files, *ca, *brief, "-H",
                     url.replace("localhost", "127.0.0.1"), timeout=60)
    assert "IP address mismatch" in done.text, done.text
    done = swarm.run(*args, *brief, "-H", url.replace("mqtts", "mqtt"),
                     timeout=60)
    assert "closed before the CONNACK: a port for TLS?" in done.text
    done = swarm.run(*args, *brief, "-o", f"{provider}.cafile=/no/such.pem",
                     timeout=60)
    assert "/no/such.pem: No such file" in done.text


@both
def test_broker_that_comes_back(swarm, broker, tmp_path, provider):
    run = swarm.start("--plugin", provider, "-f", swarm.scenario("iot.so"),
                      "--headless", "-H", broker.url, "-u", "10", "-r", "50",
                      "-t", "2m", "--csv", tmp_path / "out")
    # Ten, and the one that asks.
    wait_for(lambda: broker.sys("clients/connected") >= 11, "all clients")
    broker.stop()
    # Somebody has tried in vain.
    run.wait_line(r"fail [1-9]")
    broker.start(broker.port)
    wait_for(lambda: broker.sys("clients/connected") >= 11, "all clients back")
    run.interrupt()
    assert run.wait(60) == 1, run.text
    rows = totals(tmp_path / "out")
    reconnect = rows["MQTT", "reconnect"]
    assert int(reconnect["Request Count"]) \
        - int(reconnect["Failure Count"]) == 10


# ---- a broker that lies ----

CONNACK = {4: b"\x20\x02\x00\x00", 5: b"\x20\x03\x00\x00\x00"}


def lies(version):
    """What a broker may say to a CONNECT, and whether that connects."""
    hello = CONNACK[version]
    after = {
        "oversized length": b"\x30\xff\xff\xff\x7f" + b"x" * 64,
        "endless length": b"\x30\xff\xff\xff\xff\xff",
        "PUBACK of nothing": b"\x40\x02\x77\x77",
        "PUBREC of nothing": b"\x50\x02\x77\x77",
        "PUBCOMP of nothing": b"\x70\x02\x00\x01",
        "SUBACK of nothing": b"\x90\x04\x77\x77\x00\x00" if version == 5
                             else b"\x90\x03\x77\x77\x00",
        "PUBACK of id 0": b"\x40\x02\x00\x00",
        "half a packet": b"\x30\x20\x00\x05hello",
        "second CONNACK": hello,
        "packet of a client": b"\x10\x00",
        "PUBLISH with QoS 3": b"\x36\x05\x00\x01a\x00\x01",
        "PUBLISH to a wildcard": b"\x30\x03\x00\x01#" if version == 4
                                 else b"\x30\x04\x00\x01#\x00",
        "topic longer than its packet": b"\x30\x03\x00\xffa",
        "text that is not UTF-8": b"\x30\x05\x00\x02\xff\xfe\x00",
    }
    if version == 5:
        after.update({
            "unknown property": b"\x30\x07\x00\x01a\x03\x7f\x00\x00",
            "alias never named": b"\x30\x06\x00\x00\x03\x23\x00\x01",
            "properties longer than the packet": b"\x30\x04\x00\x01a\x40",
            "AUTH without a method": b"\xf0\x02\x18\x00",
        })
    instead = {
        "bad CONNACK": [b"\x20\x02\x07\x07"],
        "refuses in a way unknown": [b"\x20\x02\x00\x63" if version == 4
                                     else b"\x20\x03\x00\x63\x00"],
        "half a CONNACK": [b"\x20\x02\x00"],
        "not MQTT": [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
        "silence": [],
        "closes at once": None,
    }
    if version == 5:
        instead["receive maximum 0"] = [
            b"\x20\x06\x00\x00\x03\x21\x00\x00"]
        instead["session present on refusal"] = [b"\x20\x03\x01\x87\x00"]
    return {**{name: ([hello, bytes_], True)
               for name, bytes_ in after.items()},
            **{name: (script, False) for name, script in instead.items()}}


@contextlib.contextmanager
def liar(script):
    """Answers the CONNECT of each client with the script and no more."""
    def serve(client):
        if script is None:
            return
        client.recv(4096)
        for part in script:
            client.sendall(part)
        while client.recv(4096):
            pass

    server = Listener(serve)
    try:
        yield f"mqtt://127.0.0.1:{server.port}"
    finally:
        server.stop()


def lied_to(swarm, url, tmp_path, provider, version, number):
    """Three clients that subscribe and publish."""
    return swarm.start("--plugin", provider,
                       "-f", swarm.module("mqtt_load.so"), "--headless",
                       "-H", url, "-u", "3", "-r", "50", "-t", "2s",
                       "--processes", "1",
                       "-o", f"{provider}.version={version}",
                       "-o", f"{provider}.timeout=1s",
                       "--json-file", tmp_path / f"lie{number}.json")


def check_lie(run, result, provider, lie, connects):
    counters = collections.Counter(result["counters"])
    # No crash, no hang, and nothing that passed but the connect.
    assert run.status in (1, 4), (lie, run.text)
    assert result["total"]["failures"] > 0, lie
    if provider == "mqtt":
        # Paho overlooks some lies, takes others for the answer to what it
        # sent under that number, and closes for others before its CONNACK has
        # come to us.
        assert counters["mqtt_connect_succ"] <= 3, lie
        assert counters["mqtt_pub_succ"] + counters["mqtt_sub"] <= 3, lie
        return
    assert counters["mqtt_pub_succ"] == 0, lie
    assert counters["mqtt_sub"] == 0, lie
    # A lie right behind the CONNACK may end the connection before the connect
    # has been taken note of.
    assert counters["mqtt_connect_succ"] + counters["mqtt_connect_fail"] \
        == 3, (lie, run.text)
    if not connects:
        assert counters["mqtt_connect_succ"] == 0, lie
    # The connection ends at the lie, unless the rest of it is awaited.
    waits = "half" in lie or "silence" in lie
    assert counters["mqtt_connection_lost"] == \
        3 * (connects and not waits), (lie, run.text)
    assert counters["mqtt_connection_idle"] == \
        3 * (waits and not connects), (lie, run.text)


@both
@pytest.mark.parametrize("version", [4, 5])
def test_brokers_that_lie(swarm, tmp_path, provider, version):
    cases = list(lies(version).items())
    # Some at a time: most of it is waiting.
    for first in range(0, len(cases), 8):
        with contextlib.ExitStack() as stack:
            runs = [(n, lied_to(swarm, stack.enter_context(liar(script)),
                                tmp_path, provider, version, n))
                    for n, (_, (script, _)) in
                    enumerate(cases[first:first + 8], first)]
            for n, run in runs:
                run.status = run.wait(60)
        for n, run in runs:
            lie, (_, connects) = cases[n]
            check_lie(run, json.loads(
                (tmp_path / f"lie{n}.json").read_text()), provider, lie,
                connects)


def upgrade(client):
    """A WebSocket of what a client of fastmqtt asks for."""
    asked = client.recv(4096)
    key = asked.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(
        key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
                   b"\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt"
                   b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")


@pytest.mark.parametrize("scheme", ["mqtt", "ws"])
def test_broker_that_does_not_read(swarm, scheme):
    """What it is owed, PUBACKs or pongs, does not pile up."""
    def serve(client):
        if scheme == "ws":
            upgrade(client)
        client.recv(4096)
        client.sendall((b"\x82\x05" if scheme == "ws" else b"") +
                       CONNACK[5])
        owed = (b"\x89\x7d" + b"x" * 125 if scheme == "ws" else
                b"\x32\x06\x00\x01t\x00\x01\x00")
        while True:
            client.sendall(owed * 10000)

    server = Listener(serve)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    done = swarm.run("mqtt", "sub", "-h",
                     f"{scheme}://127.0.0.1:{server.port}", "-c", "1", "-t",
                     "t", "-q", "1", "--", "--plugin", "fastmqtt",
                     "--processes", "1", "-t", "5s", timeout=60)
    server.stop()
    assert "the broker sends and does not read" in done.text


def load_on(swarm, tmp_path, provider, server, *options):
    """What one publisher counts."""
    out = tmp_path / "load.json"
    given = [a for o in options for a in ("-o", o)]
    done = swarm.run("--plugin", provider, "-f", swarm.module("mqtt_load.so"),
                     "--headless", "-H", f"mqtt://127.0.0.1:{server.port}",
                     "-u", "1", "-t", "2s", "--processes", "1",
                     "-o", f"{provider}.timeout=300ms", *given, "--json-file",
                     out, timeout=60)
    result = json.loads(out.read_text())
    return collections.Counter(result["counters"]), result, done.text


def test_message_that_was_not_written(swarm, tmp_path):
    """Of QoS 0, which nobody acknowledges: in time or not at all."""
    def serve(client):
        client.recv(4096)
        client.sendall(CONNACK[5])
        wait_for(lambda: server.over, "the end of the run")

    server = Listener(serve)
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.over = False
    counters, result, text = load_on(swarm, tmp_path, "fastmqtt", server,
                                     "mqtt_load.qos=0",
                                     "mqtt_load.bytes=12000000")
    server.over = True
    server.stop()
    assert counters["mqtt_pub_succ"] == 0, text
    assert counters["mqtt_pub_fail"] == counters["mqtt_pub"] == 1, text
    assert {f["error"] for f in result["failures"]
            if f["name"] == "publish:load"} == {
                "no write in time", "window full"}


@both
def test_alias_of_an_earlier_connection(swarm, tmp_path, provider):
    """It says nothing on another."""
    def serve(client):
        first = server.connections == 1
        client.recv(4096)
        client.sendall(CONNACK[5])
        if first:
            client.sendall(b"\x30\x07\x00\x01a\x03\x23\x00\x01")
            client.recv(4096)
            return
        client.sendall(b"\x30\x06\x00\x00\x03\x23\x00\x01")
        while client.recv(4096):
            pass

    server = Listener(serve)
    counters, _, text = load_on(swarm, tmp_path, provider, server,
                                "mqtt_load.qos=0", "mqtt_load.keep=true",
                                "mqtt_load.aliases=5")
    server.stop()
    assert server.connections > 1, text
    assert counters["mqtt_recv"] == 1, text
    if provider == "mqtt":
        # Which cannot be told to hang up.
        assert counters["mqtt_recv_dropped"] > 0, text
    else:
        assert counters["mqtt_connection_lost"] > 1, text


def packets(client):
    """Each that the client sends, but pings: short ones."""
    data = b""
    while more := client.recv(65536):
        data += more
        at = 0
        while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            end = at + 2 + data[at + 1]
            yield data[at:end]
            at = end
        data = data[at:]


def test_release_is_repeated(swarm, tmp_path):
    """Of a message of QoS 2 the broker had, when its connection was lost."""
    heard = []

    def serve(client):
        known = server.connections > 1
        for p in packets(client):
            kind = p[0] >> 4
            if kind == 1:
                client.sendall(b"\x20\x03" + bytes([known]) + b"\0\0")
            elif kind == 3:
                n = 4 + int.from_bytes(p[2:4], "big")
                heard.append((known, "PUBLISH", p[n:n + 2]))
                client.sendall(b"\x50\x02" + p[n:n + 2])
            elif kind == 6:
                heard.append((known, "PUBREL", p[2:4]))
                if not known:
                    return
                client.sendall(b"\x70\x02" + p[2:4])

    server = Listener(serve)
    counters, _, text = load_on(swarm, tmp_path, "fastmqtt", server,
                                "mqtt_load.qos=2", "mqtt_load.keep=true",
                                "mqtt_load.bytes=1", "fastmqtt.timeout=1500ms")
    server.stop()
    assert heard[0][1:] == ("PUBLISH", heard[1][2])
    assert heard[1][:2] == (False, "PUBREL")
    assert heard[2] == (True, "PUBREL", heard[1][2]), heard
    assert counters["mqtt_pub_succ"] > 1, text


def test_packet_id_in_use(swarm):
    """All others have had their turn, and it is still under way."""
    ids = []

    def serve(client):
        for p in packets(client):
            kind = p[0] >> 4
            if kind == 1:
                client.sendall(CONNACK[5])
            elif kind == 3:
                n = 4 + int.from_bytes(p[2:4], "big")
                ids.append(p[n:n + 2])
                if ids[-1] != b"\0\7":
                    client.sendall(b"\x40\x02" + ids[-1])
                if len(ids) == 66000:
                    client.sendall(b"\x40\x02\0\7")

    server = Listener(serve)
    done = swarm.run("mqtt", "pub", "-h", f"mqtt://127.0.0.1:{server.port}",
                     "-c", "1", "-t", "t", "-q", "1", "-I", "0", "-s", "1",
                     "-F", "500", "-L", "66000", "--", "--plugin",
                     "fastmqtt", "--processes", "1", "-t", "60s", timeout=90)
    server.stop()
    assert done.status == 0, done.text
    assert ids.count(b"\0\7") == 1 and ids.count(b"\0\6") == 2


# ---- enhanced authentication ----

def text(data):
    return len(data).to_bytes(2, "big") + data


def auth_packet(reason, method, data):
    props = b"\x15" + text(method) + b"\x16" + text(data)
    body = bytes([reason, len(props)]) + props
    return b"\xf0" + bytes([len(body)]) + body


@contextlib.contextmanager
def asking(method=b"ECHO", proof=b"proof"):
    """A broker that asks twice before its CONNACK, and proves itself."""
    heard = []

    def talk(client):
        heard.append(client.recv(4096))
        client.sendall(auth_packet(0x18, method, b"one"))
        heard.append(client.recv(4096))
        client.sendall(auth_packet(0x18, method, b"two"))
        heard.append(client.recv(4096))
        props = b"\x15" + text(method) + b"\x16" + text(proof)
        body = b"\x00\x00" + bytes([len(props)]) + props
        client.sendall(b"\x20" + bytes([len(body)]) + body)
        while client.recv(4096):
            pass

    server = Listener(talk)
    try:
        yield f"mqtt://127.0.0.1:{server.port}", heard
    finally:
        server.stop()


def authenticate(swarm, url, provider):
    return swarm.run("--plugin", provider, "-f",
                     swarm.module("mqtt_auth.so"), "--headless", "-H", url,
                     "-u", "1", "-t", "20s", timeout=60)


def test_enhanced_authentication(swarm):
    with asking() as (url, heard):
        done = authenticate(swarm, url, "fastmqtt")
    assert done.status == 0, done.text
    assert "authenticated" in done.text
    assert b"\x15" + text(b"ECHO") + b"\x16" + text(b"first") in heard[0]
    assert heard[1] == auth_packet(0x18, b"ECHO", b"one back")
    assert heard[2] == auth_packet(0x18, b"ECHO", b"two back")


@pytest.mark.parametrize("lie, why", [
    ({"proof": b"forged"}, "gave up authentication"),
    ({"method": b"OTHER"}, "another authentication method"),
])
def test_authentication_by_the_wrong_broker(swarm, lie, why):
    with asking(**lie) as (url, _):
        done = authenticate(swarm, url, "fastmqtt")
    assert done.status != 0, done.text
    assert why in done.text


def test_paho_has_no_enhanced_authentication(swarm):
    with asking() as (url, heard):
        done = authenticate(swarm, url, "mqtt")
    assert done.status != 0, done.text
    assert "use --plugin fastmqtt" in done.text
    assert not heard


# ---- the ceiling of paho.mqtt.c ----

@pytest.mark.parametrize("clients, warned", [(250, False), (251, True)])
def test_many_clients_are_warned_of(swarm, broker, clients, warned):
    run = swarm.start("mqtt", "conn", "-h", broker.url, "-c", str(clients),
                      "-R", "200", "--", "--plugin", "mqtt", "--processes",
                      "1", "-t", "1m")
    wait_for(lambda: broker.sys("clients/connected") >= clients,
             "all clients")
    run.interrupt()
    assert run.wait(60) == 0, run.text
    assert ("more than 250 MQTT clients in one worker" in run.text) == warned
