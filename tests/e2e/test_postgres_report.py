"""PostgreSQL: the server's side in the report, and what the manuals say."""
import os
import re
import shlex
import signal

from conftest import SOURCE, wait_for
from pg_kit import call, counters, make_database, results


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
    # Asked for in another database, whose figures are not looked at.
    wait_for(lambda: server.ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'bank' AND "
        "query LIKE 'UPDATE t %'") != "0", "work")
    server.ask("CHECKPOINT")
    assert process.wait() == 0, process.text
    report = results(process)
    counts = report["counts"]
    assert report["total"]["requests"] == 240
    # And the starts of our sessions.
    assert counts["pg_server_sessions_started"] == 4
    assert counts["pg_server_xact_commit"] == 240 + 4
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
    # And their starts; pooled sessions are there to the end, and may have yet
    # to say the last.
    assert 0 < report["counts"]["pg_server_xact_commit"] <= done + 2
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
