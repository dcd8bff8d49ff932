"""A run from start to summary: the figures are exact wherever they show."""
import re

from conftest import read_csv, totals


def test_every_sample_is_counted_once(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=7", "-u", "10", "-r", "100",
                     "-t", "2s", "--processes", "2",
                     "--csv", tmp_path / "out")
    assert done.status == 0, done.text
    rows = totals(tmp_path / "out")
    assert rows["COUNT", "item"]["Request Count"] == "70"
    assert rows["COUNT", "item"]["Failure Count"] == "0"
    assert rows["", "Aggregated"]["Request Count"] == "70"
    assert re.search(r"\b70\b", done.text), "the summary shows the count"


def test_one_process_or_many_count_alike(swarm, tmp_path):
    for processes in ("1", "3"):
        prefix = tmp_path / processes
        done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                         "-u", "9", "-r", "100", "-t", "2s",
                         "--processes", processes, "--csv", prefix)
        assert done.status == 0, done.text
        assert totals(prefix)["COUNT", "item"]["Request Count"] == "45"


def test_failures_are_results(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=6", "-o", "counted.fail_every=3",
                     "-u", "4", "-r", "100", "-t", "2s",
                     "--csv", tmp_path / "out")
    assert done.status == 1, done.text
    row = totals(tmp_path / "out")["COUNT", "item"]
    assert (row["Request Count"], row["Failure Count"]) == ("24", "8")
    failures = read_csv(tmp_path / "out_failures.csv")
    assert [(f["Method"], f["Name"], f["Error"], f["Occurrences"])
            for f in failures] == [("COUNT", "item", "every so often", "8")]
    assert "every so often" in done.text


def test_failures_may_be_told_to_pass(swarm):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.fail_every=2", "-u", "1", "-t", "1s",
                     "--exit-code-on-error", "0")
    assert done.status == 0, done.text


def test_service_time_is_measured(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.service=50ms", "-u", "2", "-r", "10",
                     "-t", "3s", "--csv", tmp_path / "out")
    assert done.status == 0, done.text
    row = totals(tmp_path / "out")["COUNT", "item"]
    # A sleep is never early; how late depends on the machine.
    assert 50 <= float(row["Min Response Time"]) < 500
    assert 50 <= float(row["Median Response Time"]) < 500


def test_progress_is_visible(swarm):
    run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                      "-u", "4", "-r", "4")
    run.wait_line(r"users\s+4\b")
    run.interrupt()
    assert run.wait() == 0, run.text


def test_run_time_ends_it(swarm):
    done = swarm.run("-f", swarm.module("steady.so"), "--headless",
                     "-u", "2", "-r", "2", "-t", "1s")
    assert done.status == 0, done.text


def test_options_from_the_environment(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-u", "2", "-r", "10", "-t", "1s",
                     "--csv", tmp_path / "out",
                     env={"SWARM_COUNTED_TIMES": "3"})
    assert done.status == 0, done.text
    assert totals(tmp_path / "out")["COUNT", "item"]["Request Count"] == "6"


def test_schedule_is_kept(swarm, tmp_path):
    """Waits of 1 to 3 s: each user runs a task every 2 s on average."""
    done = swarm.run("-f", swarm.module("pace.so"), "--headless",
                     "-u", "2000", "-r", "2000", "-t", "12s",
                     "--processes", "2", "--csv", tmp_path / "out")
    assert done.status == 0, done.text
    rows = totals(tmp_path / "out")
    count = int(rows["TASK", "nothing"]["Request Count"])
    # The first task comes at once, about a second of ramp goes by.  The
    # spread of the sum is under 1 %; the rest is a busy machine's.
    assert abs(count - 2000 * (1 + 11.5 / 2)) < 0.08 * count


def test_output_has_no_escapes(swarm):
    done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-u", "1", "-t", "1s")
    assert done.status == 0, done.text
    assert "\x1b" not in done.text and "\r" not in done.text
