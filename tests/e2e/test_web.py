"""The page of a real run: the whole way from a browser's request through the
master to the workers and back."""
import http.client
import json
import os
import re
import shlex
import signal
import urllib.parse

from conftest import free_port, totals, wait_for


class Page:
    def __init__(self, swarm, *args, module="steady.so", command=()):
        self.run = swarm.start(*command, "-f", swarm.module(module), "--web-port", "0",
                               "--processes", "2", *args)
        url = self.run.wait_line(r"https?://\S+").group(0)
        self.port = urllib.parse.urlsplit(url).port
        wait_for(lambda: self.get("/worker-count")["worker_count"] == 2,
                 "two workers")

    def request(self, method, path, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=30)
        connection.request(
            method, path, urllib.parse.urlencode(fields or {}, doseq=True),
            {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def get(self, path):
        status, text = self.request("GET", path)
        assert status == 200, text
        return json.loads(text)

    def start(self, **fields):
        status, text = self.request("POST", "/swarm", fields)
        assert status == 200, text
        return json.loads(text)


def test_start_poll_stop_fetch(swarm):
    page = Page(swarm)
    assert page.get("/stats/requests")["state"] == "ready"
    assert page.start(user_count=6, spawn_rate=100)["success"] is True
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 6, "6 users")
    # Edits of a running test.
    page.start(user_count=2, spawn_rate=100)
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 2, "2 users")
    assert page.get("/tasks")["per_class"]["beater"]["ratio"] == 1
    assert page.get("/stop")["success"] is True
    stats = page.get("/stats/requests")
    assert stats["state"] == "stopped" and stats["user_count"] == 0
    status, csv = page.request("GET", "/stats/requests/csv")
    beat = re.search(r"^BEAT,beat,(\d+),0,", csv, re.M)
    assert int(beat.group(1)) == stats["stats"][0]["num_requests"] > 0
    # A second test begins from nothing.
    page.start(user_count=1, spawn_rate=100)
    wait_for(lambda: 0 < page.get("/stats/requests")["stats"][-1]
             ["num_requests"] < 200, "a fresh count")
    os.kill(page.run.pid, signal.SIGINT)
    assert page.run.wait() == 0, page.run.text


def test_page_and_files_agree(swarm, tmp_path):
    page = Page(swarm, "--csv", tmp_path / "out", "-o", "counted.times=9",
                "-o", "counted.fail_every=3", module="counted.so")
    page.start(user_count=10, spawn_rate=100)
    stats = wait_for(lambda: (s := page.get("/stats/requests"))["stats"][-1]
                     ["num_requests"] == 90 and s, "90 requests")
    page.get("/stop")
    assert stats["stats"][-1]["num_failures"] == 30
    status, page_csv = page.request("GET", "/stats/requests/csv")
    status, page_failures = page.request("GET", "/stats/failures/csv")
    history = page.get("/api/v1/history?points=3000")
    assert sum(n or 0 for n in history["requests"]) == 90
    assert sum(n or 0 for n in history["failures"]) == 30
    # The report of the moment: one document, without scripts.
    status, report = page.request("GET", "/stats/report")
    assert status == 200 and report.lstrip().startswith("<!doctype html>")
    assert "every so often" in report and "<script src" not in report
    page.run.interrupt()
    assert page.run.wait() == 1, page.run.text
    # The files and the page are the same to the byte.
    with open(tmp_path / "out_stats.csv", newline="") as f:
        assert f.read() == page_csv
    with open(tmp_path / "out_failures.csv", newline="") as f:
        assert f.read() == page_failures
    assert totals(tmp_path / "out")["", "Aggregated"]["Request Count"] == "90"


def test_a_worker_is_lost(swarm):
    page = Page(swarm)
    page.start(user_count=10, spawn_rate=100)
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 10, "users")
    os.kill(page.run.children()[0], signal.SIGKILL)
    wait_for(lambda: any("lost" in e["text"] and e["kind"] == "worker"
                         for e in page.get("/api/v1/events")), "the event")
    wait_for(lambda: page.get("/worker-count")["worker_count"] == 1, "loss")
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 10,
             "10 users on the other")


def test_runs_of_a_process(swarm):
    page = Page(swarm, "--fail-if", "count > 1000000")
    for users in (2, 5):
        page.start(user_count=users, spawn_rate=100)
        wait_for(lambda: page.get("/stats/requests")["stats"][-1]
                 ["num_requests"] > 50, "requests")
        page.get("/stop")
    stats = page.get("/stats/requests")
    runs = page.get("/api/v1/runs")
    assert [r["users"] for r in runs] == [2, 5]
    assert runs[1]["requests"] == stats["stats"][-1]["num_requests"]
    assert all(r["ended"] >= r["started"] for r in runs)
    # Each run's time in the history holds exactly its requests.
    for run in runs:
        table = page.get(f"/api/v1/history?from={int(run['started'])}"
                         f"&to={int(run['ended']) + 2}&points=1000")
        assert sum(n or 0 for n in table["requests"]) >= run["requests"]


