"""REST as Locust's scripts know it, swarm's own beside it, and the gate in
front of both.  The server is the real one; a small program stands in for the
run (see tests/browser/page.c)."""
import base64
import csv
import http.client
import io
import json
import os
import socket
import subprocess
import time
import urllib.parse

import pytest

from conftest import BUILD, wait_for

PAGE = os.path.join(BUILD, "tests", "browser", "page")


class Server:
    def __init__(self, spawn, *args, env=None):
        self.process = spawn([PAGE, "--port", "0", *args], stdin_pipe=True)
        url = self.process.wait_line(r"^https?://\S+").group(0)
        parts = urllib.parse.urlsplit(url)
        self.port = parts.port
        self.base = parts.path.rstrip("/")

    def request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=20)
        head = {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, self.base + path, body, head)
        response = connection.getresponse()
        response.text = response.read().decode("utf-8", "replace")
        connection.close()
        return response

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def json(self, path):
        response = self.get(path)
        assert response.status == 200, response.text
        assert response.headers["content-type"] == "application/json"
        return json.loads(response.text)

    def post(self, path, fields, **headers):
        headers.setdefault("Content_Type",
                           "application/x-www-form-urlencoded")
        return self.request("POST", path, urllib.parse.urlencode(fields),
                            **headers)

    def say(self, line):
        self.process.popen.stdin.write(line + "\n")
        self.process.popen.stdin.flush()

    def started(self, users=20):
        answer = self.post("/swarm", {"user_count": users,
                                      "spawn_rate": 100})
        assert answer.status == 200, answer.text
        wait_for(lambda: self.json("/stats/requests")["state"] == "running"
                 and self.json("/stats/requests")["stats"][-1]
                 ["num_requests"] > 100, "requests")


@pytest.fixture
def server(spawn):
    return Server(spawn)


def test_a_script_for_locust(server):
    """Start, poll, stop, fetch: as written for Locust."""
    answer = server.post("/swarm", {"user_count": 8, "spawn_rate": 50,
                                    "host": "mqtt://127.0.0.1:1"})
    assert answer.status == 200
    assert json.loads(answer.text) == {
        "success": True, "message": "Swarming started",
        "host": "mqtt://127.0.0.1:1"}
    # Whoever asks after the answer sees the change.
    assert server.json("/stats/requests")["state"] in ("spawning", "running")
    stats = wait_for(lambda: (s := server.json("/stats/requests"))
                     ["user_count"] == 8 and s["total_rps"] > 0 and s,
                     "8 users")
    assert stats["worker_count"] == 2
    # Blocks until the users have ended.
    answer = json.loads(server.get("/stop").text)
    assert answer == {"message": "Test stopped", "success": True}
    stats = server.json("/stats/requests")
    assert stats["state"] == "stopped" and stats["user_count"] == 0
    rows = list(csv.DictReader(io.StringIO(
        server.get("/stats/requests/csv").text, newline="")))
    by_name = {(r["method"], r["name"]): r for r in stats["stats"]}
    assert by_name.pop(("", "Aggregated"))
    assert len(rows) == len(by_name) + 1
    for row in rows[:-1]:
        same = by_name[row["Type"], row["Name"]]
        assert int(row["Request Count"]) == same["num_requests"]
        assert int(row["95%"]) == same["response_time_percentile_0.95"]
    assert rows[-1]["Name"] == "Aggregated" and rows[-1]["Type"] == ""
    assert int(rows[-1]["Request Count"]) == sum(
        int(r["Request Count"]) for r in rows[:-1])


TOP = {"current_fail_per_sec", "current_response_time_percentiles",
       "current_response_time_percentile_50",
       "current_response_time_percentile_95", "current_rps", "errors",
       "fail_ratio", "state", "stats", "total_fail_per_sec", "total_rps",
       "user_count", "worker_count", "workers"}
ROW = {"avg_content_length", "avg_response_time", "current_fail_per_sec",
       "current_rps", "max_response_time", "median_response_time", "method",
       "min_response_time", "name", "num_failures", "num_requests",
       "response_time_percentile_0.95", "response_time_percentile_0.99",
       "total_fail_per_sec", "total_rps", "safe_name",
       "ninetieth_response_time", "ninety_ninth_response_time"}


