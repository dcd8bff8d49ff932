#!/usr/bin/python3
"""CPU time per request of the HTTP clients beside wrk, h2load and Locust, and
what a user with an open connection costs in memory.

    bench_http [CASE...] [--connections N,N] [--rounds N] [--seconds N]

Cases: h1 (against a responder that never sleeps), nginx (h1 against nginx),
h2 (against nginx: multiplexed, and a connection for each user), locust,
memory; by default all.  Peers take
turns against the same server, which has one core and they the other; what is
shown is the median over the rounds, and of each round's ratio to its peer.
What counts is the CPU time of a client's whole process tree in a window after
a warm-up, divided by what the server answered in it.  One JSON line for each
figure; nothing is asserted.  A peer that is not installed is left out.
"""
import argparse
import contextlib
import json
import mmap
import os
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SWARM = os.path.join(HERE, "..", "..", "bin", "swarm")
LOAD = os.path.join(HERE, "http_load.so")
HEADERS = ["Accept-Language: en", "X-Client: bench"]
CASES = ["h1", "nginx", "h2", "locust", "memory"]


def show(case, connections, **figures):
    print(json.dumps({"case": "http " + case, "connections": connections} |
                     {k: round(v, 2) for k, v in figures.items()}),
          flush=True)


def pin(core):
    if len(os.sched_getaffinity(0)) > core:
        os.sched_setaffinity(0, {core})


# ---- servers ----

class Responder:
    """What http_responder answered is in a file that both have mapped."""

    def __init__(self, directory):
        path = os.path.join(directory, "answered")
        with open(path, "wb") as f:
            f.write(bytes(8))
        self.process = subprocess.Popen(
            [os.path.join(HERE, "http_responder"), path],
            stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(1))
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        with open(path, "rb") as f:
            self.map = mmap.mmap(f.fileno(), 8, prot=mmap.PROT_READ)

    def answered(self):
        return struct.unpack("Q", self.map[:])[0]

    def stop(self):
        self.process.kill()
        self.process.wait()


