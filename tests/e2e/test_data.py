"""Rows of data: each order over any number of workers, what happens at the
end, workers that are lost or have another file; and one seed for all."""
import json
import os
import shutil
import signal

import pytest

from conftest import free_port, wait_for
from http_server import Server


def write_rows(path, count, ndjson=False):
    with open(path, "w") as f:
        if not ndjson:
            f.write("name,number,text\n")
        for i in range(count):
            if ndjson:
                f.write(json.dumps({"text": "x\n" * (i % 3), "name": f"r{i}",
                                    "number": i}) + "\n")
            else:
                f.write(f'r{i},{i},"a ""quoted"", text\nof two lines"\n')
    return path


def run(swarm, tmp_path, path, order, *args, users=6, steps=10, end="default",
        processes="3", seconds="5s", **kwargs):
    return swarm.run("-f", swarm.module("fed.so"), "--headless",
                     "-o", f"fed.file={path}", "-o", f"fed.order={order}",
                     "-o", f"fed.steps={steps}", "-o", f"fed.end={end}",
                     "-u", str(users), "-r", "1000", "-t", seconds,
                     "--processes", processes,
                     "--json-file", tmp_path / "out.json", *args, **kwargs)


def used(tmp_path):
    """{row: times it was used}."""
    series = json.loads((tmp_path / "out.json").read_text())["series"]
    return {s["name"]: s["requests"] for s in series if s["type"] == "ROW"}


@pytest.mark.parametrize("order", ["sequential", "shuffled"])
def test_each_row_once_over_all_workers(swarm, tmp_path, order):
    path = write_rows(tmp_path / "rows.csv", 500)
    done = run(swarm, tmp_path, path, order, end="stop", steps=1000)
    assert done.status == 0, done.text
    rows = used(tmp_path)
    assert set(rows) == {f"r{i}" for i in range(500)}
    assert set(rows.values()) == {1}
    assert "every user has ended" in done.text or json.loads(
        (tmp_path / "out.json").read_text())["run"]["stop_reason"] == \
        "every user has ended"


