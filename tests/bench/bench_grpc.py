#!/usr/bin/python3
"""What a unary gRPC call costs the load generator, beside a bare loop on grpc
core, beside h2load, and beside ghz where it is installed; and whether a million
calls are all in the histograms.

One JSON line for each figure.  All call the same server with 64 bytes, one after
the other, each on one processor and the server on another.  swarm's processor
time is that of its one worker over the same seconds; the others' is that of the
whole program.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "..")
SWARM = os.path.join(BUILD, "bin", "swarm")
SERVER = os.path.join(BUILD, "plugins", "grpc", "grpc_server")
PEER = os.path.join(HERE, "grpc_peer")
METHOD = "swarm.test.Echo/Unary"
MESSAGE = b"\x1a\x3e" + b"." * 62
SECONDS = 3
TICKS = os.sysconf("SC_CLK_TCK")
MANY = int(os.environ.get("SWARM_BENCH_CALLS", "1000000"))


def show(name, value, unit):
    print(json.dumps({"name": name, "value": round(value, 2), "unit": unit}),
          flush=True)
    return value


def on(processor, argv):
    if os.cpu_count() > 1 and shutil.which("taskset"):
        return ["taskset", "-c", str(processor), *argv]
    return argv


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def worker_of(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
        if children:
            return int(children[0])
        time.sleep(0.02)
    sys.exit("swarm has no worker")


def swarm(port, message, calls, connections):
    shared = ["--connections", str(connections)] if connections < calls else []
    run = subprocess.Popen(on(0, [
        SWARM, "grpc", f"127.0.0.1:{port}", METHOD, "-b", message, "-c",
        str(calls), *shared, "-z", f"{SECONDS + 3}s", "--", "--processes",
        "1", "--json"]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    worker = worker_of(run.pid)
    time.sleep(2.2)
    before, start = cpu(worker), time.monotonic()
    time.sleep(SECONDS)
    used, took = cpu(worker) - before, time.monotonic() - start
    out = json.loads(run.communicate()[0])
    if out["total"]["failures"]:
        sys.exit("calls failed")
    # The seconds in between, of the run's own history.
    rates = [second["requests"] / second["length_s"]
             for second in out["history"] if 2.5 < second["end_s"] < 5.5]
    return used / took / (sum(rates) / len(rates)) * 1e6


def bare(port, calls, connections):
    done = subprocess.run(on(0, [PEER, str(port), str(calls),
                                 str(connections), str(SECONDS)]),
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["cpu_us"]


def children_cpu():
    times = os.times()
    return times.children_user + times.children_system


def h2load(port, body, calls, connections):
    before = children_cpu()
    done = subprocess.run(on(0, [
        "h2load", "-D", str(SECONDS), "-c", str(connections), "-m",
        str(calls // connections), "-d", body, "-H",
        "content-type: application/grpc", "-H", "te: trailers",
        f"http://127.0.0.1:{port}/{METHOD}"]), capture_output=True, text=True,
        check=True)
    ok = int(re.search(r"(\d+) succeeded", done.stdout).group(1))
    return (children_cpu() - before) / ok * 1e6


def ghz(port, message, calls, connections):
    before = children_cpu()
    done = subprocess.run(on(0, [
        "ghz", "--insecure", "--call", METHOD, "-B", message, "-c",
        str(calls), "--connections", str(connections), "-z", f"{SECONDS}s",
        "-O", "json", f"127.0.0.1:{port}"]), capture_output=True, text=True,
        check=True, env=dict(os.environ, GOMAXPROCS="1"))
    count = json.loads(done.stdout)["count"]
    return (children_cpu() - before) / count * 1e6


def compare(port, message, body, calls, connections):
    name = f"grpc.unary_{calls}x{connections}"
    peer = show(f"{name}_bare", bare(port, calls, connections), "us")
    mine = show(f"{name}_swarm", swarm(port, message, calls, connections),
                "us")
    show(f"{name}_to_bare", mine / peer, "ratio")
    if shutil.which("h2load"):
        show(f"{name}_h2load", h2load(port, body, calls, connections), "us")
    if shutil.which("ghz"):
        other = show(f"{name}_ghz", ghz(port, message, calls, connections),
                     "us")
        show(f"{name}_to_ghz", mine / other, "ratio")


def many(port, message):
    """Every sample has its place."""
    done = subprocess.run([
        SWARM, "grpc", f"127.0.0.1:{port}", METHOD, "-b", message, "-c", "50",
        "--connections", "1", "-n", str(MANY), "-z", "300s", "--",
        "--processes", "1", "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, check=True)
    rows = {(row["type"], row["name"]): row
            for row in json.loads(done.stdout)["series"]}
    row = rows["GRPC", METHOD]
    buckets = sum(row["response_buckets"][1::2])    # bucket, count, ...
    show("grpc.many_calls", row["requests"], "calls")
    show("grpc.many_in_histogram", buckets, "samples")
    if not row["requests"] == buckets == MANY:
        sys.exit(f"{MANY} calls, {buckets} samples")


def main():
    server = subprocess.Popen(on(1, [SERVER]), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    try:
        with tempfile.TemporaryDirectory() as folder:
            message = os.path.join(folder, "message")
            body = os.path.join(folder, "body")
            with open(message, "wb") as f:
                f.write(MESSAGE)
            with open(body, "wb") as f:
                f.write(b"\0" + len(MESSAGE).to_bytes(4, "big") + MESSAGE)
            for calls, connections in ((64, 1), (64, 64), (1000, 1)):
                compare(port, message, body, calls, connections)
            if MANY:
                many(port, message)
    finally:
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    main()
