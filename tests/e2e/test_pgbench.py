"""swarm pgbench, beside pgbench."""
import re

import pytest

from pg_kit import counters, make_bank, make_database, pgbench, results


@pytest.fixture(scope="module")
def bank(postgres):
    return make_bank(postgres)


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
    assert f"{path}:1: pipelines need -M extended or -M prepared" in \
        process.text
    # What fails within is told by its own line, when it is run or prepared.
    for statement, line, error in (
            ("SELECT 1 / 0;", 3, "22012 division by zero"),
            ("SELECT nothing;", 3,
             '42703 column "nothing" does not exist')):
        path.write_text(f"\\startpipeline\nSELECT 1;\n{statement}\n"
                        "SELECT 2;\n\\syncpipeline\nSELECT 3;\n"
                        "\\endpipeline\n")
        for mode in "extended", "prepared":
            report = results(pgbench(swarm, postgres, "-n", "-t", "2", "-M",
                                     mode, "-f", str(path)))
            assert [e["error"] for e in report["errors"]] == [
                f"{error} ({path}:{line})"]
    for copy in "COPY pipes FROM STDIN", "COPY pipes TO STDOUT":
        for text in (f"\\startpipeline\nSELECT 1;\n{copy};\n\\endpipeline\n",
                     f"SELECT 1;\n\n{copy};\n"):
            path.write_text(text)
            process = pgbench(swarm, postgres, "-n", "-t", "3", "-M",
                              "extended", "-f", str(path))
            assert process.status == 1
            assert results(process)["exceptions"][0]["message"] == \
                f"{path}:3: COPY cannot be in a script"


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


def sums(prefix):
    """Of the columns of all files of an aggregated log."""
    rows = [[float(n) for n in line.split()]
            for log in prefix.parent.glob(prefix.name + ".*")
            for line in log.read_text().splitlines()]
    assert rows and {len(row) for row in rows} == {15}
    return [sum(column) for column in zip(*rows)]


def test_conflicts_are_tried_again(swarm, postgres, tmp_path):
    path = tmp_path / "conflict.sql"
    path.write_text(
        "BEGIN ISOLATION LEVEL SERIALIZABLE;\n"
        "SELECT n FROM counter \\gset\n"
        "\\sleep 1 ms\n"
        "UPDATE counter SET n = :n + 1;\nEND;\n")
    postgres.ask("CREATE TABLE counter (n int); "
                 "INSERT INTO counter VALUES (0)")
    log = ["-l", "--aggregate-interval=1", "--log-prefix"]
    report = results(pgbench(swarm, postgres, "-n", "-c", "6", "-t", "20",
                             "--max-tries=1000", "-f", str(path), *log,
                             str(tmp_path / "tried")))
    assert report["total"]["requests"] == 120
    assert report["total"]["failures"] == 0
    assert report["counts"]["pg_retries"] > 0
    assert report["counts"]["pg_serialization_failures"] == \
        report["counts"]["pg_retries"]
    assert postgres.ask("SELECT n FROM counter") == "120"
    tried = sums(tmp_path / "tried")
    assert tried[1] == 120 and tried[6:11] == [0] * 5
    assert tried[11:] == [report["counts"]["pg_retried"],
                          report["counts"]["pg_retries"], 0, 0]
    # Without tries they are failures, each with its SQLSTATE.
    postgres.ask("UPDATE counter SET n = 0")
    process = pgbench(swarm, postgres, "-n", "-c", "6", "-t", "20", "-r",
                      "-f", str(path), *log, str(tmp_path / "failed"))
    report = results(process)
    failed = sums(tmp_path / "failed")
    assert failed[1] + failed[13] == 120 and failed[6:13] == [0] * 7
    assert failed[13:] == [report["total"]["failures"], 0]
    # With -r it is said where: at the UPDATE or at the END.
    assert sum(n for name, n in report["counts"].items()
               if name.startswith(f"pg_failures {path} ")) == \
        report["total"]["failures"]
    done = report["total"]["requests"] - report["total"]["failures"]
    assert report["total"]["requests"] == 120 and process.status == 1
    assert report["total"]["failures"] > 0
    assert postgres.ask("SELECT n FROM counter") == str(done)
    assert all(re.fullmatch(rf"40001 .* \({path}:[45]\)", e["error"])
               for e in report["errors"])
    # The columns are pgbench's.
    postgres.pgbench("-n", "-c", "6", "-T", "2", "-f", str(path),
                     "--failures-detailed", *log, str(tmp_path / "theirs"))
    theirs = sums(tmp_path / "theirs")
    assert theirs[13] > 0 and theirs[6:13] == [0] * 7


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
    assert report["errors"][0]["error"] == \
        f"22012 division by zero ({path}:1)"
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
    # As in pgbench each client counts from 1.
    assert sorted(int(line.split()[1]) for line in lines) == \
        sorted(list(range(1, 501)) * 2)


