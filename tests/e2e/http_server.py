"""A server that tells what it was sent, and others that misbehave: every one
listens on a port of its own and counts what it saw."""
import gzip
import hashlib
import http.server
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse


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

    def chunks(self, parts, kind="text/plain"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(0.01)
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
        else:
            self.reply(b"ok")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer


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


class Hostile:
    """For each connection: reads a request, then does `act(socket)`."""

    def __init__(self, act):
        self.act = act
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.stopped = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(conn,),
                             daemon=True).start()

    def serve(self, conn):
        with conn:
            try:
                if b"\r\n\r\n" in conn.recv(65536):
                    self.act(conn)
            except OSError:
                pass

    def stop(self):
        self.stopped.set()
        self.socket.close()
