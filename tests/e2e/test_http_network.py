"""How the HTTP clients get to a server: proxies, other addresses, unix
sockets, certificates, resumption; and what they prove who they are with."""
import collections
import hashlib
import hmac
import http.server
import json
import os
import re
import socketserver
import subprocess
import threading

import pytest

from conftest import EC_KEY, make_certificate, openssl, read_csv, totals
from http_server import Handler, Server, provider, server
from proxy_server import Proxy


@pytest.fixture(scope="session")
def cert(tmp_path_factory):
    """A CA's own certificate for localhost, which also signs a client's."""
    path = tmp_path_factory.mktemp("tls")
    make_certificate(path, "DNS:localhost,DNS:shop.test,IP:127.0.0.1")
    openssl(path, "req", *EC_KEY, "-subj", "/CN=client", "-keyout",
            "client_key.pem", "-out", "client.csr")
    openssl(path, "x509", "-req", "-in", "client.csr", "-CA", "cert.pem",
            "-CAkey", "key.pem", "-CAcreateserial", "-days", "2", "-out",
            "client.pem")
    return path


@pytest.fixture
def secure(cert):
    server = Server(cert / "pair.pem")
    yield server
    server.stop()


def get(swarm, provider, tmp_path, url, *options, users=1):
    """Some requests for /hello and /world; {type and name: (count, failed)},
    the errors, the counters, the phases' counts and the run."""
    args = [a for o in options for a in ("-o", f"{provider}.{o}")]
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", provider,
                     "--headless", "-H", url, "-u", str(users), "-r", "100",
                     "-t", "1s", "--processes", "1", "--json-file",
                     tmp_path / "out", *args, timeout=60)
    result = json.loads((tmp_path / "out.json").read_text())
    rows = {(s["type"], s["name"]): (s["requests"], s["failures"])
            for s in result["series"] if not s["phase"]}
    phases = collections.Counter()
    for s in result["series"]:
        phases[s["type"]] += s["phase"] and s["service_ms"]["count"]
    return rows, {f["error"] for f in result["failures"]}, \
        result["counters"], phases, done


def assert_good(got):
    rows, errors, _, _, done = got
    assert done.status == 0 and not errors, done.text
    assert rows["GET", "/hello"][0] > 1


# ---- proxies ----

@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_proxy(swarm, tmp_path, server, scheme):
    proxy = Proxy()
    got = get(swarm, "http", tmp_path, server.url,
              f"proxy={scheme}://127.0.0.1:{proxy.port}")
    proxy.stop()
    assert_good(got)
    kind, target, _ = proxy.asked[0]
    if scheme == "http":
        assert kind == "FORWARD" and target.startswith(server.url)
        assert re.search(r"/(hello|world)$", target)
    else:
        name = "127.0.0.1" if scheme == "socks5" else "localhost"
        assert (kind, target) == ("SOCKS", f"{name}:{server.server_port}")


def test_tunnel_through_proxy(swarm, tmp_path, secure, cert):
    proxy = Proxy("user:secret")
    got = get(swarm, "http", tmp_path, secure.url,
              f"proxy=http://127.0.0.1:{proxy.port}",
              "proxy_auth=user:secret", f"ca={cert}/cert.pem")
    proxy.stop()
    assert_good(got)
    assert {a[0] for a in proxy.asked} == {"CONNECT"}
    assert proxy.asked[-1][1] == f"localhost:{secure.server_port}"


def test_proxy_that_refuses(swarm, tmp_path, secure, cert):
    proxy = Proxy("user:secret")
    rows, errors, _, _, done = get(
        swarm, "http", tmp_path, secure.url,
        f"proxy=http://127.0.0.1:{proxy.port}", f"ca={cert}/cert.pem")
    proxy.stop()
    assert done.status == 4 and len(errors) == 1
    assert secure.requests == 0


def test_proxy_of_unknown_kind(swarm, tmp_path):
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", "http",
                     "--headless", "-H", "http://localhost:1", "-o",
                     "http.proxy=ftp://a:1")
    assert done.status in (2, 3)
    assert "give http://, https://, socks4" in done.text


# ---- other addresses ----

def test_resolve(swarm, tmp_path, secure, cert):
    """The name is asked for, verified and told, at another address."""
    url = f"https://shop.test:{secure.server_port}"
    assert_good(get(swarm, "http", tmp_path, url, f"ca={cert}/cert.pem",
                    f"resolve=shop.test:{secure.server_port}:127.0.0.1"))


def test_connect_to(swarm, provider, tmp_path, secure, cert):
    assert_good(get(swarm, provider, tmp_path, "https://shop.test",
                    f"ca={cert}/cert.pem",
                    f"connect_to=localhost:{secure.server_port}"))


def test_source_address_of_each_user(swarm, provider, tmp_path, server):
    seen = set()
    verify = server.verify_request

    def note(request, address):
        seen.add(address[0])
        return verify(request, address)

    server.verify_request = note
    assert_good(get(swarm, provider, tmp_path, server.url,
                    "source=127.0.0.2,127.0.0.3,127.0.0.4", users=4))
    assert seen == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)


