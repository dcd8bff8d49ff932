"""Both HTTP clients: the same scenarios, against a server that tells what it
was sent, against nginx in all its ways, and against servers that misbehave."""
import collections
import contextlib
import functools
import json
import os
import re
import signal

import pytest

from conftest import free_port, make_certificate, read_csv, totals, wait_for
from http_server import PROVIDERS, Hostile, Server, provider


@pytest.fixture(scope="session")
def cert(tmp_path_factory):
    """A key and a certificate for localhost, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


class Nginx:
    """A private nginx; what it logs is what it served."""

    def __init__(self, spawn, directory, cert):
        self.spawn = spawn
        self.directory = directory
        self.cert = cert
        self.process = None

    def start(self, extra="", listen="", port=None, limit=1000000,
              reply='return 200 "hello\\n";'):
        for _ in range(5):
            self.port = port or free_port()
            conf = self.directory / "nginx.conf"
            conf.write_text(f"""
daemon off; worker_processes 1; master_process on;
{"user root;" if os.getuid() == 0 else ""}
pid {self.directory}/nginx.pid; error_log {self.directory}/error.log info;
events {{ worker_connections 4000; }}
http {{
  client_body_temp_path {self.directory}/1; proxy_temp_path {self.directory}/2;
  fastcgi_temp_path {self.directory}/3; uwsgi_temp_path {self.directory}/4;
  scgi_temp_path {self.directory}/5;
  log_format own "$request_method $uri $status $server_protocol $connection";
  access_log {self.directory}/access.log own;
  keepalive_requests {limit};
  {extra}
  server {{
    listen 127.0.0.1:{self.port} {listen};
    ssl_certificate {self.cert}/cert.pem;
    ssl_certificate_key {self.cert}/key.pem;
    root {self.directory}/www;
    location = /login {{ return 204; }}
    location = /text {{ default_type text/plain; alias {self.directory}/text; }}
    location / {{ {reply} }}
  }}
}}""")
            (self.directory / "text").write_text("lorem ipsum\n" * 5000)
            env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
            self.process = self.spawn(["nginx", "-c", conf, "-e",
                                       self.directory / "error.log"], env=env)
            wait_for(lambda: (self.directory / "nginx.pid").exists()
                     or self.process.popen.poll() is not None, "nginx")
            if self.process.popen.poll() is None:
                scheme = "https" if "ssl" in listen else "http"
                self.url = f"{scheme}://localhost:{self.port}"
                return self
        pytest.fail("nginx does not start:\n" + self.process.err)

    def stop(self, how=signal.SIGTERM):
        self.process.popen.send_signal(how)
        self.process.wait()
        pid = self.directory / "nginx.pid"
        if pid.exists():
            pid.unlink()

    def served(self):
        """[(method, path, status, protocol, connection)], in order."""
        try:
            text = (self.directory / "access.log").read_text()
        except FileNotFoundError:
            return []
        return [tuple(line.split()) for line in text.splitlines()]


@pytest.fixture
def nginx(spawn, tmp_path, cert):
    return Nginx(spawn, tmp_path, cert)


def load(swarm, provider, tmp_path, url, *args, scenario=None, users=8,
         seconds=2):
    done = swarm.run("-f", scenario or swarm.scenario("hello.so"),
                     "--plugin", provider, "--headless", "-H", url,
                     "-u", str(users), "-r", "1000", "-t", f"{seconds}s",
                     "-s", "10", "--csv", tmp_path / "out", *args,
                     timeout=90)
    return done


def counts(rows):
    return {key: (int(row["Request Count"]), int(row["Failure Count"]))
            for key, row in rows.items() if key[1] != "Aggregated"}


def calls(swarm, provider, tmp_path, url, *args):
    done = swarm.run("-f", swarm.module("http_calls.so"), "--plugin",
                     provider, "--headless", "-H", url, "-u", "1", "-t",
                     "60s", "--csv", tmp_path / "out", "--processes", "1",
                     "-o", f"http_calls.provider={provider}",
                     "-o", f"{provider}.max_body=4m",
                     "-o", f"{provider}.compress=yes", *args, timeout=90)
    failures = [(f["Method"], f["Name"], f["Error"])
                for f in read_csv(tmp_path / "out_failures.csv")]
    return done, counts(totals(tmp_path / "out")), failures


CHECKS = ["basics", "bodies", "large bodies", "heads", "credentials", "cookies",
          "redirects", "away", "verdicts", "codings", "streams", "trailers", "batches",
          "limits"]
MEANT = [("GET", "fails", "HTTP 500 Internal Server Error"),
         ("GET", "fails", "not good enough")]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_calls(swarm, provider, tmp_path, cert, tls):
    server = Server(cert / "pair.pem" if tls else None)
    ca = ("-o", f"{provider}.ca={cert}/cert.pem") if tls else ()
    _, rows, failures = calls(swarm, provider, tmp_path, server.url, *ca)
    server.stop()
    assert sorted(failures) == sorted(MEANT)
    for check in CHECKS:
        assert rows["CHECK", check] == (1, 0)
    # One sample for each call, redirects included.
    assert rows["GET", "three"] == (1, 0)
    assert rows["GET", "batch"] == (3, 0)
    assert rows["GET", "/cookies/set"] == (1, 0)
    assert rows["GET", "/status/[id]"] == (2, 0)


# ---- nginx ----

def served_as_counted(nginx, tmp_path, least):
    """What nginx logged, when it and eight users of hello.so agree on it."""
    rows = counts(totals(tmp_path / "out"))
    nginx.stop(signal.SIGQUIT)
    served = nginx.served()
    for path in "/hello", "/world":
        mine, failed = rows["GET", path]
        theirs = sum(1 for s in served if s[1] == path)
        assert failed == 0
        # A user may be cut off in the middle of its last request.
        assert mine <= theirs <= mine + 8
        assert mine > least
    return served


def test_every_request_reaches_nginx_once(swarm, provider, tmp_path, nginx):
    nginx.start()
    done = load(swarm, provider, tmp_path, nginx.url)
    assert done.status == 0, done.text
    served = served_as_counted(nginx, tmp_path, least=100)
    # Everybody keeps one connection.
    assert len({s[4] for s in served}) == 8


def test_keep_alive_limit(swarm, provider, tmp_path, nginx):
    nginx.start(limit=10)
    done = load(swarm, provider, tmp_path, nginx.url, users=4)
    assert done.status == 0, done.text
    nginx.stop(signal.SIGQUIT)
    per_connection = collections.Counter(s[4] for s in nginx.served())
    assert max(per_connection.values()) == 10
    assert len(per_connection) > 8


def test_tls_and_resumption(swarm, provider, tmp_path, nginx, cert):
    nginx.start(listen="ssl", extra="ssl_session_cache shared:s:1m;"
                "keepalive_timeout 0;")
    done = load(swarm, provider, tmp_path, nginx.url,
                "-o", f"{provider}.ca={cert}/cert.pem",
                "-o", f"{provider}.phases=yes", users=2)
    assert done.status == 0, done.text
    nginx.stop(signal.SIGQUIT)
    assert len({s[4] for s in nginx.served()}) == len(nginx.served()) > 10


def test_tls_is_verified(swarm, provider, tmp_path, nginx):
    nginx.start(listen="ssl")
    done = load(swarm, provider, tmp_path, nginx.url, users=1, seconds=1)
    assert done.status == 4, done.text      # every request failed
    errors = {f["Error"] for f in read_csv(tmp_path / "out_failures.csv")}
    assert len(errors) == 1
    assert re.search(r"^TLS: .*self.signed certificate", errors.pop())
    done = load(swarm, provider, tmp_path, nginx.url,
                "-o", f"{provider}.insecure=yes", users=1, seconds=1)
    assert done.status == 0, done.text


def test_gzip(swarm, provider, tmp_path, nginx):
    nginx.start(extra="gzip on; gzip_types text/plain;")
    scenario = tmp_path / "text.c"
    scenario.write_text("""
