"""Workers that die, and workers that come from elsewhere."""
import asyncio
import json
import os
import re
import signal

import pytest

from conftest import AsyncServer, free_port, totals, wait_for


def test_killed_worker_costs_its_users_for_a_moment(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "10", "-r", "100", "--processes", "2")
    victim = run.wait_children(2)[0]
    run.wait_line(r"users\s+10\b")
    before = len(run.lines["err"] + run.lines["out"])
    os.kill(victim, signal.SIGKILL)
    run.wait_line(r"(?i)worker.*(lost|died|killed|signal|gone)")

    def full_again():
        lines = (run.lines["err"] + run.lines["out"])[before:]
        lost = [i for i, line in enumerate(lines) if re.search(
            r"(?i)worker.*(lost|died|killed|signal|gone)", line)]
        return any(re.search(r"users\s+10\b", line)
                   for line in lines[lost[0]:])
    wait_for(full_again, "10 users after the loss")
    run.interrupt()
    assert run.wait() == 5, run.text


def test_a_silent_worker_that_comes_back_is_not_lost(swarm, tmp_path):
    """Its users are moved and moved back; what it measured is all there."""
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "100", "--processes", "2",
                      "--progress", "200ms",
                      "--json-file", tmp_path / "out.json")
    silent = run.wait_children(2)[0]
    run.wait_line(r"users\s+4/4.*workers 2/2")
    os.kill(silent, signal.SIGSTOP)
    run.wait_line(r"EVENT worker \d lost: no heartbeat")
    run.wait_line(r"users\s+4/4.*workers 1/2")
    os.kill(silent, signal.SIGCONT)
    run.wait_line(r"EVENT worker \d is back after")
    before = len(run.lines["out"] + run.lines["err"])
    wait_for(lambda: re.search(r"users\s+4/4.*workers 2/2", "\n".join(
        (run.lines["out"] + run.lines["err"])[before:])), "both workers")
    run.interrupt()
    assert run.wait() == 0, run.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["run"]["workers_lost"] == 0
    gap, = out["run"]["gaps"]
    assert gap["to_s"] - gap["from_s"] > 4
    assert "was not heard of" in out["notes"][0]
    # And again from the file.
    report = swarm.run("report", tmp_path / "out.json")
    assert "was not heard of" in report.text


def test_try_tells_where_it_crashed(swarm, tmp_path):
    done = swarm.run("try", swarm.module("crash.so"),
                     "-o", f"crash.flag={tmp_path / 'crashed'}")
    assert done.status != 0
    assert re.search(r"SIGSEGV.* in crash\.so, task ", done.text), done.text
    assert re.search(r"#\d .*crash\.c:\d+", done.text), done.text


def test_try_tells_where_a_thread_crashed(swarm, tmp_path):
    done = swarm.run("try", swarm.module("crash.so"),
                     "-o", f"crash.flag={tmp_path / 'crashed'}",
                     "-o", "crash.blocking=true")
    assert done.status != 0
    assert re.search(r"#\d .*fatal_call", done.text), done.text


def test_crash_tells_where(swarm, tmp_path):
    flag = tmp_path / "crashed"
    run = swarm.start("-f", swarm.module("crash.so"), "--headless",
                      "-o", f"crash.flag={flag}", "-u", "8", "-r", "100",
                      "-t", "8s", "--processes", "2",
                      "--csv", tmp_path / "out")
    assert run.wait() == 6, run.text
    assert flag.exists()
    # Which module, which task, where in its code; and the run went on.
    assert re.search(r"(?i)sigsegv|segmentation", run.text)
    assert "fatal_task" in run.text
    assert re.search(r"crash\.(so|c)", run.text)
    beats = int(totals(tmp_path / "out")["BEAT", "beat"]["Request Count"])
    # 8 users at nearly 50 beats a second; half are away for a moment.
    assert beats > 8 * 20 * 4


@pytest.mark.parametrize("encrypted", [False, True])
def test_crash_elsewhere_tells_where(swarm, tmp_path, encrypted):
    """A worker of another machine leaves the same report as a local one: the
    master's log and the results say what, who and where."""
    port = str(free_port())
    keys = {"--master": (), "--worker": ()}
    if encrypted:
        assert swarm.run("keys", tmp_path / "keys").status == 0
        for role in keys:
            keys[role] = ("--keys", tmp_path / "keys" / f"{role[2:]}.key")
    settings = ("-f", swarm.module("crash.so"),
                "-o", f"crash.flag={tmp_path / 'crashed'}")
    master = swarm.start(*settings, "--headless", "--master",
                         "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", port, "--expect-workers", "2",
                         "-u", "8", "-r", "100", "-t", "3s", "--json-file",
                         tmp_path / "out.json", *keys["--master"])
    workers = [swarm.start(*settings, "--worker", "--master-host",
                           "127.0.0.1", "--master-port", port,
                           *keys["--worker"]) for _ in range(2)]
    assert master.wait() == 6, master.text
    assert re.search(r"EVENT worker \d lost: crashed: SIGSEGV \(address 0x0\) "
                     r"in crash\.so, task fatal_task of class victim \(module "
                     r"crash\), user \d+; 4 users moved", master.text)
    assert re.search(r"error: worker \d \(.+\): stack of the crash",
                     master.err), master.text
    assert re.search(r"#0 fatal_task at .*crash\.c:\d+ \(crash\.so\)",
                     master.err), master.text
    status = sorted(worker.wait() for worker in workers)
    assert status == [0, 128 + signal.SIGSEGV], [w.text for w in workers]
    run = json.loads((tmp_path / "out.json").read_text())["run"]
    gap, = run["gaps"]
    assert gap["reason"].startswith("crashed: SIGSEGV (address 0x0) in crash.so")


