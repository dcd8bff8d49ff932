"""What stands on the plugin websocket: STOMP against a broker that takes the
standard by its word, Socket.IO against npm's server."""
import json
import os

import pytest

from conftest import SOURCE, AsyncServer, need_node
from test_websocket import ledger, results

websockets = pytest.importorskip("websockets")


# ---- STOMP 1.2 ----

ESCAPES = {"\\n": "\n", "\\r": "\r", "\\c": ":", "\\\\": "\\"}


def unescape(text):
    out, i = "", 0
    while i < len(text):
        if text[i] == "\\":
            out += ESCAPES[text[i:i + 2]]
            i += 2
        else:
            out += text[i]
            i += 1
    return out


def escape(text):
    for to, c in reversed(ESCAPES.items()):
        text = text.replace(c, to)
    return text


def read(text):
    """(command, headers, body) of one whole frame, or an exception."""
    head, rest = text.split("\n\n", 1)
    command, *lines = head.split("\n")
    headers = {}
    for line in lines:
        name, value = line.split(":", 1)
        if command != "CONNECT":
            name, value = unescape(name), unescape(value)
        headers.setdefault(name, value)
    if "content-length" in headers:
        body = rest.encode()[:int(headers["content-length"])].decode()
        assert rest.encode()[len(body.encode()):] == b"\0"
    else:
        assert rest.index("\0") == len(rest) - 1
        body = rest[:-1]
    return command, headers, body


def write(command, headers, body=""):
    lines = [f"{escape(k)}:{escape(v)}" for k, v in headers.items()]
    return "\n".join([command, *lines]) + "\n\n" + body + "\0"


class Broker(AsyncServer):
    """One session at a time; keeps what it was sent."""

    def __init__(self):
        self.frames = []
        super().__init__()
        self.url = f"ws://127.0.0.1:{self.port}"

    async def listen(self):
        return await websockets.serve(self.serve, "127.0.0.1", 0,
                                      subprotocols=["v12.stomp"])

    async def serve(self, ws):
        subscriptions = {}
        try:
            async for text in ws:
                frame = read(text)
                self.frames.append(frame)
                if not await self.answer(ws, subscriptions, *frame):
                    await ws.close()
        except websockets.ConnectionClosed:
            pass

    async def answer(self, ws, subscriptions, command, headers, body):
        if command == "CONNECT":
            if headers.get("passcode") != "a:b":
                await ws.send(write("ERROR", {"message": "who are you?"}))
                return False
            await ws.send("CONNECTED\nversion:1.2\nserver:test/1\n\n\0")
        elif command == "SUBSCRIBE":
            subscriptions[headers["destination"]] = headers["id"]
        elif command == "UNSUBSCRIBE":
            assert headers["id"] in subscriptions.values()
        elif command == "SEND":
            # Nobody asked for a heart-beat.
            await ws.send("\n")
            more = {k: v for k, v in headers.items() if k == "note"}
            if "destination" in headers:
                await ws.send(write("MESSAGE", {
                    "subscription": subscriptions[headers["destination"]],
                    "message-id": "m", "ack": "ack:1",
                    "destination": headers["destination"],
                    "content-length": str(len(body.encode())), **more}, body))
        elif command not in ("ACK", "NACK", "DISCONNECT"):
            await ws.send(write("ERROR", {"message": "no such command"}))
            return False
        if "receipt" in headers:
            await ws.send(write("RECEIPT", {"receipt-id":
                                            headers["receipt"]}))
        return True


def flows(swarm, tmp_path, module, url):
    data = results(swarm, tmp_path, "-f", swarm.module(module), "-H", url,
                   "-u", "1", "-t", "60s", status=(1,), timeout=90)
    assert data["counters"].get("all flows done") == 1, data["text"]
    assert "not true" not in data["text"], data["text"]
    ledger(data["counters"])
    return {(s["type"], s["name"]): s for s in data["series"]}, data["text"]


def test_stomp(swarm, tmp_path):
    broker = Broker()
    series, text = flows(swarm, tmp_path, "stomp_flows.so", broker.url)
    broker.stop()
    assert series["STOMP", "connect"]["requests"] == 3
    assert series["STOMP", "connect"]["failures"] == 1
    for name in ("subscribe", "SEND", "from a", "UNSUBSCRIBE", "DISCONNECT"):
        assert series["STOMP", name]["requests"] == 1, name
        assert series["STOMP", name]["failures"] == 0, name
    assert series["STOMP", "NONSENSE"]["failures"] == 1
    assert "ERROR: no such command" in text
    assert "ERROR: who are you?" in text
    command, headers, _ = broker.frames[0]
    assert command == "CONNECT"
    assert headers["host"] == "shop" and headers["accept-version"] == "1.2"
    ack, = [h for c, h, _ in broker.frames if c == "ACK"]
    assert ack["id"] == "ack:1"


# ---- Socket.IO ----

def test_socketio(swarm, spawn, tmp_path):
    program, _ = need_node("socket.io")
    process = spawn([program, os.path.join(SOURCE, "tests", "e2e",
                                           "ws_server.mjs")])
    port = json.loads(process.wait_line(r"{.*}").group(0))["io"]
    series, text = flows(swarm, tmp_path, "sio_flows.so",
                         f"ws://127.0.0.1:{port}")
    assert series["Socket.IO", "connect"]["requests"] == 4
    assert series["Socket.IO", "connect"]["failures"] == 1
    assert "not with that token" in text
    assert series["Socket.IO", "add"]["requests"] == 2
    assert series["Socket.IO", "add"]["failures"] == 0
    assert series["Socket.IO", "said"]["failures"] == 0
    assert series["Socket.IO", "left"]["failures"] == 1
    assert "disconnected by the server" in text
