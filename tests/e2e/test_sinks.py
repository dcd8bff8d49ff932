"""Outputs of modules (--out): what a stranger's sink is shown, and that one
which is slow, fails or hangs costs the run nothing but a word."""
import json
import os
import re
import time
import urllib.request

from conftest import wait_for


def figures(path):
    """The lines of modules/lines.c by kind, each split at its commas."""
    kinds = {}
    for line in path.read_text().splitlines():
        kind, _, rest = line.partition(" ")
        kinds.setdefault(kind, []).append(rest)
    return kinds


def rows(kinds, name):
    found = [row.split(",") for row in kinds["row"]]
    return [[int(n) for n in row[2:]] for row in found if row[1] == name]


def counted(swarm, *args):
    # Found by its name, and only where outputs run.
    env = {"SWARM_PLUGIN_PATH": os.path.dirname(swarm.module("lines.so"))}
    return swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=40", "-o", "counted.fail_every=4",
                     "-o", "counted.service=70ms", "-u", "6",
                     "-r", "100", "-t", "9s", "--processes", "2",
                     "--exit-code-on-error", "0", *args, env=env)


def check_complete(path):
    kinds = figures(path)
    for name in ("Aggregated", "item"):
        all_rows = rows(kinds, name)
        assert sum(row[0] for row in all_rows) == 240
        assert sum(row[1] for row in all_rows) == 60
        # The totals are sums of what has come, row by row.
        sum_requests = 0
        for row in all_rows:
            sum_requests += row[0]
            assert row[2] == sum_requests
        assert all_rows[-1][2:6] == [240, 60, 240, all_rows[-1][5]]
        assert sum(row[5] for row in all_rows) == 240
        assert all_rows[-1][6] > 0 and all_rows[-1][8] == 240
    errors = [line.split(",") for line in kinds["error"]]
    assert sum(int(e[1]) for e in errors) == 60
    assert sum(int(e[2]) for e in errors[-1:]) == 60
    return kinds


def test_every_second_arrives(swarm, tmp_path):
    done = counted(swarm, "--out", f"lines={tmp_path / 'out'}")
    assert done.status == 0, done.text
    kinds = check_complete(tmp_path / "out")
    assert len(kinds["interval"]) >= 3
    assert all(line.split()[1] == "1" for line in kinds["interval"])
    assert kinds["end"] == ["passed 0 60 requests failed (25.0 %)"]
    assert len(kinds["start"]) == 1


def test_refused_intervals_come_again(swarm, tmp_path):
    done = counted(swarm, "--out", f"lines={tmp_path / 'out'}",
                   "-o", "lines.refuse=2")
    assert done.status == 0, done.text
    kinds = check_complete(tmp_path / "out")
    assert kinds["interval"][0].split()[1] == "3"
    assert done.err.count("output lines: cannot send: No route to host") == 1
    assert "output lines: works again" in done.err
    assert re.search(r"2 of \d+ seconds arrived together", done.err)


def test_what_is_never_taken_is_said(swarm, tmp_path):
    done = counted(swarm, "--out", f"lines={tmp_path / 'out'}",
                   "-o", "lines.refuse=1000",
                   "--json-file", tmp_path / "out.json")
    assert re.search(r"output lines did not take (\d+) of \1 seconds, with "
                     r"240 requests", done.err), done.text
    assert done.status == 1 and done.out.endswith("exit 1"), done.text
    assert (tmp_path / "out.json").exists()


def test_a_slow_output_does_not_hold_up_the_run(swarm, tmp_path):
    """It needs longer for an interval than an interval is: the run ends in
    time, and all of it arrives."""
    done = counted(swarm, "--out", f"lines={tmp_path / 'out'}",
                   "-o", "lines.delay=1500ms",
                   "--ndjson", tmp_path / "out.ndjson")
    assert done.status == 0, done.text
    check_complete(tmp_path / "out")
    lines = (tmp_path / "out.ndjson").read_text().splitlines()
    seconds = [line for line in lines if '"second"' in line]
    assert len(seconds) >= 3


def test_a_hanging_output_is_left_behind(swarm, tmp_path):
    done = counted(swarm, "--out", f"lines={tmp_path / 'out'}",
                   "-o", "lines.hang=true")
    assert done.status == 1, done.text
    assert "output lines did not come back within 10 s" in done.err
    assert "verdict     PASSED" in done.out or "PASSED" in done.out


def test_mistakes_are_said_before_the_run(swarm, tmp_path):
    done = counted(swarm, "--out", "lines")
    assert done.status == 2 and "which file?" in done.err, done.text
    done = counted(swarm, "--out", f"lines={tmp_path / 'no' / 'such'}")
    assert done.status == 2 and "cannot write" in done.err, done.text
    done = counted(swarm, "--out", "nosuch=x")
    assert done.status == 3, done.text
    assert "there is no output of that name" in done.err
    done = counted(swarm, "--out", "=x")
    assert done.status == 3 and "write NAME=TARGET" in done.err, done.text
    done = counted(swarm, "--out", "lines=x", "-o", "lines.dealy=1s")
    assert done.status == 2 and "did you mean delay" in done.err, done.text


def test_tests_of_one_process_do_not_mix(swarm, tmp_path):
    """A second start from the page: totals begin again, nothing is said
    twice while no test runs."""
    env = {"SWARM_PLUGIN_PATH": os.path.dirname(swarm.module("lines.so"))}
    run = swarm.start("-f", swarm.module("counted.so"), "--autostart",
                      "--web-port", "0", "-o", "counted.times=40",
                      "-o", "counted.fail_every=4", "-u", "6", "-r", "100",
                      "--processes", "2", "--out", f"lines={tmp_path / 'out'}",
                      "--ndjson", tmp_path / "out.ndjson",
                      "--hdr-log", tmp_path / "out.hlog", env=env)
    url = "http://" + run.wait_line(r"http://([\w.]+:\d+)").group(1)

    def get(path, data=None):
        with urllib.request.urlopen(url + path, data, timeout=10) as answer:
            return json.loads(answer.read())

    def stopped():
        return get("/stats/requests")["state"] == "stopped"

    def intervals():
        return figures(tmp_path / "out").get("interval", [])

    wait_for(stopped, "the end of the first test")
    wait_for(lambda: sum(row[0] for row in rows(figures(
        tmp_path / "out"), "Aggregated")) == 240, "all of the first test")
    wait_for(lambda: "stopped" in intervals()[-1], "its last interval")
    count = len(intervals())
    # While the page stays, two seconds pass without a line.
    size = (tmp_path / "out.ndjson").stat().st_size
    begin = time.monotonic()
    wait_for(lambda: time.monotonic() > begin + 2.2, "two seconds")
    assert len(intervals()) == count
    assert (tmp_path / "out.ndjson").stat().st_size == size
    get("/swarm", b"user_count=6&spawn_rate=100")
    wait_for(lambda: any(line.split()[0] == "2" for line in intervals()),
             "an interval of the second test")
    wait_for(stopped, "the end of the second test")
    run.interrupt()
    run.wait()
    lines = (tmp_path / "out").read_text().splitlines()
    totals, test = {}, 0
    for line in lines:
        if line.startswith("interval"):
            test = int(line.split()[1])
        if line.startswith("row ,Aggregated"):
            totals[test] = line.split(",")[4]
    assert totals == {1: "240", 2: "240"}
    stream = [json.loads(line) for line in
              (tmp_path / "out.ndjson").read_text().splitlines()]
    assert sum(line.get("requests", 0) for line in stream) == 480
