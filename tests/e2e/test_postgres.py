"""PostgreSQL: the client in scenarios, and swarm pgbench beside pgbench."""
import json
import os
import re
import shlex
import signal
import subprocess

import pytest

from conftest import BUILD, SOURCE, wait_for


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


# ---- swarm pgbench ----

@pytest.fixture(scope="module")
def bank(postgres):
    """A database with pgbench's tables, made by swarm."""
    make_database(postgres, "bank")
    done = subprocess.run(
        [os.path.join(BUILD, "bin", "swarm"), "pgbench", "-i", "-s", "2",
         "bank"], env={**os.environ, **postgres.env}, capture_output=True,
        text=True)
    assert done.returncode == 0, done.stderr
    return "bank"


TABLES = ("SELECT (SELECT count(*) FROM pgbench_accounts), (SELECT count(*) "
          "FROM pgbench_tellers), (SELECT count(*) FROM pgbench_branches), "
          "(SELECT count(*) FROM pgbench_history)")
COLUMNS = ("SELECT table_name, column_name, data_type, is_nullable, "
           "character_maximum_length FROM information_schema.columns WHERE "
           "table_schema = 'public' ORDER BY 1, ordinal_position")
INDEXES = ("SELECT tablename, indexname, indexdef FROM pg_indexes WHERE "
           "schemaname = 'public' ORDER BY 1, 2")
CONTENTS = ("SELECT md5(string_agg(t::text, ',' ORDER BY aid)) FROM "
            "pgbench_accounts t")


def test_init_makes_what_pgbench_makes(swarm, postgres):
    for args in (["-s", "2"], ["-s", "1", "-I", "dtGvpf", "--unlogged-tables"],
                 ["-s", "1", "--partitions=3", "-F", "80"]):
        ours = make_database(postgres, "init_ours")
        theirs = make_database(postgres, "init_theirs")
        process = swarm.run("pgbench", "-i", *args, ours, env=postgres.env)
        assert process.status == 0, process.err
        postgres.pgbench("-i", "-q", *args, database=theirs)
        for question in (TABLES, COLUMNS, INDEXES, CONTENTS):
            assert postgres.ask(question, ours) == \
                postgres.ask(question, theirs), args


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_the_server_counts_the_same(swarm, postgres, bank, mode):
    """Every commit the server counts is a transaction of ours, the start of a
    session (which is one), or the parsing of a statement."""
    before = counters(postgres, bank)
    report = results(pgbench(swarm, postgres, "-n", "-M", mode, "-c", "4",
                             "-j", "2", "-T", "2", database=bank))
    after = counters(postgres, bank)
    done = report["total"]["requests"]
    assert report["total"]["failures"] == 0 and done > 100
    sessions = report["counts"]["pg_connects"]
    # The first BEGIN is parsed outside of a transaction, the others inside.
    parsed = sessions if mode == "prepared" else 0
    # One session more asked for the scale.
    assert after[0] - before[0] == done + sessions + parsed + 2
    assert after[1] == before[1]
    assert postgres.ask("SELECT count(*) FROM pgbench_history", bank) != "0"
    assert postgres.ask(
        "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT "
        "sum(bbalance) FROM pgbench_branches) AND (SELECT sum(tbalance) FROM "
        "pgbench_tellers) = (SELECT sum(bbalance) FROM pgbench_branches)",
        bank) == "t"


def test_exact_number_of_transactions(swarm, postgres, bank):
    postgres.ask("TRUNCATE pgbench_history", bank)
    report = results(pgbench(swarm, postgres, "-n", "-c", "5", "-j", "2",
                             "-t", "30", "-N", database=bank))
    assert report["total"]["requests"] == 150
    assert report["by_name"]["SQL tx", "simple-update"]["requests"] == 150
    assert postgres.ask("SELECT count(*) FROM pgbench_history",
                        bank) == "150"


