"""swarm capacity on servers of known capacity: swarm's own target, which works
on so many requests at once and lets the others wait in order."""
import json
import os

import pytest

SHORT = ["--probe-time", "5s", "--confirm-time", "5s", "--processes", "1"]


def search(swarm, tmp_path, url, *args, timeout=250, classes=("eager",)):
    run = swarm.run("capacity", "-f", swarm.module("limits.so"), "-H", url,
                    "--json-file", tmp_path / "out", "--html",
                    tmp_path / "out.html", "--report-md",
                    tmp_path / "out.md", *SHORT, *args, *classes,
                    timeout=timeout)
    return run, json.loads((tmp_path / "out.json").read_text())


def finds_the_rate(swarm, target, tmp_path):
    # Four requests at a time, 40 ms each: a hundred a second.
    url = target("--delay", "40ms", "--servers", "4")
    run, result = search(swarm, tmp_path, url, "--search-from", "60",
                         "--slo", "p95<600ms,errors<1%")
    answer = result["capacity"]
    # With probes of five seconds it may be less sure than was asked for.
    assert run.status == (0 if answer["sure"] else 96), run.text
    assert answer["answer"] == "found" and answer["unit"] == "arrivals/s"
    assert 60 <= answer["load"] <= 105
    assert answer["slos"] == ["p95<600ms", "errors<1%"]
    verdicts = [p["verdict"] for p in answer["probes"]]
    assert verdicts[0] == "pass" and verdicts[-1] == "pass"
    assert {"fail", "overload"} & set(verdicts)
    assert answer["probes"][-1]["stage"] == "confirm"
    # The same in every place, and again from the file.
    assert answer["sentence"] == result["verdict"]["reason"]
    assert answer["sentence"] in run.out
    again = swarm.run("report", tmp_path / "out.json", "--markdown",
                      tmp_path / "again.md")
    assert again.status == 0, again.text
    for page in ("out.md", "again.md"):
        text = (tmp_path / page).read_text()
        assert text.count("| pass |") == verdicts.count("pass")
    html = (tmp_path / "out.html").read_text()
    assert "<h2>Capacity</h2>" in html


if os.environ.get("SWARM_LONG_PROOFS"):
    # A minute and a half; the search itself is proved on paper in
    # unit_capacity.
    test_finds_the_rate = finds_the_rate


def test_counts_users(swarm, target, tmp_path):
    # Ten at once, 100 ms each: eight users wait for nobody.
    url = target("--delay", "100ms", "--servers", "10")
    run, result = search(swarm, tmp_path, url, "--users", "--slo",
                         "p90<250ms", "--search-from", "4", "--search-to",
                         "8.5")
    answer = result["capacity"]
    assert run.status == 0, run.text
    assert answer["unit"] == "users" and answer["answer"] == "bound"
    assert [p["load"] for p in answer["probes"]] == [4, 8, 8]
    assert [p["in_flight"] for p in answer["probes"]] == [4, 8, 8]
    assert answer["held_s"] == 5 and answer["sure"] is True
    assert "bears 8 users" in run.out


def test_too_few_users_are_no_answer(swarm, target, tmp_path):
    # Each of ten takes 150 ms: 66 a second, of a server without a limit.
    url = target("--delay", "150ms")
    run, result = search(swarm, tmp_path, url, "-u", "10", "--search-from",
                         "90", "--slo", "p90<400ms")
    answer = result["capacity"]
    assert run.status == 97, run.text
    assert answer["answer"] in ("at-least", "lost")
    assert "all its users were busy; give it more with -u" in \
        answer["sentence"]
    assert answer["probes"][-1]["starved_s"] >= 1


def test_bears_all_that_is_allowed(swarm, target, tmp_path):
    url = target("--delay", "1ms")
    run, result = search(swarm, tmp_path, url, "--search-from", "20",
                         "--search-to", "40", "--slo", "p90<900ms")
    assert run.status == 0, run.text
    assert result["capacity"]["answer"] == "bound"
    assert result["capacity"]["load"] == 40
    assert result["capacity"]["range"] == [40, None]
    assert result["capacity"]["probes"][-1]["stage"] == "confirm"


def test_bears_nothing(swarm, target, tmp_path):
    url = target("--delay", "200ms")
    run, result = search(swarm, tmp_path, url, "--search-from", "20",
                         "--slo", "p50<100ms")
    assert run.status == 99, run.text
    assert result["capacity"]["answer"] == "none"
    assert result["capacity"]["load"] is None
    assert result["verdict"]["result"] == "failed"


def test_slow_generator_is_no_answer(swarm, tmp_path):
    # Each iteration keeps the only worker busy for 5 ms.
    run, result = search(swarm, tmp_path, "http://127.0.0.1:1",
                         "--search-from", "80", "--slo", "p90<30ms",
                         classes=("burner",))
    assert run.status == 97, run.text
    assert result["capacity"]["answer"] in ("at-least", "lost")
    assert "generator" in result["capacity"]["sentence"]
    assert result["capacity"]["probes"][-1]["verdict"] == "invalid"


def test_ended_early(swarm, target, tmp_path):
    url = target("--delay", "1ms")
    run = swarm.start("capacity", "-f", swarm.module("limits.so"), "-H", url,
                      "--slo", "p90<900ms", "--json-file", tmp_path / "out",
                      *SHORT, "eager")
    run.wait_line(r"EVENT .*: pass", 60)
    run.interrupt()
    assert run.wait() == 97, run.text
    answer = json.loads((tmp_path / "out.json").read_text())["capacity"]
    assert answer["answer"] == "running" and answer["load"] >= 10
    assert "ended early" in answer["sentence"]


@pytest.mark.parametrize("args, word", [
    ([], "--slo"),
    (["--slo", "p99<200ms for 3s"], "without a time"),
    (["--slo", "p99>200ms"], "p99>200ms"),
    (["--slo", "mean<2ms"], "mean<2ms"),
    (["--slo", "p99<fast"], "p99<fast"),
    (["--slo", "p99<1s", "--run-time", "5s"], "--run-time"),
    (["--slo", "p99<1s", "--rate", "50"], "leave out --rate"),
    (["--slo", "p99<1s", "--by-users", "-u", "50"], "leave out -u"),
    (["--slo", "p99<1s", "--by-users", "--search-to", "0.5"], "one user"),
    (["--slo", "p99<1s", "--json-file", "-"], "--json"),
    (["--slo", "p99<1s", "--shape", "steps:1,1s,1"], "--shape"),
    (["--slo", "p99<1s", "--probe-time", "1s"], "--probe-time"),
    (["--slo", "p99<1s", "--search-from", "9", "--search-to", "3"],
     "--search-to"),
    (["--slo", ",".join(["p9<1s"] * 9)], "at most 8"),
])
def test_wrong_words(swarm, args, word):
    run = swarm.run("capacity", "-f", swarm.module("limits.so"), *args)
    assert run.status == 2
    errors = [e for e in run.err.splitlines() if "error" in e]
    assert len(errors) == 1 and word in errors[0]
