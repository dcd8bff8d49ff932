"""Who limited a run: five runs that are held up on purpose, each by something
else, and the verdict in every output."""
import json
import os
import re
import shutil
import subprocess
import urllib.request

import pytest

from conftest import PATIENCE, wait_for


def unhindered(run):
    """The first run that the machine's other work left alone: else it is the
    generator that is blamed, and rightly so."""
    for _ in range(5):
        done = run()
        if "in a hundred waited" not in done.generator["reason"]:
            break
    return done


def limit(swarm, tmp_path, user, *args, **kwargs):
    return unhindered(lambda: limit_once(swarm, tmp_path, user, *args,
                                         **kwargs))


def limit_once(swarm, tmp_path, user, *args, **kwargs):
    done = swarm.run("-f", swarm.module("limits.so"), user, "--headless",
                     "--json-file", tmp_path / "out", *args, **kwargs)
    assert done.status in (0, 1), done.text
    with open(tmp_path / "out.json") as f:
        done.result = json.load(f)
    done.generator = done.result["generator"]
    return done


def test_the_system(swarm, target, tmp_path):
    """Two servers of 50 ms give 40 requests a second, however many ask."""
    url = target("--servers", "2", "--delay", "50ms")
    done = limit(swarm, tmp_path, "eager", "-H", url, "-u", "24", "-r", "4",
                 "-t", "10s", "--html", tmp_path / "out.html",
                 "--report-md", tmp_path / "out.md")
    g = done.generator
    assert g["limited_by"] == "system", done.text
    assert "requests queue in the system" in g["reason"], g["reason"]
    assert g["users_waiting"] > 0.9
    # One verdict, wherever one looks.
    sentence = "system-limited: " + g["reason"]
    shown = " ".join(done.out.split())
    assert "LIMIT " + sentence in shown
    page = (tmp_path / "out.html").read_text()
    assert "What limited the run" in page and g["reason"] in page
    assert "system-limited: " in (tmp_path / "out.md").read_text()
    # Read back from the file it is the same.
    again = swarm.run("report", tmp_path / "out.json")
    assert "LIMIT " + sentence in " ".join(again.out.split()), again.text


def test_the_schedule(swarm, target, tmp_path):
    """A request of 200 ms every 100 ms of each user: it can't be."""
    url = target("--delay", "200ms")
    done = limit(swarm, tmp_path, "paced", "-H", url, "-u", "10", "-r", "2",
                 "-t", "8s")
    g = done.generator
    assert g["limited_by"] == "schedule", done.text
    assert "too few users for this plan" in g["reason"]
    assert 80 < g["late_ms"] < 150, g
    match = re.search(r"([\d.]+) times the requests in flight gave ([\d.]+) "
                      r"times the throughput", g["reason"])
    assert match and float(match[2]) > 0.6 * float(match[1]), g["reason"]


def test_the_schedule_of_arrivals(swarm, target, tmp_path):
    url = target("--delay", "200ms")
    done = limit(swarm, tmp_path, "eager", "-H", url, "--rate", "100",
                 "-u", "4", "--when-busy", "drop", "-t", "5s")
    g = done.generator
    assert g["limited_by"] == "schedule", done.text
    assert "of the arrivals found no free user" in g["reason"]
    assert g["dropped_arrivals"] > 200 and g["arrivals"] > 300, g
    assert "arrivals find no free user" in done.err


def test_the_generator(swarm, tmp_path):
    done = limit(swarm, tmp_path, "burner", "-u", "20", "-r", "20",
                 "-t", "6s", "--processes", "1")
    g = done.generator
    assert g["limited_by"] == "generator", done.text
    assert "loop was full in" in g["reason"]
    assert "its loop is busy for" in done.err
    worker = g["workers"][0]
    assert worker["loop_busy_max"] > 0.85
    assert worker["busy_seconds"] >= 3
    # Twenty users of 5 ms in turn: who is due waits for many of them.
    assert worker["loop_delay_ms"]["p99"] > 20
    assert worker["descriptors_max"] > 5
    assert worker["descriptors_limit"] > worker["descriptors_max"]
    assert worker["memory_bytes_max"] > 1 << 20


def test_nothing(swarm, target, tmp_path):
    url = target("--delay", "100ms")
    done = limit(swarm, tmp_path, "calm", "-H", url, "-u", "10", "-r", "10",
                 "-t", "6s")
    g = done.generator
    assert g["limited_by"] == "none", done.text
    assert "the plan was kept" in g["reason"]
    assert 0.05 < g["users_waiting"] < 0.5
    assert "not limited: the plan was kept" in " ".join(done.out.split())


def test_the_rest_interface_says_it_too(swarm):
    run = swarm.start("-f", swarm.module("limits.so"), "burner", "--autostart",
                      "--web-port", "0", "-u", "20", "-r", "20",
                      "--processes", "1")
    url = run.wait_line(r"https?://\S+").group(0).rstrip("/")

    def ask():
        with urllib.request.urlopen(url + "/api/v1/generator") as answer:
            return json.load(answer)

    answer = wait_for(lambda: (a := ask())["generator"]["limited_by"]
                      == "generator" and a["workers"]
                      and a["workers"][0]["delay_p99_ms"] is not None and a,
                      "the verdict so far")
    assert "loop was full" in answer["generator"]["reason"]
    worker = answer["workers"][0]
    assert worker["busy"] > 0.85 and worker["delay_p99_ms"] > 20, worker
    assert worker["descriptors"] > 5


def narrow_network():
    """Command words that begin a network of its own with a narrow link."""
    enter = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    script = ("ip link set lo mtu 1500 up && "
              "tc qdisc add dev lo root tbf rate 8mbit burst 6kb limit 9kb")
    if not shutil.which("tc") or subprocess.run(
            enter + ["sh", "-c", script], capture_output=True).returncode:
        pytest.skip("no network of its own can be made here")
    return enter, script


def test_the_network(swarm, spawn, tmp_path):
    """A link that drops what does not fit: TCP sends it again."""
    enter, script = narrow_network()
    inside = tmp_path / "inside.sh"
    inside.write_text(
        f"set -e\n{script}\n"
        f"{swarm.exe} target --listen 127.0.0.1:8080 --size 30000 &\n"
        f"{swarm.exe} -f {swarm.module('limits.so')} eager --headless "
        f"-H http://127.0.0.1:8080 -u 20 -r 20 -t 6s "
        f"--json-file {tmp_path}/out\n"
        "kill %1\n")

    def run():
        done = spawn([*enter, "bash", str(inside)], cwd=tmp_path)
        assert done.wait(PATIENCE * 2) == 0, done.text
        done.generator = json.loads(
            (tmp_path / "out.json").read_text())["generator"]
        return done

    done = unhindered(run)
    g = done.generator
    assert g["limited_by"] == "network", done.text
    assert g["segments_resent"] > 0.01
    assert "segments had to be sent again" in g["reason"]