#include <swarm/http.h>
#include <swarm/swarm.h>
#include <string.h>
static void text(struct swarm_user *u)
{
	struct http_response *r = http_get(u, "/text", .catch_response = true);

	if (r->len != 60000 || strncmp(r->body, "lorem", 5) != 0)
		http_fail(r, "not the text");
	else if (!http_header(r, "Content-Encoding"))
		http_fail(r, "not compressed");
	else
		http_ok(r);
}
SWARM_SCENARIO({ .name = "text", .tasks = SWARM_TASKS(SWARM_TASK(text)) });
""")
    done = load(swarm, provider, tmp_path, nginx.url, "-o",
                f"{provider}.compress=yes", scenario=scenario, users=2,
                seconds=1)
    assert done.status == 0, done.text
    assert int(totals(tmp_path / "out")["GET", "/text"]["Request Count"]) > 5


def test_restart_in_mid_run(swarm, provider, tmp_path, nginx):
    nginx.start()
    process = swarm.start("-f", swarm.scenario("hello.so"), "--plugin",
                          provider, "--headless", "-H", nginx.url, "-u", "4",
                          "-r", "100", "-t", "60s", "--csv",
                          tmp_path / "out")
    wait_for(lambda: len(nginx.served()) > 100, "requests")
    nginx.stop()
    before = len(nginx.served())
    nginx.start(port=nginx.port)
    wait_for(lambda: len(nginx.served()) > before + 100, "requests again")
    process.interrupt()
    process.wait()
    errors = {f["Error"] for f in read_csv(tmp_path / "out_failures.csv")}
    allowed = {"connect: Connection refused",
               "the server closed the connection",
               "read: Connection reset by peer",
               "connect: Connection reset by peer",
               "write: failed", "write: Broken pipe",
               "the answer ended early"}
    assert errors <= allowed, errors
    assert "connect: Connection refused" in errors


def test_multiplexed_h2c_is_refused(swarm):
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", "http",
                     "--headless", "-H", "http://127.0.0.1:1", "-o",
                     "http.multiplex=yes", "-o", "http.version=h2c")
    assert done.status != 0
    assert re.search(r"cannot multiplex h2c", done.text)


# ---- servers that misbehave ----

def endless_head(stop):
    def act(conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop():
            conn.sendall(b"X-Y: " + b"z" * 1000 + b"\r\n")
    return act


def endless_interim(stop):
    def act(conn):
        while not stop():
            conn.sendall(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" * 50)
    return act


def endless_body(stop):
    def act(conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not stop():
            conn.sendall(b"2710\r\n" + b"z" * 10000 + b"\r\n")
    return act


def drip(stop):
    """A byte now and then, for ever: only the whole request's limit ends it."""
    def act(conn):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop(0.01):
            conn.sendall(b"z")
    return act


