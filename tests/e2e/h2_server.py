"""A server of HTTP/2 for what real ones never do.  It writes frames as it is
told to, and reads of what it is sent only which frames they are."""
import collections
import contextlib
import socket
import struct
import threading

from conftest import Listener

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, \
    WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 2, 7, 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Frame = collections.namedtuple("Frame", "kind flags stream data")


def frame(kind, flags=0, stream=0, data=b""):
    return struct.pack(">I", len(data))[1:] + \
        struct.pack(">BBI", kind, flags, stream) + data


def literal(name, value):
    """A field that enters no table (RFC 7541, 6.2.2)."""
    def text(s):
        assert len(s) < 127
        return bytes([len(s)]) + s
    return b"\x00" + text(name) + text(value)


def status(code):
    return literal(b":status", b"%d" % code)


def head(stream, fields=b"", code=200, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, status(code) + fields)


def answer(stream, body=b"ok"):
    return head(stream) + frame(DATA, END_STREAM, stream, body)


def reset(stream, code):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last, code=0):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


class H2Server(Listener):
    """For each request: act(peer, stream), with its number on the
    connection from 0 in peer.count."""

    def __init__(self, act, settings=b""):
        self.act = act
        self.settings = settings
        self.stopped = threading.Event()
        self.got = []                   # (connection, frame), of all
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def serve(self, conn):
        Peer(self, conn, self.connections).run()

    def frames(self, kind):
        return [(c, f) for c, f in self.got if f.kind == kind]

    def stop(self):
        self.stopped.set()
        super().stop()


class Peer:
    def __init__(self, server, conn, number):
        self.server = server
        self.conn = conn
        self.number = number
        self.count = 0
        self.file = conn.makefile("rb")
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.conn.sendall(data)

    def flood(self, data):
        """For ever, or until the client has gone."""
        while not self.server.stopped.is_set():
            self.conn.sendall(data)

    def close(self):
        """Not by a reset, which unread bytes would make of it."""
        self.conn.shutdown(socket.SHUT_WR)
        while self.file.read(65536):
            pass
        raise ConnectionError

    def read(self):
        hd = self.file.read(9)
        if len(hd) < 9:
            raise ConnectionError
        length = int.from_bytes(hd[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", hd[3:])
        return Frame(kind, flags, stream, self.file.read(length))

    def run(self):
        if self.file.read(len(PREFACE)) != PREFACE:
            return
        self.send(frame(SETTINGS, 0, 0, self.server.settings))
        with contextlib.suppress(ConnectionError, OSError):
            while True:
                f = self.read()
                self.server.got.append((self.number, f))
                if f.kind == SETTINGS and not f.flags & ACK:
                    self.send(frame(SETTINGS, ACK))
                if f.kind == HEADERS:
                    self.server.act(self, f.stream)
                    self.count += 1
