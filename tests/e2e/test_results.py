"""Result files of one real run: the same totals in each, and the commands
that read them."""
import csv
import json
import re
import xml.etree.ElementTree

from conftest import read_csv, totals


def test_totals_are_equal_everywhere(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=40", "-o", "counted.fail_every=4",
                     "-u", "6", "-r", "100", "-t", "3s", "--processes", "2",
                     "--csv", tmp_path / "out", "--csv-full-history",
                     "--json-file", tmp_path / "out",
                     "--html", tmp_path / "{u}.html",
                     "--report-md", tmp_path / "out.md",
                     "--junit", tmp_path / "out.xml",
                     "--hdr-log", tmp_path / "out.hlog",
                     "--ndjson", tmp_path / "out.ndjson",
                     "--prometheus", tmp_path / "out.prom")
    assert done.status == 1, done.text
    rows = totals(tmp_path / "out")
    assert rows["", "Aggregated"]["Request Count"] == "240"
    assert rows["COUNT", "item"]["Failure Count"] == "60"
    last = [row for row in read_csv(tmp_path / "out_stats_history.csv")
            if row["Name"] == "Aggregated"][-1]
    assert last["Total Request Count"] == "240"
    assert last["Total Failure Count"] == "60"

    result = json.loads((tmp_path / "out.json").read_text())
    assert result["schema"] == "swarm-results/1"
    assert result["total"]["requests"] == 240
    assert result["total"]["failures"] == 60
    assert sum(s["requests"] for s in result["series"]) == 240
    assert sum(s["requests"] for s in result["history"]) == 240
    assert sum(result["total"]["response_buckets"][1::2]) == 240
    assert result["verdict"]["exit_code"] == 1

    # The same numbers, where people read them.
    assert re.search(r"requests 240\s+failed 60 \(25\.0 %\)", done.text)
    assert "| Aggregated | 240 | 60 |" in (tmp_path / "out.md").read_text()
    page = (tmp_path / "6.html").read_text()
    assert page.count("<svg ") == 3
    assert '<b>240</b>' in page and "60 requests" in page

    lines = [json.loads(line)
             for line in (tmp_path / "out.ndjson").read_text().splitlines()]
    assert sum(line.get("requests", 0) for line in lines) == 240
    assert lines[-1]["kind"] == "verdict"
    assert ('swarm_requests_total{type="COUNT",name="item"} 240'
            in (tmp_path / "out.prom").read_text())
    suite = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.attrib["failures"] == "1"
    log = (tmp_path / "out.hlog").read_text().splitlines()
    assert all(",HIST" in line for line in log[4:])


def test_csv_is_what_python_would_write(swarm, tmp_path):
    """Byte for byte: read as Locust's files, written again, the same."""
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=9", "-o", "counted.fail_every=3",
                     "-u", "2", "-t", "2s", "--csv", tmp_path / "out")
    assert done.status == 1, done.text
    for kind in ("stats", "stats_history", "failures", "exceptions"):
        data = (tmp_path / f"out_{kind}.csv").read_bytes()
        with open(tmp_path / f"out_{kind}.csv", newline="") as f:
            rows = list(csv.reader(f))
        with open(tmp_path / "again.csv", "w", newline="") as f:
            csv.writer(f).writerows(rows)
        assert (tmp_path / "again.csv").read_bytes() == data, kind
    for row in read_csv(tmp_path / "out_stats.csv"):
        for column in ("Average Response Time", "Min Response Time",
                       "Max Response Time", "Requests/s", "Failures/s"):
            text = row[column]
            assert repr(float(text)) == text, (column, text)


def test_criteria_decide(swarm, tmp_path):
    args = ["-f", swarm.module("counted.so"), "--headless", "-u", "2",
            "-o", "counted.times=50", "-o", "counted.fail_every=10",
            "-t", "2s"]
    done = swarm.run(*args, "--fail-if", "errors% > 20%")
    assert done.status == 0, done.text
    done = swarm.run(*args, "--fail-if", "errors% > 5%",
                     "--json-file", tmp_path / "out")
    assert done.status == 99, done.text
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["criteria"][0]["failed"] is True
    assert abs(result["criteria"][0]["value"] - 0.1) < 1e-9
    # A name that nothing has: not kept, for want of samples.
    done = swarm.run(*args, "--fail-if", "p95(/typo) > 1s")
    assert done.status == 99, done.text
    assert "nothing to judge" in done.text
    done = swarm.run(*args, "--fail-if", "p95 > 100")
    assert done.status == 2, done.text
    assert "write 200ms" in done.text


def test_criterion_ends_the_run(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "100", "--processes", "1",
                      "--stop-if", "count > 100")
    assert run.wait() == 99, run.text
    assert "criterion met: count > 100" in run.text


def test_json_alone_on_stdout(swarm):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-u", "1", "-t", "1s", "--json", "--progress", "1s")
    assert done.status == 0, done.text
    assert json.loads(done.out)["total"]["requests"] > 0


def test_results_are_read_again(swarm, tmp_path):
    for name, service in (("a", "10ms"), ("b", "20ms")):
        done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                         "-o", "counted.times=100000",
                         "-o", f"counted.service={service}", "-u", "4",
                         "-r", "100", "-t", "12s", "--processes", "1",
                         "--json-file", tmp_path / name,
                         "--html", tmp_path / f"{name}.html")
        assert done.status == 0, done.text
    done = swarm.run("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert done.status == 98, done.text
    assert re.search(r"p50 .*worse", done.text)
    done = swarm.run("compare", "--json", tmp_path / "b.html",
                     tmp_path / "a.json")
    assert done.status == 0, done.text
    verdicts = {m["metric"]: m["verdict"]
                for m in json.loads(done.out)["metrics"]}
    assert verdicts["p50"] == "better"
    assert verdicts["req/s"] == "better"
    done = swarm.run("report", tmp_path / "a.html")
    assert done.status == 0, done.text
    assert "PASSED" in done.text
    done = swarm.run("report", "--json", "-", tmp_path / "a.html")
    assert json.loads(done.out)["total"]["requests"] == json.loads(
        (tmp_path / "a.json").read_text())["total"]["requests"]
    assert swarm.run("report", tmp_path / "none.json").status == 2
