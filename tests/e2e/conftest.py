"""What every end-to-end test stands on: swarm as a process whose output can
be waited for, private servers on free ports, and a clean end for all of them.

Nothing here sleeps for a fixed time: a test waits for an event, with a limit
that is only reached when something is wrong.
"""
import asyncio
import contextlib
import csv
import ctypes
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

BUILD = os.environ["SWARM_TEST_BUILD"]
SOURCE = os.environ["SWARM_TEST_SOURCE"]
NODE_MODULES = os.path.join(SOURCE, "tests", "e2e", "node_modules")
SANITIZED = bool(os.environ.get("SWARM_TEST_SANITIZE"))
# A sanitizer makes everything slower, not different.
PATIENCE = 90 if SANITIZED else 30


def wait_for(condition, what, timeout=PATIENCE):
    """The condition's first true value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {timeout} s in vain for {what}")
        time.sleep(0.02)


def free_port():
    """A port that was free a moment ago; who uses it must cope with a race."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def need_program(name, *paths):
    found = shutil.which(name, path=os.pathsep.join(
        [os.environ["PATH"], *paths]))
    if not found:
        pytest.skip(f"no {name} here: ./dev setup")
    return found


def need_node(package):
    node = need_program("node")
    path = os.path.join(NODE_MODULES, package)
    if not os.path.isdir(path):
        pytest.skip(f"no {package}: npm ci in tests/e2e")
    return node, path


def die_with_parent():
    """PR_SET_PDEATHSIG: nothing outlives a test run that is itself killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Process:
    """A program whose lines are collected as they come."""

    def __init__(self, argv, stdin_pipe=False, **kwargs):
        self.argv = [str(a) for a in argv]
        self.lines = {"out": [], "err": []}
        self.changed = threading.Condition()
        self.popen = subprocess.Popen(
            self.argv, stdout=subprocess.PIPE,
            stdin=subprocess.PIPE if stdin_pipe else subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace",
            start_new_session=True, preexec_fn=die_with_parent, **kwargs)
        self.pid = self.popen.pid
        self.readers = [
            threading.Thread(target=self.collect, args=args, daemon=True)
            for args in (("out", self.popen.stdout),
                         ("err", self.popen.stderr))]
        for reader in self.readers:
            reader.start()

    def collect(self, name, stream):
        for line in stream:
            with self.changed:
                self.lines[name].append(line.rstrip("\n"))
                self.changed.notify_all()

    @property
    def out(self):
        return "\n".join(self.lines["out"])

    @property
    def err(self):
        return "\n".join(self.lines["err"])

    @property
    def text(self):
        return self.err + "\n" + self.out

    def wait_line(self, pattern, timeout=PATIENCE):
        """The match in the first line, past or to come, of either stream."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                for line in self.lines["err"] + self.lines["out"]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                left = end - time.monotonic()
                if left <= 0:
                    pytest.fail(f"no line like {pattern!r} in {timeout} s:\n"
                                f"{self.text}")
                self.changed.wait(min(left, 0.5))
                if self.popen.poll() is not None and not any(
                        r.is_alive() for r in self.readers):
                    end = 0

    def wait(self, timeout=PATIENCE):
        """The exit status, as a shell would show it."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {timeout} s: "
                        f"{' '.join(self.argv)}\n{self.text}")
        for reader in self.readers:
            reader.join(5)
        return status if status >= 0 else 128 - status

    def children(self):
        """Pids of the processes it started that live."""
        pids = []
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.pid and fields[0] != "Z":
                pids.append(int(path.split("/")[2]))
        return sorted(pids)

    def wait_children(self, count):
        return wait_for(lambda: len(self.children()) == count
                        and self.children(), f"{count} worker processes")

    def interrupt(self):
        """Ctrl-C in a terminal reaches the whole group, workers too."""
        os.killpg(self.pid, signal.SIGINT)

    def finish(self):
        """Whatever state it is in, it and its children are gone after."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()


@pytest.fixture
def spawn():
    """Starts programs; ends what still runs when the test is over."""
    started = []

    def start(argv, **kwargs):
        process = Process(argv, **kwargs)
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.finish()


