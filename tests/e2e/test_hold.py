"""--hold: a figure stays where it is wanted while the server changes its speed.

The short form sees that it gets there.  The long one, with SWARM_LONG_PROOFS
set, that it stays there for a minute at full speed, at half, and at full
speed again."""
import asyncio
import contextlib
import json
import os
import re
import shlex
import urllib.request

import pytest

from conftest import AsyncServer, PATIENCE, SOURCE

LONG = bool(os.environ.get("SWARM_LONG_PROOFS"))
PAGE = open(os.path.join(SOURCE, "docs", "hold.md"), encoding="utf-8").read()
COMMANDS = [line for block in
            re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
            for line in block.replace("\\\n", "").splitlines()]
SETTLE = 110                            # seconds, at most


def set_speed(url, x):
    request = urllib.request.Request(f"{url}/speed?x={x}", method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert json.load(answer) == {"speed": x}


def start(swarm, tmp_path, url, *args, user="eager", seconds=12):
    return swarm.start("-f", swarm.module("limits.so"), "-H", url,
                       "--headless", "--processes", "1", "-t", f"{seconds}s",
                       "--json-file", tmp_path / "out", "--html",
                       tmp_path / "out.html", *args, user)


def finish(run, tmp_path, seconds=12, statuses=(0,)):
    assert run.wait(seconds + PATIENCE) in statuses, run.text
    return json.loads((tmp_path / "out.json").read_text())


def test_reaches_the_set_point(swarm, target, tmp_path):
    # Four at once, 20 ms each: 200 a second, and beyond that a queue.
    run = start(swarm, tmp_path, target("--delay", "20ms", "--servers", "4"),
                "--rate", "170", "--hold", "p99=400ms")
    result = finish(run, tmp_path)
    held = result["hold"]
    points = held["points"]
    assert held["hold"] == "p99=400ms" and held["unit"] == "ms"
    assert held["set_point"] == 400 and held["load_unit"] == "arrivals/s"
    assert points[0]["load"] == pytest.approx(170)
    # Nothing piles up below 200 a second, and much does beyond.
    assert max(p["value"] for p in points if p["value"]) > 250
    assert max(p["load"] for p in points) > 200
    for a, b in zip(points, points[1:]):
        if b["phase"] != "alarm":
            assert b["load"] <= a["load"] * 1.11
    # The same in every place, and again from the file.
    assert "Hold: " + held["sentence"] + "." in result["notes"]
    assert re.search(r"\| hold p99=400ms now \d+ ms at \d+/s", run.err)
    assert any(e["text"].startswith("hold p99=400ms: ")
               for e in result["events"]), result["events"]
    again = swarm.run("report", tmp_path / "out.json", "--html",
                      tmp_path / "again.html")
    assert again.status == 0, again.text
    for page in ("out.html", "again.html"):
        assert "<h2>Hold</h2>" in (tmp_path / page).read_text()


def test_few_answers_a_second_are_measured(swarm, target, tmp_path):
    # A p99 wants 300 samples; the usual window holds 200 of them.
    run = start(swarm, tmp_path, target("--delay", "20ms", "--servers", "2"),
                "--rate", "95", "--hold", "p99=400ms")
    later = [p["value"] for p in finish(run, tmp_path)["hold"]["points"]
             if p["at_s"] > 5]
    assert len(later) > 4 and None not in later, later


def near(points, begin, end):
    """The share of these seconds in which the figure was within 15 %."""
    values = [p["value"] for p in points if begin < p["at_s"] <= end]
    good = [v for v in values if v and abs(v / 1000 - 1) <= 0.15]
    return len(good) / len(values)


def settled(points, begin):
    """When it is near for ten seconds in turn."""
    values = [(p["at_s"], p["value"]) for p in points if p["at_s"] > begin]
    for i in range(len(values) - 10):
        if all(v and abs(v / 1000 - 1) <= 0.15
               for _, v in values[i:i + 10]):
            return values[i][0]
    return None


def stays_there(swarm, target, tmp_path):
    url = target("--delay", "20ms", "--servers", "4")
    stage = SETTLE + 61
    run = start(swarm, tmp_path, url, "--rate", "50", "--hold", "p99=1s",
                seconds=3 * stage)
    for i, speed in enumerate((0.5, 1)):
        minutes, seconds = divmod((i + 1) * stage, 60)
        even = seconds - seconds % 2
        run.wait_line(rf"^{minutes:02}:({even:02}|{even + 1:02}) hold",
                      stage + PATIENCE)
        set_speed(url, speed)
    points = finish(run, tmp_path, stage)["hold"]["points"]
    for i in range(3):
        at = settled(points, i * stage)
        print(f"stage {i}: settled after {at and at - i * stage} s, near for "
              f"{near(points, at, at + 60) if at else 0:.0%} of a minute")
        assert at and at - i * stage <= SETTLE
        assert near(points, at, at + 60) >= 0.9


if LONG:
    # Nine minutes; the controller itself is proved on paper in unit_hold.
    test_stays_there = stays_there


class Queue(AsyncServer):
    """Four at once, 20 ms each; what it tells of itself is how many wait."""

    def __init__(self):
        self.waiting = 0
        self.room = None
        super().__init__()

    async def listen(self):
        self.room = asyncio.Semaphore(4)
        return await asyncio.start_server(self.serve, "127.0.0.1", 0,
                                          backlog=1000)

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError,
                                 ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = f"shop_waiting {self.waiting}\n".encode()
                if not head.startswith(b"GET /metrics"):
                    self.waiting += 1
                    async with self.room:
                        self.waiting -= 1
                        await asyncio.sleep(0.02)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain"
                             b"\r\nContent-Length: %d\r\n\r\n"
                             % len(body) + body)
        writer.close()


