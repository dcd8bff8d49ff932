#!/usr/bin/python3
"""The same samples through Locust's own statistics and through swarm's: the
CSV tables must be equal, byte for byte.

Times are whole milliseconds as Locust rounds them, so that its dictionary and
swarm's histogram hold the same; sums, rates, medians, percentiles, order and
number formats are what is compared.
"""
import csv
import io
import os
import random
import subprocess
import sys

try:
    from locust.env import Environment
    from locust.stats import PERCENTILES_TO_REPORT, StatsCSV
except ImportError:
    print("Locust is not installed")
    sys.exit(1 if os.environ.get("CI") else 77)

START, LAST = 1795249520.25, 1795249581.75
NAMES = [("GET", "/ok"), ("POST", "/ok"), ("GET", '/a,"b"'), ("", "plain"),
         ("GET", "/é€"), ("PUT", "/one")]


class Raised(Exception):
    """What Locust shows of an error is its repr."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text

    def __repr__(self):
        return self.text


def rounded(ms):
    if ms < 100:
        return round(ms)
    if ms < 1000:
        return round(ms, -1)
    if ms < 10000:
        return round(ms, -2)
    return round(ms, -3)


def samples(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        method, name = rng.choice(NAMES[:-1])
        ms = rounded(int(rng.lognormvariate(4, 2)))
        error = rng.choice([None] * 9 + [
            "it's", 'say "no"', "timeout", "a\\b", "é"])
        yield method, name, ms, rng.randrange(5000), error
    yield "PUT", "/one", 730, 17, None


def locust_tables(rows):
    env = Environment()
    for method, name, ms, size, error in rows:
        env.stats.log_request(method, name, float(ms), size)
        if error:
            env.stats.log_error(method, name, Raised(error))
    env.stats.total.start_time = START
    env.stats.total.last_request_timestamp = LAST
    # A total that was never cleared has no method in this version.
    env.stats.total.method = ""
    tables = StatsCSV(env, PERCENTILES_TO_REPORT)
    out = [io.StringIO(newline=""), io.StringIO(newline="")]
    tables.requests_csv(csv.writer(out[0]))
    tables.failures_csv(csv.writer(out[1]))
    return whole_median(out[0].getvalue()), out[1].getvalue()


def whole_median(table):
    """This version's dictionary has floats from 100 ms on; newer ones have
    whole numbers only, and so has the median."""
    rows = list(csv.reader(io.StringIO(table, newline="")))
    for row in rows[1:]:
        if row[4].endswith(".0"):
            row[4] = row[4][:-2]
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def swarm_tables(program, rows):
    text = "".join(f"{method}\t{name}\t{ms}\t{size}\t{error or ''}\n"
                   for method, name, ms, size, error in rows)
    done = subprocess.run([program, repr(START), repr(LAST)],
                          input=text.encode(), stdout=subprocess.PIPE,
                          check=True)
    whole = done.stdout.decode()
    split = whole.index("Method,Name,Error")
    return whole[:split], whole[split:]


def without_seen(table):
    """Newer Locust has two more columns than this one."""
    rows = [row[:4] for row in csv.reader(io.StringIO(table, newline=""))]
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def compare(kind, seed, expected, got):
    if expected == got:
        return 0
    for a, b in zip(expected.splitlines(), got.splitlines()):
        if a != b:
            print(f"{kind}, seed {seed}:\n  Locust {a}\n  swarm  {b}")
    if expected.count("\n") != got.count("\n"):
        print(f"{kind}, seed {seed}: not as many rows")
    return 1


def main():
    program = sys.argv[1]
    bad = 0
    for seed in range(40):
        rows = list(samples(seed, [0, 1, 2, 10, 500, 5000][seed % 6]))
        stats, failures = locust_tables(rows)
        got_stats, got_failures = swarm_tables(program, rows)
        bad += compare("stats", seed, stats, got_stats)
        bad += compare("failures", seed, failures,
                       without_seen(got_failures))
    print("different" if bad else "equal")
    return 1 if bad else 0


sys.exit(main())