def test_keys_of_both_generations(server):
    server.started()
    text = server.get("/stats/requests").text
    stats = json.loads(text)
    assert set(stats) == TOP
    assert all(set(row) == ROW for row in stats["stats"])
    assert set(stats["workers"][0]) == {"cpu_usage", "id", "memory_usage",
                                        "state", "user_count"}
    names = [(r["name"], r["method"]) for r in stats["stats"][:-1]]
    assert names == sorted(names)
    # Sorted, indented by two, ASCII: as Locust writes.
    assert list(stats) == sorted(stats)
    assert text.startswith('{\n  "current_fail_per_sec": ')
    text.encode("ascii")


def test_other_locust_paths(server):
    server.started()
    assert server.json("/exceptions") == {"exceptions": []}
    assert server.get("/exceptions/csv").text == \
        "Count,Message,Traceback,Nodes\r\n"
    assert server.json("/worker-count") == {"worker_count": 2}
    ratios = server.json("/tasks")
    assert set(ratios) == {"per_class", "total"}
    device = ratios["per_class"]["device"]
    assert abs(device["ratio"] - 0.8) < 0.01
    assert device["tasks"]["report"]["ratio"] == 0.75
    logs = server.json("/logs")
    assert set(logs) == {"master", "workers"}
    history = server.get("/stats/requests_full_history/csv")
    assert history.status == 404 and "full history" in history.text
    assert server.get("/login").status == 302
    csv_answer = server.get("/stats/failures/csv")
    assert csv_answer.headers["content-type"] == "text/csv"
    assert csv_answer.headers["content-disposition"].startswith("attachment")
    assert csv_answer.text.startswith(
        "Method,Name,Error,Occurrences,First Seen,Last Seen\r\n")


def test_reset_and_undo(server):
    server.started()
    assert server.get("/stats/reset").text == "ok"
    server.get("/stop")
    after = server.json("/stats/requests")["stats"][-1]["num_requests"]
    answer = server.post("/api/v1/reset/undo", {})
    assert answer.status == 200, answer.text
    back = server.json("/stats/requests")["stats"][-1]["num_requests"]
    assert back > after + 100
    # Only once.
    assert server.post("/api/v1/reset/undo", {}).status == 409


def test_failures_agree(server):
    server.say('fail no answer, "really"')
    server.started()
    server.get("/stop")
    stats = server.json("/stats/requests")
    total = stats["stats"][-1]
    assert sum(e["occurrences"] for e in stats["errors"]) == \
        total["num_failures"] > 0
    assert stats["fail_ratio"] == pytest.approx(
        total["num_failures"] / total["num_requests"])
    rows = list(csv.DictReader(io.StringIO(
        server.get("/stats/failures/csv").text, newline="")))
    assert {r["Error"] for r in rows} == {'no answer, "really"'}
    assert sum(int(r["Occurrences"]) for r in rows) == total["num_failures"]


@pytest.mark.parametrize("fields, field", [
    ({"user_count": "abc", "spawn_rate": "1"}, "user_count"),
    ({"user_count": "-1", "spawn_rate": "1"}, "user_count"),
    ({"user_count": "", "spawn_rate": "1"}, "user_count"),
    ({"user_count": "1e9", "spawn_rate": "1"}, "user_count"),
    ({"user_count": "99999999", "spawn_rate": "1"}, "user_count"),
    ({"user_count": "5", "spawn_rate": "0"}, "spawn_rate"),
    ({"user_count": "5", "spawn_rate": "nan"}, "spawn_rate"),
    ({"user_count": "5", "spawn_rate": "-1"}, "spawn_rate"),
    ({"user_count": "5"}, "spawn_rate"),
    ({"spawn_rate": "5"}, "user_count"),
    ({"user_count": "5", "spawn_rate": "1", "run_time": "soon"}, "run_time"),
    ({"user_count": "5", "spawn_rate": "1", "host": "<script>"}, "host"),
], ids=str)
def test_impossible_load(server, fields, field):
    answer = server.post("/swarm", fields)
    assert answer.status == 400, answer.text
    body = json.loads(answer.text)
    assert body["success"] is False and body["field"] == field
    assert server.json("/stats/requests")["state"] == "ready"


