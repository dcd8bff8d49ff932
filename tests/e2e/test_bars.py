"""What the load models have to hold, in short; tests/bench has the long ones."""
import json
import os
import shutil
import subprocess

import pytest

from conftest import BUILD, totals

LOCUST = shutil.which("locust", path="/usr/bin")


def result(path):
    return json.loads(path.read_text())


def test_twenty_thousand_arrivals_a_second():
    """Exact; how late depends on who else is on the machine."""
    done = subprocess.run(
        [os.path.join(BUILD, "tests", "bench", "bench_arrivals"), "2",
         "20000"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    figures = json.loads(done.stdout)
    assert figures["done"] == figures["due"] == 40000


LOCUSTFILE = '''
from locust import FastHttpUser, constant, task


class Twin(FastHttpUser):
    wait_time = constant(0.02)

    @task(5)
    def read(self): self.client.get("/bytes/5", name="read")

    @task(2)
    def write(self): self.client.get("/bytes/2", name="write")

    @task
    def search(self): self.client.get("/bytes/1", name="search")
'''

TWIN = '''
#include <swarm/swarm.h>
#include <swarm/http.h>

static void read_it(struct swarm_user *u)
{
	http_request(u, .path = "/bytes/5", .name = "read");
}

static void write_it(struct swarm_user *u)
{
	http_request(u, .path = "/bytes/2", .name = "write");
}

static void search(struct swarm_user *u)
{
	http_request(u, .path = "/bytes/1", .name = "search");
}

SWARM_SCENARIO({ .name = "Twin", .wait = SWARM_CONSTANT(0.02),
	.tasks = SWARM_TASKS(SWARM_TASK(read_it, .weight = 5, .tags = "one"),
	    SWARM_TASK(write_it, .weight = 2), SWARM_TASK(search)) });
'''

def test_a_frozen_server_shows_in_response_time(swarm, target, tmp_path):
    """Two seconds of every four no answer comes.  On one connection only the
    request that is held back has a long service time; all who should have
    begun meanwhile have a long response time."""
    (tmp_path / "one.c").write_text(TWIN.replace("/bytes/5", "/"))
    done = swarm.run("-f", tmp_path / "one.c", "-H",
                     target("--freeze", "2s/4s"), "--headless",
                     "--processes", "1", "--rate", "100", "-t", "8s", "-u",
                     "1", "--tags", "one", "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    total = result(tmp_path / "out.json")["total"]
    dropped = result(tmp_path / "out.json")["counters"].get(
        "dropped arrivals", 0)
    assert total["requests"] + dropped == 800, done.text
    assert total["response_ms"]["p99"] >= 1500
    assert total["service_ms"]["p99"] < 500


NAMES = ("read", "write", "search")


def chi_square(a, b):
    """Of two rows of counts having one mix."""
    total = [x + y for x, y in zip(a, b)]
    parts = 0
    for row in (a, b):
        for count, all_of in zip(row, total):
            expected = sum(row) * all_of / sum(total)
            parts += (count - expected) ** 2 / expected
    return parts


@pytest.mark.skipif(LOCUST is None, reason="no Locust here")
def test_a_locustfile_and_its_twin_have_one_mix(swarm, target, tmp_path,
                                                spawn):
    """The same server, the same time (SWARM_TEST_LONG: a minute).  13.8: two
    degrees of freedom, one false alarm in a thousand."""
    seconds = "60s" if os.environ.get("SWARM_TEST_LONG") else "6s"
    host = target()
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    (tmp_path / "twin.c").write_text(TWIN)
    load = ("--headless", "-H", host, "-u", "8", "-r", "8", "-t", seconds)
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("LOCUST_")}
    locust = spawn([LOCUST, "-f", tmp_path / "locustfile.py", "--csv",
                    tmp_path / "locust", *load], env=env, cwd=str(tmp_path))
    assert locust.wait(90) == 0, locust.text
    twin = swarm.run("-f", tmp_path / "twin.c", *load, "--csv",
                     tmp_path / "swarm", timeout=90)
    assert twin.status == 0, twin.text
    rows = []
    for name in ("locust", "swarm"):
        count = {key[1]: int(row["Request Count"]) for key, row in
                 totals(tmp_path / name).items()}
        rows.append([count[n] for n in NAMES])
    print("mix of locust and swarm:", rows, chi_square(*rows))
    # As many as the test needs; a quiet machine has a hundred times more.
    assert min(min(r) for r in rows) > 10, rows
    assert chi_square(*rows) < 13.8, rows
    # And the weights themselves: 5, 2 and 1 of 8.
    for row in rows:
        wanted = [sum(row) * w / 8 for w in (5, 2, 1)]
        assert sum((c - w) ** 2 / w for c, w in zip(row, wanted)) < 13.8, row
