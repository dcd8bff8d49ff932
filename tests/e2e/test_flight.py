"""The flight recorder: what users did around a broken criterion and a burst
of errors, in the file and in the report."""
import json
import os
import re
import shlex

import pytest

from conftest import SOURCE, free_port

PAGE = open(os.path.join(SOURCE, "docs", "flight-recorder.md"),
            encoding="utf-8").read()


def read(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    moments = [line for line in lines if "why" in line]
    return moments, [line for line in lines if "why" not in line]


def test_around_a_criterion(swarm, target, tmp_path):
    """The command of the page."""
    scenario = re.search(r"^```c\n(.*?)^```$", open(os.path.join(
        SOURCE, "docs", "load-models.md"), encoding="utf-8").read(),
        re.M | re.S).group(1)
    (tmp_path / "shop.c").write_text(scenario.replace("BETWEEN(1, 5)",
                                                      "CONSTANT(0.2)"))
    url = target("--delay", "uniform:2ms-40ms")
    command = re.search(r"^swarm (.*)$", PAGE, re.M).group(1)
    args = [url if w.startswith("http:") else w
            for w in shlex.split(command)]
    args[args.index("-t") + 1] = "8s"
    done = swarm.run(*args, "--processes", "2", "--json-file",
                     tmp_path / "out", "--flight-before", "4s",
                     "--flight-after", "1s")
    assert done.status == 99, done.text
    moments, events = read(tmp_path / "flight.ndjson")
    at = moments[0]["at_s"]
    assert moments[0]["why"] == "p95 > 1ms over 3s" and 2 < at < 6
    assert moments[0]["events"] == len(events) > 20
    assert {e["worker"] for e in events} == {0, 1}
    assert {e["task"] for e in events} <= {"look", "buy"}
    users = {(e["worker"], e["user"]) for e in events}
    assert 2 <= len(users) <= 16
    for e in events:
        assert e["moment"] == 1 and e["error"] is None
        assert e["response_ms"] >= e["service_ms"] > 0
        assert at - 5 < e["start_s"] < at + 2
    # A user does one thing after the other.
    for user in users:
        own = [e for e in events if (e["worker"], e["user"]) == user]
        for a, b in zip(own, own[1:]):
            assert b["start_s"] >= a["start_s"] + a["service_ms"] / 1e3 - 1e-3
    assert moments[0]["before_s"] == 4 and moments[0]["after_s"] == 1
    # The results have what the report shows, and a report of them again.
    found = json.loads((tmp_path / "out.json").read_text())["flight"]
    assert found["before_s"] == 4 and len(found["moments"]) == len(moments)
    assert found["moments"][0]["why"] == moments[0]["why"]
    keep = ("worker", "user", "name", "task", "error")
    assert [[e[k] for k in keep] for e in found["moments"][0]["events"]] == \
        [[e[k] for k in keep] for e in events]
    again = swarm.run("report", tmp_path / "out.json", "--html",
                      tmp_path / "again.html")
    assert again.status == 0, again.text
    assert (tmp_path / "again.html").read_text().count(
        "<rect class=\"ok\"") == len(events)
    html = (tmp_path / "report.html").read_text()
    assert html.count("<rect class=\"ok\"") == len(events)
    assert "<h2>Flight recorder</h2>" in html
    assert all(f">user {u}<" in html for _, u in users)


def test_burst_that_ends_the_test(swarm, tmp_path):
    """Nobody listens: the window ends with the test."""
    done = swarm.run("-f", swarm.module("limits.so"), "--headless", "-H",
                     "http://127.0.0.1:1", "-u", "20", "-r", "20",
                     "--processes", "2", "-t", "20s",
                     "--stop-if", "errors% > 50% over 3s",
                     "--flight-recorder", tmp_path / "flight",
                     "--html", tmp_path / "out.html", "calm")
    assert done.status == 99, done.text
    moments, events = read(tmp_path / "flight")
    assert moments[0]["why"].startswith(("burst of errors: ", "errors% > "))
    assert events and all("refused" in e["error"] for e in events)
    assert "<rect class=\"failed\"" in (tmp_path / "out.html").read_text()


def test_burst_below_a_relay(swarm, tmp_path):
    """No criterion at all: the server goes, and workers below a relay tell."""
    server = swarm.start("target", "--listen", "127.0.0.1:0")
    url = server.wait_line(r"(http://[\d.:]+)").group(1)
    top, below = str(free_port()), str(free_port())
    module = ("-f", swarm.module("limits.so"))
    relay = swarm.start(*module, "--relay", "--master-host", "127.0.0.1",
                        "--master-port", top, "--master-bind-host",
                        "127.0.0.1", "--master-bind-port", below,
                        "--processes", "2")
    relay.wait_children(2)
    master = swarm.start(*module, "--headless", "--master", "-H", url, "-u",
                         "20", "-r", "100", "-t", "1m", "--expect-workers",
                         "1", "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", top, "--flight-after", "1s",
                         "--flight-recorder", tmp_path / "flight",
                         "--json-file", tmp_path / "out", "calm")
    master.wait_line(r"^00:0[2-9] .*users\s+20/20")
    server.popen.kill()
    burst = int(master.wait_line(r"^00:(\d\d) .* fail [1-9]").group(1))
    # The moment's second, the one after it, and the way here.
    master.wait_line(rf"^00:({burst + 3:02}|{burst + 4:02}) ")
    master.interrupt()
    assert master.wait() == 1, master.text
    assert relay.wait() == 0, relay.text
    moments, events = read(tmp_path / "flight")
    assert len(moments) == 1
    assert re.match(r"burst of errors: \d+ of \d+ requests of a second",
                    moments[0]["why"])
    at = moments[0]["at_s"]
    failed = [e for e in events if e["error"]]
    assert failed and len(failed) < len(events)
    assert all(at - 6 < e["start_s"] < at + 2 for e in events)
    # As many users as two workers tell of, under the relay's number.
    assert 8 < len({e["user"] for e in events}) <= 16
    assert {e["worker"] for e in events} == {0}
    assert len(json.loads((tmp_path / "out.json").read_text())
               ["flight"]["moments"]) == 1


@pytest.mark.parametrize("args", [
    ("--flight-before", "0", "--flight-after", "0"),
    ("--flight-before", "2m"), ("--flight-after", "61s")])
def test_wrong_windows(swarm, args):
    done = swarm.run("-f", swarm.module("limits.so"), "--headless", "-t",
                     "2s", *args)
    assert done.status == 2 and "--flight-before" in done.err, done.text


def test_nothing_went_wrong(swarm, target, tmp_path):
    url = target()
    done = swarm.run("-f", swarm.module("limits.so"), "--headless", "-H", url,
                     "-u", "5", "-t", "2s", "--flight-recorder",
                     tmp_path / "flight", "--html", tmp_path / "out.html",
                     "calm")
    assert done.status == 0, done.text
    assert (tmp_path / "flight").read_text() == ""
    assert "Flight recorder" not in (tmp_path / "out.html").read_text()


def test_no_place_for_the_file(swarm, tmp_path):
    (tmp_path / "file").write_text("")
    done = swarm.run("-f", swarm.module("limits.so"), "--headless", "-t", "2s",
                     "--flight-recorder", tmp_path / "file" / "flight")
    assert done.status == 2, done.text