SCRIPT = r"""
\set a random(1, 1000000)
\set g random_gaussian(1, 1000, 3.5)
\set e random_exponential(1, 1000, 2.5)
\set z random_zipfian(1, 1000, 1.3)
\set p permute(:a, 1000000)
\set h hash_fnv1a(:a) # hash(:z)
\set n case when :a % 3 = 0 then null when :a % 3 = 1 then :a * 1.5 else -:a end
\if :a % 2 = 0
SELECT :a + 1 AS b, 'text' AS t \gset even_
\set b :even_b
\elif :z > 5
SELECT 5 AS b \; SELECT 7 AS c;
\aset
\set b :b + :c
\else
\set b 0
\endif
INSERT INTO drawn VALUES (:client_id, :a, :g, :e, :z, :p, :h, :b, :scale,
    :n, ':x');
"""


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_scripts_compute_what_pgbench_computes(swarm, postgres, tmp_path,
                                               mode):
    """The same seed draws the same numbers; the rows tell."""
    script = SCRIPT
    if mode != "simple":
        # A variable in quotes is a parameter there, which is no SQL; and two
        # statements in one message are for the simple protocol alone.
        script = script.replace("':x'", ":x::text").replace(
            r"SELECT 5 AS b \; SELECT 7 AS c;",
            "SELECT 5 AS b, 7 AS c;").replace(":scale,", ":scale::int,")
        script = script.replace(":a + 1 AS b", ":a::int + 1 AS b")
        # Null goes as the text NULL, there as here.
        script = script.replace("    :n,", "    nullif(:n, 'NULL')::numeric,")
    path = tmp_path / "draw.sql"
    path.write_text(script)
    rows = []
    for program in "swarm", "pgbench":
        postgres.ask("DROP TABLE IF EXISTS drawn; CREATE TABLE drawn (client "
                     "int, a int, g int, e int, z int, p int, h bigint, b int,"
                     " scale int, n numeric, x text)")
        args = ["-n", "-c", "3", "-t", "20", "-M", mode, "-f", str(path),
                "--random-seed=4711", "-D", "x=y", "-s", "7"]
        if program == "swarm":
            report = results(pgbench(swarm, postgres, *args))
            assert report["total"]["requests"] == 60
            assert report["errors"] == []
        else:
            postgres.pgbench(*args)
        rows.append(postgres.ask(
            "SELECT * FROM drawn ORDER BY client, a, g"))
    assert rows[0] == rows[1]
    assert len(rows[0].splitlines()) == 60


def test_pipelines(swarm, postgres, tmp_path):
    path = tmp_path / "pipe.sql"
    path.write_text("\\startpipeline\nINSERT INTO pipes VALUES (1);\n"
                    "INSERT INTO pipes VALUES (2);\n\\syncpipeline\n"
                    "INSERT INTO pipes VALUES (:client_id);\n"
                    "\\endpipeline\n")
    postgres.ask("CREATE TABLE pipes (i int)")
    for mode in "extended", "prepared":
        postgres.ask("TRUNCATE pipes")
        report = results(pgbench(swarm, postgres, "-n", "-c", "2", "-t", "10",
                                 "-M", mode, "-f", str(path)))
        assert report["total"]["requests"] == 20
        assert report["total"]["failures"] == 0
        assert postgres.ask("SELECT count(*) FROM pipes") == "60"
        # A sync point behind two statements, and one behind the third.
        sync = report["by_name"]["SQL pipeline", "sync"]["response_ms"]
        assert sync["count"] == 40 and sync["min"] > 0
        depth, = (m for m in report["metrics"]
                  if m["name"] == "pg_pipeline_depth")
        assert (depth["count"], depth["min"], depth["max"], depth["mean"]) \
            == (40, 1, 2, 1.5)
    process = pgbench(swarm, postgres, "-n", "-t", "1", "-f", str(path))
    assert process.status != 0
    assert "pipelines need -M extended or -M prepared" in process.text


def test_programs_in_scripts(swarm, postgres, tmp_path):
    """\\shell and \\setshell, as pgbench has them."""
    path = tmp_path / "programs.sql"
    path.write_text("\\set n :client_id + 5\n"
                    "\\setshell x expr :n \\* 2\n"
                    f"\\shell echo ::n is :n | tr 5 five >> {tmp_path}/out\n"
                    "INSERT INTO shelled VALUES (:client_id, :x);\n")
    rows, files = [], []
    for program in "swarm", "pgbench":
        postgres.ask("DROP TABLE IF EXISTS shelled; "
                     "CREATE TABLE shelled (client int, x int)")
        args = ["-n", "-c", "2", "-t", "3", "-f", str(path)]
        if program == "swarm":
            report = results(pgbench(swarm, postgres, *args))
            assert report["total"]["requests"] == 6
        else:
            postgres.pgbench(*args)
        rows.append(postgres.ask("SELECT * FROM shelled ORDER BY 1, 2"))
        files.append(sorted((tmp_path / "out").read_text().splitlines()))
        (tmp_path / "out").unlink()
    assert rows[0] == rows[1] == "\n".join(["0|10"] * 3 + ["1|12"] * 3)
    assert files[0] == files[1] == [":n is 6"] * 3 + [":n is f"] * 3
    for line, words in (("\\setshell x echo four", "a whole number"),
                        ("\\shell false", "failed"),
                        ("\\shell echo :y", "undefined variable")):
        path.write_text(line + "\nSELECT 1;\n")
        process = pgbench(swarm, postgres, "-n", "-t", "1", "-f", str(path))
        assert process.status != 0 and words in process.text


