"""A server that tells what it was sent, and others that misbehave: every one
listens on a port of its own and counts what it saw."""
import gzip
import hashlib
import http.server
import json
import os
import re
import ssl
import threading
import time
import urllib.parse

import pytest

from conftest import BUILD, Listener


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            pass

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline(), 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, data, status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def redirect(self, to, status=302):
        self.reply(b"elsewhere", status, [("Location", to)])

    def chunks(self, parts, kind="text/plain", pause=0.01):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    def digest(self):
        given = dict(re.findall(r'(\w+)="?([^",]+)"?',
                                self.headers.get("Authorization", "")))

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()

        if given:
            want = md5(":".join((
                md5("u:r:p"), given["nonce"], given["nc"], given["cnonce"],
                "auth", md5("GET:" + given["uri"]))))
            if given["response"] == want:
                return self.reply(b"in")
        return self.reply(b"", 401, [(
            "WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')])

    def answer(self):
        self.server.requests += 1
        data = self.body()
        path, _, query = self.path.partition("?")
        arg = dict(urllib.parse.parse_qsl(query))
        parts = path.split("/")[1:]
        if path == "/echo":
            echo = {"method": self.command, "path": self.path,
                    "headers": {k.lower(): v for k, v in self.headers.items()},
                    "body": data.decode()}
            self.reply(json.dumps(echo).encode(),
                       headers=[("Content-Type", "application/json")])
        elif path == "/size":
            self.reply(str(len(data)).encode())
        elif path == "/large":
            self.reply(b"y" * int(arg["n"]))
        elif path == "/cookies/set":
            self.reply(b"", 302, [("Location", "/echo")] + [
                ("Set-Cookie", f"{k}={v}; Path=/") for k, v in arg.items()])
        elif parts[0] == "redirect":
            n = int(parts[1]) - 1
            self.redirect(f"/redirect/{n}" if n else "../echo")
        elif path == "/moved":
            self.redirect("/echo", int(arg["status"]))
        elif parts[0] == "status":
            self.reply(b"so be it", int(parts[1]))
        elif path == "/slow":
            time.sleep(float(arg["s"]))
            self.reply(b"late")
        elif path == "/chunked":
            self.chunks([b"one ", b"two", b" three"])
        elif path == "/events":
            self.chunks([b"data: fir", b"st\n\nevent: named\nid: 2\n",
                         b"data: second\r\ndata: line\r\n\r\n: end\n"],
                        "text/event-stream")
        elif path == "/hints":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n")
        elif path == "/trailers":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"2\r\nok\r\n0\r\nX-Sum: 7\r\n"
                             b"HTTP/1.1 500 x: y\r\n"
                             b"Set-Cookie: late=1\r\n\r\n")
        elif path == "/nul":
            self.reply(b"\0\1\2")
        elif path == "/gzip":
            self.reply(gzip.compress(b"z" * 10000),
                       headers=[("Content-Encoding", "gzip")])
        elif path == "/close":
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"until the end")
        elif path == "/digest":
            self.digest()
        elif path == "/away":
            self.redirect(self.server.url.replace("localhost", "127.0.0.1") +
                          "/echo")
        elif path == "/deep" and "n" in arg:
            n = int(arg["n"])
            self.reply(b"[" * n + b"]" * n)
        elif path == "/nothing":
            self.reply(b"", headers=[("Content-Encoding", "gzip")])
        elif path == "/v1/chat/completions":
            self.chat(json.loads(data))
        elif path == "/tick":
            self.chunks([b"data: %d\n\n" % i for i in range(int(arg["n"]))],
                        "text/event-stream", float(arg["s"]))
        else:
            self.reply(b"ok")

    def chat(self, asked):
        """A model whose name says how it talks: "talk 0.1 0.02 5" is silent
        for 0.1 s, then says a token every 0.02 s, 5 of them."""
        kind, *words = asked["model"].split()
        if kind == "busy":
            return self.reply(b'{"error": {"type": "rate_limit"}}', 429)
        first, gap, n = float(words[0]), float(words[1]), int(words[2])
        usage = {"completion_tokens": n, "prompt_tokens": sum(
            len(m["content"].split()) for m in asked["messages"])}
        text = [f"t{i} " for i in range(n)]
        if not asked.get("stream"):
            time.sleep(first)
            return self.reply(json.dumps({"usage": usage, "choices": [
                {"message": {"role": "assistant", "content": "".join(text)},
                 "finish_reason": "stop"}]}).encode())

        def events():
            def event(**what):
                return b"data: " + json.dumps(what).encode() + b"\n\n"

            yield event(choices=[{"delta": {"role": "assistant"}}])
            time.sleep(first)
            for i, token in enumerate(text):
                if i:
                    time.sleep(gap)
                yield event(choices=[{"delta": {"content": token}}])
                if kind == "breaks" and i == 2:
                    yield event(error={"type": "overloaded",
                                       "message": "at 12:31"})
                if kind == "stops" and i == 2:
                    return
                if kind == "babbles" and i == 2:
                    yield b"data: {nonsense\n\n"
            yield event(choices=[{"delta": {}, "finish_reason": "stop"}])
            if asked["stream_options"]["include_usage"]:
                yield event(choices=[], usage=usage)
            yield b"data: [DONE]\n\n"
        self.chunks(events(), "text/event-stream", 0)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer


PROVIDERS = ["fasthttp", "http"]


@pytest.fixture(params=PROVIDERS)
def provider(request):
    """Both HTTP clients in turn."""
    if not os.path.exists(os.path.join(BUILD, "plugins", request.param,
                                       request.param + ".so")):
        pytest.skip("plugin not built")
    return request.param


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


class Server(http.server.ThreadingHTTPServer):
    """Echo and friends; with `cert` (a PEM of key and certificate) by TLS."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cert=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = 0
        scheme = "http"
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert)
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False)
            scheme = "https"
        self.url = f"{scheme}://localhost:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()


class Hostile(Listener):
    """For each connection: reads a request, then does `act(socket)`."""

    def __init__(self, act):
        super().__init__()
        self.act = act
        self.url = f"http://127.0.0.1:{self.port}"
        self.stopped = threading.Event()

    def serve(self, conn):
        if b"\r\n\r\n" in conn.recv(65536):
            self.act(conn)

    def stop(self):
        self.stopped.set()
        super().stop()