def send(data):
    return lambda stop: lambda conn: conn.sendall(data)


def silence(stop):
    return lambda conn: stop(30)


HEAD = b"HTTP/1.1 200 OK\r\n"

# What it does, and what fasthttp and http call it.
MISDEEDS = {
    "silence": (silence, r"timed out", r"timed out"),
    "nothing": (send(b""), r"the server closed the connection",
                r"the server closed the connection"),
    "truncated": (send(HEAD + b"Content-Length: 9\r\n\r\nabc"),
                  r"the answer ended early", r"the answer ended early"),
    "garbage": (send(b"\x00\x01\x02\x03garbage\r\n\r\n" * 10),
                r"not an answer in HTTP/1.x", r"."),
    "two lengths": (send(HEAD + b"Content-Length: 1\r\n"
                         b"Content-Length: 2\r\n\r\nabc"),
                    r"Content-Length given twice, differently", None),
    "bad chunk": (send(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
                  r"malformed chunk size", r"."),
    "endless head": (endless_head, r"too many headers|larger than 64 KiB",
                     r"."),
    "endless interim": (endless_interim, r"too many interim answers",
                        r"too many interim answers"),
    "101": (send(b"HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n"),
            r"101 Switching Protocols, which was not asked for",
            r"101 Switching Protocols, which was not asked for"),
    "endless body": (endless_body, r"larger than the option max_body",
                     r"larger than the option max_body"),
    "drip": (drip, r"timed out", r"timed out"),
    "status in a header": (
        send(b"HTTP/1.1 500 x\r\nHTTP/1.1 200 OK\r\n"
             b"Content-Length: 0\r\n\r\n"),
        r"malformed header", r"^HTTP 500 |Weird|weird"),
}


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_misdeeds(swarm, provider, tmp_path, misdeed):
    act, *wanted = MISDEEDS[misdeed]
    want = wanted[PROVIDERS.index(provider)]
    server = Hostile(None)
    server.act = act(lambda *wait: server.stopped.wait(*wait) if wait
                     else server.stopped.is_set())
    done = load(swarm, provider, tmp_path, server.url,
                "-o", f"{provider}.timeout=500ms",
                "-o", f"{provider}.max_body=1m", users=2, seconds=1)
    server.stop()
    rows = counts(totals(tmp_path / "out"))
    assert done.status in (0, 4), done.text
    if want is None:
        return
    errors = [f["Error"] for f in read_csv(tmp_path / "out_failures.csv")]
    assert errors
    for error in errors:
        assert re.search(want, error), errors
    for mine, failed in rows.values():
        assert mine == failed > 0


# ---- answers that come before the request has gone ----

def at_once(data):
    """Answers the head, and reads nothing of the body."""
    def act(server, conn):
        conn.sendall(data)
        server.stopped.wait(30)
    return act


def consents(server, conn):
    """A body it reads all of, after two interim answers."""
    conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"
                 b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    conn.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while conn.recv(1 << 20):
            pass
    conn.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")


REPLY = b"Content-Length: 2\r\n\r\nok"
EARLY = {
    "denies": (at_once(b"HTTP/1.1 401 x\r\n" + REPLY),
               "HTTP 401 Unauthorized"),
    "has enough": (at_once(b"HTTP/1.1 200 OK\r\n" + REPLY), None),
    "half an answer": (at_once(b"HTTP/1.1 503 x\r\nContent-Le"),
                       "timed out"),
    "consents": (consents, None),
}


def upload(swarm, provider, tmp_path, urls, *args):
    """Posts more than any socket holds: what failed, by URL."""
    body = tmp_path / "body"
    body.write_bytes(bytes(16 << 20))
    done = swarm.run("http", "-m", "POST", "-b", f"@{body}", "-c", "1", "-d",
                     "2s", "--timeout", "1s", "--client", provider, *urls,
                     *args, "--", "--csv", tmp_path / "out", "--processes",
                     "1", timeout=60)
    assert done.status in (0, 1, 4), done.text
    return counts(totals(tmp_path / "out")), {
        (f["Name"], f["Error"]) for f in read_csv(tmp_path /
                                                  "out_failures.csv")}


def test_early_answers(swarm, provider, tmp_path):
    servers = {}
    for name, (act, _) in EARLY.items():
        servers[name] = Hostile(None)
        servers[name].act = functools.partial(act, servers[name])
    urls = {name: s.url + "/up" for name, s in servers.items()}
    # The first one's path is below the target.
    urls["denies"] = "/up"
    rows, failed = upload(swarm, provider, tmp_path,
                          [s.url + "/up" for s in servers.values()])
    for s in servers.values():
        s.stop()
    assert {("POST", url) for url in urls.values()} == set(rows)
    assert failed == {(urls[name], error) for name, (_, error)
                      in EARLY.items() if error}


@pytest.mark.parametrize("version", ["--h1", "--h2"])
def test_body_that_nginx_refuses(swarm, provider, tmp_path, nginx, version):
    nginx.start(listen="ssl http2", extra="client_max_body_size 1m;")
    rows, failed = upload(swarm, provider, tmp_path, [nginx.url + "/up"],
                          version, "-k")
    # With libcurl 7.88 now and then what is left of a body breaks the next.
    if provider == "http" and version == "--h2":
        failed.discard(("/up", "Error in the HTTP2 framing layer"))
    assert failed == {("/up", "HTTP 413 Content Too Large")}
    assert rows["POST", "/up"][0] > 5
    protocol = "HTTP/1.1" if version == "--h1" else "HTTP/2.0"
    assert {s[3] for s in nginx.served()} == {protocol}


def test_no_target(swarm, provider):
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", provider,
                     "--headless", "-u", "1", "-t", "20s", timeout=30)
    assert done.status != 0
    assert re.search(r"no target: give --host http", done.text)


