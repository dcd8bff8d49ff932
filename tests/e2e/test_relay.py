"""A relay between the master and its workers changes nothing but who talks to
whom."""
import json
import os
import re
import signal

import pytest

from conftest import free_port, totals, wait_for


class Tree:
    """A master, one relay below it, workers below that."""

    def __init__(self, swarm, module):
        self.swarm = swarm
        self.module = swarm.module(module)
        self.top = str(free_port())
        self.below = str(free_port())

    def master(self, *args):
        return self.swarm.start(
            "-f", self.module, "--headless", "--master",
            "--master-bind-host", "127.0.0.1", "--master-bind-port",
            self.top, "--expect-workers", "1", *args)

    def relay(self, *args):
        return self.swarm.start(
            "-f", self.module, "--relay", "--master-host", "127.0.0.1",
            "--master-port", self.top, "--master-bind-host", "127.0.0.1",
            "--master-bind-port", self.below, *args)

    def worker(self, *args):
        return self.swarm.start(
            "-f", self.module, "--worker", "--master-host", "127.0.0.1",
            "--master-port", self.below, *args)


@pytest.fixture
def tree(swarm):
    return lambda module: Tree(swarm, module)


def test_every_sample_arrives(tree, tmp_path):
    fleet = tree("counted.so")
    relay = fleet.relay("--processes", "1")
    worker = fleet.worker()
    relay.wait_children(1)
    master = fleet.master("-u", "6", "-r", "100", "-t", "3s",
                          "--csv", tmp_path / "out")
    assert master.wait() == 0, master.text
    assert relay.wait() == 0, relay.text
    assert worker.wait() == 0, worker.text
    assert totals(tmp_path / "out")["COUNT", "item"]["Request Count"] == "30"


def test_a_worker_below_is_lost(tree, tmp_path):
    fleet = tree("steady.so")
    relay = fleet.relay("--processes", "2")
    victim = relay.wait_children(2)[0]
    master = fleet.master("-u", "6", "-r", "100", "--json-file",
                          tmp_path / "out.json")
    master.wait_line(r"users\s+6/6")
    os.kill(victim, signal.SIGKILL)
    master.wait_line(r"EVENT worker \d+ lost: killed by signal 9.*; it was "
                     r"below worker 0")
    seen = len(master.lines["out"]) + len(master.lines["err"])

    def full_again():
        lines = (master.lines["out"] + master.lines["err"])
        return len(lines) > seen and "users 6/6" in " ".join(
            lines[-1].split())
    wait_for(full_again, "six users on the worker that is left")
    master.interrupt()
    assert master.wait() == 5, master.text
    assert relay.wait() == 0, relay.text
    run = json.loads((tmp_path / "out.json").read_text())["run"]
    assert run["workers_lost"] == 1
    gap, = run["gaps"]
    assert gap["to_s"] is None
    assert gap["reason"].startswith("killed by signal 9")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_crash_below_is_told_above(tree, tmp_path, elsewhere):
    """Of the relay's own process and of another machine's: who, what and where
    are in the master's log and in its results."""
    fleet = tree("crash.so")
    settings = ("-o", f"crash.flag={tmp_path / 'crashed'}")
    if elsewhere:
        relay = fleet.relay("--expect-workers", "2", *settings)
        workers = [fleet.worker(*settings) for _ in range(2)]
    else:
        relay = fleet.relay("--processes", "2", *settings)
        workers = []
        relay.wait_children(2)
    master = fleet.master("-u", "8", "-r", "100", "-t", "3s", "--json-file",
                          tmp_path / "out.json", *settings)
    assert master.wait() == 6, master.text
    assert re.search(r"EVENT worker \d+ lost: crashed: SIGSEGV \(address 0x0\) "
                     r"in crash\.so, task fatal_task of class victim \(module "
                     r"crash\), user \d+; it was below worker 0", master.text)
    assert re.search(r"error: worker 0: .*stack of the crash", master.err)
    assert re.search(r"#0 fatal_task at .*crash\.c:\d+ \(crash\.so\)",
                     master.err), master.text
    assert relay.wait() == 0, relay.text
    for worker in workers:
        worker.wait()
    out = json.loads((tmp_path / "out.json").read_text())
    assert "1 worker crashed" in out["verdict"]["reason"], out["verdict"]
    gap, = out["run"]["gaps"]
    assert gap["reason"].startswith("crashed: SIGSEGV (address 0x0) in crash.so")


def test_a_worker_below_comes_back(tree, tmp_path):
    fleet = tree("steady.so")
    relay = fleet.relay("--processes", "2")
    silent = relay.wait_children(2)[0]
    master = fleet.master("-u", "4", "-r", "100", "--json-file",
                          tmp_path / "out.json")
    master.wait_line(r"users\s+4/4")
    os.kill(silent, signal.SIGSTOP)
    master.wait_line(r"EVENT worker \d+ lost: no heartbeat")
    os.kill(silent, signal.SIGCONT)
    master.wait_line(r"EVENT worker \d+ is back after .* below worker 0")
    master.interrupt()
    assert master.wait() == 0, master.text
    assert relay.wait() == 0, relay.text
    run = json.loads((tmp_path / "out.json").read_text())["run"]
    assert run["workers_lost"] == 0
    gap, = run["gaps"]
    assert gap["to_s"] - gap["from_s"] > 4


