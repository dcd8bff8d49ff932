"""Result files of one real run: the same totals in each, and the commands
that read them."""
import csv
import json
import os
import re
import urllib.request
import xml.etree.ElementTree

from conftest import read_csv, totals, wait_for


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
    # A second of failures is a burst where users were slow to come.
    assert page.partition("Flight recorder")[0].count("<svg ") == 3
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


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_totals_are_equal_in_every_place(swarm, tmp_path):
    """One run, asked for in every way there is, live and afterwards."""
    env = {"SWARM_PLUGIN_PATH": os.path.dirname(swarm.module("lines.so"))}
    run = swarm.start("-f", swarm.module("counted.so"), "--autostart",
                      "--web-port", "0", "-o", "counted.times=40",
                      "-o", "counted.fail_every=4", "-u", "6", "-r", "100",
                      "-t", "60s", "--processes", "2",
                      "--csv", tmp_path / "out", "--json-file",
                      tmp_path / "out", "--html", tmp_path / "out.html",
                      "--report-md", tmp_path / "out.md",
                      "--ndjson", tmp_path / "out.ndjson",
                      "--junit", tmp_path / "out.xml",
                      "--prometheus", tmp_path / "out.prom",
                      "--hdr-log", tmp_path / "out.hlog",
                      "--fail-if", "errors% > 10%",
                      "--request-log", tmp_path / "out",
                      "--out", f"lines={tmp_path / 'lines'}", env=env)
    url = "http://" + run.wait_line(r"http://([\w.]+:\d+)").group(1)
    # REST and /metrics of the run that has ended.
    stats = wait_for(lambda: (lambda s: s["state"] == "stopped" and s)(
        json.loads(get(url + "/stats/requests"))), "the end of the test")
    places = {}
    rest = {row["name"]: row for row in stats["stats"]}
    places["REST"] = [(rest[name]["num_requests"], rest[name]["num_failures"])
                      for name in ("Aggregated", "item")]
    rows = list(csv.DictReader(get(url + "/stats/requests/csv").splitlines()))
    places["REST CSV"] = [(int(row["Request Count"]),
                           int(row["Failure Count"])) for row in rows]

    def metric(text, name):
        return int(re.search(
            rf'^swarm_{name}{{type="COUNT",name="item"}} (\d+)$', text,
            re.M).group(1))

    def metrics(text):
        return [(metric(text, "requests_total"),
                 metric(text, "failures_total")),
                (metric(text, "response_seconds_count"),
                 metric(text, "failures_total"))]

    places["/metrics"] = metrics(get(url + "/metrics"))
    live = get(url + "/stats/report")
    run.interrupt()
    assert run.wait() == 99, run.text

    done = re.search(r"requests (\d+)\s+failed (\d+) ", run.out)
    places["terminal"] = [(int(done[1]), int(done[2]))]
    csv_rows = totals(tmp_path / "out")
    places["CSV"] = [(int(row["Request Count"]), int(row["Failure Count"]))
                     for row in csv_rows.values()]
    last = read_csv(tmp_path / "out_stats_history.csv")[-1]
    places["CSV history"] = [(int(last["Total Request Count"]),
                              int(last["Total Failure Count"]))]
    failures = read_csv(tmp_path / "out_failures.csv")
    places["CSV failures"] = [(240, sum(int(row["Occurrences"])
                                        for row in failures))]
    result = json.loads((tmp_path / "out.json").read_text())
    places["JSON"] = [(s["requests"], s["failures"])
                      for s in [result["total"], *result["series"]]]
    places["JSON buckets"] = [
        (sum(s["response_buckets"][1::2]), s["failures"])
        for s in [result["total"], *result["series"]]]
    places["JSON history"] = [(sum(p["requests"] for p in result["history"]),
                               sum(p["failures"] for p in result["history"]))]
    lines = [json.loads(line) for line in
             (tmp_path / "out.ndjson").read_text().splitlines()]
    seconds = [line for line in lines if line["kind"] == "second"]
    places["NDJSON"] = [(sum(s["requests"] for s in seconds),
                         sum(s["failures"] for s in seconds)),
                        (seconds[-1]["total_requests"],
                         seconds[-1]["total_failures"])]
    places["Prometheus file"] = metrics((tmp_path / "out.prom").read_text())
    markdown = re.search(r"\| Aggregated \| (\d+) \| (\d+) \|",
                         (tmp_path / "out.md").read_text())
    places["Markdown"] = [(int(markdown[1]), int(markdown[2]))]
    sink = [line.split(",") for line in
            (tmp_path / "lines").read_text().splitlines()
            if line.startswith("row ,Aggregated")]
    places["sink"] = [(sum(int(row[2]) for row in sink),
                       sum(int(row[3]) for row in sink)),
                      (int(sink[-1][4]), int(sink[-1][5]))]
    log = swarm.run("log", "--summary", tmp_path / "out.0.bin",
                    tmp_path / "out.1.bin").lines["out"]
    places["request log"] = [tuple(int(n) for n in line.split()[-7:-5])
                             for line in log[1:]]
    again = swarm.run("report", tmp_path / "out.html")
    done = re.search(r"requests (\d+)\s+failed (\d+) ", again.out)
    places["report of the HTML file"] = [(int(done[1]), int(done[2]))]
    # The criterion of the verdict is judged on the same.
    suite = xml.etree.ElementTree.parse(tmp_path / "out.xml").getroot()
    share = re.search(r"([\d.]+) %", next(suite.iter("failure"))
                      .attrib["message"].split(":", 1)[1])
    places["JUnit"] = [(240, 240 * float(share[1]) / 100)]
    # The pages for people show the numbers, too.
    for text in (live, (tmp_path / "out.html").read_text()):
        assert "<b>240</b>" in text and "60 requests" in text
    want = {place: [(240, 60)] * len(found)
            for place, found in places.items()}
    assert places == want


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
    assert f"  {tmp_path / 'out.json'}\n" in done.out
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
                     "-u", "1", "-t", "1s", "--json", "--progress", "1s",
                     "-H", "tcp://joe:hush@127.0.0.1")
    assert done.status == 0, done.text
    result = json.loads(done.out)
    assert result["total"]["requests"] > 0
    assert result["run"]["host"] == "tcp://joe:...@127.0.0.1"
    assert "-H tcp://joe:...@127.0.0.1" in result["run"]["command"]
    assert "hush" not in done.out


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


