"""A relay between the master and its workers changes nothing but who talks to
whom."""
import os
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


def test_a_worker_below_is_lost(tree):
    fleet = tree("steady.so")
    relay = fleet.relay("--processes", "2")
    victim = relay.wait_children(2)[0]
    master = fleet.master("-u", "6", "-r", "100")
    master.wait_line(r"users\s+6/6")
    os.kill(victim, signal.SIGKILL)
    master.wait_line(r"worker \d+ below is lost: killed by signal 9")
    seen = len(master.lines["out"]) + len(master.lines["err"])

    def full_again():
        lines = (master.lines["out"] + master.lines["err"])
        return len(lines) > seen and "users 6/6" in " ".join(
            lines[-1].split())
    wait_for(full_again, "six users on the worker that is left")
    master.interrupt()
    master.wait()
    assert relay.wait() == 0, relay.text


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
