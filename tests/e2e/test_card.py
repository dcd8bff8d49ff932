"""The card of a run: what it takes to repeat it, in every result, and the
warning of `swarm compare` when two runs were not made alike."""
import hashlib
import json
import os
import platform

import pytest


def result(swarm, tmp_path, name, *args, users=5):
    run = swarm.run("-f", swarm.module("steady.so"), "--headless", "-u",
                    str(users), "-t", "1s", "--only-summary", "--json-file",
                    tmp_path / name, "--html", tmp_path / f"{name}.html",
                    *args)
    assert run.status == 0, run.text
    with open(tmp_path / f"{name}.json") as f:
        return json.load(f)["card"]


def compare(swarm, tmp_path, before, after):
    run = swarm.run("compare", "--json", tmp_path / before, tmp_path / after)
    assert run.status in (0, 98), run.text
    return json.loads(run.out)["not_alike"]


def test_card(swarm, tmp_path):
    card = result(swarm, tmp_path, "a", "--seed", "77", "--processes", "1",
                  "-o", "steady.linger=0.1s")
    with open(swarm.module("steady.so"), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    assert card["module steady"].endswith("sha256:" + digest)
    assert card["seed"] == "77"
    assert card["load users"] == "5" and card["load run-time"] == "1 s"
    assert card["load processes"] == "1"
    assert card["option steady.linger"] == "0.1"
    assert platform.release() in card["kernel"]
    assert int(card["cores"]) == len(os.sched_getaffinity(0))
    # The report shows it without scripts, and carries it.
    html = (tmp_path / "a.html").read_text()
    assert digest in html.partition("What it takes to repeat it")[2]


def test_alike(swarm, tmp_path):
    a = result(swarm, tmp_path, "a")
    b = result(swarm, tmp_path, "b")
    assert a["seed"] != b["seed"] and a["seed"].endswith("(chosen)")
    assert compare(swarm, tmp_path, "a.json", "b.html") == {}


@pytest.mark.parametrize("args, users, wrap, names", [
    ([], 7, [], {"load users"}),
    (["-o", "steady.linger=0.1s"], 5, [], {"option steady.linger"}),
    (["--seed", "5"], 5, [], {"seed"}),
    ([], 5, ["prlimit", "--nofile=3000"], {"descriptors"}),
])
def test_not_alike(swarm, tmp_path, args, users, wrap, names):
    result(swarm, tmp_path, "a")
    run = swarm.start("-f", swarm.module("steady.so"), "--headless", "-u",
                      str(users), "-t", "1s", "--only-summary",
                      "--json-file", tmp_path / "b", *args, wrap=wrap)
    assert run.wait() == 0, run.text
    assert set(compare(swarm, tmp_path, "a.json", "b.json")) == names
    text = swarm.run("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert "the runs were not made alike" in text.out
    assert all(name in text.out for name in names)


def test_older_results_have_none(swarm, tmp_path):
    result(swarm, tmp_path, "a")
    old = json.loads((tmp_path / "a.json").read_text())
    del old["card"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert compare(swarm, tmp_path, "old.json", "a.json") == {}
    # A card that is no card is no harm.
    old["card"] = {"swarm": ["x"], "kernel": None, "cores": 3}
    (tmp_path / "odd.json").write_text(json.dumps(old))
    assert compare(swarm, tmp_path, "odd.json", "a.json") == {}