def test_baselines(swarm, tmp_path):
    def run(service, *args):
        return swarm.run("-f", swarm.module("counted.so"), "--headless",
                         "-o", "counted.times=100000",
                         "-o", f"counted.service={service}", "-u", "4",
                         "-r", "100", "-t", "11s", "--processes", "1",
                         *args, env=env)

    env = {"SWARM_BASELINES": str(tmp_path / "kept")}
    done = run("10ms", "--baseline", "main")
    assert done.status == 2 and "neither a file nor a baseline" in done.err
    done = run("10ms", "--save-baseline", "no/name")
    assert done.status == 2 and "no name for a baseline" in done.err
    done = run("10ms", "--save-baseline", "main")
    assert done.status == 0, done.text
    assert len(list((tmp_path / "kept" / "main").iterdir())) == 1
    # Worse: not added, and the verdict says of what.
    done = run("14ms", "--baseline", "main", "--save-baseline", "main",
               "--json-file", tmp_path / "slow")
    assert done.status == 98, done.text
    # Wherever its lines break.
    assert re.search(r"FAILED worse than the baseline main: [^:]*p50.*p95"
                     r"[^:]* of COUNT item", " ".join(done.out.split()))
    assert re.search(r"p50 .*worse", done.out)
    assert "not added to the baseline main" in done.err
    assert len(list((tmp_path / "kept" / "main").iterdir())) == 1
    result = json.loads((tmp_path / "slow.json").read_text())
    assert result["verdict"]["exit_code"] == 98
    assert "p50" in result["comparison"]
    done = swarm.run("report", "--html", "-", "--markdown",
                     tmp_path / "slow.md", tmp_path / "slow.json")
    assert "Beside the baseline" in done.out
    assert re.search(r"^ {6}p50 +ms .*worse",
                     (tmp_path / "slow.md").read_text(), re.M)
    # By name, on either side, and beside files.
    slow = tmp_path / "slow.json"
    assert swarm.run("compare", "main", slow, env=env).status == 98
    assert swarm.run("compare", slow, "main", env=env).status == 0
    assert swarm.run("baseline", "save", "slow", slow, env=env).status == 0
    done = swarm.run("compare", "--json", "main", "--", "slow", slow, env=env)
    assert done.status == 98, done.text
    assert json.loads(done.out)["distance"] > 0.9
    (tmp_path / "main").write_text("a file of a baseline's name")
    done = swarm.run("baseline", "list", env=env)
    assert re.search(r"^main +20.*requests, p95 1\d\.\d ms, passed$",
                     done.out, re.M), done.out
    assert re.search(r"^slow .* failed$", done.out, re.M), done.out
    # Anew, but there is no room for it: what was there stays.
    kept = sorted((tmp_path / "kept" / "slow").iterdir())
    fast = next((tmp_path / "kept" / "main").iterdir())
    done = swarm.run("baseline", "save", "slow", fast, env=env, wrap=(
        "/bin/sh", "-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"))
    assert done.status == 2 and "cannot write" in done.err, done.text
    assert sorted((tmp_path / "kept" / "slow").iterdir()) == kept
    assert swarm.run("baseline", "save", "slow", fast, slow, fast,
                     env=env).status == 0
    assert len(list((tmp_path / "kept" / "slow").iterdir())) == 2
    assert swarm.run("baseline", "save", "slow", fast, env=env).status == 0
    assert [p.name for p in (tmp_path / "kept" / "slow").iterdir()] == \
        [fast.name]
    assert swarm.run("baseline", "remove", "slow", env=env).status == 0
    assert swarm.run("baseline", "remove", "slow", env=env).status == 2
    assert not (tmp_path / "kept" / "slow").exists()