def test_conflicts_are_tried_again(swarm, postgres, tmp_path):
    path = tmp_path / "conflict.sql"
    path.write_text(
        "BEGIN ISOLATION LEVEL SERIALIZABLE;\n"
        "SELECT n FROM counter \\gset\n"
        "\\sleep 1 ms\n"
        "UPDATE counter SET n = :n + 1;\nEND;\n")
    postgres.ask("CREATE TABLE counter (n int); "
                 "INSERT INTO counter VALUES (0)")
    report = results(pgbench(swarm, postgres, "-n", "-c", "6", "-t", "20",
                             "--max-tries=1000", "-f", str(path)))
    assert report["total"]["requests"] == 120
    assert report["total"]["failures"] == 0
    assert report["counts"]["pg_retries"] > 0
    assert report["counts"]["pg_serialization_failures"] == \
        report["counts"]["pg_retries"]
    assert postgres.ask("SELECT n FROM counter") == "120"
    # Without tries they are failures, each with its SQLSTATE.
    postgres.ask("UPDATE counter SET n = 0")
    process = pgbench(swarm, postgres, "-n", "-c", "6", "-t", "20", "-r",
                      "-f", str(path))
    report = results(process)
    # With -r it is said where: at the UPDATE or at the END.
    assert sum(n for name, n in report["counts"].items()
               if name.startswith(f"pg_failures {path} ")) == \
        report["total"]["failures"]
    done = report["total"]["requests"] - report["total"]["failures"]
    assert report["total"]["requests"] == 120 and process.status == 1
    assert report["total"]["failures"] > 0
    assert postgres.ask("SELECT n FROM counter") == str(done)
    assert all(e["error"].startswith("40001 ") for e in report["errors"])


def test_a_connection_for_each_transaction(swarm, postgres, bank):
    report = results(pgbench(swarm, postgres, "-n", "-C", "-S", "-c", "2",
                             "-t", "25", database=bank))
    assert report["total"]["requests"] == 50
    assert report["counts"]["pg_connects"] == 50


def test_rate_limit_and_skipping(swarm, postgres, tmp_path):
    path = tmp_path / "sleep.sql"
    path.write_text("SELECT pg_sleep(0.02);\n")
    # One client can do 50 a second; 200 are asked for.
    report = results(pgbench(swarm, postgres, "-n", "-c", "1", "-R", "200",
                             "-L", "60", "-T", "3", "-f", str(path)))
    counts = report["counts"]
    assert counts["pg_skipped"] > 50
    assert report["total"]["requests"] > 50
    # What is not skipped began at most 60 ms late.
    assert report["total"]["response_ms"]["max"] - \
        report["total"]["service_ms"]["min"] < 200
    assert counts["pg_late"] <= report["total"]["requests"]
    metrics = {m["name"]: m for m in report["metrics"]}
    lag = metrics["pg_schedule_lag"]
    # The client is the bottleneck, so most begin as late as they may.
    assert lag["count"] == report["total"]["requests"]
    assert 20 < lag["p50"] <= 62 and lag["max"] <= 62
    assert metrics["pg_late_share"]["mean"] == pytest.approx(
        counts["pg_late"] / report["total"]["requests"])


def test_ends_at_a_failure(swarm, postgres, tmp_path):
    path = tmp_path / "fails.sql"
    path.write_text("SELECT 1 / (:client_id - 1);\n\\sleep 10 ms\n")
    process = pgbench(swarm, postgres, "-n", "-c", "2", "-T", "20", "-f",
                      str(path), "--exit-on-abort")
    assert process.status == 1
    report = results(process)
    assert report["errors"][0]["error"] == "22012 division by zero"
    assert report["run"]["duration_s"] < 10


