"""What files are left when a run does not end well: interrupted, a worker
lost, the disk full, the master killed.  Each file is valid as far as it goes
and says what is missing."""
import csv
import json
import os
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import wait_for

ALL = ["--csv", "out", "--csv-full-history", "--json-file", "out.json",
       "--html", "out.html", "--report-md", "out.md", "--junit", "out.xml",
       "--hdr-log", "out.hlog", "--ndjson", "out.ndjson",
       "--prometheus", "out.prom"]


def start(swarm, folder, *args, prefix=()):
    """Steady load in a folder of its own, with every kind of file."""
    argv = [*prefix, swarm.exe, "-f", swarm.module("steady.so"), "--headless",
            "-u", "4", "-r", "100", "--processes", "2",
            *ALL, *args]
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("SWARM_", "LOCUST_"))}
    return swarm.spawn(argv, cwd=folder, env=dict(env, LANG="C.UTF-8"))


def lines(path):
    """Of an NDJSON file, of which every line must be whole."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    assert text == "" or text.endswith("\n"), text[-200:]
    return [json.loads(line) for line in text.splitlines()]


def seconds(path):
    return [line for line in lines(path) if line["kind"] == "second"]


def check_csv(folder):
    """Whole tables; the requests of the newest row of the history."""
    for kind in ("stats", "stats_history", "failures", "exceptions"):
        data = (folder / f"out_{kind}.csv").read_bytes()
        assert data.endswith(b"\r\n"), kind
        rows = list(csv.reader(data.decode().splitlines()))
        assert {len(row) for row in rows} == {len(rows[0])}, kind
    with open(folder / "out_stats_history.csv", newline="") as f:
        rows = [row for row in csv.DictReader(f)
                if row["Name"] == "Aggregated"]
    return int(rows[-1]["Total Request Count"]) if rows else 0


def check_hdr(folder):
    text = (folder / "out.hlog").read_text()
    assert text.endswith("\n")
    for line in text.splitlines()[4:]:
        assert line.startswith("#") or ",HIST" in line, line


def check_prometheus(folder):
    text = (folder / "out.prom").read_text()
    assert text.endswith("\n")
    return int(next(line for line in text.splitlines() if line.startswith(
        "swarm_requests_total{")).split()[-1])


def no_leftovers(folder):
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]


def test_interrupted(swarm, tmp_path):
    run = start(swarm, tmp_path)
    wait_for(lambda: len(seconds(tmp_path / "out.ndjson")) >= 2, "2 seconds")
    run.interrupt()
    assert run.wait() == 0, run.text
    result = json.loads((tmp_path / "out.json").read_text())
    requests = result["total"]["requests"]
    assert result["complete"] is True and requests > 0
    assert result["run"]["stop_reason"] == "interrupted"
    assert any("interrupted" in e["text"] for e in result["events"])
    stream = lines(tmp_path / "out.ndjson")
    assert stream[-1]["kind"] == "verdict"
    assert sum(line.get("requests", 0) for line in stream) == requests
    assert check_csv(tmp_path) == requests
    assert check_prometheus(tmp_path) == requests
    check_hdr(tmp_path)
    no_leftovers(tmp_path)


def test_lost_worker(swarm, tmp_path):
    run = start(swarm, tmp_path, "-t", "5s")
    workers = run.wait_children(2)
    wait_for(lambda: len(seconds(tmp_path / "out.ndjson")) >= 2, "2 seconds")
    os.kill(workers[0], signal.SIGKILL)
    status = run.wait()
    assert status in (5, 6), run.text
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["complete"] is True
    assert result["run"]["workers_lost"] == 1
    assert result["verdict"]["exit_code"] == status
    assert any("lost" in e["text"] for e in result["events"])
    stream = lines(tmp_path / "out.ndjson")
    assert any(line["kind"] == "event" and "lost" in line["text"]
               for line in stream)
    assert "worker" in stream[-1]["reason"]
    requests = result["total"]["requests"]
    assert sum(line.get("requests", 0) for line in stream) == requests
    assert check_csv(tmp_path) == requests
    assert "lost" in (tmp_path / "out.md").read_text()
    assert "lost" in (tmp_path / "out.html").read_text()
    suite = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.attrib["failures"] == "1"


def test_killed_master(swarm, tmp_path):
    run = start(swarm, tmp_path)
    wait_for(lambda: len(seconds(tmp_path / "out.ndjson")) >= 3
             and (tmp_path / "out.xml").exists(), "3 seconds")
    os.kill(run.pid, signal.SIGKILL)
    run.popen.wait()
    # Of the second: all that the last tick had.
    stream = lines(tmp_path / "out.ndjson")
    assert all(line["kind"] != "verdict" for line in stream)
    requests = stream[-1]["total_requests"]
    assert requests == sum(line.get("requests", 0) for line in stream) > 0
    # The kill may fall between two files of a tick.
    for other in (check_csv(tmp_path), check_prometheus(tmp_path)):
        assert requests * 0.5 <= other <= requests * 2
    check_hdr(tmp_path)
    # At most ten seconds old, and they say so.
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["complete"] is False
    assert result["verdict"]["result"] == "inconclusive"
    assert 0 <= result["total"]["requests"] <= requests * 2
    reason = "the run had not ended when this was written"
    assert result["verdict"]["reason"] == reason
    assert reason in (tmp_path / "out.html").read_text()
    assert reason in (tmp_path / "out.md").read_text()
    suite = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.attrib["failures"] == "1"
    done = swarm.run("report", tmp_path / "out.json")
    assert reason in done.text


def mount_of(run, folder):
    """The folder as the run sees it, in a mount namespace of its own."""
    return f"/proc/{run.pid}/root{folder}"


def test_full_disk(swarm, tmp_path):
    """A real full file system, with room again after a while."""
    folder = tmp_path / "small"
    folder.mkdir()
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    mount = f'mount -t tmpfs -o size=2m none "{folder}"'
    if subprocess.run([*unshare, "sh", "-c", mount],
                      capture_output=True).returncode != 0:
        if os.environ.get("CI"):
            # A container may not be allowed to; the limit below is always.
            return
        pytest.skip("no mounts here")
    run = start(swarm, tmp_path, prefix=[
        *unshare, "sh", "-c", mount + f' && cd "{folder}" && exec "$@"', "sh"])
    inside = type(folder)(mount_of(run, folder))
    wait_for(lambda: len(seconds(inside / "out.ndjson")) >= 2, "2 seconds")
    # Not a byte is left, and then it is again.
    with pytest.raises(OSError):
        with open(inside / "filler", "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
    run.wait_line(r"cannot write .*No space left")
    before = seconds(inside / "out.ndjson")
    wait_for(lambda: sum("cannot write" in line for line in run.lines["err"])
             >= 1, "a message")
    wait_for(lambda: any("out.ndjson" in line and "tried again" in line
                         for line in run.lines["err"]), "the stream's turn")
    # Lines that fitted into the last page are there, the others whole or not.
    lines(inside / "out.ndjson")
    check_csv(inside)
    os.unlink(inside / "filler")
    wait_for(lambda: len(seconds(inside / "out.ndjson")) > len(before) + 1,
             "more seconds")
    run.interrupt()
    # The file system goes with its last process.
    copies = {}

    def copy():
        for name in ("out.ndjson", "out.json", "out.hlog",
                     "out_stats.csv", "out_stats_history.csv",
                     "out_failures.csv", "out_exceptions.csv"):
            try:
                copies[name] = (inside / name).read_bytes()
            except OSError:
                pass
        return run.popen.poll() is not None

    wait_for(copy, "the end")
    assert run.wait() == 1, run.text
    for name, data in copies.items():
        (tmp_path / name).write_bytes(data)
    stream = lines(tmp_path / "out.ndjson")
    gaps = [line for line in stream if line["kind"] == "gap"]
    assert gaps and all(gap["lines"] > 0 for gap in gaps), run.text
    check_csv(tmp_path)
    check_hdr(tmp_path)
    assert json.loads((tmp_path / "out.json").read_text())["complete"] in (
        True, False)
    assert f'out.ndjson: {sum(g["lines"] for g in gaps)} second' in run.err
    # Said when it begins and at the end, not every second.
    assert run.err.count("cannot write out.ndjson") == len(gaps)


def test_file_size_limit(swarm, tmp_path):
    """Every file may have 4 KB: long ones stop at a whole line."""
    run = start(swarm, tmp_path, "-t", "9s", prefix=[
        "sh", "-c", 'ulimit -f 8 && exec "$@"', "sh"])
    assert run.wait() == 1, run.text
    stream = lines(tmp_path / "out.ndjson")
    assert 3 <= len(stream)
    assert (tmp_path / "out.ndjson").stat().st_size <= 4096
    # A last short line may have had room, but not without a word.
    assert stream[-1]["kind"] != "verdict" or stream[-2]["kind"] == "gap"
    assert "cannot write out.ndjson: File too large" in run.err
    assert "out.ndjson: " in run.err and " missing" in run.err
    check_csv(tmp_path)
    check_hdr(tmp_path)
    no_leftovers(tmp_path)
