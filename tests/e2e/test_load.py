"""Load models: arrivals are exact, lag is told apart, shapes are followed."""
import json
import re

from conftest import totals

ITERATE = ("--headless", "--tags", "fast")


def result(path):
    return json.loads(path.read_text())


def series(path, name):
    return next(s for s in result(path)["series"] if s["name"] == name)


def test_arrivals_are_exact_over_workers(swarm, tmp_path):
    for processes in ("1", "3"):
        prefix = tmp_path / processes
        done = swarm.run("-f", swarm.module("iterate.so"), *ITERATE,
                         "--rate", "2000", "-t", "2s",
                         "--processes", processes, "--csv", prefix)
        assert done.status == 0, done.text
        assert totals(prefix)["IT", "quick"]["Request Count"] == "4000"


def test_a_ramp_of_arrivals_holds_its_area(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("iterate.so"), *ITERATE,
                     "--rate", "1s:0-400,1s:400", "--csv", tmp_path / "out")
    assert done.status == 0, done.text
    assert totals(tmp_path / "out")["IT", "quick"]["Request Count"] == "600"


def test_poisson_arrivals_have_the_rate(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("iterate.so"), *ITERATE,
                     "--rate", "1000", "--poisson", "-t", "2s",
                     "--seed", "7", "--csv", tmp_path / "out")
    assert done.status == 0, done.text
    count = int(totals(tmp_path / "out")["IT", "quick"]["Request Count"])
    # Six standard deviations of a Poisson count of 2000.
    assert abs(count - 2000) < 270 and count != 2000


def test_a_stall_shows_in_response_and_not_in_service_time(swarm, tmp_path):
    """One user a worker: whoever comes during the freeze waits in line."""
    done = swarm.run("-f", swarm.module("iterate.so"), *ITERATE,
                     "-o", "iterate.stall=800ms", "-o", "iterate.every=4s",
                     "--rate", "100", "-u", "2", "--processes", "2",
                     "-t", "8s", "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    quick = series(tmp_path / "out.json", "quick")
    # Who still waits in line when the run ends is dropped, and counted.
    dropped = result(tmp_path / "out.json")["counters"].get(
        "dropped arrivals", 0)
    assert quick["requests"] + dropped == 800, done.text
    assert quick["response_ms"]["p95"] > 400
    assert quick["service_ms"]["p95"] < 50


def test_arrivals_without_a_free_user_are_dropped_and_counted(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("iterate.so"), *ITERATE,
                     "-o", "iterate.service=500ms", "--rate", "100",
                     "-u", "2", "--when-busy", "drop", "-t", "2s",
                     "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    counters = result(tmp_path / "out.json")["counters"]
    ran = series(tmp_path / "out.json", "quick")["requests"]
    assert 4 <= ran <= 12
    assert counters["dropped arrivals"] == 200 - ran


def test_a_modules_shape_is_followed(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("shaped.so"), "--headless",
                     "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    users = [point["users"] for point in
             result(tmp_path / "out.json")["history"]]
    assert 2 in users and 5 in users, users
    assert result(tmp_path / "out.json")["run"]["stop_reason"] == \
        "the load shape is over"


def test_stages(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("iterate.so"), *ITERATE,
                     "--shape", "stages:2s:10,1s:10",
                     "--json-file", tmp_path / "out.json")
    assert done.status == 0, done.text
    assert result(tmp_path / "out.json")["run"]["users_max"] == 10


def test_an_error_in_the_scenario_is_shown_with_its_place(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("iterate.so"), "--headless",
                     "--tags", "broken", "-t", "2s", "--csv",
                     tmp_path / "out")
    assert done.status != 0, done.text
    text = (tmp_path / "out_exceptions.csv").read_text()
    assert "no token for iterator" in text and "iterate.c:" in text


def test_a_hundred_thousand_users_keep_their_schedule(swarm, tmp_path):
    """Waits of 1 to 3 s and an empty task.  Renewal theory: after t seconds
    a user has begun 1 + t/2 + (1/3 - 4)/8 tasks."""
    source = tmp_path / "idle.c"
    source.write_text(
        "#include <swarm/swarm.h>\n"
        "static void nothing(struct swarm_user *u) { (void)u; }\n"
        "SWARM_SCENARIO({ .name = \"idle\", .wait = SWARM_BETWEEN(1, 3),\n"
        "    .tasks = SWARM_TASKS(SWARM_TASK(nothing)) });\n")
    done = swarm.run("-f", source, "--headless", "-u", "100000",
                     "-r", "100000", "-t", "10s", "--processes", "2",
                     "--json-file", tmp_path / "out.json", timeout=90)
    run = result(tmp_path / "out.json")
    seconds = run["run"]["duration_s"]
    expected = 100000 * (1 + seconds / 2 + (1 / 3 - 4) / 8)
    assert abs(run["counters"]["tasks"] / expected - 1) < 0.02, done.text


def test_hooks_are_called_in_order(swarm, tmp_path):
    log = tmp_path / "hooks.txt"
    done = swarm.run("-f", swarm.module("hooks.so"), "--headless",
                     "-o", f"hooks.file={log}", "-u", "3", "-r", "10",
                     "-o", "hooks.wanted_code=33",
                     "-t", "2s", "--processes", "1")
    assert done.status == 33, done.text
    lines = log.read_text().split("\n")
    once = ["master usage", "worker usage"]
    assert [line for line in lines if line.startswith("master")
            and line not in once] == [
        "master init", "master start", "master all there", "master stopping",
        "master stop 0", "master quitting", "master quit 33"]
    assert [line for line in lines if line.startswith("worker")
            and line not in once] == [
        "worker init", "worker start", "worker stopping", "worker stop 3",
        "worker quitting", "worker quit 0"]
    for line in once + ["connected", "lost", "reported 3", "beat sent",
                        "beat received"]:
        assert line in lines, (line, lines)


def test_try_shows_every_step(swarm):
    done = swarm.run("try", swarm.module("iterate.so"))
    assert done.status == 1, done.text
    assert re.search(r"iterator\n  start\n  quick\n    IT quick +[\d.]+ ms"
                     r" +1 B  ok", done.out), done.out
    assert "no token for iterator" in done.out
    assert "1 passed, 1 failed" in done.out


def test_bad_plans_are_refused(swarm):
    for args, words in ((("--rate", "fast"), "--rate|arrival rate"),
                        (("--shape", "stagse:1s:1"), "did you mean stages"),
                        (("--rate", "5", "--when-busy", "cry"), "queue or dr"),
                        (("--tags", "nosuch"), "tag")):
        done = swarm.run("-f", swarm.module("iterate.so"), "--headless",
                         "-t", "1s", *args)
        assert done.status == 2, done.text
        assert re.search(words, done.err), done.err