def test_bodies(server):
    load = {"user_count": 3, "spawn_rate": 100}
    answer = server.request("POST", "/swarm", json.dumps(load),
                            Content_Type="application/json")
    assert answer.status == 200, answer.text
    part = "".join(f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n'
                   f'\r\n{v}\r\n' for k, v in load.items()) + "--b--\r\n"
    answer = server.request("POST", "/swarm", part,
                            Content_Type="multipart/form-data; boundary=b")
    assert answer.status == 200, answer.text
    for bad, kind in (("{", "application/json"), ("[1]", "application/json"),
                      ("a=%zz", "application/x-www-form-urlencoded"),
                      ("a=%00", "application/x-www-form-urlencoded"),
                      (part[:-9], "multipart/form-data; boundary=b")):
        answer = server.request("POST", "/swarm", bad, Content_Type=kind)
        assert answer.status == 400, (bad, answer.text)
    answer = server.request("POST", "/swarm", "x" * 70000)
    assert answer.status == 413
    # No body and no length is an empty body.
    assert server.request("POST", "/api/v1/stop").status == 200


def test_methods_and_paths(server):
    assert server.get("/nowhere").status == 404
    assert server.get("/../etc/passwd").status == 404
    wrong = server.get("/swarm")
    assert wrong.status == 405 and "POST" in wrong.headers["allow"]
    assert server.post("/stop", {}).status == 405
    assert server.request("HEAD", "/stop").status == 405
    head = server.request("HEAD", "/stats/requests")
    assert head.status == 200 and head.text == ""
    assert int(head.headers["content-length"]) > 100
    assert server.request("OPTIONS", "/stats/requests").status == 200


def test_foreign_host(server):
    for host in ("evil.example", "evil.example:8089", "10.0.0.1", ""):
        answer = server.get("/stats/requests", Host=host)
        assert answer.status in (400, 421), host
        assert "stats" not in answer.text
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8089"):
        assert server.get("/stats/requests", Host=host).status == 200, host