def test_weights_and_logs(swarm, postgres, bank, tmp_path):
    rare = tmp_path / "rare.sql"
    rare.write_text("SELECT 1;\n")
    prefix = tmp_path / "log"
    report = results(pgbench(swarm, postgres, "-n", "-c", "2", "-t", "500",
                             "-b", "select-only@9", "-f", f"{rare}@1", "-l",
                             f"--log-prefix={prefix}", database=bank))
    share = report["by_name"]["SQL tx", str(rare)]["requests"]
    assert 50 < share < 160
    assert report["by_name"]["SQL tx", "select-only"]["requests"] == \
        1000 - share
    lines = []
    for log in tmp_path.glob("log.*"):
        lines += log.read_text().splitlines()
    assert len(lines) == 1000
    assert all(re.fullmatch(r"[01] \d+ \d+ [01] \d+ \d+", line)
               for line in lines)
    assert sum(line.split()[3] == "1" for line in lines) == share


def test_statements_are_rows(swarm, postgres, bank):
    report = results(pgbench(swarm, postgres, "-n", "-M", "prepared", "-t",
                             "20", database=bank))
    names = sorted(name for kind, name in report["by_name"]
                   if kind == "SQL prepared")
    assert len(names) == 7
    assert "5: BEGIN" in names and "11: END" in names


def test_bad_command_lines(swarm, postgres, tmp_path):
    broken = tmp_path / "broken.sql"
    broken.write_text("SELECT 1;\n\\set x 1 +\n")
    for args, words in (
            (["-c", "0"], "-c: \"0\" is no whole number"),
            (["-M", "fast"], "use simple, extended or prepared"),
            (["-t", "1", "-T", "1"], "give -t or -T, not both"),
            (["-i", "-c", "2"], "with -i only options of initialization"),
            (["-b", "s"], "ambiguous builtin name"),
            (["-f", "/nowhere.sql"], "cannot read the script /nowhere.sql"),
            (["-f", str(broken)], "broken.sql:2: the expression ends too "
             "early"),
            (["-D", "x"], "write NAME=VALUE"),
            (["-b", "tpcb-like"], None)):
        process = pgbench(swarm, postgres, "-n", *args,
                          database="no_such_database" if words is None
                          else "postgres", own=["-t", "1"])
        if words is None:
            # Not one transaction was done.
            assert process.status == 4
            assert "3D000" in process.text
            continue
        assert process.status == 2, args
        assert words in process.text


def test_setup_says_what_is_missing(swarm, postgres):
    process = swarm.run("pgbench", "-t", "1", env=postgres.env)
    assert process.status == 2
    assert "swarm pgbench -i" in process.err
    process = swarm.run("pgbench", "-h", "/nowhere", "-t", "1")
    assert process.status == 2
    assert "/nowhere" in process.err


# ---- trouble ----

def test_server_stopped_and_started(swarm, own_postgres):
    server = own_postgres()
    process = call(swarm, "one", server.uri(), users=5, seconds=8)
    wait_for(lambda: server.ask("SELECT count(*) FROM pg_stat_activity WHERE "
                                "query = 'SELECT 1'") == "5", "users")
    server.stop()
    server.start()
    wait_for(lambda: server.ask("SELECT count(*) FROM pg_stat_activity WHERE "
                                "query = 'SELECT 1'") == "5", "users again")
    assert process.wait() == 1
    report = results(process)
    assert report["counts"]["pg_connects"] == 10
    assert report["counts"]["pg_disconnects"] == 5
    assert report["by_name"]["SQL connect", "connect"]["failures"] > 0
    for error in report["errors"]:
        assert re.match(r"(08001|08006|57P0[123]) ", error["error"]), error
    one = report["by_name"]["SQL simple", "one"]
    assert one["failures"] <= 5 and one["requests"] > 50


def test_slots_exhausted(swarm, own_postgres):
    server = own_postgres(max_connections="10")
    process = call(swarm, "one", server.uri(), users=25, seconds=2)
    assert process.wait() == 1
    report = results(process)
    assert {e["error"] for e in report["errors"]} == {
        "53300 sorry, too many clients already"}
    assert report["by_name"]["SQL simple", "one"]["failures"] == 0
    assert report["counts"]["pg_connects"] == 10


