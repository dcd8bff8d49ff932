"""web/openapi.json against what the server really answers: nothing more,
nothing less, and every path on both sides."""
import asyncio
import json
import os
import re

import pytest
import websockets
from jsonschema import Draft202012Validator

from conftest import SOURCE, wait_for
from openapi import Document
from test_rest import Server
from test_web import Page


@pytest.fixture
def document():
    return Document()


def routes():
    """(path, methods) of the tables in core/web."""
    found = {}
    for name in ("api.c", "control.c", "assets.c", "web.c"):
        path = os.path.join(SOURCE, "core", "web", name)
        if not os.path.exists(path):
            continue
        with open(path) as f:
            for path, flags in re.findall(
                    r'\{ "/api/v1(/[^"]+)",\s*(HTTP_[A-Z_| \n\t]+)', f.read()):
                found[path] = {"get" for _ in [0] if "HTTP_READS" in flags} | \
                    {"post" for _ in [0] if "HTTP_POSTS" in flags}
    return found


def test_every_path_is_described(document):
    described = {p: set(m) & {"get", "post"}
                 for p, m in document.document["paths"].items()}
    assert described.pop("/live") == {"get"}
    assert described == routes()
    assert len(described) > 15


def schemas(value):
    if isinstance(value, dict):
        if "schema" in value:
            yield value["schema"]
        for v in value.values():
            yield from schemas(v)
    elif isinstance(value, list):
        for v in value:
            yield from schemas(v)


def test_the_document_itself(document):
    d = document.document
    assert d["openapi"].startswith("3.1.")
    for schema in list(schemas(d["paths"])) + \
            list(d["components"]["schemas"].values()):
        Draft202012Validator.check_schema(schema)
    for ref in re.findall(r'"\$ref": "#/components/schemas/(\w+)"',
                          json.dumps(d)):
        assert ref in d["components"]["schemas"], ref
    # Closed: a key that is not described is an error.
    with pytest.raises(AssertionError, match="stranger"):
        document.answer("GET", "/executors", 200,
                        '{"executors": [], "stranger": 1}')
    with pytest.raises(AssertionError, match="required"):
        document.answer("GET", "/executors", 200, "{}")


def messages(document, port, count, kinds):
    """Messages of the push, held against the document."""
    async def listen():
        async with websockets.connect(
                f"ws://127.0.0.1:{port}/api/v1/live", subprotocols=["swarm"],
                max_size=None) as socket:
            return [await socket.recv() for _ in range(count)]

    all = [document.message(m)
           for m in asyncio.run(asyncio.wait_for(listen(), 30))]
    assert {m["type"] for m in all} == kinds
    return all


def reads(document, get):
    """Every GET, held against the document: answers by path."""
    answers = {}
    for path, methods in document.document["paths"].items():
        if "get" not in methods or path in ("/live", "/openapi.json"):
            continue
        query = "?" + "&".join(
            f"{p['name']}={p['example']}" for p in
            methods["get"].get("parameters", []) if "example" in p)
        status, text = get("/api/v1" + path + query.rstrip("?"))
        answers[path] = document.answer("GET", path, status, text)
    return answers


