"""swarm target: what others are proved against keeps to the protocol itself."""
import concurrent.futures
import json
import socket
import urllib.parse
import urllib.request

PATIENCE = 20


def connect(url):
    at = urllib.parse.urlsplit(url)
    return socket.create_connection((at.hostname, at.port), PATIENCE)


def exchange(url, request):
    """Everything that comes until the server closes."""
    with connect(url) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        data = b""
        while more := s.recv(65536):
            data += more
        return data


def test_head_has_no_body(target):
    answer = exchange(target(), b"HEAD /bytes/9 HTTP/1.1\r\n\r\n"
                      b"GET /status/204 HTTP/1.1\r\n\r\n")
    first, second, rest = answer.split(b"\r\n\r\n")
    assert b"Content-Length: 9" in first
    assert second.startswith(b"HTTP/1.1 204") and rest == b""


def test_length_with_blanks(target):
    answer = exchange(target(), b"POST /echo HTTP/1.1\r\n"
                      b"Content-Length:  3 \t\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\nabc")


def test_ipv6_in_brackets(swarm):
    process = swarm.start("target", "--listen", "[::1]:0")
    url = process.wait_line(r"(http://\[::1\]:\d+)").group(1)
    with urllib.request.urlopen(url + "/stats", timeout=PATIENCE) as f:
        assert json.load(f)["connections"] == 1


def test_no_service_takes_less_than_nothing(target):
    # One of ten is longer than a clock can tell; they are not waited for.
    url = target("--delay", "lognormal:3600s,9.9")

    def ask(_):
        with connect(url) as s:
            s.settimeout(0.5)
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
            try:
                s.recv(1000)
            except TimeoutError:
                pass

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        list(pool.map(ask, range(200)))
    with urllib.request.urlopen(url + "/stats", timeout=PATIENCE) as f:
        assert json.load(f)["service_ms"] >= 0
