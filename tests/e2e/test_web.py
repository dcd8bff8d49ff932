"""The page of a real run: the whole way from a browser's request through the
master to the workers and back."""
import http.client
import json
import os
import re
import signal
import urllib.parse

from conftest import free_port, totals, wait_for


class Page:
    def __init__(self, swarm, *args, module="steady.so"):
        self.run = swarm.start("-f", swarm.module(module), "--web-port", "0",
                               "--processes", "2", *args)
        url = self.run.wait_line(r"https?://\S+").group(0)
        self.port = urllib.parse.urlsplit(url).port
        wait_for(lambda: self.get("/worker-count")["worker_count"] == 2,
                 "two workers")

    def request(self, method, path, fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=30)
        connection.request(
            method, path, urllib.parse.urlencode(fields or {}),
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