def test_answers(spawn, document):
    server = Server(spawn)

    def get(path):
        answer = server.get(path)
        return answer.status, answer.text

    def post(path, status, **fields):
        answer = server.post("/api/v1" + path, fields)
        assert answer.status == status, answer.text
        return document.answer("POST", path, status, answer.text)

    assert json.loads(get("/api/v1/openapi.json")[1]) == document.document
    reads(document, get)
    post("/load", 409, user_count=1)
    post("/start", 400, user_count="many")
    post("/start", 200, user_count=20, spawn_rate=100)
    post("/load", 400, spawn_rate=-1)
    post("/load", 200, user_count=30)
    post("/note", 400)
    post("/stop/now", 409)
    post("/try", 400, user_count="many")
    post("/try", 409, user_classes="device")
    post("/note", 200, text="a <note>")
    for line in ("watch", "fail timeout", "log warn slow", "lose", "saturate"):
        server.process.popen.stdin.write(line + "\n")
    server.process.popen.stdin.flush()
    wait_for(lambda: server.json("/stats/requests")["errors"], "failures")
    full = messages(document, server.port, 3, {"full", "tick"})[0]
    assert full["errors"] and full["log"] and full["events"]
    wait_for(lambda: server.json("/api/v1/resources")["at"], "figures")
    assert messages(document, server.port, 1, {"full"})[0]["resources"]
    answers = reads(document, get)
    assert answers["/resources"]["figures"][1]["name"] == "db.cpu"
    assert answers["/heatmap"]["columns"] and answers["/log"]
    for path in ("/history", "/heatmap", "/histogram"):
        assert get(f"/api/v1{path}?endpoint=1")[0] == 200
        status, text = get(f"/api/v1{path}?endpoint=4711")
        document.answer("GET", path, status, text)
    post("/reset/undo", 409)
    post("/reset", 200)
    post("/reset/undo", 200)
    post("/stop", 200)


def test_answers_of_a_real_run(swarm, document):
    """Executors, arrivals, pauses, criteria, metrics, runs."""
    page = Page(swarm, "--executor", "name=closed,classes=beater,users=3",
                "--fail-if", "p95 > 10s", "--hold",
                "p95 = 10s; max=3; executor=closed")
    assert page.get("/api/v1/hold") == {"hold": None}
    assert page.get("/api/v1/capacity") == {"capacity": None}
    page.start(user_count=3, spawn_rate=100)
    wait_for(lambda: page.get("/stats/requests")["stats"][-1]
             ["num_requests"] > 20, "requests")
    for path, status in (("/pause", 200), ("/pause", 409), ("/resume", 200),
                         ("/resume", 409)):
        answer, text = page.request("POST", "/api/v1" + path)
        assert answer == status, text
        document.answer("POST", path, status, text)
    answers = reads(document, lambda path: page.request("GET", path))
    assert answers["/executors"]["executors"][0]["requests"] > 0
    for name, status in (("beater", 200), ("stranger", 400)):
        answer, text = page.request("POST", "/api/v1/try",
                                    {"user_classes": name})
        assert answer == status, text
        trial = document.answer("POST", "/try", status, text)
        assert status != 200 or trial["steps"][1]["requests"][0]["type"] \
            == "BEAT", text
    live = messages(document, page.port, 3, {"full", "tick"})
    assert live[0]["criteria"][0]["text"].startswith("p95 > 10s")
    held = live[-1]["run"]["hold"]
    assert held["hold"] == "p95 = 10s" and held["executor"] == "closed"
    assert held["set_point"] == 10_000 > held["value"] > 0
    assert held["load"] == held["most"] == 3 and held["phase"] == "most load"
    assert held["load_unit"] == "users" and held["unit"] == "ms"
    assert answers["/hold"]["hold"]["points"][0]["load"] == 3
    page.get("/stop")
    answers = reads(document, lambda path: page.request("GET", path))
    assert answers["/runs"][0]["ended"] > answers["/runs"][0]["started"]
    page.run.interrupt()
    assert page.run.wait() == 0, page.run.text


def test_a_search_with_a_page(swarm, document):
    page = Page(swarm, "--headful", "--slo", "p99<1s", command=["capacity"])
    wait_for(lambda: page.get("/api/v1/capacity")["capacity"], "the search")
    answers = reads(document, lambda path: page.request("GET", path))
    search = answers["/capacity"]["capacity"]
    assert search["answer"] == "running"
    assert search["slos"] == ["p99<1s", "errors<1%"]
    now = messages(document, page.port, 2, {"full", "tick"})[-1]["run"]
    assert now["capacity"]["stage"] == "grow" and now["hold"] is None
    assert now["capacity"]["load"] > 0 == now["capacity"]["probes"]
    # Nobody else sets its load.
    status, text = page.request("POST", "/api/v1/load", {"rate": "5"})
    assert status == 409 and "search" in text
    document.answer("POST", "/load", status, text)
    page.run.interrupt()
    page.run.wait()