def test_a_queue_and_a_metric(swarm, tmp_path):
    """What is in flight, and what the system tells of its own queue by an
    exporter, are held as a time is."""
    runs = []
    servers = [Queue(), Queue()]
    for i, args in enumerate((
            ("--hold", "in-flight = 30"),
            ("--hold", "external(shop.shop_waiting) = 40", "--watch",
             f"shop=http://127.0.0.1:{servers[1].port}", "--watch-metric",
             "shop_waiting"))):
        (tmp_path / str(i)).mkdir()
        runs.append(start(swarm, tmp_path / str(i),
                          f"http://127.0.0.1:{servers[i].port}", "--rate",
                          "150", *args, seconds=13))
    held = [finish(run, tmp_path / str(i), 13)["hold"]
            for i, run in enumerate(runs)]
    for server in servers:
        server.stop()
    for h, (text, target) in zip(held, (
            ("in-flight = 30", 30),
            ("external(shop.shop_waiting) = 40", 40))):
        assert (h["hold"], h["set_point"], h["unit"]) == (text, target, "")
        values = [p["value"] for p in h["points"] if p["value"] is not None]
        # It was nowhere near, has come there, and did not run away.
        assert values[0] < target / 2
        assert max(values) > 0.7 * target
        assert values[-1] < 10 * target
        assert max(p["load"] for p in h["points"]) > 160
    run = runs[1]
    assert re.search(r"\| hold external\(shop.shop_waiting\) = 40 now \d+ at "
                     r"\d+/s \(\w+", run.err), run.err


def test_slow_generator_says_so(swarm, tmp_path):
    # Each iteration keeps the only worker busy for 5 ms.
    run = start(swarm, tmp_path, "http://127.0.0.1:1", "--rate", "190",
                "--hold", "p50=9s", "-s", "1", user="burner", seconds=9)
    # On a crowded machine it is too busy to say that it lives.
    result = finish(run, tmp_path, statuses=(0, 5))
    held = result["hold"]
    assert 90 < held["generator_limited_at"] < 400
    assert held["sentence"].startswith("generator-limited at")
    assert held["reached_s"] is None
    assert any("generator-limited" in e["text"] for e in result["events"])


def test_users_up_to_the_bound(swarm, target, tmp_path):
    run = start(swarm, tmp_path, target("--delay", "20ms"), "-u", "6", "-r",
                "100", "--hold", "p90=5s; max=9; speed=20%", seconds=5)
    held = finish(run, tmp_path)["hold"]
    assert held["load_unit"] == "users"
    assert held["points"][0]["load"] == 6
    assert held["points"][-1]["load"] == 9
    assert held["points"][-1]["phase"] == "most load"


@pytest.mark.parametrize("args, word", [
    (["--rate", "9", "--hold", "p99<1s"], "with ="),
    (["--rate", "9", "--hold", "p99=1s; max"], "KEY=VALUE"),
    (["--rate", "9", "--hold", "p99=1s; executor=x"], '"x"'),
    (["--shape", "steps:1,1s,1", "--hold", "p99=1s"], "--shape"),
    (["--iterations", "9", "--hold", "p99=1s"], "iterations"),
    (["--hold", "in-flight=9"], "--rate"),
    (["--hold", "p99=1s", "--executor", "name=a,rate=1,classes=eager",
      "--executor", "name=b,rate=1,classes=calm"], "executor=a"),
])
def test_wrong_words(swarm, args, word):
    run = swarm.run("-f", swarm.module("limits.so"), "--headless", *args,
                    "-H", "http://127.0.0.1:1")
    assert run.status == 2, run.text
    errors = [e for e in run.err.splitlines() if "error" in e]
    assert len(errors) == 1 and word.lstrip("-") in errors[0]


def test_speed_of_the_target(target):
    url = target("--delay", "5ms")
    set_speed(url, 0.5)
    with urllib.request.urlopen(f"{url}/speed", timeout=PATIENCE) as answer:
        assert json.load(answer) == {"speed": 0.5}
    for x in ("0", "nan", "fast", "1e9", "1x"):
        request = urllib.request.Request(f"{url}/speed?x={x}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as failed:
            urllib.request.urlopen(request, timeout=PATIENCE)
        assert failed.value.code == 400


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop.c"
    models = open(os.path.join(SOURCE, "docs", "load-models.md"),
                  encoding="utf-8").read()
    path.write_text(re.search(r"^```c\n(.*?)^```$", models, re.M |
                              re.S).group(1).replace("BETWEEN(1, 5)",
                                                     "CONSTANT(0.1)"))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_command(swarm, target, shop, tmp_path, command):
    words = shlex.split(command)[1:]
    args = [target() if w.startswith("http:") else
            str(shop) if w == "shop.c" else w for w in words]
    args[args.index("-t") + 1] = "2s"
    done = swarm.run(*args, "--processes", "2", "--json-file",
                     tmp_path / "out.json")
    assert done.status == 0, done.text
    held = json.loads((tmp_path / "out.json").read_text())["hold"]
    assert len(held["points"]) >= 1, done.text


def test_every_command_was_found():
    assert len(COMMANDS) == 4