@pytest.mark.parametrize("headers", [
    {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
    {"Origin": "http://evil.example"}, {"Origin": "null"},
], ids=str)
def test_cross_site(server, headers):
    load = {"user_count": 1, "spawn_rate": 1}
    assert server.post("/swarm", load, **headers).status == 403
    for path in ("/stop", "/stats/reset"):
        assert server.get(path, **headers).status == 403
    for path in ("start", "stop", "load", "reset", "note"):
        assert server.post("/api/v1/" + path, load, **headers).status == 403
    assert server.json("/stats/requests")["state"] == "ready"
    own = f"http://127.0.0.1:{server.port}"
    assert server.post("/swarm", load, Origin=own,
                       Sec_Fetch_Site="same-origin").status == 200


def upgrade(server, path="/api/v1/live", **headers):
    return server.get(path, Connection="Upgrade", Upgrade="websocket",
                      Sec_WebSocket_Version="13",
                      Sec_WebSocket_Protocol="swarm",
                      Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
                      **headers)


def test_foreign_websocket(server):
    own = f"http://127.0.0.1:{server.port}"
    assert upgrade(server, Origin="http://evil.example").status == 403
    assert upgrade(server, Host="evil.example").status == 421
    assert upgrade(server, path="/elsewhere", Origin=own).status == 404


def test_every_answer_is_guarded(server):
    for path in ("/", "/app.js", "/stats/requests", "/nowhere"):
        headers = server.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_assets(server):
    plain = server.get("/app.js")
    assert plain.status == 200 and "content-encoding" not in plain.headers
    packed = server.get("/app.js", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.text)
    again = server.get("/app.js", If_None_Match=plain.headers["etag"])
    assert again.status == 304 and again.text == ""


def test_history_adds_up(server):
    server.started()
    server.get("/stop")
    total = server.json("/stats/requests")["stats"][-1]["num_requests"]
    for points in (1000, 3, 1):
        history = server.json(f"/api/v1/history?points={points}")
        assert sum(n or 0 for n in history["requests"]) == total
    table = server.json("/api/v1/table")
    assert table["total"][1] == total
    assert sum(row[1] for row in table["rows"]) == total
    heat = server.json("/api/v1/heatmap")
    assert sum(sum(c[1::2]) for c in heat["columns"]) == total
    histogram = server.json("/api/v1/histogram?endpoint=0")
    assert sum(histogram["buckets"][1::2]) == histogram["count"] == \
        next(row[1] for row in table["rows"] if row[0] == 0)
    assert server.get("/api/v1/histogram?endpoint=99").status == 404
    # The library itself refuses what is no URL.
    assert server.get("/api/v1/history?from=%zz").status in (400, 403)
    for odd in ("from=-5", "to=1e300", "points=-1", "points=1e9",
                "from=9e14&to=1", "endpoint=nan"):
        assert server.get("/api/v1/history?" + odd).status in (200, 404), odd


def test_what_is_asked_in_between_moves_no_second(server):
    """A second of the history is one, whatever comes meanwhile."""
    server.started(60)

    def seconds():
        h = server.json("/api/v1/history?points=1000")
        return [n or 0 for n in h["requests"]]

    for part in (0.2, 0.35, 0.5, 0.65, 0.8, 0.95):
        before = len(seconds())
        wait_for(lambda: len(seconds()) > before, "another second")
        time.sleep(part)
        server.post("/api/v1/note", {"text": "now"})
        server.get("/api/v1/resources")
    steady = seconds()[2:-1]
    assert len(steady) >= 4 and max(steady) < 1.8 * min(steady), steady


def test_meta_and_feeds(server):
    meta = server.json("/api/v1/meta")
    assert meta["program"] == "swarm" and meta["scenario"] == "iot.c"
    assert [c["name"] for c in meta["classes"]] == ["device", "gateway"]
    assert meta["settings"][0]["name"] == "keepalive"
    assert len(meta["buckets_ms"]) == 576
    assert server.post("/api/v1/note", {"text": "new firmware"}).status == 200
    assert server.post("/api/v1/note", {"text": ""}).status == 400
    assert server.json("/api/v1/events")[-1]["text"] == "new firmware"
    server.say("log warn <b>careful</b>")
    line = wait_for(lambda: [l for l in server.json("/api/v1/log")
                             if "careful" in l["text"]], "the log line")[0]
    assert line["level"] == "warning" or line["level"] == "warn"
    assert server.json(f"/api/v1/log?after={line['id']}") == []


def test_base_path(spawn):
    server = Server(spawn, "--base", "/load")
    assert server.get("/").status == 200
    assert server.get("/stats/requests").status == 200
    server.base = ""
    assert server.get("/").status == 404
    assert server.get("/load").status == 308
    assert server.get("/loading/stats/requests").status == 404


@pytest.fixture
def login_file(tmp_path):
    made = subprocess.run(["openssl", "passwd", "-6", "s3cret"],
                          capture_output=True, text=True, check=True)
    path = tmp_path / "users"
    path.write_text("# who may\nann:" + made.stdout)
    return str(path)


def test_login(spawn, login_file):
    server = Server(spawn, "--login", login_file)
    assert server.get("/stats/requests").status == 401
    assert server.get("/api/v1/meta").status == 401
    assert server.post("/swarm", {"user_count": 1, "spawn_rate": 1}
                       ).status == 401
    assert upgrade(server).status == 401
    page = server.get("/")
    assert page.status == 302 and page.headers["location"] == "login"
    assert server.get("/login").status == 200
    wrong = server.post("/login", {"username": "ann", "password": "guess"})
    assert wrong.status == 403 and "set-cookie" not in wrong.headers
    unknown = server.post("/login", {"username": "bob", "password": "s3cret"})
    assert unknown.status == 403
    right = server.post("/login", {"username": "ann", "password": "s3cret"})
    assert right.status == 303
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    session = cookie.split(";")[0]
    assert server.get("/stats/requests", Cookie=session).status == 200
    assert server.get("/", Cookie=session).status == 200
    assert server.get("/stats/requests",
                      Cookie="swarm_session=" + "0" * 64).status == 401
    assert server.request("POST", "/logout", "", Cookie=session
                          ).status == 303
    assert server.get("/stats/requests", Cookie=session).status == 401


def test_basic(spawn, login_file):
    server = Server(spawn, "--login", login_file)

    def basic(text):
        return "Basic " + base64.b64encode(text.encode()).decode()
    assert server.get("/stats/requests",
                      Authorization=basic("ann:s3cret")).status == 200
    assert server.get("/stats/requests",
                      Authorization=basic("ann:guess")).status == 401
    assert server.get("/stats/requests",
                      Authorization="Basic !!!").status == 401


def test_guessing_is_slowed(spawn, login_file):
    server = Server(spawn, "--login", login_file)
    statuses = [server.post("/login", {"username": "ann", "password": str(i)}
                            ).status for i in range(12)]
    assert statuses[:10] == [403] * 10 and statuses[-1] == 429


@pytest.mark.parametrize("content", ["", "ann\n", "ann:x\n", ":hash\n"])
def test_bad_login_file(spawn, tmp_path, content):
    path = tmp_path / "users"
    path.write_text(content)
    process = spawn([PAGE, "--login", str(path)])
    assert process.wait() == 1
    assert str(path) in process.err


def test_busy_port(spawn, server):
    process = spawn([PAGE, "--port", str(server.port)])
    assert process.wait() == 1
    assert str(server.port) in process.err and "--web-port" in process.err


def test_open_to_the_network_warns(spawn):
    process = spawn([PAGE, "--host", "0.0.0.0", "--port", "0"],
                    stdin_pipe=True)
    process.wait_line("(?i)warn.*--web-login")


def test_tls(spawn, tmp_path):
    import ssl
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem",
                    "-subj", "/CN=localhost", "-days", "2", "-addext",
                    "subjectAltName=DNS:localhost"], check=True,
                   capture_output=True)
    process = spawn([PAGE, "--port", "0", "--cert", tmp_path / "cert.pem",
                     "--key", tmp_path / "key.pem"], stdin_pipe=True)
    port = int(process.wait_line(r"https://localhost:(\d+)").group(1))
    context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    connection = http.client.HTTPSConnection("localhost", port, timeout=20,
                                             context=context)
    connection.request("GET", "/stats/requests")
    assert json.loads(connection.getresponse().read())["state"] == "ready"
    connection.request("POST", "/swarm", "user_count=1&spawn_rate=1",
                       {"Origin": f"https://localhost:{port}"})
    assert connection.getresponse().status == 200


