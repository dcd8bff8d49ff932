"""Results in the scenario's hands: transactions, names, tags, metrics; the
same figures in every output, over any number of workers."""
import csv
import json
import urllib.request

import pytest

from conftest import totals, wait_for


def rows(path):
    return {(s["type"], s["name"]): s
            for s in json.loads(path.read_text())["series"]}


def metrics(path):
    return {m["name"]: m for m in json.loads(path.read_text())["metrics"]}


def run(swarm, tmp_path, *args, processes="3"):
    """Six users, five tasks each: 30 orders, whoever runs them."""
    return swarm.run("-f", swarm.module("measured.so"), "--headless",
                     "--tags", "full", "-u", "6", "-r", "100", "-t", "3s",
                     "--processes", processes,
                     "--json-file", tmp_path / "out.json",
                     "--html", tmp_path / "out.html",
                     "--report-md", tmp_path / "out.md",
                     "--prometheus", tmp_path / "out.prom",
                     "--csv", tmp_path / "out", *args)


@pytest.mark.parametrize("processes", ["1", "3"])
def test_transactions_and_metrics(swarm, tmp_path, processes):
    done = run(swarm, tmp_path, processes=processes)
    assert done.status == 1, done.text       # 6 calls were refused
    found = rows(tmp_path / "out.json")
    order = found["TRANSACTION", "order"]
    pay = found["TRANSACTION", "pay"]
    assert (order["requests"], order["failures"]) == (30, 6)
    assert (pay["requests"], pay["failures"]) == (30, 6)
    assert order["transaction"] and not found["CALL", "look"]["transaction"]
    # Both calls, and their sleeps of 2 ms, are within.
    assert order["service_ms"]["min"] > 3.9
    assert order["service_ms"]["min"] > pay["service_ms"]["min"]
    assert found["CALL", "/item/[id]"]["requests"] == 30
    assert found["LATE", "known"]["requests"] == 30
    assert ("CALL", "unknown") not in found
    # Transactions are no part of the total: 4 calls a task.
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["total"]["requests"] == 120
    assert result["total"]["failures"] == 6
    assert result["counters"]["orders"] == 30
    failed = {(f["type"], f["name"]): f for f in result["failures"]}
    assert failed["TRANSACTION", "pay"]["error"] == "refused"
    got = metrics(tmp_path / "out.json")
    depth, hits, size = got["depth"], got["hits"], got["size"]
    assert (depth["kind"], depth["unit"], depth["count"]) == (
        "gauge", "jobs", 30)
    assert (depth["last"], depth["min"], depth["max"], depth["mean"]) == (
        4, 0, 4, 2)
    assert (hits["kind"], hits["count"], hits["mean"]) == ("rate", 30, 0.4)
    assert (size["count"], size["mean"], size["max"]) == (30, 3, 6)
    assert abs(size["p50"] - 3) < 0.02 and abs(size["p99"] - 6) < 0.03


def test_every_output_has_them(swarm, tmp_path):
    done = run(swarm, tmp_path)
    assert "METRICS" in done.out and "last 4, mean 2, min 0, max 4 jobs" in \
        done.out, done.out
    # Locust's file has the transactions as rows, its total without them.
    table = totals(tmp_path / "out")
    assert table["TRANSACTION", "pay"]["Failure Count"] == "6"
    assert table["", "Aggregated"]["Request Count"] == "120"
    with open(tmp_path / "out_metrics.csv", newline="") as f:
        lines = {line["Name"]: line for line in csv.DictReader(f)}
    assert lines["orders"]["Kind"] == "counter"
    assert lines["orders"]["Count"] == "30"
    assert (lines["depth"]["Last"], lines["depth"]["Unit"]) == ("4", "jobs")
    assert lines["size"]["Max"] == "6"
    for name, word in (("out.html", "Metrics"), ("out.md", "| metric |"),
                       ("out.prom", 'swarm_metric{name="depth"} 4')):
        assert word in (tmp_path / name).read_text(), name
    # Read back, and shown again, they are the same.
    again = swarm.run("report", tmp_path / "out.json")
    assert "last 4, mean 2, min 0, max 4 jobs" in again.out, again.text


def test_rows_are_split_where_asked(swarm, tmp_path):
    run(swarm, tmp_path, "--split-by", "tier", processes="1")
    found = rows(tmp_path / "out.json")
    assert found["CALL", "look [tier=even]"]["requests"] == 15
    assert found["CALL", "look [tier=odd]"]["requests"] == 15
    assert found["TRANSACTION", "pay [tier=odd]"]["failures"] == 3
    assert ("CALL", "look") not in found
    run(swarm, tmp_path, "--split-by", "colour", processes="2")
    assert rows(tmp_path / "out.json")["CALL", "look"]["requests"] == 30


def test_a_transaction_left_half_way_has_failed(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("measured.so"), "--headless",
                     "--tags", "careless", "-u", "2", "-t", "2s",
                     "--json-file", tmp_path / "out.json")
    row = rows(tmp_path / "out.json")["TRANSACTION", "careless"]
    assert (row["requests"], row["failures"]) == (2, 2), done.text


def test_try_shows_tags_and_transactions(swarm):
    done = swarm.run("try", swarm.module("measured.so"), "--tags", "full")
    assert "TRANSACTION order" in done.out and "[tier=" in done.out, done.out


def test_try_says_nothing_to_the_terminal(swarm):
    done = swarm.run("try", swarm.module("measured.so"), "--tags", "hostile")
    for part in ("CALL name", "error", "tag", "raised"):
        assert part in done.text, done.text
    assert not set("\033\a\r\x9b") & set(done.text), ascii(done.text)


def test_metrics_by_rest(swarm):
    process = swarm.start("-f", swarm.module("measured.so"), "--autostart",
                          "--tags", "full", "-u", "4", "-r", "100",
                          "--web-port", "0", "--processes", "2")
    url = process.wait_line(r"(http://localhost:\d+)").group(1)

    def ready():
        with urllib.request.urlopen(f"{url}/api/v1/metrics") as answer:
            got = json.load(answer)
        return got if got["counters"].get("orders") == 20 else None

    got = wait_for(ready, "twenty orders")
    assert {m["name"]: m["kind"] for m in got["metrics"]} == {
        "depth": "gauge", "hits": "rate", "size": "distribution"}