def test_rows_wrap(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.ndjson", 7, ndjson=True)
    done = run(swarm, tmp_path, path, "shuffled", steps=70, processes="1",
               users=1)
    assert done.status == 0, done.text
    assert set(used(tmp_path).values()) == {10}


def test_a_shuffle_is_the_seeds(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.csv", 200)
    seen = []
    for seed in ("5", "5", "6"):
        notes = tmp_path / f"notes{len(seen)}"
        run(swarm, tmp_path, path, "shuffled", "--seed", seed,
            "-o", f"fed.notes={notes}", users=1, steps=50, processes="1")
        seen.append([line.split()[3] for line in
                     notes.read_text().splitlines()])
    assert seen[0] == seen[1] != seen[2]
    assert len(set(seen[0])) == 50
    assert seen[0] != [f"r{i}" for i in range(50)]


def test_unique_rows(swarm, tmp_path):
    """As many users as rows: each has its own, on every worker."""
    path = write_rows(tmp_path / "rows.csv", 30)
    done = run(swarm, tmp_path, path, "unique", users=30, steps=5)
    assert done.status == 0, done.text
    assert used(tmp_path) == {f"r{i}": 5 for i in range(30)}


@pytest.mark.parametrize("end,rows", [("default", 4), ("wait", 4),
                                      ("wrap", 4)])
def test_more_users_than_unique_rows(swarm, tmp_path, end, rows):
    path = write_rows(tmp_path / "rows.csv", rows)
    done = run(swarm, tmp_path, path, "unique", "--stop-timeout", "2", users=8,
               steps=3, end=end, seconds="2s")
    assert done.status == 0, done.text
    times = 6 if end == "wrap" else 3
    assert used(tmp_path) == {f"r{i}": times for i in range(rows)}


def choices(path):
    """{(class, number): [task, row, draw, ...]}."""
    found = {}
    for line in path.read_text().splitlines():
        who, number, *what = line.split()
        found.setdefault((who, int(number)), []).append(what)
    return found


def test_one_seed_whatever_the_number_of_workers(swarm, tmp_path):
    """Tasks, rows and numbers of each user are the same with one worker and
    with three; another seed gives others."""
    path = write_rows(tmp_path / "rows.csv", 1000)
    seen = {}
    for key, seed, processes in (("one", "11", "1"), ("three", "11", "3"),
                                 ("other", "12", "3")):
        notes = tmp_path / f"notes-{key}"
        done = run(swarm, tmp_path, path, "random", "--seed", seed,
                   "-o", f"fed.notes={notes}", users=12, steps=15,
                   processes=processes)
        assert done.status == 0, done.text
        seen[key] = choices(notes)
    assert len(seen["one"]) == 12
    assert {number for _, number in seen["one"]} == set(range(12))
    assert all(len(what) == 15 for what in seen["one"].values())
    assert seen["one"] == seen["three"]
    assert seen["one"] != seen["other"]


def start_fleet(swarm, tmp_path, path, *args, users, workers, options=(),
                cwds=None):
    port = free_port()
    common = ["-f", swarm.module("fed.so"), *options]
    master = swarm.start(*common, "-o", f"fed.file={path}", "--headless",
                         "--master", "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", str(port), "-u", str(users),
                         "-r", "1000", "--expect-workers", str(workers),
                         "--json-file", tmp_path / "out.json", *args)
    started = []
    for i in range(workers):
        extra = ["-o", f"fed.file={(cwds or {}).get(i, path)}"]
        started.append(swarm.start(
            *common, *extra, "--worker", "--master-host", "127.0.0.1",
            "--master-port", str(port)))
    return master, started


def test_remote_workers_have_the_seed(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.csv", 1000)
    notes = tmp_path / "notes"
    master, _ = start_fleet(
        swarm, tmp_path, path, "--seed", "11", "-t", "5s", users=12, workers=2,
        options=("-o", f"fed.notes={notes}", "-o", "fed.order=random", "-o",
                 "fed.steps=15"))
    assert master.wait() == 0, master.text
    near = tmp_path / "near"
    run(swarm, tmp_path, path, "random", "--seed", "11", "-o",
        f"fed.notes={near}", users=12, steps=15, processes="1")
    assert choices(notes) == choices(near)


def test_rows_of_a_lost_worker_are_used_by_the_others(swarm, tmp_path):
    """Kill -9 in the middle: unique rows go to the users started in place of
    the lost ones, and no two users of the living share one."""
    path = write_rows(tmp_path / "rows.csv", 20)
    notes = tmp_path / "notes"
    master, workers = start_fleet(
        swarm, tmp_path, path, "-t", "12s", users=20, workers=2,
        options=("-o", f"fed.notes={notes}", "-o", "fed.order=unique", "-o",
                 "fed.steps=1000000", "-o", "fed.pause_s=50ms"))
    wait_for(lambda: notes.exists() and
             len({line.split()[3] for line in
                  notes.read_text().splitlines()}) == 20, "all rows in use")
    os.kill(workers[0].pid, signal.SIGKILL)
    master.wait_line("lost")
    before = notes.stat().st_size

    def again():
        with open(notes) as f:
            f.seek(before)
            lines = f.read().splitlines()[1:]
        return len({line.split()[3] for line in lines
                    if len(line.split()) == 5}) == 20

    wait_for(again, "all rows in use by the worker that is left")
    master.interrupt()
    master.wait()
    # Of those alive at one time no two had the same number, thus row.
    with open(notes) as f:
        f.seek(before)
        lines = [line.split() for line in f.read().splitlines()[1:]]
    by_row = {}
    for who, number, _, row, _ in lines:
        by_row.setdefault(row, set()).add((who, number))
    assert all(len(users) == 1 for users in by_row.values()), by_row


def test_positions_of_a_lost_worker_are_handed_out_again(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.csv", 400)
    notes = tmp_path / "notes"
    master, workers = start_fleet(
        swarm, tmp_path, path, "-t", "25s", users=8, workers=2,
        options=("-o", f"fed.notes={notes}", "-o", "fed.order=sequential",
                 "-o", "fed.end=wait", "-o", "fed.steps=1000000", "-o",
                 "fed.pause_s=40ms"))
    wait_for(lambda: notes.exists() and
             notes.read_text().count("\n") > 60, "some rows")
    os.kill(workers[0].pid, signal.SIGKILL)
    wait_for(lambda: {line.split()[3] for line in
                      notes.read_text().splitlines()
                      if len(line.split()) == 5} ==
             {f"r{i}" for i in range(400)}, "every row")
    master.interrupt()
    master.wait()


def test_another_file_on_a_worker_ends_the_run(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.csv", 100)
    other = write_rows(tmp_path / "other.csv", 90)
    master, _ = start_fleet(swarm, tmp_path, path, "-t", "20s", users=2,
                            workers=1, cwds={0: other})
    master.wait_line("its copy of .*rows.csv is not the master's")
    assert master.wait() != 0


def test_a_missing_file_is_told(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.csv", 10)
    process = swarm.run("-f", swarm.module("fed.so"), "--worker",
                        "-o", f"fed.file={tmp_path / 'nowhere.csv'}")
    assert process.status == 3
    assert "cannot read the data file" in process.err
    assert "nowhere.csv: No such file" in process.err, process.err
    shutil.copy(path, tmp_path / "x.csv")


@pytest.mark.parametrize("text,message", [
    ("name,number\na,1\nb\n", ":3: 1 field, but there are 2 columns"),
    ('name,number\na,1\n"b,2\n', ":3:1: this quote is never closed"),
    ('name,number\nä"b,1\n', ":2:2: a quote within a field"),
    ("name,name\na,1\n", 'two columns named "name"'),
    ("names,number\na,1\n", 'no column "name"; did you mean "names"?'),
    ("name,number\n", "there is no row in it"),
    ("", "is empty"),
])
def test_mistakes_have_a_place(swarm, tmp_path, text, message):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    done = run(swarm, tmp_path, path, "random")
    assert done.status == 3, done.text
    assert message in done.err, done.err


def test_json_mistakes_have_a_place(swarm, tmp_path):
    path = tmp_path / "rows.ndjson"
    path.write_text('{"name": "a", "number": 1}\n{"name": }\n')
    done = run(swarm, tmp_path, path, "random")
    assert done.status == 3 and "rows.ndjson:2:" in done.err, done.text


def test_try_has_rows(swarm, tmp_path):
    """Beside the scenario's file, whatever the current folder."""
    source = tmp_path / "sub" / "rows.c"
    source.parent.mkdir()
    write_rows(tmp_path / "sub" / "mine.csv", 5)
    with open(os.path.join(os.environ["SWARM_TEST_SOURCE"], "tests", "e2e",
                           "modules", "fed.c")) as f:
        source.write_text(f.read().replace('"rows.csv"', '"mine.csv"'))
    done = swarm.run("try", source)
    assert "ROW r0" in done.out and "ROW r1" in done.out, done.text


def test_rows_through_a_relay(swarm, tmp_path):
    path = write_rows(tmp_path / "rows.csv", 300)
    above, below = free_port(), free_port()
    options = ["-f", swarm.module("fed.so"), "-o", f"fed.file={path}", "-o",
               "fed.order=sequential", "-o", "fed.end=stop", "-o",
               "fed.steps=100000"]
    master = swarm.start(*options, "--headless", "--master",
                         "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", str(above), "-u", "6", "-r",
                         "100", "--expect-workers", "1", "-t", "20s",
                         "--json-file", tmp_path / "out.json")
    swarm.start(*options, "--relay", "--master-port", str(above),
                "--master-bind-host", "127.0.0.1",
                "--master-bind-port", str(below), "--expect-workers", "2")
    for _ in range(2):
        swarm.start(*options, "--worker", "--master-port", str(below))
    assert master.wait() == 0, master.text
    assert used(tmp_path) == {f"r{i}": 1 for i in range(300)}


def test_the_tutorials_scenario(swarm, tmp_path):
    """accounts.c, built and from its source: ten accounts, twelve users."""
    server = Server()
    try:
        for scenario in (swarm.scenario("accounts.so"),
                         os.path.join(os.environ["SWARM_TEST_SOURCE"],
                                      "scenarios", "accounts.c")):
            done = swarm.run("-f", scenario, "--headless", "-H", server.url,
                             "-u", "12", "-r", "100", "-t", "3s", "--processes",
                             "2", "--json-file", tmp_path / "out.json")
            assert done.status == 0, done.text
            rows = {(s["type"], s["name"]): s["requests"] for s in json.loads(
                (tmp_path / "out.json").read_text())["series"]}
            assert rows["POST", "/login"] == 10
            assert rows["TRANSACTION", "visit"] >= 10
    finally:
        server.stop()
