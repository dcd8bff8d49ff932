"""The main job: the README's command line against a real broker, with the
broker's own counters as the judge."""
import os

import pytest

from conftest import BUILD, free_port, totals, wait_for

if not os.path.exists(os.path.join(BUILD, "plugins", "mqtt", "mqtt.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)


def published(rows):
    """Publishes that reached the broker, by swarm's count."""
    return sum(int(row["Request Count"]) - int(row["Failure Count"])
               for (kind, name), row in rows.items()
               if "publish" in (kind + " " + name).lower())


def run_iot(swarm, broker, tmp_path, *args, users=60, seconds=6):
    """As spelled in the README, from the folder of the scenario."""
    return swarm.run(*args, "--headless", "-H", broker.url,
                     "-u", str(users), "-r", "50", "-t", f"{seconds}s",
                     "--csv", tmp_path / "out", timeout=60,
                     cwd=os.path.join(BUILD, "scenarios"))


@pytest.mark.parametrize("args", [
    ["--plugin", "mqtt.so", "-f", "iot.so"],
    ["-f", "iot.so"],
], ids=" ".join)
def test_broker_counts_the_same(swarm, broker, tmp_path, args):
    done = run_iot(swarm, broker, tmp_path, *args)
    assert done.status == 0, done.text
    rows = totals(tmp_path / "out")
    mine = published(rows)
    assert mine > 60
    # The broker publishes its counters once a second.
    theirs = wait_for(
        lambda: (n := broker.sys("publish/messages/received")) >= mine and n,
        f"{mine} messages at the broker", 10)
    assert theirs == mine, rows
    assert all(row["Failure Count"] == "0" for row in rows.values())


def test_compiled_from_source(swarm, broker, tmp_path):
    source = os.path.join(os.environ["SWARM_TEST_SOURCE"], "scenarios/iot.c")
    done = swarm.run("-f", source, "--headless", "-H", broker.url,
                     "-u", "5", "-r", "50", "-t", "3s",
                     "--csv", tmp_path / "out", timeout=60,
                     env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.status == 0, done.text
    assert published(totals(tmp_path / "out")) > 0


def test_unreachable_broker(swarm, tmp_path):
    done = swarm.run("-f", swarm.scenario("iot.so"), "--headless",
                     "-H", f"mqtt://127.0.0.1:{free_port()}",
                     "-u", "5", "-r", "50", "-t", "3s", timeout=60)
    # Nothing ever answered: not the same as some failures.
    assert done.status == 4, done.text
    assert "refused" in done.text.lower()


def test_user_in_the_url(swarm):
    done = swarm.run("-f", swarm.scenario("iot.so"), "--headless", "-H",
                     "mqtt://me:hush@127.0.0.1", "-u", "1", "-t", "1s")
    assert done.status == 4, done.text
    assert "the options of these names" in done.text, done.text
    # Nothing took any time: there is no course of times to show.
    assert " max 0 " in done.out and "\u2190" not in done.out, done.out
    assert "hush" not in done.text


def test_broker_that_stops_in_mid_run(swarm, broker, tmp_path):
    run = swarm.start("-f", swarm.scenario("iot.so"), "--headless",
                      "-H", broker.url, "-u", "20", "-r", "50", "-t", "15s",
                      "--csv", tmp_path / "out")
    run.wait_line(r"users\s+20\b")
    broker.stop()
    assert run.wait(60) == 1, run.text
    total = totals(tmp_path / "out")["", "Aggregated"]
    assert int(total["Failure Count"]) > 0
    assert int(total["Request Count"]) > int(total["Failure Count"])
