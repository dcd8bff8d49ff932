"""The commands of docs/load-models.md do what the page says, at sixty times
the pace."""
import json
import os
import re
import shlex

import pytest

from conftest import SOURCE

PAGE = open(os.path.join(SOURCE, "docs", "load-models.md"),
            encoding="utf-8").read()
SCENARIO = re.search(r"^```c\n(.*?)^```$", PAGE, re.M | re.S).group(1)
COMMANDS = [line for block in
            re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
            for line in block.replace("\\\n", "").splitlines()]


def hurried(word):
    """Minutes become seconds."""
    def shorten(m):
        seconds = int(m.group(1)) * (60 if m.group(2) == "m" else 1)
        return f"{seconds * 1000 // 60}ms"
    return re.sub(r"(?<![\w.])(\d+)(m|s)\b", shorten, word)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop.c"
    path.write_text(SCENARIO.replace("BETWEEN(1, 5)",
                                     "BETWEEN(1 / 60., 5 / 60.)"))
    return path


# What a command has to bring about, by a part of it.
EXACT = {"--rate 200 -t 1m": 200, "--rate 1m:0-300": 450,
         "100~80": 200, "--iterations 1000": 1000,
         "--user-iterations": 120}


@pytest.mark.parametrize("command", COMMANDS)
def test_command(swarm, target, shop, tmp_path, command):
    host = target()
    args = [hurried(word) for word in shlex.split(command)[1:]]
    args = [host if word.startswith("http:") else word for word in args]
    args[args.index("shop.c")] = str(shop)
    # What was under way at the end is not cut off, however slow it was.
    if "-t" in args:
        args += ["--stop-timeout", "20s"]
    done = swarm.run(*args, "--processes", "2", "--json-file",
                     tmp_path / "out.json", timeout=60)
    assert done.status == 0, done.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["total"]["requests"] > 10, done.text
    for part, count in EXACT.items():
        if part in command and "drop" not in command:
            assert out["total"]["requests"] + out["counters"].get(
                "dropped arrivals", 0) == count, done.text
    if "--executor" in command:
        assert [e["name"] for e in out["executors"]] == \
            re.findall(r"name=(\w+)", command)
        assert all(e["requests"] > 0 for e in out["executors"]), done.text


def test_every_model_is_there():
    text = " ".join(COMMANDS)
    assert len(COMMANDS) >= 12
    for option in ("--shape", "--rate", "--poisson", "--iterations",
                   "--user-iterations", "--executor", "--catch-up",
                   "--when-busy"):
        assert option in text