def test_worker_from_elsewhere(swarm, tmp_path):
    port = str(free_port())
    master = swarm.start("-f", swarm.module("counted.so"), "--headless",
                         "--master", "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", port, "--expect-workers", "2",
                         "-u", "6", "-r", "100", "-t", "2s",
                         "--csv", tmp_path / "out")
    workers = [swarm.start("-f", swarm.module("counted.so"), "--worker",
                           "--master-host", "127.0.0.1",
                           "--master-port", port) for _ in range(2)]
    assert master.wait() == 0, master.text
    for worker in workers:
        assert worker.wait() == 0, worker.text
    assert totals(tmp_path / "out")["COUNT", "item"]["Request Count"] == "30"


def test_missing_workers_end_the_wait(swarm):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "--master", "--master-bind-host", "127.0.0.1",
                     "--master-bind-port", str(free_port()),
                     "--expect-workers", "2",
                     "--expect-workers-max-wait", "1", "-u", "1")
    assert done.status == 5, done.text


def test_workers_that_cannot_start_end_the_run(swarm):
    done = swarm.run("-f", swarm.module("worker_fails.so"), "--headless",
                     "-u", "2", "--processes", "2", "-t", "60s")
    assert "no room on this machine" in done.text
    assert re.search(r"lost: ended with status \d", done.text)


def test_encrypted_fleet(swarm, tmp_path):
    """Who has the key gets in and works; who has another does not."""
    assert swarm.run("keys", tmp_path / "ours").status == 0
    assert swarm.run("keys", tmp_path / "theirs").status == 0
    port = str(free_port())
    master = swarm.start("-f", swarm.module("counted.so"), "--headless",
                         "--master", "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", port, "--expect-workers", "1",
                         "--keys", tmp_path / "ours" / "master.key",
                         "-u", "6", "-r", "100", "-t", "2s",
                         "--csv", tmp_path / "out")
    # A stranger knows the address and the master's public key.
    theirs = tmp_path / "theirs" / "worker.key"
    ours = (tmp_path / "ours" / "worker.key").read_text()
    public = re.search(r"master-public .*", ours).group(0)
    theirs.write_text(re.sub(r"master-public .*", lambda _: public,
                             theirs.read_text()))
    join = ("-f", swarm.module("counted.so"), "--worker",
            "--master-host", "127.0.0.1", "--master-port", port, "--keys")
    swarm.start(*join, theirs)
    master.wait_line(r"refused: its key is not in the master's file")
    worker = swarm.start(*join, tmp_path / "ours" / "worker.key")
    assert master.wait() == 0, master.text
    assert worker.wait() == 0, worker.text
    assert totals(tmp_path / "out")["COUNT", "item"]["Request Count"] == "30"


class SlowWay(AsyncServer):
    """To a port of this machine, by a way that takes its time each way."""

    def __init__(self, port, seconds):
        self.to = port
        self.seconds = seconds
        super().__init__()

    async def listen(self):
        return await asyncio.start_server(self.accept, "127.0.0.1", 0)

    async def accept(self, reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()      # nobody listens yet: the worker tries again
            return
        self.loop.create_task(self.carry(reader, there[1]))
        self.loop.create_task(self.carry(there[0], writer))

    async def carry(self, reader, writer):
        while data := await reader.read(65536):
            self.loop.call_later(self.seconds, writer.write, data)
        self.loop.call_later(self.seconds, writer.close)

def test_a_schedule_starts_at_one_instant(swarm):
    """Orders take 0.3 s to one of two workers; by the master's clock, which
    both know, their first arrivals are one interval apart all the same."""
    port = free_port()
    way = SlowWay(port, 0.3)
    settings = ("-f", swarm.module("named.so"), "--worker", "--master-port")
    master = swarm.start("-f", swarm.module("named.so"), "--headless",
                         "--master", "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", str(port), "--debug",
                         "--expect-workers", "2", "-u", "10", "-t", "3s",
                         "--rate", "1s:0,100")
    far = swarm.start(*settings, str(way.port), "--debug")
    master.wait_line("joined")
    # It has its ack, and then the master's clock.
    far.wait_line("the master's clock")
    near = swarm.start(*settings, str(port))
    assert master.wait() == 0, master.text
    first = [float(re.search(r"first at (\S+)", w.err).group(1))
             for w in (far, near)]
    way.stop()
    assert abs(first[0] - first[1]) < 0.1, (first, far.text)
