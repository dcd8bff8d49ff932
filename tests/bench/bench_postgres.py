#!/usr/bin/python3
"""CPU of the client for a transaction: `swarm pgbench` beside pgbench.

usage: bench_postgres [--swarm EXE] [--rounds N] [--seconds N]
                      [--connections 1,10,50,200] [--latency] [--pipeline]

One PostgreSQL of its own (temporary folder, unprivileged user, Unix socket,
gone afterwards), the two programs in turn, pinned to the first processor and
the server to the others.  CPU is user and system time of the whole tree of
processes, swarm's master included, less that of a run with one transaction
for each client (starting, connecting), over the transactions done; for both
alike.  Prints one JSON line for each case, with medians.
"""
import argparse
import glob
import json
import os
import pwd
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Cluster:
    def __init__(self, fsync):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not found:
            sys.exit("no PostgreSQL here")
        self.bin = found[-1]
        self.dir = tempfile.mkdtemp(prefix="swarm-pg-", dir="/tmp")
        user = pwd.getpwnam("postgres")
        if os.geteuid() == 0:
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            self.drop = ["setpriv", f"--reuid={user.pw_uid}",
                         f"--regid={user.pw_gid}", "--clear-groups"]
        else:
            self.drop = []
        data = os.path.join(self.dir, "data")
        self.run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N")
        cpus = sorted(os.sched_getaffinity(0))
        pin = ["taskset", "-c", ",".join(map(str, cpus[1:] or cpus))]
        self.server = subprocess.Popen(
            pin + self.drop + [f"{self.bin}/postgres", "-D", data, "-k",
                               self.dir, "-c", "listen_addresses=",
                               "-c", f"fsync={fsync}", "-c", "max_connections=300",
                               "-c", "shared_buffers=256MB",
                               "-c", "autovacuum=off"],
            cwd=self.dir, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.env = dict(os.environ, PGHOST=self.dir, PGUSER="postgres")
        for _ in range(500):
            if subprocess.run([f"{self.bin}/pg_isready", "-q"],
                              env=self.env).returncode == 0:
                return
            time.sleep(0.02)
        self.stop()
        sys.exit("the server does not start")

    def run(self, program, *args):
        subprocess.run(self.drop + [f"{self.bin}/{program}", *args],
                       check=True, cwd=self.dir,
                       stdout=subprocess.DEVNULL)

    def stop(self):
        self.server.send_signal(2)
        self.server.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def measure(argv, env, cwd):
    """Standard output, and the CPU seconds of the tree."""
    first = sorted(os.sched_getaffinity(0))[0]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.chdir(cwd)
        os.sched_setaffinity(0, {first})
        os.execvpe(argv[0], argv, env)
    os.close(write)
    with os.fdopen(read) as f:
        out = f.read()
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(argv)} failed with {status}: {out[-500:]}")
    return out, usage.ru_utime + usage.ru_stime


def run_pgbench(exe, cluster, args):
    out, cpu = measure([exe, *args, "postgres"], cluster.env, cluster.dir)
    done = int(re.search(r"actually processed: (\d+)", out).group(1))
    if not re.search("tps =", out):
        sys.exit(f"pgbench got nowhere: {out}")
    tps = float(re.search(r"tps = ([\d.]+)", out).group(1))
    latency = float(re.search(r"latency average = ([\d.]+)", out).group(1))
    lag = re.search(r"schedule lag: avg ([\d.]+)", out)
    return cpu, done, tps, latency, float(lag.group(1)) if lag else 0


def run_swarm(exe, cluster, args):
    out, cpu = measure([exe, "pgbench", *args, "postgres", "--", "--json",
                        "--only-summary"], cluster.env, cluster.dir)
    total = json.loads(out)["total"]
    if total["failures"]:
        sys.exit(f"{total['failures']} transactions failed")
    return (cpu, total["requests"], total["requests_per_s"],
            total["response_ms"]["mean"],
            total["response_ms"]["mean"] - total["service_ms"]["mean"])


def medians(runs):
    return [statistics.median(column) for column in zip(*runs)]


def marginal(run, program, cluster, args):
    """(us for a transaction, transactions a second, mean latency ms)."""
    once = list(args)
    at = once.index("-T")
    once[at:at + 2] = ["-t", "1"]
    base_cpu, base_done, *_ = run(program, cluster, once)
    cpu, done, tps, mean, _ = run(program, cluster, args)
    return (cpu - base_cpu) * 1e6 / (done - base_done), tps, mean


def compare(case, options, cluster, args):
    theirs, ours = [], []
    peer_exe = f"{cluster.bin}/pgbench"
    for _ in range(options.rounds):
        theirs.append(marginal(run_pgbench, peer_exe, cluster, args))
        ours.append(marginal(run_swarm, options.swarm, cluster, args))
    peer, own = medians(theirs), medians(ours)
    print(json.dumps({
        "case": case, "rounds": options.rounds,
        "swarm_us": round(own[0], 2), "pgbench_us": round(peer[0], 2),
        "ratio": round(own[0] / peer[0], 3),
        "swarm_tps": round(own[1]), "pgbench_tps": round(peer[1]),
        "swarm_mean_ms": round(own[2], 4), "pgbench_mean_ms": peer[2],
        "swarm_us_each": [round(r[0], 2) for r in ours],
        "pgbench_us_each": [round(r[0], 2) for r in theirs],
    }), flush=True)