def test_more_behind_a_request_that_has_no_answer_yet(server):
    """Behind one without a body it waits; behind a body the connection ends,
    because libwebsockets would look at nothing else any more."""
    def sent(data):
        s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        s.sendall(data)
        return s

    get = b"GET /api/v1/resources HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with sent(get * 3) as s:
        got = b""
        while got.count(b'{"at":[],"figures":[]}') < 3:
            part = s.recv(65536)
            assert part, got
            got += part
    for host in (b"localhost", b"evil.example"):
        note = (b"POST /api/v1/note HTTP/1.1\r\nHost: " + host +
                b"\r\nContent-Length: 6\r\n\r\ntext=a")
        with sent(note * 2) as s:
            while s.recv(65536):
                pass
        assert server.json("/worker-count") == {"worker_count": 2}


def test_a_request_without_an_answer_at_the_end(server):
    server.started()
    server.say("linger")
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"GET /stop HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(lambda: server.json("/stats/requests")["state"] ==
                 "stopping", "the stop")
        server.say("end")
        assert server.process.wait() == 0, server.process.text


def test_slow_and_broken_clients_harm_nobody(server):
    idle = [socket.create_connection(("127.0.0.1", server.port))
            for _ in range(40)]
    for s in idle[:20]:
        s.sendall(b"GET /stats/requests HTTP/1.1\r\nHost: local")
    for s in idle[20:30]:
        s.sendall(b"\x16\x03\x01\x00\xff garbage \r\n\r\n")
    for s in idle[30:]:
        s.sendall(b"POST /swarm HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Length: 50\r\n\r\nuser")
    assert server.json("/stats/requests")["state"] == "ready"
    with pytest.raises(http.client.RemoteDisconnected):
        server.get("/" + "a" * 20000)
    for s in idle:
        s.close()
    assert server.json("/worker-count") == {"worker_count": 2}
