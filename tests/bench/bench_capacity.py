#!/usr/bin/python3
"""swarm capacity against a server of known capacity: how near the answer is.

usage: bench_capacity [--users] [--seeds N] [--first N] [--beside N]
                      [--servers N] [--mean MS] [--limit MS] [--slow]
                      [--realtime]

swarm target works as M/M/c on loopback: exponential service times, the others
wait in order.  With arrivals at random the rate at which the p99 of the time in
it is the limit is known (Erlang's C formula); with users who think for an
exponential time (M/M/c//N) so is the number of them.  The answer shall be
within 5 % of it in nine of ten seeds, in less than five minutes each.  One JSON
line a seed, with the server's own figures beside what was asked of it, and one
of all.

--slow makes the generator too slow on purpose: its only worker is kept busy for
5 ms by each request, so that what it measures is its own queue long before the
server's.  A wrong number would be easy to give; the answer must be that it was
the generator.

It takes a quiet machine: a generator that is starved says so ("at-least"), and
counts as missed.  --realtime (of root) keeps others off: the target on the
first processor and swarm on the last, both before anything else; --beside N
searches run at the same time, each against a target of its own.
"""
import argparse
import concurrent.futures
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SWARM = os.path.join(BUILD, "bin", "swarm")
SCENARIO = os.path.join(BUILD, "tests", "e2e", "modules", "limits.so")
THINK = 0.5                             # seconds, of class "thinker"


class Open:
    """M/M/c."""
    unit, user, extra = "arrivals/s", "eager", ["--poisson"]

    def __init__(self, servers, mean, limit):
        self.c, self.mu, self.limit = servers, 1 / mean, limit

    def above(self, rate):
        """The share of requests that take longer than the limit."""
        load = rate / self.mu
        last = load ** self.c / math.factorial(self.c) * self.c / (
            self.c - load)
        wait = last / (sum(load ** k / math.factorial(k)
                           for k in range(self.c)) + last)
        a, mu, t = self.c * self.mu - rate, self.mu, self.limit
        if abs(mu - a) < 1e-9:
            both = (1 + mu * t) * math.exp(-mu * t)
        else:
            both = (mu * math.exp(-a * t) - a * math.exp(-mu * t)) / (mu - a)
        return (1 - wait) * math.exp(-mu * t) + wait * both

    def truth(self):
        low, high = 0.0, self.c * self.mu * (1 - 1e-9)
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self.above(middle) < 0.01 else (
                low, middle)
        return low


class Closed:
    """M/M/c//N: who comes sees the system as the others alone leave it."""
    unit, user, extra = "users", "thinker", ["--users"]

    def __init__(self, servers, mean, limit):
        self.c, self.mu, self.limit = servers, 1 / mean, limit

    def seen(self, users):
        """How many are at the server, of that many users in all."""
        weight = [1.0]
        for n in range(1, users + 1):
            weight.append(weight[-1] * (users - n + 1) / THINK /
                          (min(n, self.c) * self.mu))
        total = sum(weight)
        return [w / total for w in weight]

    def longer(self, ahead):
        """The chance of more than the limit, behind so many others: as many
        departures at the pace of all servers as must be waited for, then the
        own service; by steps of time."""
        if ahead < self.c:
            return math.exp(-self.mu * self.limit)
        stages, rate = ahead - self.c + 1, self.c * self.mu
        steps = 400
        dt = self.limit / steps
        served = 0.0
        for i in range(steps):
            t = (i + 0.5) * dt
            log = (stages * math.log(rate) + (stages - 1) * math.log(t) -
                   rate * t - math.lgamma(stages))
            served += math.exp(log) * dt * -math.expm1(
                -self.mu * (self.limit - t))
        return max(1 - served, 0)

    def above(self, users):
        tails = [self.longer(k) for k in range(users)]
        return sum(p * t for p, t in zip(self.seen(users - 1), tails))

    def truth(self):
        low, high = 1, 2
        while self.above(high) < 0.01:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.above(middle) < 0.01 else (
                low, middle)
        return low


def keep_others_off(cpu):
    def prepare():
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(40))
        os.sched_setaffinity(0, {cpu})
    return prepare


def run_swarm(args, system, url, seed, out):
    command = [SWARM, "capacity", "-f", SCENARIO, "-H", url, "--seed",
               str(seed), "--slo", f"p99<{system.limit * 1e3:g}ms",
               "--processes", "1", "--json-file", out]
    return subprocess.run(
        command + system.extra + ["signer" if args.slow else system.user],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=1200,
        check=False, preexec_fn=keep_others_off(os.cpu_count() - 1)
        if args.realtime else None).returncode


def search(args, system, seed):
    target = subprocess.Popen(
        [SWARM, "target", "--listen", "127.0.0.1:0", "--delay",
         f"exp:{args.mean}ms", "--servers", str(args.servers)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=keep_others_off(0) if args.realtime else None)
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = None
            while url is None:
                line = target.stdout.readline()
                if not line:
                    sys.exit("swarm target does not start")
                url = re.search(r"http://127\.0\.0\.1:\d+", line)
            out = os.path.join(folder, "out")
            begun = time.monotonic()
            status = run_swarm(args, system, url.group(0), seed, out)
            took = time.monotonic() - begun
            with urllib.request.urlopen(url.group(0) + "/stats") as f:
                stats = json.load(f)
        finally:
            target.terminate()
            target.wait()
        with open(out + ".json", encoding="utf-8") as f:
            return json.load(f)["capacity"], status, took, stats


def report(args, system, seed, true):
    answer, status, took, stats = search(args, system, seed)
    off = (answer["load"] or 0) / true - 1
    good = answer["answer"] == "found" and abs(off) <= 0.05 and \
        took < 300 and status == 0
    if args.slow:
        good = answer["answer"] in ("at-least", "lost") and status == 97
    print(json.dumps({
        "bench": "capacity", "unit": system.unit, "seed": seed,
        "answer": answer["answer"], "held_s": answer["held_s"],
        "load": answer["load"] and round(answer["load"], 1),
        "range": [x and round(x, 1) for x in answer["range"]],
        "true": round(true, 1), "off_percent": round(off * 100, 1),
        "seconds": round(took), "probes": len(answer["probes"]),
        "left_out_s": sum(p["left_out_s"] for p in answer["probes"]),
        "invalid": sum(p["verdict"] == "invalid" for p in answer["probes"]),
        "target_service_ms": stats["service_ms"],
        "target_late_ms": stats["late_ms"],
        "exit": status}), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--beside", type=int, default=1)
    parser.add_argument("--servers", type=int)
    parser.add_argument("--mean", type=float)
    parser.add_argument("--limit", type=float)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--realtime", action="store_true")
    args = parser.parse_args()
    args.servers = args.servers or 4
    args.mean = args.mean or (10 if args.users else 4)
    args.limit = args.limit or (80 if args.users else 50)
    system = (Closed if args.users else Open)(
        args.servers, args.mean / 1e3, args.limit / 1e3)
    true = system.truth()
    seeds = range(args.first, args.first + args.seeds)
    with concurrent.futures.ThreadPoolExecutor(args.beside) as pool:
        good = sum(pool.map(lambda s: report(args, system, s, true), seeds))
    print(json.dumps({
        "bench": "capacity", "unit": system.unit,
        "generator_too_slow_said" if args.slow else
        "within_5_percent_in_300_s": good, "seeds": args.seeds,
        "beside_each_other": args.beside}))


if __name__ == "__main__":
    main()