class Swarm:
    """The program under test, started from an empty directory."""

    exe = os.path.join(BUILD, "bin", "swarm")

    def __init__(self, spawn, cwd):
        self.spawn = spawn
        self.cwd = cwd

    def start(self, *args, env=None, cwd=None, wrap=()):
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("SWARM_", "LOCUST_"))}
        clean.update({"LANG": "C.UTF-8", "TERM": "dumb"}, **(env or {}))
        return self.spawn([*wrap, self.exe, *args], env=clean,
                          cwd=cwd or self.cwd)

    def run(self, *args, timeout=PATIENCE, **kwargs):
        process = self.start(*args, **kwargs)
        process.status = process.wait(timeout)
        return process

    @staticmethod
    def scenario(name):
        return os.path.join(BUILD, "scenarios", name)

    @staticmethod
    def module(name):
        return os.path.join(BUILD, "tests", "e2e", "modules", name)


@pytest.fixture
def swarm(spawn, tmp_path):
    return Swarm(spawn, tmp_path)


def start_target(swarm, *args):
    """`swarm target` with these arguments: the process, and its address."""
    process = swarm.start("target", "--listen", "127.0.0.1:0", *args)
    return process, process.wait_line(r"(http://127\.0\.0\.1:\d+)").group(1)


@pytest.fixture
def target(swarm):
    """Starts `swarm target` with these arguments; its address."""
    return lambda *args: start_target(swarm, *args)[1]


EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True,
                   capture_output=True)


def make_certificate(folder, names="DNS:localhost,IP:127.0.0.1"):
    """cert.pem and key.pem of localhost, and both in pair.pem."""
    openssl(folder, "req", "-x509", *EC_KEY, "-days", "2", "-subj",
            "/CN=localhost", "-addext", f"subjectAltName={names}",
            "-keyout", "key.pem", "-out", "cert.pem")
    (folder / "pair.pem").write_text((folder / "key.pem").read_text() +
                                     (folder / "cert.pem").read_text())
    return folder