def test_arrivals_are_shared_out(tree, tmp_path):
    """200 a second for three seconds: each arrival exactly once."""
    fleet = tree("steady.so")
    relay = fleet.relay("--processes", "2")
    relay.wait_children(2)
    worker = fleet.worker()
    master = fleet.master("-u", "20", "-r", "100", "--rate", "3s:200",
                          "-t", "10s", "--csv", tmp_path / "out")
    master.wait()
    row = totals(tmp_path / "out")["BEAT", "beat"]
    assert row["Request Count"] == "600", master.text
    assert relay.wait() == 0, relay.text
    assert worker.wait() == 0, worker.text


def test_a_relay_whose_workers_cannot_start(tree):
    fleet = tree("worker_fails.so")
    relay = fleet.relay("--processes", "1")
    assert relay.wait() == 5, relay.text
    assert "a worker process could not start" in relay.text


def test_iterations_are_exact_below_a_relay(tree, tmp_path):
    """One worker at the master's side, two below a relay: leases of leases."""
    fleet = tree("loads.so")
    relay = fleet.relay("--processes", "2")
    relay.wait_children(2)
    near = fleet.swarm.start(
        "-f", fleet.module, "--worker", "--master-host", "127.0.0.1",
        "--master-port", fleet.top)
    master = fleet.master("--expect-workers", "2", "-u", "9", "Reader",
                          "--iterations", "2000", "--json-file",
                          tmp_path / "out.json")
    assert master.wait() == 0, master.text
    assert relay.wait() == 0, relay.text
    assert near.wait() == 0, near.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["total"]["requests"] == 2000
    assert out["executors"][0]["iterations_done"] == 2000


def test_arrivals_and_a_pause_below_a_relay(tree, tmp_path):
    fleet = tree("loads.so")
    relay = fleet.relay("--processes", "2")
    relay.wait_children(2)
    master = fleet.master("--rate", "40", "-t", "5s", "Reader",
                          "--progress", "500ms", "--json-file",
                          tmp_path / "out.json")
    master.wait_line(r"req/s [1-9]")
    os.kill(master.pid, signal.SIGUSR2)
    master.wait_line("EVENT paused")
    os.kill(master.pid, signal.SIGUSR2)
    assert master.wait() == 0, master.text
    assert relay.wait() == 0, relay.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["total"]["requests"] == 200, master.text


def test_messages_of_a_scenario(tree):
    """Down to all workers and up again, through the relay and beside it; what
    the master says in test_start is there before the first user."""
    fleet = tree("talk.so")
    # It joins when both below it are there.
    relay = fleet.relay("--processes", "1", "--expect-workers", "2")
    below = fleet.worker()
    near = fleet.swarm.start(
        "-f", fleet.module, "--worker", "--master-host", "127.0.0.1",
        "--master-port", fleet.top, "-o", "talk.flood=1000")
    master = fleet.master("--expect-workers", "2", "-u", "4", "-r", "100",
                          "-t", "2s", "--exit-code-on-error", "0")
    assert master.wait() == 0, master.text
    for worker in (relay, below, near):
        assert worker.wait() == 0, worker.text
    said = '{"to":["all",1,2.5,true,null],"text":"gr\u00fc\u00df"}'
    assert master.text.count(f"greeted with {said} by ''") == 3, master.text
    # Each of the three has answered once, and those above the relay were
    # thanked; those below it all were, for each of them.
    assert master.text.count(f"answer {said}") == 3, master.text
    assert master.text.count("thanked with null") == 1 + 2 * 2, master.text
    assert master.text.count("refused: Invalid argument") == 3
    # Some were lost to the limit, and the sender knows how many.
    noise = re.findall(r"noise (\d+)", master.text)
    assert 490 <= sum(map(int, noise)) < 600
    assert "more than can be handled" not in master.text


def test_users_meet_below_a_relay(tree, tmp_path):
    """Four below the relay and two beside it: only all six can meet."""
    fleet = tree("loads.so")
    settings = ("-o", "loads.meet=6", "-o", "loads.patience=20s")
    relay = fleet.relay("--processes", "2", *settings)
    relay.wait_children(2)
    near = fleet.swarm.start(
        "-f", fleet.module, "--worker", "--master-host", "127.0.0.1",
        "--master-port", fleet.top, *settings)
    master = fleet.master("--expect-workers", "2", "-u", "6", "-r", "100",
                          "Friend", "-t", "3s", "--stop-timeout", "5",
                          "--json-file", tmp_path / "out.json", *settings)
    master.wait()
    out = json.loads((tmp_path / "out.json").read_text())
    meet = next(s for s in out["series"] if s["name"] == "gather")
    met = meet["requests"] - meet["failures"]
    assert met >= 30 and met % 6 == 0, master.text
    assert relay.wait() == 0 and near.wait() == 0