class Nginx:
    """One worker that answers from memory; by TLS and HTTP/2 when asked."""

    def __init__(self, directory, tls=False):
        with socket.socket() as s, socket.socket() as t:
            s.bind(("127.0.0.1", 0))
            t.bind(("127.0.0.1", 0))
            port, self.status = s.getsockname()[1], t.getsockname()[1]
        listen = ""
        if tls:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                 "/CN=localhost", "-keyout", directory + "/key.pem",
                 "-out", directory + "/cert.pem"],
                check=True, capture_output=True)
            listen = (f"ssl http2; ssl_certificate {directory}/cert.pem; "
                      f"ssl_certificate_key {directory}/key.pem")
        conf = os.path.join(directory, "nginx.conf")
        temp = " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(conf, "w") as f:
            f.write(f"""
daemon off; worker_processes 1; worker_rlimit_nofile 20000;
worker_cpu_affinity 10; pid {directory}/pid; error_log {directory}/error.log;
{"user root;" if os.getuid() == 0 else ""}
events {{ worker_connections 19000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; {temp}
  server {{ listen 127.0.0.1:{port} backlog=4096 {listen};
    location / {{ return 200 "ok\\n"; }} }}
  server {{ listen 127.0.0.1:{self.status}; location / {{ stub_status; }} }}
}}""")
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        self.process = subprocess.Popen(
            ["nginx", "-c", conf, "-e", directory + "/error.log"], env=env)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        end = time.monotonic() + 10
        while True:
            try:
                self.answered()
                return
            except OSError:
                if time.monotonic() > end:
                    sys.exit("nginx does not start")
                time.sleep(0.05)

    def answered(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/") as f:
            return int(f.read().split(b"\n")[2].split()[2])

    def stop(self):
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def serving(make, *args):
    with tempfile.TemporaryDirectory() as directory:
        server = make(directory, *args)
        try:
            yield server
        finally:
            server.stop()


# ---- clients ----

def tree(group):
    """The processes of a process group."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as f:
                if int(f.read().rsplit(")", 1)[1].split()[2]) == group:
                    yield entry
        except OSError:
            pass


def cpu_ns(group):
    total = 0
    for pid in tree(group):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    total += int(f.read().split()[0])
        except OSError:
            pass
    return total


def largest_rss(group):
    """KiB of the largest process."""
    sizes = []
    for pid in tree(group):
        try:
            with open(f"/proc/{pid}/statm") as f:
                sizes.append(int(f.read().split()[1]))
        except OSError:
            pass
    return max(sizes, default=0) * os.sysconf("SC_PAGESIZE") / 1024


@contextlib.contextmanager
def client(argv):
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: pin(0))
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def us_per_request(argv, server, seconds, warm_up):
    with client(argv) as group:
        time.sleep(warm_up)
        cpu, count = cpu_ns(group), server.answered()
        time.sleep(seconds)
        cpu, count = cpu_ns(group) - cpu, server.answered() - count
    return cpu / 1e3 / count if count > 100 else None


def swarm(plugin, url, users, *options):
    return [SWARM, "-f", LOAD, "--plugin", plugin, "--headless",
            "--processes", "1", "-u", str(users), "-r", "100000",
            "-t", "80s", "-H", url, "-o", f"{plugin}.insecure=yes", *options]


def wrk(url, connections):
    return ["wrk", "-t1", f"-c{connections}", "-d80",
            *(a for h in HEADERS for a in ("-H", h)), url + "/hello"]


def h2load(url, connections, streams):
    return ["h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D80",
            *(a for h in HEADERS for a in ("-H", h)), url + "/hello"]


LOCUST = """
import locust
class User(locust.{kind}):
    headers = {{{headers}}}
    @locust.task
    def visit(self):
        self.client.get("/hello", headers=self.headers)
        self.client.get("/world", headers=self.headers)
"""


def locust(directory, kind, url, users):
    path = os.path.join(directory, f"{kind}.py")
    headers = ", ".join("%r: %r" % tuple(h.split(": ")) for h in HEADERS)
    with open(path, "w") as f:
        f.write(LOCUST.format(kind=kind, headers=headers))
    return ["locust", "-f", path, "--headless", "-u", str(users), "-r",
            str(users), "-t", "80s", "-H", url]


# ---- what is compared ----

def compare(case, connections, server, args, peer, others, warm_up=1.5):
    """Rounds of all in turn.  peer and others: (name, argv)."""
    results = {name: [] for name, _ in [peer] + others}
    for _ in range(args.rounds):
        for name, argv in [peer] + others:
            if shutil.which(argv[0]):
                results[name].append(us_per_request(
                    argv, server, args.seconds, warm_up))
    for name, values in results.items():
        good = [v for v in values if v]
        if not good:
            continue
        figures = {"us": statistics.median(good)}
        ratios = [v / p for v, p in zip(values, results[peer[0]]) if v and p]
        if name != peer[0] and ratios:
            figures[f"of_{peer[0]}"] = statistics.median(ratios)
        show(f"{case} {name}", connections, **figures)


def one_by_one(case, server, args):
    for n in args.connections:
        compare(case, n, server, args, ("wrk", wrk(server.url, n)), [
            ("fasthttp", swarm("fasthttp", server.url, n)),
            ("libcurl", swarm("http", server.url, n, "-o",
                              "http_load.cookies=2"))],
            warm_up=1.5 if n < 1000 else 5)


def h1(args):
    with serving(Responder) as server:
        one_by_one("h1", server, args)


def nginx(args):
    with serving(Nginx) as server:
        one_by_one("nginx", server, args)


def h2(args):
    """A hundred users on each connection; then each with one of its own."""
    with serving(Nginx, True) as server:
        for n in args.connections:
            compare("h2", n, server, args,
                    ("h2load", h2load(server.url, -(-n // 100),
                                      min(n, 100))), [
                        (name, swarm(plugin, server.url, n, "-o",
                                     f"{plugin}.multiplex=yes"))
                        for name, plugin in (("fasthttp", "fasthttp"),
                                             ("libcurl", "http"))],
                    warm_up=1.5 if n < 1000 else 3)
        for n in sorted({min(n, 1000) for n in args.connections}):
            # A thousand handshakes take their time.
            compare("h2 own", n, server, args,
                    ("h2load", h2load(server.url, n, 1)), [
                        ("fasthttp", swarm("fasthttp", server.url, n)),
                        ("libcurl", swarm("http", server.url, n))],
                    warm_up=1.5 if n < 1000 else 6)


def against_locust(args):
    with serving(Responder) as server, \
            tempfile.TemporaryDirectory() as directory:
        for kind, plugin in (("FastHttpUser", "fasthttp"),
                             ("HttpUser", "http")):
            compare("locust", 64, server, args,
                    (kind, locust(directory, kind, server.url, 64)),
                    [(plugin, swarm(plugin, server.url, 64))], warm_up=3)


def memory(args):
    """Of a worker, each user beyond the first hundred."""
    with serving(Responder) as server:
        for plugin, options in (
                ("fasthttp", []), ("http", ["-o", "http_load.cookies=2"])):
            sizes = []
            for users in (100, 10100):
                with client(swarm(plugin, server.url, users, "-o",
                                  "http_load.idle=yes", *options)) as group:
                    before, end = server.answered(), time.monotonic() + 30
                    while server.answered() - before < users and \
                            time.monotonic() < end:
                        time.sleep(0.1)
                    time.sleep(10)      # what the start took goes back
                    sizes.append(largest_rss(group))
            show(f"memory {plugin}", 10000,
                 KiB=(sizes[1] - sizes[0]) / 10000)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--connections", default="64,10000",
                        type=lambda s: [int(n) for n in s.split(",")])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    run = {"h1": h1, "nginx": nginx, "h2": h2, "locust": against_locust,
           "memory": memory}
    for case in args.cases or CASES:
        if case not in run:
            parser.error(f"no case {case}: give one of {' '.join(CASES)}")
        run[case](args)


if __name__ == "__main__":
    main()
