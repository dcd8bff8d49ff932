"""swarm and Locust in one fleet: a swarm worker under a Locust master, Locust
workers under a swarm master, both kinds side by side.

Debian's Locust does not know its own version; nothing here depends on it.
"""
import json
import os
import re
import shutil
import urllib.parse
import urllib.request

import pytest

from conftest import free_port, totals, wait_for

LOCUST = shutil.which("locust", path="/usr/bin")
if LOCUST is None:
    pytest.skip("Locust (python3-locust) is not installed",
                allow_module_level=True)

# The same classes as the scenarios of the same names; on a Locust worker they
# report samples of a known length, five and then no more.
LOCUSTFILE = '''
from locust import User, constant, events, task
from locust.exception import StopUser
from locust.runners import MasterRunner


class counter(User):
    @task
    def count(self):
        for i in range(5):
            self.environment.events.request.fire(
                request_type="COUNT", name="item", response_time=12.5,
                response_length=10, context={},
                exception=ValueError("fifth") if FAIL and i == 4 else None)
        raise StopUser()


class talker(User):
    @task
    def wait(self):
        import gevent
        gevent.sleep(0.1)


@events.init.add_listener
def talk(environment, **_):
    def greeted(environment, msg, **_):
        print("GREETED", sorted(msg.data["to"], key=str), flush=True)
        environment.runner.send_message("answer", msg.data)

    def answered(environment, msg, **_):
        print("ANSWERED", msg.data["text"], flush=True)
        environment.runner.send_message("thanks", {"n": 7})

    environment.runner.register_message("greet", greeted)
    environment.runner.register_message("answer", answered)
    environment.runner.register_message("thanks", lambda **_: None)


@events.test_start.add_listener
def greet(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        environment.runner.send_message("greet", {"to": ["you"],
                                                  "text": "hi"})


class beater(User):
    wait_time = constant(0.02)

    @task
    def beat(self):
        self.environment.events.request.fire(
            request_type="BEAT", name="beat", response_time=3,
            response_length=1, context={}, exception=None)
'''


class Fleet:
    """Starts Locust's and swarm's processes around one port."""

    def __init__(self, spawn, swarm, directory):
        self.spawn = spawn
        self.swarm = swarm
        self.directory = directory
        self.port = str(free_port())
        self.file = os.path.join(directory, "locustfile.py")
        self.write(False)

    def write(self, fail):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(f"FAIL = {fail}\n{LOCUSTFILE}")

    def locust(self, *args):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("LOCUST_")}
        return self.spawn([LOCUST, "-f", self.file, *args],
                          env=env, cwd=self.directory)

    def locust_master(self, user_class, *args):
        return self.locust("--master", "--master-bind-host", "127.0.0.1",
                           "--master-bind-port", self.port, *args,
                           user_class)

    def locust_worker(self, *args):
        return self.locust("--worker", "--master-host", "127.0.0.1",
                           "--master-port", self.port, *args)

    def swarm_master(self, module, *args):
        return self.swarm.start(
            "-f", self.swarm.module(module), "--headless", "--master",
            "--master-bind-host", "127.0.0.1",
            "--master-bind-port", self.port, *args)

    def swarm_worker(self, module, *args):
        return self.swarm.start(
            "-f", self.swarm.module(module), "--worker",
            "--master-host", "127.0.0.1", "--master-port", self.port, *args)


@pytest.fixture
def fleet(spawn, swarm, tmp_path):
    return Fleet(spawn, swarm, str(tmp_path))


def assert_calm(locust):
    """No error that Locust logs or prints about a message it got."""
    assert not re.search(r"Traceback|Unhandled|RPCError|CRITICAL",
                         locust.text), locust.text


def test_worker_of_a_locust_master(fleet, tmp_path):
    """Every sample arrives, and everything Locust writes is in order."""
    master = fleet.locust_master(
        "counter", "--headless", "-u", "6", "-r", "100", "-t", "5s",
        "--expect-workers", "2", "--csv", str(tmp_path / "out"))
    workers = [fleet.swarm_worker("counted.so", "-o", "counted.fail_every=5")
               for _ in range(2)]
    assert master.wait() == 1, master.text   # failures
    assert_calm(master)
    for worker in workers:
        assert worker.wait() == 0, worker.text
    row = totals(tmp_path / "out")["COUNT", "item"]
    assert row["Request Count"] == "30", master.text
    assert row["Failure Count"] == "6"
    assert float(row["Average Content Size"]) == 8.0
    assert 0 <= float(row["Min Response Time"]) <= \
        float(row["Max Response Time"]) < 1000
    with open(tmp_path / "out_failures.csv", encoding="utf-8") as f:
        assert "every so often" in f.read()