def test_a_script_from_standard_input(swarm, postgres, tmp_path):
    """Which workers have, too; with a \\sleep at its end, which counts."""
    path = tmp_path / "script"
    path.write_text("SELECT 1;\n\\sleep 20 ms\n")
    report = results(pgbench(swarm, postgres, "-n", "-c", "4", "-j", "2",
                             "-t", "3", "-f", "-@2",
                             wrap=("sh", "-c", f'cat {path} | exec "$@"',
                                   "sh")))
    assert report["total"]["requests"] == 12
    tx = report["by_name"]["SQL tx", "-"]["response_ms"]
    statement = report["by_name"]["SQL simple", "1: SELECT 1"]["response_ms"]
    assert tx["min"] >= 20 and tx["mean"] >= 20 + statement["mean"]
    # So is what comes through a pipe with a name, as shells give them.
    report = results(pgbench(swarm, postgres, "-n", "-c", "2", "-j", "2",
                             "-f", "/dev/fd/9@0", "-f", "/dev/fd/8",
                             wrap=("bash", "-c", 'exec "$@" '
                                   f"9< <(echo 'SELECT 2') 8< <(cat {path})",
                                   "sh")))
    assert report["by_name"]["SQL tx", "/dev/fd/8"]["requests"] == 20


def test_built_in_scripts_ask_for_the_scale(swarm, postgres, bank, tmp_path):
    path = tmp_path / "scale.sql"
    path.write_text("INSERT INTO scales VALUES (:scale);\n")
    for program in "swarm", "pgbench":
        postgres.ask("DROP TABLE IF EXISTS scales; "
                     "CREATE TABLE scales (n int)", bank)
        args = ["-n", "-t", "1", "-s", "7", "-b", "select-only@0", "-f",
                str(path)]
        if program == "swarm":
            # What other programs are told about --host is not meant.
            results(swarm.run("pgbench", *args, "--", "--json",
                              env={**postgres.env, "PGDATABASE": bank,
                                   "SWARM_HOST": "http://127.0.0.1:1"}))
        else:
            postgres.pgbench(*args, database=bank)
        assert postgres.ask("SELECT n FROM scales", bank) == "2"


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
    fine = tmp_path / "fine.sql"
    fine.write_text("SELECT 1;\n")
    for args, words in (
            (["-c", "0"], "-c 0: give a whole number from 1"),
            (["-M", "fast"], "give simple, extended or prepared"),
            (["-t", "1", "-T", "1"], "give -t or -T, not both"),
            (["-i", "-c", "2"], "with -i only options of initialization"),
            (["-b", "s"], "ambiguous builtin name"),
            (["-f", "/nowhere.sql"], "cannot read the script /nowhere.sql"),
            (["-f", str(broken)], "broken.sql:2: the expression ends too "
             "early"),
            (["-D", "x"], "write NAME=VALUE"),
            (["-D", "1x=1"], "write NAME=VALUE"),
            (["--nothing"], "there is no option --nothing; see swarm pgbench "
             "--help"),
            (["-f", "-", "-f", "-"], "standard input can be one script only"),
            (["-h", "x" * 3000, "-p", "1", "-U", "me"],
             'could not translate host name "' + "x" * 3000 + '"'),
            (["-f", str(fine)], None)):
        process = pgbench(swarm, postgres, "-n", *args,
                          database="no_such_database" if words is None
                          else "postgres", own=["-t", "1"])
        if words is None:
            # Not one transaction was done.
            assert process.status == 4
            assert "3D000" in process.text
            assert len(re.findall("cannot connect: 3D000 ", process.err)) == 1
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
    process = swarm.run("pgbench", "-n", "-S", "no_such_database",
                        env=postgres.env)
    assert process.status == 2
    assert 'database "no_such_database" does not exist' in process.err
