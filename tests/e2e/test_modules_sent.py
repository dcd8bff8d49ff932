"""Modules that a master hands to its workers: both sides have to ask for it, and
nothing is run that is not what its hash says."""
import os
import shutil

import pytest

from conftest import free_port, totals


@pytest.fixture
def fleet(swarm, tmp_path):
    return Fleet(swarm, tmp_path)


class Fleet:
    def __init__(self, swarm, tmp_path):
        self.swarm = swarm
        self.tmp = tmp_path
        self.port = str(free_port())
        self.cache = tmp_path / "cache"
        self.env = {"XDG_CACHE_HOME": str(self.cache)}
        assert swarm.run("keys", tmp_path / "keys").status == 0

    def master(self, *args):
        return self.swarm.start(
            "-f", self.swarm.module("counted.so"), "--headless", "--master",
            "--keys", self.tmp / "keys" / "master.key",
            "--master-bind-host", "127.0.0.1", "--master-bind-port",
            self.port, "-u", "3", "-r", "100", "-t", "1s", "--csv",
            self.tmp / "out", *args)

    def worker(self, *args):
        return self.swarm.start(
            "--worker", "--master-port", self.port, "--keys",
            self.tmp / "keys" / "worker.key", "--accept-modules", *args,
            env=self.env)

    def kept(self):
        return sorted(self.cache.glob("swarm/modules/*/*"))


def count(fleet):
    return totals(fleet.tmp / "out")["COUNT", "item"]["Request Count"]


def test_a_worker_without_a_scenario(fleet):
    """It fetches it, has it the next time, and fetches it anew when somebody
    has changed the file."""
    master = fleet.master("--send-modules")
    worker = fleet.worker()
    assert master.wait() == 0, master.text
    assert worker.wait() == 0, worker.text
    assert count(fleet) == "15"
    kept, = fleet.kept()
    with open(fleet.swarm.module("counted.so"), "rb") as f:
        module = f.read()
    assert kept.read_bytes() == module
    assert kept.stat().st_mode & 0o777 == 0o500
    assert "(was here)" not in worker.text

    # Not a byte of what is under its name now may run.
    kept.unlink()
    shutil.copy(fleet.swarm.module("crash.so"), kept)
    master = fleet.master("--send-modules")
    again = fleet.worker()
    assert master.wait() == 0, master.text
    assert again.wait() == 0, again.text
    assert "(was here)" not in again.text
    assert kept.read_bytes() == module

    master = fleet.master("--send-modules")
    third = fleet.worker("-o", "counted.times=2")
    assert master.wait() == 0, master.text
    assert third.wait() == 0, third.text
    assert "(was here)" in third.text
    assert count(fleet) == "6"


def test_a_master_that_does_not_send(fleet):
    master = fleet.master()
    worker = fleet.worker()
    assert worker.wait() == 3, worker.text
    assert "--send-modules" in worker.text
    assert fleet.kept() == []
    master.finish()


def test_only_of_a_master_that_is_known(swarm):
    far = swarm.run("--worker", "--accept-modules", "--plaintext",
                    "--master-host", "192.0.2.1")
    assert far.status == 3 and "--keys" in far.text, far.text
    both = swarm.run("--worker", "--accept-modules", "-f",
                     swarm.module("counted.so"))
    assert both.status == 3 and "exclude each other" in both.text, both.text
    wrong = swarm.run("-f", swarm.module("counted.so"), "--accept-modules")
    assert wrong.status == 2 and "--worker" in wrong.text, wrong.text


def test_a_folder_of_others_is_not_used(fleet):
    """Whoever could write there could make us run code."""
    os.makedirs(fleet.cache / "swarm" / "modules")
    os.chmod(fleet.cache / "swarm" / "modules", 0o777)
    worker = fleet.worker()
    assert worker.wait() == 3, worker.text
    assert "no folder of ours alone" in worker.text


def rows_file(folder, count):
    folder.mkdir(exist_ok=True)
    path = folder / "people.csv"
    path.write_text("name,number\n" + "".join(
        f"p{i},{i}\n" for i in range(count)))
    return path


def fed_master(fleet, rows, *args):
    return fleet.swarm.start(
        "-f", fleet.swarm.module("fed.so"), "--headless", "--master",
        "--send-modules", "-o", f"fed.file={rows}", "-o", "fed.end=stop",
        "-o", "fed.steps=1000", "--keys", fleet.tmp / "keys" / "master.key",
        "--master-bind-host", "127.0.0.1", "--master-bind-port", fleet.port,
        "-u", "6", "-r", "100", "-t", "10s", "--stop-timeout", "2s",
        "--csv", fleet.tmp / "out", *args)


def rows_seen(fleet):
    return {name: int(row["Request Count"]) for (kind, name), row in
            totals(fleet.tmp / "out").items() if kind == "ROW"}


def test_data_and_options_go_along(fleet):
    """The rows that a module reads, by a path that is only the master's, and
    the options that name them."""
    rows = rows_file(fleet.tmp / "elsewhere", 300)
    master = fed_master(fleet, rows, "--expect-workers", "2")
    # Where the worker runs there is no such file.
    workers = [fleet.worker("--debug") for _ in range(2)]
    workers[0].wait_line(r"data file \S+people.csv of the master, SHA-256")
    assert master.wait() == 0, master.text
    for worker in workers:
        assert worker.wait() == 0, worker.text
    assert rows_seen(fleet) == {f"p{i}": 1 for i in range(300)}
    data = [p for p in fleet.kept() if p.name == "rows.csv"]
    assert [p.read_bytes() for p in data] == [rows.read_bytes()]

    # Not a byte that the master did not send is read.
    data[0].chmod(0o600)
    data[0].write_text("name,number\nforged,0\n")
    master = fed_master(fleet, rows)
    worker = fleet.worker()
    assert master.wait() == 0, master.text
    assert worker.wait() == 0, worker.text
    assert rows_seen(fleet) == {f"p{i}": 1 for i in range(300)}


def test_a_relay_hands_on_what_it_got(fleet):
    """Neither the relay nor its worker has the module, the rows or the
    options; what the worker is told itself is stronger."""
    rows = rows_file(fleet.tmp / "elsewhere", 50)
    below = str(free_port())
    master = fed_master(fleet, rows)
    relay = fleet.swarm.start(
        "--relay", "--accept-modules", "--send-modules", "--master-port",
        fleet.port, "--keys", fleet.tmp / "keys" / "worker.key",
        "--relay-keys", fleet.tmp / "keys" / "master.key",
        "--master-bind-host", "127.0.0.1", "--master-bind-port", below,
        env={"XDG_CACHE_HOME": str(fleet.tmp / "relay")})
    worker = fleet.swarm.start(
        "--worker", "--master-port", below, "--keys",
        fleet.tmp / "keys" / "worker.key", "--accept-modules", "-o",
        "fed.pause_s=10ms", "--debug", env=fleet.env)
    assert master.wait() == 0, master.text
    assert relay.wait() == 0, relay.text
    assert worker.wait() == 0, worker.text
    assert rows_seen(fleet) == {f"p{i}": 1 for i in range(50)}
    assert {p.name for p in fleet.kept()} == {"fed.so", "rows.csv"}


def test_not_to_whoever_comes(fleet):
    done = fleet.swarm.run(
        "-f", fleet.swarm.module("counted.so"), "--headless", "--master",
        "--send-modules", "--plaintext", "--master-bind-host", "0.0.0.0",
        "--master-bind-port", fleet.port, "-t", "1s")
    assert done.status != 0
    assert "--send-modules would hand" in done.text, done.text
