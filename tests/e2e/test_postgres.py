"""PostgreSQL: the client in scenarios, and what goes wrong."""
import os
import re
import subprocess

import pytest

from conftest import wait_for
from pg_kit import call, make_bank, results


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
    assert error == ("08001 server does not support SSL, but SSL was "
                     f'required ("127.0.0.1:{postgres.port}")')


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
             "ASAN_OPTIONS": "verify_asan_link_order=0",
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
        limit += 1000           # what was freed is kept for a while
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


# ---- scenarios ----

def test_scenario_tpcb(swarm, postgres):
    bank = make_bank(postgres)
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


def test_scenario_shop_and_books(swarm, postgres, target):
    process = swarm.run(
        "-f", swarm.scenario("shop_and_books.so"), "--headless", "--host",
        target(), "-o",
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
