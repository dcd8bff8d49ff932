"""A fleet on a network of its own, three namespaces joined by virtual wires,
where a wire is cut and a process is killed as in earnest: what the workers
measured and what the master says agree to the last sample."""
import json
import os
import re
import signal
import subprocess

import pytest

from conftest import wait_for

if os.geteuid() != 0:
    pytest.skip("network namespaces need root", allow_module_level=True)


def ip(*args, check=True):
    done = subprocess.run(["/usr/sbin/ip", *args], capture_output=True,
                          text=True)
    if check and done.returncode != 0:
        pytest.fail(f"ip {' '.join(args)}: {done.stderr}")


class Net:
    """The master's namespace in the middle, a wire to each worker's."""

    def __init__(self, ends):
        self.hub = f"swarm{os.getpid()}m"
        self.ends = {}
        ip("netns", "add", self.hub)
        for i, end in enumerate(ends):
            name = f"swarm{os.getpid()}{end}"
            self.ends[end] = name
            ip("netns", "add", name)
            ip("-n", self.hub, "link", "add", f"to-{end}", "type", "veth",
               "peer", "name", "eth0", "netns", name)
            ip("-n", self.hub, "addr", "add", f"10.77.{i}.1/24", "dev",
               f"to-{end}")
            ip("-n", name, "addr", "add", f"10.77.{i}.2/24", "dev", "eth0")
            for ns, dev in ((self.hub, f"to-{end}"), (name, "eth0"),
                            (name, "lo")):
                ip("-n", ns, "link", "set", dev, "up")

    def inside(self, end=None):
        name = self.hub if end is None else self.ends[end]
        return ("/usr/sbin/ip", "netns", "exec", name)

    def hub_address(self, end):
        return f"10.77.{list(self.ends).index(end)}.1"

    def cut(self, end):
        ip("-n", self.hub, "link", "set", f"to-{end}", "down")

    def heal(self, end):
        ip("-n", self.hub, "link", "set", f"to-{end}", "up")

    def remove(self):
        for name in (self.hub, *self.ends.values()):
            ip("netns", "del", name, check=False)


@pytest.fixture
def net(spawn):
    """Gone after the processes in it."""
    made = Net("ab")
    yield made
    made.remove()


class Fleet:
    def __init__(self, swarm, net, tmp_path):
        self.swarm = swarm
        self.net = net
        self.results = tmp_path / "out.json"
        made = swarm.run("keys", tmp_path / "keys")
        assert made.status == 0, made.text
        self.keys = tmp_path / "keys"

    def master(self, users):
        return self.swarm.start(
            "-f", self.swarm.module("named.so"), "--headless", "--master",
            "--keys", self.keys / "master.key", "-u", users, "-r", "100",
            "--expect-workers", "3", "--progress", "200ms",
            "--json-file", self.results, wrap=self.net.inside())

    def worker(self, name, end):
        return self.swarm.start(
            "-f", self.swarm.module("named.so"), "-o", f"named.series={name}",
            "--worker", "--keys", self.keys / "worker.key", "--master-host",
            self.net.hub_address(end), wrap=self.net.inside(end))


def numbers(worker, what):
    return [int(n) for n in re.findall(rf"^{what} (\d+)$", worker.err, re.M)]


def wait_more(worker):
    """It reports new samples, as it may only when it is not cut off."""
    seen = numbers(worker, "reported")[-1]
    wait_for(lambda: numbers(worker, "reported")[-1] > seen, "a report")


def test_the_book_agrees_through_all_that_can_happen(swarm, net, tmp_path):
    fleet = Fleet(swarm, net, tmp_path)
    near = fleet.worker("near", "a")
    far = fleet.worker("far", "b")
    doomed = fleet.worker("doomed", "b")

    # The first master dies; its run is nobody's, and the workers know.
    first = fleet.master("6")
    first.wait_line(r"users\s+6/6")
    first.popen.kill()
    first.wait()
    master = fleet.master("6")
    for worker in (near, far, doomed):
        worker.wait_line("the master was restarted")
    master.wait_line(r"users\s+6/6.*workers 3/3")
    for worker in (near, far, doomed):
        wait_more(worker)

    # One worker is killed: what it had reported is in, and nothing else.
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.wait()
    master.wait_line(r"EVENT worker \d lost: no heartbeat")
    master.wait_line(r"users\s+6/6.*workers 2/3")

    # One wire is cut; the other worker takes its users over.
    net.cut("b")
    master.wait_line(r"users\s+6/6.*workers 1/3")
    net.heal("b")
    master.wait_line(r"EVENT worker \d is back after")
    master.wait_line(r"users\s+6/6.*workers 2/3")
    wait_more(far)
    master.popen.send_signal(signal.SIGINT)
    assert master.wait() == 5, master.text
    assert near.wait() == 0, near.text
    assert far.wait() == 0, far.text

    out = json.loads(fleet.results.read_text())
    counts = {s["name"]: s["requests"] for s in out["series"]}
    assert counts["near"] == numbers(near, "in all")[0]
    assert counts["far"] == numbers(far, "in all")[0]
    assert counts["doomed"] in numbers(doomed, "reported")[-2:]
    assert out["total"]["requests"] == sum(counts.values())
    assert out["run"]["workers_lost"] == 1
    gone, cut = out["run"]["gaps"]
    assert gone["to_s"] is None
    assert 4 < cut["to_s"] - cut["from_s"] < 30
    assert "was not heard of" in out["notes"][0]


def test_a_stop_that_is_lost_on_the_way(swarm, net, tmp_path):
    """The order to stop is given while the wire is cut, and the connection it
    waits in dies: the worker gets it all the same, once the wire is healed."""
    fleet = Fleet(swarm, net, tmp_path)
    workers = [fleet.worker(name, "a") for name in ("near", "far", "third")]
    master = fleet.master("6")
    master.wait_line(r"users\s+6/6.*workers 3/3")
    for worker in workers:
        wait_more(worker)
    net.cut("a")
    master.popen.send_signal(signal.SIGINT)
    master.wait_line("interrupted: stopping")
    killed = subprocess.run([*net.inside(), "/usr/bin/ss", "-K", "-t", "dst",
                             "10.77.0.2"], capture_output=True, text=True)
    if killed.stdout.count("10.77.0.2") < 3:
        pytest.skip("this kernel kills no sockets")
    net.heal("a")
    assert master.wait() == 0, master.text
    assert "did not report" not in master.text
    assert "worker 0 lost" not in master.text
    out = json.loads(fleet.results.read_text())
    counts = {s["name"]: s["requests"] for s in out["series"]}
    for worker, name in zip(workers, ("near", "far", "third")):
        assert worker.wait() == 0, worker.text
        assert counts[name] == numbers(worker, "in all")[0]
    assert out["run"]["gaps"] == []
