#!/usr/bin/python3
"""swarm replay: how much one worker does, how late, and in how much memory.

usage: bench_replay [SECONDS]

Three figures, a JSON line each: events that do nothing, at rising rates, and
HTTP requests against swarm target (on another core, where there is one), to
what share of a core the worker's loop and the master took and how late events
were begun; and what a log of a gigabyte (SWARM_LONG_PROOFS; else 100 MB) takes
of memory, read to its end.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SWARM = os.path.join(BUILD, "bin", "swarm")
NULL = os.path.join(BUILD, "tests", "bench", "null_trace.so")
START = 1706702400
USERS = 500


def nothing(path, rate, seconds):
    rng = random.Random(1)
    with open(path, "w", encoding="ascii") as f:
        f.write("#null\n")
        f.writelines(f"{i * 1000000 // rate} u{rng.randrange(USERS)}\n"
                     for i in range(rate * seconds))


def access_log(path, rate, seconds, size=0):
    rng = random.Random(1)
    second = 0
    with open(path, "w", encoding="ascii") as f:
        while second < seconds or f.tell() < size:
            stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000",
                                  time.gmtime(START + second))
            f.write("".join(
                f'10.0.{w // 250}.{w % 250} - - [{stamp}] "GET /n{w % 97} '
                f'HTTP/1.1" 200 1 "-" "x/1"\n'
                for w in (rng.randrange(USERS) for _ in range(rate))))
            second += 1
    return second * rate


class Usage:
    """User and system seconds of a process and the most memory it had."""

    def __init__(self, pid):
        self.pid, self.cpu, self.peak = pid, 0.0, 0

    def look(self):
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
                fields = f.read().rpartition(") ")[2].split()
            with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
                peak = re.search(r"VmHWM:\s+(\d+)", f.read())
        except OSError:
            return
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf(
            "SC_CLK_TCK")
        self.peak = max(self.peak, int(peak.group(1)) if peak else 0)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(n) for n in f.read().split()]
    except OSError:
        return []


def replay(folder, *args):
    out = os.path.join(folder, "out")
    begun = time.monotonic()
    run = subprocess.Popen(
        [SWARM, "replay", *args, "--processes", "1", "--only-summary",
         "--json-file", out], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    master, worker = Usage(run.pid), None
    while run.poll() is None:
        master.look()
        for pid in children(run.pid):
            worker = worker or Usage(pid)
        if worker:
            worker.look()
        time.sleep(0.05)
    took = time.monotonic() - begun
    with open(out + ".json", encoding="utf-8") as f:
        result = json.load(f)
    lag = next(s for s in result["series"] if s["type"] == "REPLAY")
    return {
        "events": result["counters"]["replay: events"],
        "requests": result["total"]["requests"],
        "failed": result["total"]["failures"],
        "dropped": result["counters"].get("dropped arrivals", 0),
        "seconds": round(took, 1),
        "lag_p50_ms": lag["response_ms"]["p50"],
        "lag_p99_ms": lag["response_ms"]["p99"],
        "worker_cpu_s": worker.cpu, "worker_peak_mb": worker.peak // 1024,
        "master_cpu_s": master.cpu, "master_peak_mb": master.peak // 1024,
    }


def say(name, rate, figures):
    n = figures["events"]
    figures["worker_us_per_event"] = round(figures["worker_cpu_s"] / n * 1e6,
                                           2)
    figures["master_us_per_event"] = round(figures["master_cpu_s"] / n * 1e6,
                                           2)
    print(json.dumps({"bench": "replay", "what": name, "rate": rate,
                      **figures}), flush=True)


def target():
    process = subprocess.Popen(
        [SWARM, "target", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        url = re.search(r"http://127\.0\.0\.1:\d+", line)
        if url:
            return process, url.group(0)
    sys.exit("swarm target does not start")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace")
        for rate in (50_000, 100_000, 200_000):
            nothing(path, rate, seconds)
            say("nothing", rate, replay(folder, path, "--plugin", NULL,
                                        "-u", "1000"))
        process, url = target()
        try:
            for rate in (10_000, 20_000, 40_000):
                access_log(path, rate, seconds)
                say("http", rate, replay(folder, path, "-H", url, "-o",
                                         "http_trace.keep_connections=yes",
                                         "-u", "1000"))
            size = 1 << 30 if os.environ.get("SWARM_LONG_PROOFS") else \
                100 << 20
            access_log(path, 1000, 1, size)
            say("large", 1000, replay(
                folder, path, "-H", url, "--from",
                f"+{os.path.getsize(path) // 90_000}s", "--limit", "1000"))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
