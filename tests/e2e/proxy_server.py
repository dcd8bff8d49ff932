"""A proxy that speaks plain HTTP, CONNECT and SOCKS5 on one port and notes
what it was asked for, as (kind, target, authorization)."""
import base64
import contextlib
import select
import socket

from conftest import Listener


def pump(a, b):
    """Copies both ways until one side ends."""
    try:
        while True:
            for s in select.select([a, b], [], [], 30)[0]:
                data = s.recv(65536)
                if not data:
                    return
                (b if s is a else a).sendall(data)
    except OSError:
        pass


class Proxy(Listener):
    def __init__(self, password=None):
        self.want = password and "Basic " + base64.b64encode(
            password.encode()).decode()
        self.asked = []
        super().__init__()

    def serve(self, conn):
        with contextlib.suppress(ValueError, IndexError):
            if conn.recv(1, socket.MSG_PEEK) == b"\x05":
                self.socks(conn)
            else:
                self.http(conn)

    def socks(self, conn):
        f = conn.makefile("rb", buffering=0)
        f.read(1)
        f.read(f.read(1)[0])
        conn.sendall(b"\x05\x00")
        kind = f.read(4)[3]
        host = socket.inet_ntoa(f.read(4)) if kind == 1 else \
            f.read(f.read(1)[0]).decode()
        port = int.from_bytes(f.read(2), "big")
        self.asked.append(("SOCKS", f"{host}:{port}", None))
        with socket.create_connection((host, port)) as server:
            conn.sendall(b"\x05\x00\x00\x01" + bytes(6))
            pump(conn, server)

    def http(self, conn):
        while True:
            head = b""
            while b"\r\n\r\n" not in head:
                data = conn.recv(65536)
                if not data:
                    return
                head += data
            method, target, _ = head.split(b"\r\n")[0].decode().split()
            headers = dict(line.decode().split(": ", 1)
                           for line in head.split(b"\r\n")[1:] if line)
            given = headers.get("Proxy-Authorization")
            kind = "CONNECT" if method == "CONNECT" else "FORWARD"
            self.asked.append((kind, target, given))
            if self.want and given != self.want:
                conn.sendall(b"HTTP/1.1 407 Who are you\r\n"
                             b'Proxy-Authenticate: Basic realm="p"\r\n'
                             b"Content-Length: 0\r\n\r\n")
                continue
            where = target if kind == "CONNECT" else \
                target.split("/")[2]
            host, port = where.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server:
                if kind == "CONNECT":
                    conn.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
                else:
                    path = "/" + target.split("/", 3)[3]
                    server.sendall(head.replace(target.encode(),
                                                path.encode(), 1))
                pump(conn, server)
            return

    def stop(self):
        self.socket.close()
