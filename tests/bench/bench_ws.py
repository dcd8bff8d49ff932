#!/usr/bin/python3
"""What WebSocket costs the load generator.

    bench_ws [CASE...] [--rounds N] [--seconds N]

cpu   processor time of an echo of 64 bytes, at 100 and 1,000 connections that
      send again as soon as the answer has come, beside a bare libwebsockets
      loop, the npm package ws and, when it is installed, k6
npm   the same at 100 connections beside the bench clients of npm: artillery's
      WebSocket engine and loadtest; needs `npm ci` in tests/bench/ws_js
connect  what 2,000 connects cost, and how many a second there are, beside the
      same peers and artillery
idle  15,000 sessions on one worker that are held open: how fast they connect,
      what each costs in time and in memory
tls   the same with TLS

Peers take turns against the same server, which has one core and they the
other; what is shown is the median over the rounds, and of each round's ratio
to its peer.  What counts is the processor time of a client's whole process
tree in a window after its warm-up, divided by what the server sent back in
it.  One JSON line for each figure; nothing is asserted.
"""
import argparse
import json
import mmap
import os
import re
import resource
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SWARM = os.path.join(HERE, "..", "..", "bin", "swarm")
# Linked to where the sources are, and so to what npm has put there.
JS = os.path.realpath(os.path.join(HERE, "ws_js"))
CASES = ["cpu", "npm", "connect", "idle", "tls"]
CONNECTS = 2000
TEXT = json.dumps({"a": "x" * 56})
SESSIONS = 15000
# A local address has 28,232 ports, and finding one takes longer and longer
# when half of them are taken.
SOURCES = ",".join(f"127.0.0.{n}" for n in range(11, 15))


def show(name, value, unit):
    print(json.dumps({"name": "ws." + name, "value": round(value, 3),
                      "unit": unit}), flush=True)


def pin(last):
    """The generator on the first core, the server on the last."""
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[-1 if last else 0]})


class Responder:
    """What it sent back is in a file that both have mapped."""

    def __init__(self, directory, spin, tls=False):
        path = os.path.join(directory, "answered")
        args = [path, "1"] + (["spin"] if spin else [])
        if tls:
            args += [directory + "/cert.pem", directory + "/key.pem"]
        self.process = subprocess.Popen(
            [os.path.join(HERE, "ws_responder"), *args],
            stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(True))
        port = int(self.process.stdout.readline())
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/"
        self.port = port
        with open(path, "rb") as f:
            self.map = mmap.mmap(f.fileno(), 24, prot=mmap.PROT_READ)

    def counted(self, index):
        return struct.unpack("QQQ", self.map[:])[index]

    def answered(self):
        return self.counted(0)

    def opened(self):
        return self.counted(1)

    def taken(self):
        return self.counted(2)

    def stop(self):
        self.process.kill()
        self.process.wait()


# ---- processor time of a tree of processes ----

def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(c) for c in f.read().split()]
    except OSError:
        return []


def tree(pid):
    pids = [pid]
    for child in children(pid):
        pids += tree(child)
    return pids