def test_passwords_and_encryption(swarm, own_postgres, tmp_path):
    server = own_postgres()
    key, cert = (os.path.join(server.data, f"server.{e}")
                 for e in ("key", "crt"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", key, "-out", cert], check=True,
                   capture_output=True)
    if server.drop:
        owner = os.stat(server.data)
        for path in key, cert:
            os.chown(path, owner.st_uid, owner.st_gid)
    os.chmod(key, 0o600)
    server.ask("SET password_encryption = 'scram-sha-256'; "
               "CREATE ROLE secret LOGIN PASSWORD 'right'")
    with open(os.path.join(server.data, "pg_hba.conf"), "w") as f:
        f.write("local all postgres trust\n"
                "hostnossl all plain all trust\n"
                "hostssl all secret all scram-sha-256\n")
    server.stop()
    server.settings["ssl"] = "on"
    server.start()
    there = f"host=localhost port={server.port} dbname=postgres"
    for conninfo, error in (
            (f"{there} user=secret password=wrong",
             '28P01 password authentication failed for user "secret"'),
            (f"{there} user=secret password=right sslmode=disable",
             "28000 no pg_hba.conf entry"),
            (f"{there} user=plain sslmode=require",
             "28000 no pg_hba.conf entry"),
            (f"{there} user=secret password=right sslmode=verify-full "
             "sslrootcert=/etc/ssl/certs/ca-certificates.crt",
             "08001 SSL error: certificate verify failed"),
            (f"{there} user=secret password=right sslmode=verify-full "
             f"sslrootcert={cert}", None),
            (f"postgresql://secret:right@localhost:{server.port}/postgres?"
             "sslmode=require", None)):
        if os.stat(cert).st_mode & 0o044 == 0:
            os.chmod(cert, 0o644)
        process = call(swarm, "one", "unused", "-o",
                       f"postgres.conninfo={conninfo}", seconds=1)
        # 4: no answer at all.
        assert process.wait() == (4 if error else 0), process.text
        report = results(process)
        if error is None:
            assert report["by_name"]["SQL connect", "tls"]
            assert not report["errors"]
            continue
        assert report["errors"], conninfo
        assert report["errors"][0]["error"].startswith(error), report["errors"]


def test_encryption_the_server_lacks(swarm, postgres):
    process = call(swarm, "one", postgres.uri() + "?sslmode=require",
                   seconds=1)
    assert process.wait() == 4
    error = results(process)["errors"][0]["error"]
    assert error == "08001 server does not support SSL, but SSL was required"


# getaddrinfo() of libc, which for one name waits for a reader's go, as it does
# for a name server that is slow to answer.
SLOW_NAMES = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int fn(const char *, const char *, const struct addrinfo *,
    struct addrinfo **);

int getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	if (node != NULL && strcmp(node, "slow.example") == 0) {
		close(open(getenv("SLOW_NAMES"), O_RDONLY));
		node = "localhost";
	}
	return ((fn *)dlsym(RTLD_NEXT, "getaddrinfo"))(node, service, hints,
	    out);
}
"""


def test_slow_names_hold_up_nobody(swarm, postgres, tmp_path):
    (tmp_path / "slow.c").write_text(SLOW_NAMES)
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "slow.c", "-o",
                    "slow.so"], cwd=tmp_path, check=True)
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    process = swarm.start(
        "-f", swarm.module("pg_calls.so"), "--headless", "--host",
        postgres.uri(), "-o", "pg_calls.what=two_places", "-o",
        "pg_calls.other=postgres://postgres@slow.example:"
        f"{postgres.port}/postgres", "-u", "4", "-r", "1000", "--json",
        "--only-summary", "--processes", "1",
        env={"LD_PRELOAD": str(tmp_path / "slow.so"),
             "SLOW_NAMES": str(fifo)})

    def sessions(sql):
        return int(postgres.ask("SELECT count(*) FROM pg_stat_activity WHERE "
                                f"application_name = 'swarm' AND {sql}"))

    def started(sql):
        return postgres.ask("SELECT max(query_start) FROM pg_stat_activity "
                            f"WHERE query = '{sql}'")

    # Two users are at work and go on, while two wait for an address.
    wait_for(lambda: sessions("query = 'SELECT 1'") == 2, "users")
    for _ in range(4):
        before = started("SELECT 1")
        wait_for(lambda: started("SELECT 1") > before, "the next statement")
    assert sessions("true") == 2
    # Open for both ways it lets everyone in.
    go = os.open(fifo, os.O_RDWR)
    wait_for(lambda: sessions("query = 'SELECT 2'") == 2, "the other users")
    os.close(go)
    process.interrupt()
    assert process.wait() == 0, process.text
    assert "has not given way" not in process.text
    report = results(process)
    resolve = report["by_name"]["SQL connect", "resolve"]["response_ms"]
    assert resolve["count"] == 2
    # Nothing took as long as the name did.
    assert report["by_name"]["SQL simple", "one"]["response_ms"]["max"] < \
        resolve["max"] / 2


def test_timeout_cancels(swarm, postgres):
    process = call(swarm, "slow", postgres.uri())
    assert process.wait() == 1
    report = results(process)
    assert [e["error"] for e in report["errors"]] == [
        "57014 cancelled after its timeout"]
    slow = report["by_name"]["SQL simple", "slow"]["response_ms"]["max"]
    assert 100 <= slow < 3000
    assert report["by_name"]["SQL simple", "after"]["failures"] == 0
    assert report["counts"]["pg_cancels"] == 1
    assert report["counts"]["pg_connects"] == 1


def peak_memory(pid):
    """VmHWM in MiB, of a process that may have gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024
    except (OSError, AttributeError):
        return 0


