"""--request-log: every request of a run, and none too many."""
import csv
import os
import signal

from conftest import wait_for


def counted(swarm, *args):
    return swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=40", "-o", "counted.fail_every=4",
                     "-o", "counted.service=10ms", "-u", "6", "-r", "100",
                     "-t", "9s", "--processes", "2",
                     "--exit-code-on-error", "0", *args)


def check(rows):
    assert len(rows) == 240
    assert len([row for row in rows if row["error"]]) == 60
    assert {(row["type"], row["name"]) for row in rows} == {("COUNT", "item")}
    # Two workers with three users each.
    users = [int(row["user"]) for row in rows]
    assert len(set(users)) == 6 and {n // 1000000 for n in users} == {0, 1}
    for row in rows:
        assert float(row["response_ms"]) >= float(row["service_ms"]) >= 10


def test_csv(swarm, tmp_path):
    done = counted(swarm, "--request-log", tmp_path / "logs" / "all.csv")
    assert done.status == 0, done.text
    rows = []
    for worker in 0, 1:
        with open(tmp_path / "logs" / f"all.{worker}.csv", newline="") as f:
            rows += csv.DictReader(f)
    check(rows)


def test_binary(swarm, tmp_path):
    done = counted(swarm, "--request-log", tmp_path / "all")
    assert done.status == 0, done.text
    files = [tmp_path / "all.0.bin", tmp_path / "all.1.bin"]
    done = swarm.run("log", *files)
    assert done.status == 0 and done.err == "", done.text
    rows = list(csv.DictReader(done.lines["out"]))
    check(rows)
    times = [float(row["time"]) for row in rows]
    assert times == sorted(times)
    done = swarm.run("log", "--summary", *files)
    assert done.status == 0, done.text
    assert done.lines["out"][-1].split()[:3] == ["Aggregated", "240", "60"]


def test_killed_worker_leaves_whole_records(swarm, tmp_path):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless", "-u", "4",
                      "-r", "100", "--processes", "2",
                      "--request-log", tmp_path / "all")
    workers = run.wait_children(2)
    logs = [tmp_path / "all.0.bin", tmp_path / "all.1.bin"]
    wait_for(lambda: all(p.exists() and p.stat().st_size > 500 for p in logs),
             "records")
    os.kill(workers[0], signal.SIGKILL)
    run.wait_line("lost")
    run.interrupt()
    run.wait()
    done = swarm.run("log", *logs)
    assert done.status == 1, done.text
    assert done.err.count("its worker was killed") == 1
    assert len(done.lines["out"]) > 10


def test_mistakes(swarm, tmp_path):
    (tmp_path / "x").write_text("no log, but long enough to be one " * 9)
    done = swarm.run("log", tmp_path / "x")
    assert done.status == 2 and "no binary request log" in done.err
    done = swarm.run("log", tmp_path / "none")
    assert done.status == 2 and "cannot read" in done.err
    done = swarm.run("log")
    assert done.status == 2 and "usage" in done.err
    done = counted(swarm, "--request-log", "/proc/no/such")
    assert done.status == 2 and "/proc/no" in done.err, done.text


def test_damaged_file(swarm, tmp_path):
    done = counted(swarm, "--request-log", tmp_path / "all")
    assert done.status == 0, done.text
    data = (tmp_path / "all.0.bin").read_bytes()
    (tmp_path / "cut.bin").write_bytes(data[:-60])
    (tmp_path / "bad.bin").write_bytes(data[:1000] + b"\xff" * 100)
    done = swarm.run("log", tmp_path / "cut.bin")
    assert done.status == 1 and "a last half record" in done.err, done.text
    assert len(done.lines["out"]) == 120
    done = swarm.run("log", tmp_path / "bad.bin")
    assert done.status == 1 and "is no record" in done.err, done.text
