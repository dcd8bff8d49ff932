"""What the tests of PostgreSQL share."""
import json
import os
import subprocess

from conftest import BUILD, wait_for


def results(process):
    """--json: the report, with series by (type, name)."""
    report = json.loads(process.out)
    report["by_name"] = {(s["type"], s["name"]): s for s in report["series"]}
    report["counts"] = report["counters"]
    report["errors"] = report["failures"]
    return report


def call(swarm, what, host, *args, users=1, seconds=None):
    limit = ["-t", str(seconds)] if seconds else []
    return swarm.start("-f", swarm.module("pg_calls.so"), "--headless",
                       "--host", host, "-o", f"pg_calls.what={what}", "-u",
                       str(users), "-r", "1000", "--json", "--only-summary",
                       "--processes", "1", *limit, *args)


def pgbench(swarm, server, *args, own=(), database="postgres", **kwargs):
    return swarm.run("pgbench", *args, database, "--", "--json",
                     "--only-summary", *own, env=server.env, **kwargs)


def make_database(server, name):
    server.ask(f"DROP DATABASE IF EXISTS {name}")
    server.ask(f"CREATE DATABASE {name}")
    return name


def counters(server, database):
    """Commits and rollbacks, when every session has reported and left."""
    wait_for(lambda: server.ask(
        "SELECT count(*) FROM pg_stat_activity "
        f"WHERE datname = '{database}'") == "0", "sessions to end")
    row = server.ask("SELECT xact_commit, xact_rollback FROM "
                     f"pg_stat_database WHERE datname = '{database}'")
    return [int(n) for n in row.split("|")]


def make_bank(server):
    """A database with pgbench's tables at scale 2, made by swarm."""
    make_database(server, "bank")
    done = subprocess.run(
        [os.path.join(BUILD, "bin", "swarm"), "pgbench", "-i", "-s", "2",
         "bank"], env={**os.environ, **server.env}, capture_output=True,
        text=True)
    assert done.returncode == 0, done.stderr
    return "bank"
