"""Executors side by side, numbers of iterations, pauses, rendezvous: as a
user starts them, over several worker processes."""
import http.client
import json
import os
import re
import signal
import subprocess
import urllib.parse

import pytest

from conftest import wait_for

LOADS = ("--headless", "--processes", "2")


def result(path):
    return json.loads(path.read_text())


def executors(path):
    return {e["name"]: e for e in result(path)["executors"]}


def requests(path):
    return {s["name"]: s["requests"] for s in result(path)["series"]
            if not s["transaction"]}


@pytest.fixture
def loads(swarm, tmp_path):
    """Runs the module of load classes; the result is in out.json."""
    def run(*args, **kwargs):
        return swarm.run("-f", swarm.module("loads.so"), *LOADS,
                         "--json-file", tmp_path / "out.json", *args,
                         **kwargs)
    return run


def test_side_by_side(loads, tmp_path):
    done = loads(
        "--progress", "1s",
        "--executor", "name=browse,classes=Reader,Writer,users=4,"
        "spawn-rate=100,time=3s",
        "--executor", "name=orders,classes=Buyer,rate=1s:0-100,1s:100,"
        "start=1s")
    assert done.status == 0, done.text
    all_of = executors(tmp_path / "out.json")
    count = requests(tmp_path / "out.json")
    assert all_of["orders"]["iterations_done"] == 150 == count["buy"]
    assert all_of["orders"]["requests"] == 150
    assert all_of["orders"]["start_s"] == 1
    assert all_of["orders"]["model"] == "rate"
    assert all_of["browse"]["requests"] == count["read"] + count["write"]
    assert all_of["browse"]["classes"] == "Reader,Writer"
    assert all_of["browse"]["response_ms"]["count"] > 0
    # Samples count once in the total.
    assert result(tmp_path / "out.json")["total"]["requests"] == \
        sum(count.values())
    assert re.search(r"browse running users 4/4 \| orders", done.err), done.err
    assert re.search(r"orders +rate +150 +0 +150 +0", done.out), done.out


def test_an_executor_starts_late_and_ends_early(loads, tmp_path):
    """Its users are there only in its time; those of the other stay."""
    done = loads(
        "--executor", "name=short,classes=Reader,users=3,spawn-rate=100,"
        "start=1s,time=1s", "--executor",
        "name=long,classes=Writer,users=2,spawn-rate=100,time=4s")
    assert done.status == 0, done.text
    all_of = executors(tmp_path / "out.json")
    # 100 runs a second of each user at most.
    assert 100 < all_of["short"]["iterations_done"] <= 315
    assert 400 < all_of["long"]["iterations_done"] <= 815
    users = [p["users"] for p in result(tmp_path / "out.json")["history"]]
    assert max(users) == 5 and users[-1] <= 2, users


