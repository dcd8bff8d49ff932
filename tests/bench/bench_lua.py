#!/usr/bin/python3
"""What a task in Lua costs beside the same in C, and a user in memory.

    bench_lua [CASE...] [--rounds N] [--seconds N]

Cases: empty (a task that does nothing), sleep (one that gives way once), http
(two requests to a responder that never sleeps; a task is one of them), memory
(of a user between two tasks, KiB).  C and Lua take turns on one core; what is
shown is the median of the CPU time for each task, in nanoseconds, with the
time limit of scripts on and off.  One JSON line for each figure.
"""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = ["empty", "sleep", "http", "memory"]
USERS = 64


def neighbour(name):
    path = os.path.join(HERE, name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


http = neighbour("bench_http")


def show(case, who, **figures):
    print(json.dumps({"case": f"lua {case} {who}"} |
                     {k: round(v, 1) for k, v in figures.items()}),
          flush=True)


def argv(who, what, seconds="80s", users=USERS):
    common = ["--headless", "--processes", "1", "-u", str(users), "-r",
              "1000000", "-t", seconds]
    if who == "C" and what == "http":
        return [http.SWARM, "-f", http.LOAD, *common]
    if who == "C":
        return [http.SWARM, "-f", os.path.join(HERE, "lua_load.so"), "-o",
                f"lua_load.what={what}", *common]
    limit = ["-o", "lua.limit=0"] if who == "Lua, no limit" else []
    return [http.SWARM, "-f", os.path.join(HERE, "lua_load.lua"), "-o",
            f"lua.args=what={what}", *limit, *common]


def ns_per_task(who, what, seconds):
    """Of a whole run, start and end included, which many tasks outweigh."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out.json")
        before = os.times()
        subprocess.run([*argv(who, what, f"{seconds}s"), "--json-file", out],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       preexec_fn=lambda: http.pin(0), check=False)
        after = os.times()
        with open(out) as f:
            counters = json.load(f)["counters"]
    tasks = counters["tasks"]
    cpu = after.children_user + after.children_system - \
        before.children_user - before.children_system
    return cpu * 1e9 / tasks


def medians(case, args, measure):
    values = {who: [] for who in ("C", "Lua", "Lua, no limit")}
    for _ in range(args.rounds):
        for who in values:
            values[who].append(measure(who))
    c = statistics.median(values["C"])
    for who, list_ in values.items():
        ns = statistics.median(list_)
        show(case, who, ns=ns, more_than_c=ns - c)


def tasks(case, args):
    medians(case, args, lambda who: ns_per_task(who, case, args.seconds))


def requests(case, args):
    with http.serving(http.Responder) as server:
        medians(case, args, lambda who: 1e3 * http.us_per_request(
            [*argv(who, case), "-H", server.url, "--plugin", "fasthttp"],
            server, args.seconds, 1.5))


def memory(case, args):
    """Each user beyond the first thousand."""
    for who in ("C", "Lua"):
        sizes = []
        for users in (1000, 101000):
            with http.client(argv(who, "idle", users=users)) as group:
                time.sleep(8)
                sizes.append(http.largest_rss(group))
        show(case, who, bytes=(sizes[1] - sizes[0]) * 1024 / 100000)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    args = parser.parse_args()
    run = {"empty": tasks, "sleep": tasks, "http": requests,
           "memory": memory}
    for case in args.cases or CASES:
        run[case](case, args)


if __name__ == "__main__":
    main()