@pytest.mark.parametrize("option,text", [
    ("names=x", "fold"), ("connections=0", "1 to 64"),
    ("max_body=x", "max_body"), ("connect_to=a:b", "host:port"),
    ("streams=0", "give 1 to 1000"),
    ("multiplex=yes keepalive=no", "exclude each other")])
def test_bad_options(swarm, provider, option, text):
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", provider,
                     "--headless", "-H", "http://127.0.0.1:1",
                     *(a for o in option.split()
                       for a in ("-o", f"{provider}.{o}")))
    assert done.status in (2, 3), done.text
    assert text in done.text


def test_each_user_is_somebody(swarm, provider, tmp_path):
    """Cookies and connections are a user's own, kept between its tasks."""
    scenario = tmp_path / "somebody.c"
    scenario.write_text("""
#include <swarm/http.h>
#include <swarm/swarm.h>
#include <string.h>
static const char *me(struct swarm_user *u)
{
	return swarm_printf(u, "me=%u", swarm_user_id(u));
}
static void enter(struct swarm_user *u)
{
	http_get(u, swarm_printf(u, "/cookies/set?%s", me(u)));
}
static void look(struct swarm_user *u)
{
	struct http_response *r = http_get(u, "/echo",
	    .catch_response = true);
	const char *cookie = http_json(r, "headers.cookie");

	if (!cookie || strcmp(cookie, me(u)) != 0)
		http_fail(r, "somebody else's cookie");
	else if (!r->reused)
		http_fail(r, "a connection not its own");
	else
		http_ok(r);
}
SWARM_SCENARIO({ .name = "somebody", .start = enter,
	.tasks = SWARM_TASKS(SWARM_TASK(look)) });
""")
    server = Server()
    done = load(swarm, provider, tmp_path, server.url, "--processes", "1",
                scenario=scenario, users=8, seconds=1)
    server.stop()
    assert done.status == 0, done.text
    rows = counts(totals(tmp_path / "out"))
    assert rows["GET", "/echo"][0] > 16 and rows["GET", "/echo"][1] == 0