def test_declared_in_a_scenario(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("declared.so"), *LOADS,
                     "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    all_of = executors(tmp_path / "out.json")
    assert set(all_of) == {"visits", "orders"}
    assert all_of["orders"]["iterations_done"] == 50
    assert all_of["visits"]["classes"] == "Visitor"


def test_options_replace_what_is_declared(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("declared.so"), *LOADS, "-u", "2",
                     "-t", "1s", "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    assert set(executors(tmp_path / "out.json")) == {""}


def test_shared_iterations_are_exact(loads, tmp_path):
    for users, count in ((7, 10001), (50, 3)):
        done = loads("--iterations", str(count), "-u", str(users), "Reader")
        assert done.status == 0, done.text
        assert requests(tmp_path / "out.json") == {"read": count}
        assert result(tmp_path / "out.json")["run"]["stop_reason"] == \
            f"all {count} iterations are done"


def test_iterations_of_each_user(loads, tmp_path):
    done = loads("--user-iterations", "7", "-u", "11", "Reader")
    assert done.status == 0, done.text
    assert requests(tmp_path / "out.json") == {"read": 77}


def test_iterations_survive_the_loss_of_a_worker(swarm, tmp_path):
    """What the lost one had not reported is done again by the other."""
    run = swarm.start("-f", swarm.module("loads.so"), *LOADS, "Reader",
                      "--iterations", "3000", "-u", "8", "-o",
                      "loads.service=5ms", "--progress", "500ms",
                      "--json-file", tmp_path / "out.json")
    victim = run.wait_children(2)[0]
    run.wait_line(r"req/s [1-9]")
    os.kill(victim, signal.SIGKILL)
    assert run.wait() == 5, run.text
    done = executors(tmp_path / "out.json")[""]["iterations_done"]
    assert done == 3000, run.text
    # Its last report may not have come through.
    assert 2500 <= requests(tmp_path / "out.json")["read"] <= 3000


def test_mistakes(swarm):
    for args, words in (
            (("--executor", "users=5"), "has no name"),
            (("--executor", "name=a,user=5"), "did you mean users"),
            (("--executor", "name=a,classes=Nobody"), "no user class"),
            (("--executor", "name=a", "--executor", "name=a"), "two exec"),
            (("--executor", "name=a", "--executor", "name=b"),
             "both name no classes"),
            (("--executor", "name=a,classes=Reader", "--executor",
              "name=b,classes=Reader"), "is in two executors"),
            (("--executor", "name=a", "-u", "5"), "belongs into one"),
            (("--rate", "5", "--iterations", "5"), "one load model"),
            (("--rate", "5", "--catch-up", "x"), "burst, spread or drop")):
        done = swarm.run("-f", swarm.module("loads.so"), "--headless", *args)
        assert done.status == 2, done.text
        assert words in done.err, done.err


def test_a_pause_by_signal(swarm, tmp_path):
    """200 arrivals, whatever stands between them; and nobody's time."""
    run = swarm.start("-f", swarm.module("loads.so"), *LOADS, "Reader",
                      "--rate", "100", "-t", "2s", "--progress", "1s",
                      "--json-file", tmp_path / "out.json")
    run.wait_line(r"req/s [1-9]")
    os.kill(run.pid, signal.SIGUSR2)
    run.wait_line(r"EVENT paused")
    # Long enough to be seen in what was measured, if it were; and the run
    # would be over by then.
    with pytest.raises(subprocess.TimeoutExpired):
        run.popen.wait(2.5)
    os.kill(run.pid, signal.SIGUSR2)
    run.wait_line(r"EVENT goes on after 2\.\d s")
    assert run.wait() == 0, run.text
    out = result(tmp_path / "out.json")
    assert requests(tmp_path / "out.json") == {"read": 200}
    assert out["run"]["paused_s"] >= 2.4
    assert out["run"]["duration_s"] < 4
    assert out["total"]["response_ms"]["max"] < 1000


class Page:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.address = parts.hostname, parts.port

    def ask(self, method, path, fields=None):
        c = http.client.HTTPConnection(*self.address, timeout=20)
        c.request(method, path, urllib.parse.urlencode(fields or {}),
                  {"Content-Type": "application/x-www-form-urlencoded"})
        answer = c.getresponse()
        text = answer.read().decode()
        c.close()
        return answer.status, json.loads(text) if text else None


def test_pause_and_load_by_rest(swarm):
    run = swarm.start("-f", swarm.module("loads.so"), "--processes", "2",
                      "--autostart", "--web-port", "0",
                      "--executor", "name=a,classes=Reader,users=3",
                      "--executor", "name=b,classes=Writer,users=2")
    page = Page(run.wait_line(r"web page: (\S+)").group(1))

    def of(name):
        return next(e for e in page.ask("GET", "/api/v1/executors")[1]
                    ["executors"] if e["name"] == name)

    wait_for(lambda: of("a").get("requests", 0) > 20 and
             of("b").get("requests", 0) > 10, "requests of both")
    assert page.ask("POST", "/api/v1/resume")[0] == 409
    assert page.ask("POST", "/api/v1/pause")[0] == 200
    assert page.ask("POST", "/api/v1/pause")[0] == 409
    # What was under way is reported; then nothing is.
    seen = []

    def still():
        seen.append(of("a")["iterations_started"])
        return len(seen) > 60 and seen[-1] == seen[-60]

    wait_for(still, "a stand-still")
    assert page.ask("POST", "/api/v1/resume")[0] == 200
    wait_for(lambda: of("a")["iterations_started"] > seen[-1], "going on")
    status, answer = page.ask("POST", "/api/v1/load", {"users": 5})
    assert status == 409 and "name one" in json.dumps(answer), answer
    assert page.ask("POST", "/api/v1/load", {
        "users": 5, "spawn_rate": 100, "executor": "b"})[0] == 200
    wait_for(lambda: of("b")["users"] == 5 and of("a")["users"] == 3,
             "five users of one")
    assert page.ask("POST", "/api/v1/stop")[0] == 200
    wait_for(lambda: of("a")["state"] == "done", "the end")


def test_rendezvous_over_all_workers(loads, tmp_path):
    """Six users on two workers: always all six, so a multiple of six."""
    done = loads("-u", "6", "-r", "100", "-o", "loads.meet=6", "-o",
                 "loads.patience=20s", "-t", "3s", "--stop-timeout", "5",
                 "Friend")
    out = result(tmp_path / "out.json")
    meet = next(s for s in out["series"] if s["name"] == "gather")
    assert meet["requests"] - meet["failures"] >= 60, done.text
    assert (meet["requests"] - meet["failures"]) % 6 == 0, done.text


def test_rendezvous_gives_up(loads, tmp_path):
    """Four wait for a fifth who does not exist."""
    done = loads("-u", "4", "-r", "100", "-o", "loads.meet=5", "-o",
                 "loads.patience=300ms", "-t", "2s", "Friend")
    out = result(tmp_path / "out.json")
    meet = next(s for s in out["series"] if s["name"] == "gather")
    assert meet["failures"] == meet["requests"] >= 4, done.text
    assert "timed out" in out["failures"][0]["error"]


def test_rendezvous_on_one_worker(loads, tmp_path):
    done = loads("-u", "4", "-r", "100", "-o", "loads.meet=2", "-t", "2s",
                 "Neighbour")
    out = result(tmp_path / "out.json")
    meet = next(s for s in out["series"] if s["name"] == "here")
    assert meet["failures"] == 0 and meet["requests"] > 100, done.text


def test_the_reason_of_a_stop_is_told(loads, tmp_path):
    done = loads("-u", "2", "-r", "100", "-o", "loads.stop_after=5", "Buyer")
    assert done.status == 0, done.text
    assert result(tmp_path / "out.json")["run"]["stop_reason"] == \
        "the shop is sold out"
    assert re.search(r"ENDED +the shop is sold out", done.out), done.out
