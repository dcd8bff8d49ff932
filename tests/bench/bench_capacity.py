#!/usr/bin/python3
"""swarm capacity against a server of known capacity: how near the answer is.

usage: bench_capacity [SEEDS] [FIRST]

swarm target works as M/M/c on loopback: arrivals at random, exponential service
times, the others wait in order.  The rate at which the p99 of the time in it is
the objective is known; the answer shall be within 5 % of it in nine of ten
seeds, in less than five minutes each.  One JSON line a seed, and one of all.

It takes a quiet machine: where the generator is starved the answer says so
("at-least"), and counts as missed.
"""
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SWARM = os.path.join(BUILD, "bin", "swarm")
SCENARIO = os.path.join(BUILD, "tests", "e2e", "modules", "limits.so")
SERVERS, MEAN, LIMIT = 2, 0.004, 0.040  # seconds


def above(rate, t):
    """The share of requests that take longer than t (M/M/c)."""
    mu = 1 / MEAN
    load = rate / mu
    last = load ** SERVERS / math.factorial(SERVERS) * SERVERS / (
        SERVERS - load)
    wait = last / (sum(load ** k / math.factorial(k)
                       for k in range(SERVERS)) + last)
    a = SERVERS * mu - rate
    if abs(mu - a) < 1e-9:
        both = (1 + mu * t) * math.exp(-mu * t)
    else:
        both = (mu * math.exp(-a * t) - a * math.exp(-mu * t)) / (mu - a)
    return (1 - wait) * math.exp(-mu * t) + wait * both


def truth():
    low, high = 0.0, SERVERS / MEAN * (1 - 1e-9)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle, LIMIT) < 0.01 else (
            low, middle)
    return low


def search(seed, folder):
    target = subprocess.Popen(
        [SWARM, "target", "--listen", "127.0.0.1:0", "--delay",
         f"exp:{MEAN * 1e3:g}ms", "--servers", str(SERVERS)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        url = None
        while url is None:
            line = target.stdout.readline()
            if not line:
                sys.exit("swarm target does not start")
            url = re.search(r"http://127\.0\.0\.1:\d+", line)
        out = os.path.join(folder, "out")
        begun = time.monotonic()
        subprocess.run(
            [SWARM, "capacity", "-f", SCENARIO, "-H", url.group(0),
             "--poisson", "--seed", str(seed), "--slo",
             f"p99<{LIMIT * 1e3:g}ms", "--processes", "1",
             "--json-file", out, "eager"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=1200, check=False)
        took = time.monotonic() - begun
    finally:
        target.terminate()
        target.wait()
    with open(out + ".json", encoding="utf-8") as f:
        return json.load(f)["capacity"], took


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    true, good = truth(), 0
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as folder:
            answer, took = search(seed, folder)
        off = (answer["load"] or 0) / true - 1
        good += answer["answer"] == "found" and abs(off) <= 0.05 and \
            took < 300
        print(json.dumps({
            "bench": "capacity", "seed": seed, "answer": answer["answer"],
            "load": answer["load"], "true": round(true, 1),
            "off_percent": round(off * 100, 1), "seconds": round(took),
            "probes": len(answer["probes"])}), flush=True)
    print(json.dumps({"bench": "capacity", "within_5_percent": good,
                      "seeds": seeds}))


if __name__ == "__main__":
    main()