@pytest.mark.parametrize("what,limit,place", [
    ("gigabyte", 40, "tcp"), ("hoard", 150, "unix"), ("one_value", 110, "tcp"),
    ("one_value", 110, "unix")])
def test_a_gigabyte(swarm, postgres, what, limit, place):
    """max_result is 64 MiB, of what libpq has read; kept rows are in memory
    twice."""
    process = call(swarm, what, postgres.uri() if place == "tcp" else
                   f"host={postgres.dir} port={postgres.port} user=postgres")
    worker = process.wait_children(1)[0]
    peak = 0
    while process.popen.poll() is None:
        peak = max(peak, peak_memory(worker))
    status = process.wait()
    report = results(process)
    print(f"{what}: {peak:.0f} MiB")
    if os.environ.get("SWARM_TEST_SANITIZE"):
        limit *= 8
    assert 0 < peak < limit
    if what == "gigabyte":
        assert status == 0
        row = report["by_name"]["SQL simple", "gigabyte"]
        assert row["bytes"] == 134218 * 8000 and row["failures"] == 0
    else:
        assert status == 1
        assert report["errors"][0]["error"].startswith("54000 ")
        assert report["by_name"]["SQL simple", "after"]["failures"] == 0


def test_errors_by_sqlstate(swarm, postgres):
    process = call(swarm, "failing", postgres.uri(), users=3)
    assert process.wait() == 1
    report = results(process)
    assert {e["error"]: e["occurrences"] for e in report["errors"]} == {
        "22012 division by zero": 3,
        '42P01 relation "nowhere" does not exist': 3}
    assert report["counts"]["pg_error_22"] == 3
    assert report["counts"]["pg_error_42"] == 3


def test_pool_is_waited_for(swarm, postgres):
    process = call(swarm, "pooled", postgres.uri(), "-o", "postgres.pool=3",
                   users=20, seconds=2)
    assert process.wait() == 0
    report = results(process)
    assert report["counts"]["pg_connects"] == 3
    done = report["by_name"]["SQL simple", "pooled"]["requests"]
    wait = report["by_name"]["SQL pool", "wait"]["response_ms"]
    assert wait["count"] >= done > 100
    assert wait["p50"] > 2


def test_pipeline_in_a_scenario(swarm, postgres):
    postgres.ask("CREATE TABLE piped (i int)")
    process = call(swarm, "piped", postgres.uri(), users=2)
    assert process.wait() == 0
    report = results(process)
    assert report["by_name"]["SQL prepared", "piped"]["requests"] == 100
    assert report["by_name"]["SQL pipeline", "sync"]["response_ms"][
        "count"] == 2
    assert postgres.ask("SELECT count(*), sum(i) FROM piped") == "100|2450"


def test_rows_as_locust_names_them(swarm, postgres):
    process = call(swarm, "failing", postgres.uri(), "-o",
                   "postgres.locust_names=true")
    process.wait()
    rows = results(process)["by_name"]
    assert rows["postgres_failure", "execute_query"]["failures"] == 2


# ---- the server's side ----