class UnixHandler(Handler):
    disable_nagle_algorithm = False


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_unix_socket(swarm, provider, tmp_path, abstract):
    name = f"swarm-test-{os.getpid()}-{provider}" if abstract else \
        str(tmp_path / "socket")
    server = UnixServer("\0" + name if abstract else name, UnixHandler)
    server.requests = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got = get(swarm, provider, tmp_path, "http://shop.test",
              f"connect_to=unix:{'@' if abstract else ''}{name}")
    server.shutdown()
    server.server_close()
    assert_good(got)
    assert server.requests > 2


# ---- TLS ----

def nginx(spawn, tmp_path, cert, extra):
    """A private nginx on TLS; its URL."""
    from test_http import Nginx
    server = Nginx(spawn, tmp_path, cert)
    server.start(listen="ssl", extra=extra)
    return server


def test_client_certificate(swarm, spawn, provider, tmp_path, cert):
    server = nginx(spawn, tmp_path, cert, f"ssl_client_certificate "
                   f"{cert}/cert.pem; ssl_verify_client on;")
    rows, errors, *_ = get(swarm, provider, tmp_path, server.url,
                           f"ca={cert}/cert.pem")
    assert errors == {"HTTP 400 Bad Request"}
    assert_good(get(swarm, provider, tmp_path, server.url,
                    f"ca={cert}/cert.pem", f"cert={cert}/client.pem",
                    f"key={cert}/client_key.pem"))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_resumption_is_measured(swarm, spawn, provider, tmp_path, cert,
                                version):
    server = nginx(spawn, tmp_path, cert, f"ssl_protocols TLSv{version}; "
                   "ssl_session_cache shared:s:1m; keepalive_timeout 0;")
    got = get(swarm, provider, tmp_path, server.url, f"ca={cert}/cert.pem",
              "phases=yes", users=2)
    assert_good(got)
    rows, _, counters, phases, _ = got
    # Each user's first connection, and all others.
    assert counters["http_tls_full"] == phases["tls"] == 2
    assert counters["http_tls_resumed"] == phases["tls resumed"] > 2


def test_tls_version_is_kept_to(swarm, spawn, provider, tmp_path, cert):
    server = nginx(spawn, tmp_path, cert, "ssl_protocols TLSv1.2;")
    _, errors, *_ = get(swarm, provider, tmp_path, server.url,
                        f"ca={cert}/cert.pem", "tls_min=1.3")
    assert len(errors) == 1 and errors.pop().startswith("TLS: ")


def test_http3_is_refused_or_works(swarm):
    features = subprocess.run(["curl", "--version"], capture_output=True,
                              text=True).stdout
    done = swarm.run("-f", swarm.scenario("hello.so"), "--plugin", "http",
                     "--headless", "-H", "https://127.0.0.1:1", "-u", "1",
                     "-t", "1s", "-o", "http.version=3")
    if "HTTP3" in features:
        assert "has no HTTP/3" not in done.text
    else:
        assert done.status in (2, 3)
        assert re.search(r"libcurl [\d.]+ on this machine has no HTTP/3",
                         done.text)


# ---- SigV4 ----

SIGNED = """
#include <swarm/http.h>
#include <swarm/swarm.h>
static void put(struct swarm_user *u)
{
	http_put(u, "/bucket/key?list-type=2", .body = "content",
	    .user = "AKID", .password = "SECRET",
	    .auth = "aws:amz:eu-west-1:s3");
	swarm_stop_user(u);
}
SWARM_SCENARIO({ .name = "signed", .tasks = SWARM_TASKS(SWARM_TASK(put)) });
"""


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method, path, query, headers, body):
    """What AWS computes, from the request as it came."""
    auth = dict(part.strip().split("=", 1) for part in
                headers["Authorization"].split(" ", 1)[1].split(","))
    scope = auth["Credential"].split("/", 1)
    names = auth["SignedHeaders"].split(";")
    canonical = "\n".join((
        method, path, query,
        "".join(f"{n}:{headers[n].strip()}\n" for n in names),
        auth["SignedHeaders"], hashlib.sha256(body).hexdigest()))
    text = "\n".join(("AWS4-HMAC-SHA256", headers["X-Amz-Date"], scope[1],
                      hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4SECRET"
    for part in scope[1].split("/"):
        key = mac(key, part)
    return scope[0], auth["Signature"], mac(key, text).hex()


def test_sigv4(swarm, tmp_path):
    checked = []

    class Check(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path, _, query = self.path.partition("?")
            checked.append(signature("PUT", path, query, self.headers, body))
            self.send_response(200)
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Check)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = tmp_path / "signed.c"
    source.write_text(SIGNED)
    done = swarm.run("-f", source, "--plugin", "http", "--headless", "-H",
                     f"http://127.0.0.1:{server.server_port}", "-u", "1",
                     "-t", "20s", timeout=60)
    server.shutdown()
    server.server_close()
    assert done.status == 0, done.text
    key, given, meant = checked[0]
    assert key == "AKID" and given == meant


def test_fasthttp_says_what_it_cannot(swarm, tmp_path, server):
    source = tmp_path / "signed.c"
    source.write_text(SIGNED)
    swarm.run("-f", source, "--plugin", "fasthttp", "--headless", "-H",
              server.url, "-u", "1", "-t", "20s", "--csv", tmp_path / "out")
    errors = [f["Error"] for f in read_csv(tmp_path / "out_failures.csv")]
    assert errors == ["only basic authentication is possible here: run with "
                      "--plugin http"]
    assert int(totals(tmp_path / "out")["PUT", "/bucket/key"]
               ["Request Count"]) == 1