def pipeline(options, cluster):
    """64 look-ups in one pipeline beside one alone, ten connections."""
    look = ("\\set aid{0} random(1, 100000 * :scale)\n",
            "SELECT abalance FROM pgbench_accounts WHERE aid = :aid{0};\n")
    single = os.path.join(cluster.dir, "single.sql")
    deep = os.path.join(cluster.dir, "deep.sql")
    with open(single, "w") as f:
        f.write(look[0].format(0) + look[1].format(0))
    with open(deep, "w") as f:
        f.write("".join(look[0].format(i) for i in range(64)))
        f.write("\\startpipeline\n")
        f.write("".join(look[1].format(i) for i in range(64)))
        f.write("\\endpipeline\n")
    os.chmod(cluster.dir, 0o755)
    common = ["-n", "-M", "prepared", "-c", "10", "-T",
              str(options.seconds), "-D", f"scale={options.scale}"]
    runs = {1: [], 64: []}
    for _ in range(options.rounds):
        for depth, path in ((1, single), (64, deep)):
            us, tps, _ = marginal(run_swarm, options.swarm, cluster,
                                  common + ["-f", path])
            runs[depth].append((us / depth, tps * depth))
    alone, piped = medians(runs[1]), medians(runs[64])
    print(json.dumps({
        "case": "pipeline 64 deep, 10 connections",
        "alone_us": round(alone[0], 2), "piped_us": round(piped[0], 2),
        "ratio": round(piped[0] / alone[0], 3),
        "alone_qps": round(alone[1]), "piped_qps": round(piped[1]),
    }), flush=True)


def committed(cluster):
    """Transactions the server has counted, once all sessions have left."""
    def ask(sql):
        return int(subprocess.run(
            [f"{cluster.bin}/psql", "-XAtq", "-c", sql, "template1"],
            env=cluster.env, check=True, capture_output=True,
            text=True).stdout)

    while ask("SELECT count(*) FROM pg_stat_activity WHERE datname = "
              "'postgres'"):
        time.sleep(0.02)
    return ask("SELECT xact_commit FROM pg_stat_database WHERE datname = "
               "'postgres'")


def start_measure(*args):
    """measure() in a thread: its result's function."""
    result = []
    thread = threading.Thread(target=lambda: result.append(args[0](*args[1:])))
    thread.start()

    def finish():
        thread.join()
        return result[0] if result else sys.exit(1)
    return finish


def latency(options, cluster):
    """tpcb-like at the same rate, both at the same time, so that whatever
    else the machine does happens to both: mean latency from the scheduled
    start, and the server's count beside the programs' own."""
    args = ["-n", "-M", "prepared", "-c", "8", "-j", "1", "-R", "100", "-T",
            str(options.seconds)]
    theirs, ours, served, uncounted = [], [], [], []
    for _ in range(options.rounds):
        before = committed(cluster)
        peer = start_measure(run_pgbench, f"{cluster.bin}/pgbench", cluster,
                             args)
        _, done, _, mean, lag = run_swarm(options.swarm, cluster, args)
        _, peer_done, _, peer_mean, peer_lag = peer()
        ours.append(mean)
        theirs.append(peer_mean)
        served.append((mean - lag) / (peer_mean - peer_lag))
        # Of each program: the starts of its sessions, the Parse of each
        # first BEGIN (outside of a transaction), the session that asks for
        # the scale, pgbench's also for partitions.
        uncounted.append(committed(cluster) - before - done - peer_done -
                         (2 * 8 + 2) - (2 * 8 + 3))
    print(json.dumps({
        "case": "tpcb-like, prepared, 8 connections, 100 a second",
        "rounds": options.rounds,
        "swarm_mean_ms": round(statistics.median(ours), 4),
        "pgbench_mean_ms": round(statistics.median(theirs), 4),
        "ratio": round(statistics.median(
            own / peer for own, peer in zip(ours, theirs)), 3),
        "ratio_without_late_starts": round(statistics.median(served), 3),
        "commits_not_counted": uncounted,
        "swarm_mean_ms_each": [round(m, 4) for m in ours],
        "pgbench_mean_ms_each": theirs,
    }), flush=True)


def fill(options, cluster):
    subprocess.run([options.swarm, "pgbench", "-i", "-q", "-s",
                    str(options.scale), "postgres"], env=cluster.env,
                   check=True, stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--swarm", default=os.path.join(
        HERE, "..", "..", "bin", "swarm"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=10)
    parser.add_argument("--connections", default="1,10,50,200")
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--pipeline", action="store_true")
    options = parser.parse_args()
    options.swarm = os.path.abspath(options.swarm)
    cluster = Cluster("off")
    try:
        fill(options, cluster)
        for count in filter(None, options.connections.split(",")):
            args = ["-S", "-M", "prepared", "-n", "-c", count, "-j", "1",
                    "-T", str(options.seconds)]
            compare(f"select-only, prepared, {count} connections", options,
                    cluster, args)
        if options.pipeline:
            pipeline(options, cluster)
    finally:
        cluster.stop()
    if not options.latency:
        return
    # Of the server as Debian ships it, which waits for the disk: what the
    # programs themselves add to a latency is then small, for both.
    cluster = Cluster("on")
    try:
        fill(options, cluster)
        latency(options, cluster)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