class Rest:
    """Locust's web interface."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path):
        with urllib.request.urlopen(self.base + path, timeout=10) as r:
            return json.load(r)

    def post(self, path, **fields):
        data = urllib.parse.urlencode(fields).encode()
        with urllib.request.urlopen(self.base + path, data,
                                    timeout=10) as r:
            return json.load(r)

    def stats(self):
        # Cached for two seconds by Locust: what is asked for is waited for.
        return self.get("/stats/requests")

    def answers(self):
        try:
            return self.stats()
        except OSError:
            return None


def test_a_locust_master_starts_stops_and_starts(fleet):
    """By its web interface: the worker is ready again after a stop."""
    port = free_port()
    master = fleet.locust_master("beater", "--web-host", "127.0.0.1",
                                 "--web-port", str(port))
    rest = Rest(port)
    wait_for(rest.answers, "Locust's web interface")
    worker = fleet.swarm_worker("steady.so")
    for users in (3, 7):
        wait_for(lambda: [w["state"] for w in rest.stats()["workers"]]
                 == ["ready"], "a worker that is ready")
        assert rest.post("/swarm", user_count=users, spawn_rate=100,
                         host="http://127.0.0.1")["success"]
        wait_for(lambda: rest.stats()["user_count"] == users, "all users")
        wait_for(lambda: rest.stats()["stats"][-1]["num_requests"] > 20,
                 "requests")
        assert rest.stats()["workers"][0]["user_count"] == users
        assert rest.get("/stop")["success"]
        wait_for(lambda: rest.stats()["user_count"] == 0, "no users")
    assert rest.stats()["workers"][0]["cpu_usage"] >= 0
    master.popen.terminate()
    master.wait()
    assert worker.wait() == 0, worker.text
    assert_calm(master)


def test_locust_workers_of_a_swarm_master(fleet, tmp_path):
    fleet.write(True)
    workers = [fleet.locust_worker() for _ in range(2)]
    master = fleet.swarm_master("counted.so", "-u", "6", "-r", "100",
                                "-t", "5s", "--expect-workers", "2",
                                "--csv", tmp_path / "out")
    assert master.wait() == 0 or "failed" in master.text, master.text
    for worker in workers:
        worker.wait()
        assert_calm(worker)
    row = totals(tmp_path / "out")["COUNT", "item"]
    assert row["Request Count"] == "30", master.text
    assert row["Failure Count"] == "6"
    # Buckets are Locust's, but least and greatest are exact.
    assert float(row["Min Response Time"]) == 12.5
    assert float(row["Max Response Time"]) == 12.5
    with open(tmp_path / "out_failures.csv", encoding="utf-8") as f:
        assert "ValueError('fifth')" in f.read()


def test_mixed_fleet(fleet, tmp_path):
    """One of each kind under a swarm master; users are shared evenly."""
    locust = fleet.locust_worker()
    other = fleet.swarm_worker("counted.so")
    master = fleet.swarm_master("counted.so", "-u", "6", "-r", "100",
                                "-t", "5s", "--expect-workers", "2",
                                "--csv", tmp_path / "out")
    assert master.wait() == 0, master.text
    assert other.wait() == 0, other.text
    locust.wait()
    assert_calm(locust)
    row = totals(tmp_path / "out")["COUNT", "item"]
    assert row["Request Count"] == "30", master.text
    # 15 samples of 12.5 ms, 15 of next to nothing.
    assert float(row["Min Response Time"]) < 12.5
    assert float(row["Max Response Time"]) >= 12.5
    assert 6.25 <= float(row["Average Response Time"]) < 12.5


def test_messages_of_a_scenario_to_locust(fleet):
    """A swarm master greets a Locust worker, which answers."""
    locust = fleet.locust_worker()
    master = fleet.swarm_master("talk.so", "-u", "2", "-r", "100", "-t",
                                "2s", "--expect-workers", "2",
                                "--exit-code-on-error", "0")
    # Only then its init has run, and it listens.
    locust.wait_line("Starting Locust")
    fleet.swarm_worker("talk.so")
    locust.wait_line(r"GREETED \[1, 2.5, None, True, 'all'\]")
    master.wait_line(r'answer \{"to":\["all",1,2.5,true,null\]')
    assert master.wait() == 0, master.text
    locust.wait()
    assert_calm(locust)


def test_messages_of_a_scenario_from_locust(fleet):
    """A Locust master greets a swarm worker, which answers and is thanked."""
    master = fleet.locust_master("talker", "--headless", "-u", "1", "-t",
                                 "2s", "--expect-workers", "1")
    worker = fleet.swarm_worker("talk.so")
    worker.wait_line(r'greeted with \{"to":\["you"\],"text":"hi"\} by')
    master.wait_line("ANSWERED hi")
    worker.wait_line(r'thanked with \{"n":7\}')
    master.wait()
    assert worker.wait() == 0, worker.text
    assert_calm(master)


def test_a_locust_worker_dies(fleet):
    """kill -9: noticed by its silence, and its users go to the other."""
    locust = fleet.locust_worker()
    fleet.swarm_worker("steady.so")
    master = fleet.swarm_master("steady.so", "-u", "6", "-r", "100",
                                "--expect-workers", "2")
    master.wait_line(r"users\s+6/6.*workers 2/2")
    locust.finish()
    master.wait_line(r"lost: no heartbeat for \d+ s")
    master.wait_line(r"users\s+6/6.*workers 1/")