def rows(page):
    """(type, name) of the samples of this test."""
    return {(r["method"], r["name"])
            for r in page.get("/stats/requests")["stats"][:-1]}


def run_once(page, **fields):
    """A test with these fields, until every worker has made some samples."""
    page.start(user_count=8, spawn_rate=1000, **fields)
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 8,
             "8 users")
    wait_for(lambda: page.get("/stats/requests")["stats"][-1]
             ["num_requests"] > 200, "requests")
    seen = rows(page)
    page.get("/stop")
    return seen


def test_what_the_next_test_is_made_of(swarm):
    page = Page(swarm, module="choice.so")
    assert run_once(page) == {("LEFT", "calm 7"), ("RIGHT", "calm 7"),
                              ("HOST", "none")}
    # Options, as modules read them when they are loaded.
    assert run_once(page, **{"choice.pace": 9, "choice.mood": "wild"}) == {
        ("LEFT", "wild 9"), ("RIGHT", "wild 9"), ("HOST", "none")}
    settings = {s["name"]: s for s in page.get("/api/v1/meta")["settings"]}
    assert settings["pace"]["value"] == "9"
    assert settings["mood"]["choices"] == "calm|wild"
    for fields, wrong in (({"choice.pace": "fast"}, "whole number"),
                          ({"choice.mood": "odd"}, "calm|wild"),
                          ({"choice.none": 1}, "no loaded module"),
                          ({"user_classes": "nobody"}, "nobody")):
        status, text = page.request("POST", "/api/v1/start", {
            "user_count": 1, "spawn_rate": 1, **fields})
        assert status == 400 and wrong in json.loads(text)["message"], text
        assert json.loads(text)["field"] in fields
    # Which classes get users.
    assert run_once(page, user_classes="walker") == {
        ("LEFT", "wild 9"), ("RIGHT", "wild 9")}
    # A class: Locust's path, status and keys.
    for wish in ({"user_class_name": "walker", "tasks": ["right"],
                  "weight": 3},
                 {"user_class_name": "caller", "host": "http://two",
                  "fixed_count": 2}):
        connection = http.client.HTTPConnection("127.0.0.1", page.port)
        connection.request("POST", "/user", json.dumps(wish),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (201, {})
    classes = {c["name"]: c for c in page.get("/api/v1/meta")["classes"]}
    assert classes["walker"]["weight"] == 3
    assert [t["off"] for t in classes["walker"]["tasks"]] == [True, False]
    assert classes["caller"]["fixed_count"] == 2
    for wish in ({"user_class_name": "nobody"},
                 {"user_class_name": "walker", "tasks": ["up"]},
                 {"user_class_name": "walker", "weight": -1},
                 {"user_class_name": "walker", "colour": "red"}, [], 1):
        connection = http.client.HTTPConnection("127.0.0.1", page.port)
        connection.request("POST", "/user", json.dumps(wish))
        assert connection.getresponse().status == 400, wish
    assert run_once(page, **{"user_classes": ["walker", "caller"]}) == {
        ("RIGHT", "wild 9"), ("HOST", "http://two")}
    # Nobody was lost, and there are as many workers as before.
    stats = page.get("/stats/requests")
    assert len(stats["workers"]) == 2
    assert not any("lost" in e["text"] for e in page.get("/api/v1/events"))
    page.run.interrupt()
    assert page.run.wait() == 0, page.run.text


def test_workers_are_drained_and_removed(swarm):
    page = Page(swarm)
    page.start(user_count=10, spawn_rate=1000)
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 10, "users")

    def users():
        return {w["id"]: w["user_count"]
                for w in page.get("/stats/requests")["workers"]}

    def act(what, worker, status=200):
        answer, text = page.request("POST", f"/api/v1/workers/{what}",
                                    {"id": worker})
        assert answer == status, text

    first, second = wait_for(
        lambda: (u := users()) and sorted(u.values()) == [5, 5] and sorted(u),
        "five each")
    act("drain", first)
    wait_for(lambda: users() == {first: 0, second: 10}, "all on the second")
    act("drain", first, 409)
    act("drain", "nobody", 409)
    wait_for(lambda: page.request("POST", "/api/v1/workers/refill",
                                  {"id": first})[0] == 200, "its refill")
    wait_for(lambda: users() == {first: 5, second: 5}, "five each again")
    act("remove", second)
    wait_for(lambda: users() == {first: 10}, "all on the first")
    # It was asked to go: nothing is lost.
    live = page.get("/api/v1/executors")
    assert live["executors"][0]["users"] == 10
    page.run.interrupt()
    assert page.run.wait() == 0, page.run.text
    assert "lost" not in page.run.text