def test_the_server_in_the_report(swarm, own_postgres, tmp_path):
    """What the server says it did is what was done, exactly."""
    server = own_postgres(shared_preload_libraries="pg_stat_statements")
    make_database(server, "bank")
    server.ask("CREATE EXTENSION pg_stat_statements; CREATE TABLE t (n int); "
               "INSERT INTO t VALUES (0)", "bank")
    counters(server, "bank")        # that session has left
    path = tmp_path / "wait.sql"
    path.write_text("BEGIN;\nUPDATE t SET n = n + 1;\n\\sleep 5 ms\nEND;\n")
    process = swarm.start(
        "pgbench", "-n", "-c", "4", "-t", "60", "-f", str(path),
        "--server-stats=0.1", "bank", "--", "--json", "--only-summary",
        "--html", "report.html", env=server.env)
    wait_for(lambda: server.ask("SELECT n > 5 FROM t", "bank") == "t", "work")
    server.ask("CHECKPOINT")
    assert process.wait() == 0, process.text
    report = results(process)
    counts = report["counts"]
    assert report["total"]["requests"] == 240
    # And the starts of our sessions, and of those that asked for n.
    others = counts["pg_server_sessions_started"] - 4
    assert counts["pg_server_xact_commit"] == 240 + 4 + 2 * others
    assert counts["pg_server_tup_updated"] == 240
    assert counts["pg_server_wal_bytes"] > 1000
    assert counts["pg_server_checkpoints_requested"] == 1
    assert "pg_server_xact_rollback" not in counts
    top = {name.split(" ", 1)[1]: value for name, value in counts.items()
           if re.match(r"pg_top[1-5]_calls ", name)}
    assert top["UPDATE t SET n = n + $1"] == 240
    assert top["BEGIN"] == 240
    spent = {name.split(" ", 1)[1]: value for name, value in counts.items()
             if re.match(r"pg_top[1-5]_us ", name)}
    # Three of four wait for the one that sleeps.
    assert spent["UPDATE t SET n = n + $1"] > 200_000
    assert list(spent)[0] == "UPDATE t SET n = n + $1"
    levels = {m["name"]: m for m in report["metrics"]}
    waiting = [m["max"] for name, m in levels.items()
               if name.startswith("pg_waits Lock:")]
    assert waiting and max(waiting) <= 3
    assert 1 <= levels["pg_sessions active"]["max"] <= 5
    # Taken when they had gone, and from the beginning.
    assert levels["pg_sessions active"]["last"] == 0
    assert {m["count"] for m in levels.values()} == {counts["pg_server_looks"]}
    html = (tmp_path / "report.html").read_text()
    assert "pg_server_xact_commit" in html and "pg_waits Lock:" in html


def test_the_server_beside_a_scenario(swarm, postgres):
    """By --host; a server without pg_stat_statements."""
    process = call(swarm, "one", postgres.uri(), "-o",
                   "postgres.server_stats=0.2s", "-o", "postgres.pool=2",
                   seconds=1)
    assert process.wait() == 0, process.text
    report = results(process)
    done = report["total"]["requests"]
    assert report["counts"]["pg_server_looks"] > 3
    # Pooled sessions are there to the end, and have yet to say the last.
    assert 0 < report["counts"]["pg_server_xact_commit"] <= done + 1
    assert not any("pg_top" in name for name in report["counts"])


def test_the_server_away_or_frozen(swarm, postgres, own_postgres, tmp_path):
    process = call(swarm, "one", "postgres://127.0.0.1:1/nowhere", "-o",
                   "postgres.server_stats=0.2s", seconds=1)
    assert process.wait() == 4
    assert len(re.findall("no figures from the server: ", process.err)) == 1
    # A session that does not answer does not hold up the end.
    server = own_postgres()
    process = call(swarm, "one", server.uri(), "-o",
                   "postgres.server_stats=0.1s", seconds=2)
    pid = wait_for(lambda: server.ask(
        "SELECT pid FROM pg_stat_activity WHERE query LIKE '%/* swarm */%' "
        "AND pid <> pg_backend_pid()"), "the sampler's session")
    os.kill(int(pid), signal.SIGSTOP)
    try:
        assert process.wait() == 0, process.text
        assert "its last figures are missing" in process.err
        assert results(process)["total"]["failures"] == 0
    finally:
        os.kill(int(pid), signal.SIGCONT)


# ---- manual pages ----

def manual(name):
    with open(os.path.join(SOURCE, "plugins", "postgres",
                           f"{name}.7")) as f:
        return f.read()


def test_manuals_name_every_option(swarm):
    dump = swarm.run("--dump", "postgres").out
    # As roff writes them.
    items = re.findall(r"^\.It Cm (.*)$", manual("postgres"), re.M)
    assert sorted(items) == sorted(re.findall(r"^option=(.*)$", dump, re.M))
    for item in items:
        default = re.search(rf"^option\.{item}\.default=(.*)$", dump,
                            re.M).group(1)
        text = re.search(rf"^\.It Cm {item}\n((?:[^.].*\n|\.[CFLA].*\n)*)",
                         manual("postgres"), re.M).group(1)
        assert default in text, item
    usage = swarm.run("pgbench", "--help").text
    asked = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*\b", usage))
    told = set()
    for line in re.findall(r"^\.It Fl (.*)$", manual("pgbench"), re.M):
        told |= {f"-{word}" for word in re.split(r" , ", line.split(
            " Ar ")[0].split(" Cm ")[0].split(" Ns ")[0])}
    assert asked - told == set()
    # --help leaves out some long names, and one of swarm's own.
    assert {word for word in told - asked if len(word) == 2} == {"-d"}