def used(pid):
    """Processor seconds of one process, all of its threads."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
    except OSError:
        pass
    return total / 1e9


def wait_until(condition, what, timeout=40):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"waited {timeout} s in vain for {what}")
        time.sleep(0.005)


def start(argv):
    return subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, preexec_fn=lambda: pin(False),
        env=dict(os.environ, ARTILLERY_DISABLE_TELEMETRY="true"))


def end(client):
    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    # The server has seen them go before the next one comes.
    time.sleep(0.3)


def echo_cost(responder, argv, connections, seconds):
    """Microseconds of each echo of a client that goes on for ever."""
    before = responder.answered()
    client = start(argv)
    wait_until(lambda: responder.answered() - before > 3 * connections,
               f"echoes of {argv[0]}")
    time.sleep(1)
    answered = responder.answered()
    cpu = {pid: used(pid) for pid in tree(client.pid)}
    time.sleep(seconds)
    cpu = sum(used(pid) - cpu.get(pid, 0) for pid in tree(client.pid))
    answered = responder.answered() - answered
    end(client)
    return cpu / answered * 1e6


def start_cost(responder, argv, count):
    """Processor seconds from a client's start until so many sessions stand,
    and seconds from its first connection until then."""
    taken, opened = responder.taken(), responder.opened()
    client = start(argv)
    wait_until(lambda: responder.taken() > taken, f"{argv[0]} to connect")
    begin = time.monotonic()
    wait_until(lambda: responder.opened() - opened >= count,
               f"the connects of {argv[0]}")
    seconds = time.monotonic() - begin
    cpu = sum(map(used, tree(client.pid)))
    end(client)
    return cpu, seconds


def connect_cost(responder, argv_of):
    """Microseconds of each connect, what many took more than one, and
    connects a second."""
    one = start_cost(responder, argv_of(1), 1)
    many = start_cost(responder, argv_of(CONNECTS), CONNECTS)
    return (many[0] - one[0]) / (CONNECTS - 1) * 1e6, CONNECTS / many[1]


def compare(name, rounds, **sides):
    """Each side in turn; medians, and of the ratio to the first too."""
    times = {side: [] for side in sides}
    for _ in range(rounds):
        for side, measure in sides.items():
            times[side].append(measure())
    ours = times.pop("swarm")
    show(f"{name}_swarm", statistics.median(ours), "us")
    for side, theirs in times.items():
        show(f"{name}_{side}", statistics.median(theirs), "us")
        show(f"{name}_ratio_{side}", statistics.median(
            a / b for a, b in zip(ours, theirs)), "ratio")


# ---- the clients ----

def swarm_echo(url, connections):
    return [SWARM, "ws", url, "-c", str(connections), "--connect-rate",
            str(10 * connections), "-r", "0", "-b", "--", "--processes", "1",
            "-t", "1h"]


def node():
    if shutil.which("node") and os.path.exists(JS + "/node_modules"):
        return shutil.which("node")
    print("no node, or no `npm ci` in tests/bench/ws_js", file=sys.stderr)
    return None


def k6_script(directory, url, connections):
    path = os.path.join(directory, "k6.js")
    with open(path, "w") as f:
        f.write("import ws from 'k6/ws';\n"
                f"export const options = {{ vus: {connections}, "
                "duration: '1h' };\n"
                "const data = new ArrayBuffer(64);\n"
                "export default function () {\n"
                f"  ws.connect('{url}', {{}}, (s) => {{\n"
                "    s.on('open', () => s.sendBinary(data));\n"
                "    s.on('binaryMessage', () => s.sendBinary(data));\n"
                "  });\n}\n")
    return ["k6", "run", "--quiet", path]


def artillery_script(directory, url, connections, idle=False):
    path = os.path.join(directory, "artillery.json")
    echo = {"loop": [{"send": {"payload": TEXT, "capture": {
        "json": "$.a", "as": "a"}}}], "count": 1000000000}
    with open(path, "w") as f:
        json.dump({
            "config": {"target": url, "phases": [
                {"duration": 1, "arrivalCount": connections}]},
            "scenarios": [{"engine": "ws", "flow": [
                {"think": 3600} if idle else echo]}]}, f)
    return [JS + "/node_modules/.bin/artillery", "run", path]


def bench_cpu(directory, options):
    responder = Responder(directory, True)
    url = responder.url
    for n in (100, 1000):
        sides = {
            "swarm": swarm_echo(url, n),
            "libwebsockets": [os.path.join(HERE, "ws_peer"),
                              str(responder.port), str(n)],
        }
        if node():
            sides["node_ws"] = [node(), JS + "/peer.mjs", url, str(n)]
        if shutil.which("k6"):
            sides["k6"] = k6_script(directory, url, n)
        compare(f"echo_{n}", options.rounds, **{
            side: lambda argv=argv, n=n: echo_cost(responder, argv, n,
                                                   options.seconds)
            for side, argv in sides.items()})
    responder.stop()


def bench_npm(directory, options):
    if not node():
        return
    responder = Responder(directory, True)
    url = responder.url
    sides = {
        "swarm": swarm_echo(url, 100),
        "artillery": artillery_script(directory, url, 100),
        "loadtest": [JS + "/node_modules/.bin/loadtest", "-c", "100",
                     "--cores", "1", "-t", "3600", url],
    }
    compare("echo_100_beside", min(options.rounds, 2), **{
        side: lambda argv=argv: echo_cost(responder, argv, 100,
                                          options.seconds)
        for side, argv in sides.items()})
    responder.stop()


def bench_connect(directory, options):
    responder = Responder(directory, True)
    url = responder.url
    sides = {
        "swarm": lambda n: [SWARM, "ws", url, "--mode", "idle", "-c", str(n),
                            "--connect-rate", "20000", "--", "--processes",
                            "1", "-t", "1h"],
        "libwebsockets": lambda n: [os.path.join(HERE, "ws_peer"),
                                    str(responder.port), str(n), "idle"],
    }
    if node():
        sides["node_ws"] = lambda n: [node(), JS + "/peer.mjs", url, str(n),
                                      "idle"]
        sides["artillery"] = lambda n: artillery_script(directory, url, n,
                                                        True)
    rates = {side: [] for side in sides}

    def measure(side):
        cost, rate = connect_cost(responder, sides[side])
        rates[side].append(rate)
        return cost

    compare("connect", options.rounds, **{
        side: lambda side=side: measure(side) for side in sides})
    for side, seen in rates.items():
        show(f"connect_rate_{side}", statistics.median(seen), "1/s")
    responder.stop()


# ---- sessions that are held open ----

def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def descriptors(pid):
    """Their number is the folder's size since Linux 6.2; to list them would
    hold up the process."""
    folder = f"/proc/{pid}/fd"
    return os.stat(folder).st_size or len(os.listdir(folder))


def hold(responder, sessions, rate, directory):
    """The worker's KiB and processor seconds when all stand, and how long
    that took."""
    out = os.path.join(directory, "idle.json")
    run = subprocess.Popen(
        [SWARM, "ws", responder.url, "--mode", "idle", "-c", str(sessions),
         "--connect-rate", str(rate), "--source", SOURCES, "--timeout", "60",
         "--cafile", directory + "/cert.pem", "--", "--processes", "1", "-t",
         "5m", "--json-file", out],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: children(run.pid), "the worker")
    worker = children(run.pid)[0]
    for pid, last in ((run.pid, True), (worker, False)):
        cpus = sorted(os.sched_getaffinity(0))
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {cpus[-1 if last else 0]})
    before = descriptors(worker)
    wait_until(lambda: descriptors(worker) > before, "the first session")
    begin, cpu = time.monotonic(), used(worker)
    wait_until(lambda: descriptors(worker) > sessions, "all sessions", 80)
    taken, cpu = time.monotonic() - begin, used(worker) - cpu
    # What only the connecting needed is given back after some seconds.
    time.sleep(6)
    size = memory(worker)
    run.send_signal(signal.SIGINT)
    run.wait()
    with open(out) as f:
        counters = json.load(f)["counters"]
    if counters.get("ws_opened") != sessions or \
            counters.get("ws_lost") or counters.get("ws_connect_fail"):
        sys.exit(f"not all sessions stood: {counters}")
    return size, taken, cpu


def bench_hold(name, rate, directory, options, tls):
    rounds = []
    for _ in range(options.rounds):
        responder = Responder(directory, False, tls)
        small = hold(responder, 500, 500, directory)
        large = hold(responder, options.sessions, rate, directory)
        responder.stop()
        n = options.sessions - 500
        rounds.append(((large[0] - small[0]) / n, options.sessions / large[1],
                       large[2] / options.sessions * 1e6))
    show(name + "_sessions", options.sessions, "sessions")
    for i, (what, unit) in enumerate((
            ("memory", "KiB"), ("connect_rate", "1/s"),
            ("connect_cpu", "us"))):
        show(f"{name}_{what}", statistics.median(r[i] for r in rounds), unit)


def bench_idle(directory, options):
    bench_hold("idle", 20000, directory, options, False)


def bench_tls(directory, options):
    bench_hold("idle_tls", 20000, directory, options, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse
                                     .RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", default=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", directory + "/key.pem", "-out",
             directory + "/cert.pem"], check=True, capture_output=True)
        for case in options.cases:
            if case not in CASES:
                parser.error(f"there is no case {case}")
            globals()["bench_" + case](directory, options)


if __name__ == "__main__":
    main()