def test_plan_and_presets(swarm, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    page = Page(swarm, "--executor",
                "name=wave;shape=stages:10s:20,20s:20,10s:0",
                "--executor", "name=flow;classes=caller;rate=10s:0-50,20s:50",
                module="choice.so")
    plan = page.get("/api/v1/plan")
    wave, flow = plan["executors"]
    assert plan["ends"] and 39 <= plan["span"] <= 42
    step = plan["span"] / 239
    assert wave["rate"] == [None] * 240 and max(wave["users"]) == 20
    assert abs(wave["users"][round(5 / step)] - 10) <= 2
    assert abs(flow["rate"][round(5 / step)] - 25) <= 1
    assert flow["rate"][round(20 / step)] == 50
    assert page.request("GET", "/api/v1/plan?executor=none")[0] == 400
    plan = page.get("/api/v1/plan?run_time=20&executor=flow&rate=7")
    assert plan["span"] == 20 and max(plan["executors"][1]["rate"]) == 7
    # Loads with names outlive the process.
    for name, users in (("b", 5), ("a", 6), ("b", 7)):
        status, text = page.request("POST", "/api/v1/presets/save", {
            "name": name, "user_count": users, "choice.pace": 3,
            "choice.token": "hush"})
        assert status == 200, text
    assert page.request("POST", "/api/v1/presets/save", {
        "name": "c", "user_count": "many"})[0] == 400
    assert page.request("POST", "/api/v1/presets/save", {})[0] == 409
    kept = [{"name": "a", "fields": [["user_count", "6"],
                                     ["choice.pace", "3"]]},
            {"name": "b", "fields": [["user_count", "7"],
                                     ["choice.pace", "3"]]}]
    assert page.get("/api/v1/presets") == kept
    page.run.interrupt()
    page.run.wait()
    page = Page(swarm, "-o", "choice.mood=calm", "-o", "choice.token=hush",
                "--option=choice.token=h u s h", "-ochoice.token=hush",
                module="choice.so")
    assert page.get("/api/v1/presets") == kept
    # Nor is a secret of the command line shown.
    meta = page.get("/api/v1/meta")
    line = shlex.split(meta["command_line"])
    assert line.count("choice.token=...") == 1
    assert "--option=choice.token=..." in line
    assert "-ochoice.token=..." in line and "choice.mood=calm" in line
    page.start(user_count=1, spawn_rate=1)
    page.get("/stop")
    status, report = page.request("GET", "/stats/report")
    assert "choice.token=..." in report
    assert not re.search("hush|h u s h", report + json.dumps(meta))
    for status in (200, 409):
        assert page.request("POST", "/api/v1/presets/delete",
                            {"name": "a"})[0] == status
    assert page.get("/api/v1/presets") == kept[1:]


def test_a_shape_is_taken_over(swarm):
    page = Page(swarm, "--shape", "stages:1s:4,1m:4")
    page.start(user_count=1, spawn_rate=100)
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 4, "shape")
    load = {"user_count": 7, "spawn_rate": 100, "manual": "true"}
    status, text = page.request("POST", "/api/v1/load", load)
    assert status == 200, text
    wait_for(lambda: page.get("/stats/requests")["user_count"] == 7, "ours")
    status, text = page.request("POST", "/api/v1/load", load)
    assert status == 409 and "no shape" in text


def test_reset_keeps_what_was_as_a_run(swarm):
    page = Page(swarm)
    page.start(user_count=4, spawn_rate=100)
    wait_for(lambda: page.get("/stats/requests")["stats"][-1]
             ["num_requests"] > 100, "requests")
    assert page.request("POST", "/api/v1/reset")[0] == 200
    first, second = page.get("/api/v1/runs")
    assert first["stop_reason"] == "statistics reset"
    assert first["requests"] > 100 and first["ended"] == second["started"]
    assert second["ended"] is None
    assert page.request("POST", "/api/v1/reset/undo")[0] == 200
    only, = wait_for(lambda: (r := page.get("/api/v1/runs")) and
                     r[0]["requests"] > first["requests"] and r, "one run")
    assert only["ended"] is None


def test_busy_port_ends_before_it_begins(swarm):
    page = Page(swarm)
    second = swarm.run("-f", swarm.module("steady.so"),
                       "--web-port", str(page.port))
    assert second.status == 2
    assert str(page.port) in second.err and "--web-port" in second.err


def test_ctrl_c_without_a_test(swarm):
    page = Page(swarm)
    page.run.interrupt()
    assert page.run.wait() == 0, page.run.text


def test_headless_has_no_page(swarm):
    port = free_port()
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "--web-port", str(port), "-u", "1")
    run.wait_line(r"users\s+1\b")
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=2).connect()
        assert False, "something listens"
    except ConnectionRefusedError:
        pass
    with open(f"/proc/{run.pid}/maps") as f:
        assert "libwebsockets" not in f.read()