def test_manuals_examples(swarm, postgres, tmp_path):
    """What the pages show, run."""
    make_database(postgres, "examples")
    env = {**postgres.env, "PGDATABASE": "examples"}
    lines = re.findall(r"^\.Dl (swarm .*)$", manual("pgbench"), re.M)
    assert len(lines) == 4
    for line in lines:
        process = swarm.run(*shlex.split(line)[1:], env=env)
        assert process.status == 0, line + process.text
    line = "".join(re.findall(r"^\.Dl (?:\\& )?(.*?)(?:\\e)?$",
                              manual("postgres"), re.M))
    line = line.replace("tpcb.so", swarm.scenario("tpcb.so")).replace(
        "postgres://app@127.0.0.1/bank", postgres.uri("examples"))
    process = swarm.run(*shlex.split(line)[1:], "-o", "tpcb.scale=2")
    assert process.status == 0, line + process.text
    assert "pg_server_xact_commit" in process.text
    postgres.ask("CREATE TABLE account (id int, balance bigint); "
                 "INSERT INTO account VALUES (1, 0), (2, 0)", "examples")
    source = re.search(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed",
                       manual("postgres"), re.M).group(1)
    (tmp_path / "transfer.c").write_text(source)
    process = swarm.run("-f", "transfer.c", "--headless", "-H",
                        postgres.uri("examples"), "-u", "5", "-r", "100",
                        "-t", "1", "--json", "--only-summary")
    # Conflicts among them are no failures.
    assert process.status == 0, results(process)["errors"]
    rows = results(process)["by_name"]
    assert rows["SQL tx", "transfer"]["response_ms"]["count"] > 3
    assert rows["SQL simple", "sum"]["requests"] > 3


# ---- scenarios ----

def test_scenario_tpcb(swarm, postgres, bank):
    postgres.ask("TRUNCATE pgbench_history", bank)
    process = swarm.run(
        "-f", swarm.scenario("tpcb.so"), "--headless", "--host",
        postgres.uri(bank), "-u", "8", "-r", "100", "-t", "2", "-o",
        "tpcb.scale=2", "-o", "tpcb.isolation=serializable", "-o",
        "tpcb.tries=1000", "--stop-timeout", "20", "--json",
        "--only-summary")
    report = results(process)
    assert process.status == 0, report["errors"]
    moves = report["by_name"]["SQL tx", "move"]["response_ms"]["count"]
    assert moves > 20
    assert postgres.ask("SELECT count(*) FROM pgbench_history",
                        bank) == str(moves)


def test_scenario_notify(swarm, postgres):
    process = swarm.run(
        "-f", swarm.scenario("notify.so"), "--headless", "--host",
        postgres.uri(), "-u", "11", "-r", "1000", "-t", "3", "-o",
        "notify.pause=0.05s", "--processes", "2", "--json", "--only-summary")
    report = results(process)
    assert process.status == 0, report["errors"]
    counts = report["counts"]
    assert counts["notify_sent"] > 20
    # Ten listen; the first words may come before all do, the last ones may
    # be on their way at the end.
    assert counts["notify_sent"] * 10 * 0.8 < counts["notify_heard"] <= \
        counts["notify_sent"] * 10
    latency = report["by_name"]["SQL notify", "news"]["response_ms"]
    assert 0 < latency["p50"] < 1000


def test_scenario_shop_and_books(swarm, postgres, spawn):
    target = spawn([swarm.exe, "target", "--listen", "127.0.0.1:0"])
    port = target.wait_line(r"127\.0\.0\.1:(\d+)").group(1)
    process = swarm.run(
        "-f", swarm.scenario("shop_and_books.so"), "--headless", "--host",
        f"http://127.0.0.1:{port}", "-o",
        f"postgres.conninfo={postgres.uri()}", "-u", "4", "-r", "100", "-t",
        "2", "--stop-timeout", "10", "--json", "--only-summary")
    report = results(process)
    assert process.status == 0, process.text
    orders = report["by_name"]["SQL prepared", "book order"]["requests"]
    assert orders > 5
    assert report["by_name"]["SQL prepared", "read order"]["requests"] == \
        orders
    assert report["by_name"]["GET", "/"]["requests"] > 5
    assert postgres.ask("SELECT count(*) FROM orders") == str(orders)