class Listener:
    """A server on a port of its own: serve(conn) in a thread for each
    connection, which is closed when that returns or the peer has gone."""

    def __init__(self, serve=None):
        if serve:
            self.serve = serve
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.socket.accept()
                self.connections += 1
                threading.Thread(target=self.attend, args=(conn,),
                                 daemon=True).start()

    def attend(self, conn):
        with conn, contextlib.suppress(OSError):
            self.serve(conn)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class AsyncServer:
    """Of asyncio, in a thread of its own, until stop(); listen() makes it."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.ready.wait(PATIENCE)

    def run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(self.listen())
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()
        server.close()
        self.loop.run_until_complete(server.wait_closed())
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(
            asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)


class Broker:
    """A private mosquitto that publishes its own counters every second."""

    def __init__(self, spawn, directory):
        self.spawn = spawn
        self.directory = directory
        self.start()

    def start(self, port=None):
        for _ in range(5):
            self.port = port or free_port()
            conf = os.path.join(self.directory, f"broker-{self.port}.conf")
            with open(conf, "w") as f:
                f.write(f"listener {self.port} 127.0.0.1\n"
                        "allow_anonymous true\nsys_interval 1\n"
                        "max_queued_messages 0\n"
                        # Root would become a user who cannot read this.
                        f"{'user root' if os.getuid() == 0 else ''}\n")
            env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
            self.process = self.spawn(["mosquitto", "-c", conf], env=env)
            wait_for(lambda: "running" in self.process.err
                     or self.process.popen.poll() is not None, "mosquitto")
            if self.process.popen.poll() is None:
                self.url = f"mqtt://127.0.0.1:{self.port}"
                return
        pytest.fail("mosquitto does not start:\n" + self.process.err)

    def stop(self):
        self.process.popen.terminate()
        self.process.wait()

    def sys(self, topic):
        """A number from the broker's $SYS tree, as it is now: freshly
        published, or, since what has not changed is not published, the last
        one when none has come for longer than the interval."""
        args = ["mosquitto_sub", "-p", str(self.port), "-C", "1", "-t",
                "$SYS/broker/" + topic]
        done = subprocess.run([*args, "-R", "-W", "3"], capture_output=True,
                              text=True)
        if done.returncode != 0:
            done = subprocess.run([*args, "-W", "10"], capture_output=True,
                                  text=True, check=True)
        return int(done.stdout.split()[0])


@pytest.fixture
def broker(spawn, tmp_path):
    return Broker(spawn, tmp_path)


class Postgres:
    """A private PostgreSQL on a Unix socket and on a free port of loopback,
    run by an unprivileged user, with autovacuum off so that the counters move
    only by what a test does."""

    def __init__(self, **settings):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            pytest.skip("no PostgreSQL here")
        self.bin = os.path.dirname(found[-1])
        # Not below the test's own folder: others cannot enter that one, and
        # a socket's path has a limit.
        self.dir = tempfile.mkdtemp(prefix="swarm-pg-", dir="/tmp")
        self.data = os.path.join(self.dir, "data")
        self.drop = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            self.drop = ["setpriv", f"--reuid={user.pw_uid}",
                         f"--regid={user.pw_gid}", "--clear-groups"]
        os.chmod(self.dir, 0o755)
        self.settings = {"fsync": "off", "autovacuum": "off",
                         "max_connections": "60",
                         "superuser_reserved_connections": "0",
                         "listen_addresses": "127.0.0.1", **settings}
        self.process = None
        subprocess.run(self.drop + [
            os.path.join(self.bin, "initdb"), "-D", self.data, "-A", "trust",
            "-U", "postgres", "-N"], check=True, cwd=self.dir,
            stdout=subprocess.DEVNULL)
        for _ in range(5):
            self.port = free_port()
            if self.start(try_only=True):
                return
        pytest.fail("PostgreSQL does not start: " + self.log())

    @property
    def env(self):
        return {"PGHOST": self.dir, "PGPORT": str(self.port),
                "PGUSER": "postgres", "PGDATABASE": "postgres"}

    def uri(self, database="postgres", user="postgres"):
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def log(self):
        with open(os.path.join(self.dir, "log")) as f:
            return f.read()

    def start(self, try_only=False):
        argv = self.drop + [os.path.join(self.bin, "postgres"), "-D",
                            self.data, "-k", self.dir, "-p", str(self.port)]
        for name, value in self.settings.items():
            argv += ["-c", f"{name}={value}"]
        with open(os.path.join(self.dir, "log"), "a") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.dir, stdout=log, stderr=log,
                preexec_fn=die_with_parent)
        ready = [os.path.join(self.bin, "pg_isready"), "-q"]
        wait_for(lambda: self.process.poll() is not None or subprocess.run(
            ready, env={**os.environ, **self.env}).returncode == 0,
            "PostgreSQL")
        if self.process.poll() is None:
            return True
        if not try_only:
            pytest.fail("PostgreSQL does not start: " + self.log())
        return False

    def stop(self):
        """Fast: sessions are cut off."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(PATIENCE)
        shutil.rmtree(self.dir, ignore_errors=True)

    def ask(self, sql, database="postgres"):
        """Rows as text, columns separated by |."""
        done = subprocess.run(
            [os.path.join(self.bin, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1",
             "-d", database, "-c", sql], env={**os.environ, **self.env},
            capture_output=True, text=True)
        if done.returncode != 0:
            pytest.fail(f"{sql}: {done.stderr}")
        return done.stdout.strip()

    def pgbench(self, *args, database="postgres"):
        """The program that swarm pgbench is compared with."""
        return subprocess.run(
            [os.path.join(self.bin, "pgbench"), *args, database],
            env={**os.environ, **self.env}, capture_output=True, text=True,
            check=True)


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def own_postgres():
    """For tests that stop it, or that need it set up differently: a function
    that makes one."""
    made = []

    def make(**settings):
        made.append(Postgres(**settings))
        return made[-1]

    yield make
    for server in made:
        server.remove()


def read_csv(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def totals(prefix):
    """PREFIX_stats.csv as {(type, name): row}."""
    return {(row["Type"], row["Name"]): row
            for row in read_csv(f"{prefix}_stats.csv")}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Where CI is set nothing may be skipped."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
