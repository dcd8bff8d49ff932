"""Stopping in every state: the first Ctrl-C is graceful, the second is not,
and nobody is left behind."""
import os
import signal

import pytest

from conftest import free_port, wait_for


def nobody_left(pids):
    def gone():
        for pid in pids:
            try:
                with open(f"/proc/{pid}/stat") as f:
                    if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                        return False
            except OSError:
                pass
        return True
    wait_for(gone, f"the end of {pids}", 10)


def test_ctrl_c_while_running(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "100", "--processes", "2")
    workers = run.wait_children(2)
    run.wait_line(r"users\s+4\b")
    run.interrupt()
    assert run.wait() == 0, run.text
    assert "Aggregated" in run.text or "TOTAL" in run.text, "a summary"
    nobody_left(workers)


def test_ctrl_c_while_spawning(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "1000", "-r", "1", "--processes", "2")
    workers = run.wait_children(2)
    run.wait_line(r"users\s+[12]\b")
    run.interrupt()
    assert run.wait() == 0, run.text
    nobody_left(workers)


def test_ctrl_c_while_waiting_for_workers(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "--master", "--master-bind-host", "127.0.0.1",
                      "--master-bind-port", str(free_port()),
                      "--expect-workers", "1", "-u", "1")
    run.wait_line(r"(?i)wait.*worker")
    run.interrupt()
    # Nothing ran: neither success nor the target's fault.
    assert run.wait() in (0, 5, 130), run.text


def test_second_ctrl_c_is_immediate(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "100", "--processes", "2",
                      "-o", "steady.linger=60s", "--stop-timeout", "60")
    workers = run.wait_children(2)
    run.wait_line(r"users\s+4\b")
    run.interrupt()
    run.wait_line(r"(?i)stopping")
    run.interrupt()
    assert run.wait(10) == 130, run.text
    nobody_left(workers)


def test_terminate_is_graceful(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "100")
    run.wait_line(r"users\s+4\b")
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait() == 0, run.text


@pytest.mark.parametrize("stop", [signal.SIGKILL])
def test_workers_end_with_their_master(swarm, stop):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "100", "--processes", "2")
    workers = run.wait_children(2)
    run.wait_line(r"users\s+4\b")
    os.kill(run.pid, stop)
    run.wait()
    nobody_left(workers)