def test_explosion_of_names_is_capped_and_said(swarm, tmp_path, nginx):
    """More names than rows: folded they are few, unfolded they are capped."""
    scenario = tmp_path / "many.c"
    scenario.write_text("""
#include <swarm/http.h>
#include <swarm/swarm.h>
static void many(struct swarm_user *u)
{
	static unsigned n;

	http_get(u, swarm_printf(u, "/item/%u", n++));
	if (n > 6000)
		swarm_stop_test(u, "enough");
}
SWARM_SCENARIO({ .name = "many", .tasks = SWARM_TASKS(SWARM_TASK(many)) });
""")
    nginx.start()

    def rows(*args):
        done = load(swarm, "fasthttp", tmp_path, nginx.url, "--processes",
                    "1", "--json-file", tmp_path / "out", *args,
                    scenario=scenario, users=1, seconds=60)
        result = json.loads((tmp_path / "out.json").read_text())
        return done, [s["name"] for s in result["series"]], result["notes"]

    done, names, notes = rows()
    assert names == ["/item/[id]"], done.text
    done, names, notes = rows("-o", "fasthttp.names=full")
    assert 4000 < len(names) <= 5001
    assert "(other)" in names
    assert [n for n in notes if "names" in n or "templates" in n], notes


def test_fast_one_is_taken(swarm):
    done = swarm.run("-f", swarm.scenario("hello.so"), "--headless", "-H",
                     "http://127.0.0.1:1", "-u", "1", "-t", "1s")
    assert re.search(r"swarm.http/1 is provided by fasthttp", done.text)
