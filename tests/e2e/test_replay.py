"""swarm replay against a server that notes what it gets, when, and on which
connection."""
import asyncio
import gzip
import json
import os
import random
import re
import shlex
import signal
import socket
import time
import urllib.parse
import urllib.request

import pytest

from conftest import PATIENCE, SOURCE, AsyncServer, free_port, wait_for

START = 1706702400      # 2024-01-31T12:00:00Z


class Recorder(AsyncServer):
    """Of HTTP.  A path's query may ask for a delay in seconds (?d=0.1), a
    status (?s=404) or a cookie (?c=name=value)."""

    def __init__(self):
        self.seen = []          # (when, until, connection, head, body)
        self.connections = 0
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    async def listen(self):
        return await asyncio.start_server(self.serve, "127.0.0.1", 0,
                                          backlog=1000)

    async def serve(self, reader, writer):
        number = self.connections
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                when = time.monotonic()
                length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(
                    int(length.group(1)) if length else 0)
                query = dict(re.findall(r"[?&](\w)=([^& ]+)",
                                        head.split("\r\n")[0]))
                if "d" in query:
                    await asyncio.sleep(float(query["d"]))
                cookie = ("Set-Cookie: " + query["c"] + "\r\n"
                          if "c" in query else "")
                self.seen.append((when, time.monotonic(), number, head, body))
                writer.write((f"HTTP/1.1 {query.get('s', 200)} Sure\r\n"
                              f"{cookie}Content-Length: 0\r\n\r\n").encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def paths(self):
        return [head.split(" ")[1] for _, _, _, head, _ in self.seen]


@pytest.fixture
def server():
    recorder = Recorder()
    yield recorder
    recorder.stop()


def stamp(seconds):
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000",
                         time.gmtime(START + seconds))


def line(seconds, who, path, method="GET", status=200, agent="x/1"):
    return (f'{who} - - [{stamp(seconds)}] "{method} {path} HTTP/1.1" '
            f'{status} 1 "-" "{agent}"\n')


def replay(swarm, tmp_path, server, name, *args, timeout=PATIENCE):
    """Runs it; what it did is in .out, the results file."""
    done = swarm.run("replay", name, "-H", server.url, "--json-file",
                     tmp_path / "out.json", *args, timeout=timeout)
    done.out_json = None
    if done.status in (0, 1):
        done.out_json = json.loads((tmp_path / "out.json").read_text())
    return done


def log_of_users(path, users, seconds, rate):
    """Events in the order of the file, with who and a number of each."""
    rng = random.Random(5)
    numbers = [0] * users
    events = []
    with open(path, "w", encoding="ascii") as f:
        for i in range(seconds * rate):
            who = rng.randrange(users)
            numbers[who] += 1
            what = f"/u{who}/n{numbers[who]}"
            events.append((i / rate, what))
            f.write(line(i // rate, f"10.0.0.{who}", what))
    return events


def by_user(paths):
    users = {}
    for path in paths:
        who, number = re.match(r"/u(\d+)/n(\d+)", path).groups()
        users.setdefault(who, []).append(int(number))
    return users


@pytest.mark.parametrize("workers", [1, 3])
def test_times_order_and_every_request(swarm, tmp_path, server, workers):
    """The same requests over any number of workers, each user's in order,
    each at its time."""
    events = log_of_users(tmp_path / "access.log", 25, 4, 100)
    done = replay(swarm, tmp_path, server, "access.log", "--speed", "4",
                  "--processes", str(workers))
    assert done.status == 0, done.text
    assert sorted(server.paths()) == sorted(what for _, what in events)
    for who, numbers in by_user(server.paths()).items():
        assert numbers == list(range(1, len(numbers) + 1)), who
    # Each user has a connection of its own.
    users = {}
    for _, _, number, head, _ in server.seen:
        users.setdefault(number, set()).add(head.split("/")[1])
    assert len(users) == 25 and all(len(u) == 1 for u in users.values())
    due = {what: at / 4 for at, what in events}
    late = sorted(when - due[head.split(" ")[1]]
                  for when, _, _, head, _ in server.seen)
    late = [at - late[0] for at in late]
    assert late[len(late) // 2] < 0.02, late[::50]
    assert late[len(late) * 95 // 100] < 0.15, late[::50]
    out = done.out_json
    assert out["counters"]["replay: events"] == len(events)
    lag = [r for r in out["series"] if (r["type"], r["name"]) ==
           ("REPLAY", "lag")]
    assert lag[0]["response_ms"]["count"] == len(events), lag


def test_one_waits_for_the_other(swarm, tmp_path, server):
    """Three of one user, each answered after the next is due; another's go
    between them."""
    with open(tmp_path / "a.ndjson", "w", encoding="ascii") as f:
        for i in range(3):
            f.write(json.dumps({"time": START + i * 0.1, "user": "slow",
                                "path": f"/s{i}?d=0.3"}) + "\n")
            f.write(json.dumps({"time": START + i * 0.1 + 0.05, "user": 7,
                                "path": f"/f{i}"}) + "\n")
    done = replay(swarm, tmp_path, server, "a.ndjson", "--processes", "1")
    assert done.status == 0, done.text
    slow = [s for s in server.seen if "/s" in s[3]]
    fast = [s for s in server.seen if "/f" in s[3]]
    assert len(slow) == 3 and len(fast) == 3
    for before, after in zip(slow, slow[1:]):
        assert after[0] >= before[1]
        assert after[2] == before[2]
    assert fast[2][0] < slow[1][0]
    # Counted from when they were due: 0.3, 0.5 and 0.7 s.
    times = done.out_json["total"]["response_ms"]
    assert times["max"] > 650, times

    server.seen.clear()
    done = replay(swarm, tmp_path, server, "a.ndjson", "--processes", "1",
                  "--overlap")
    assert done.status == 0, done.text
    slow = sorted(s[:3] for s in server.seen if "/s" in s[3])
    assert slow[2][0] < slow[0][1]
    assert 0.1 < slow[2][0] - slow[0][0] < 0.3

    # All that finds nobody free is dropped, counted, and no end is missed.
    server.seen.clear()
    done = replay(swarm, tmp_path, server, "a.ndjson", "-u", "1",
                  "--when-busy", "drop")
    assert done.status == 0, done.text
    assert [p[:3] for p in server.paths()] == ["/s0"]
    assert done.out_json["counters"]["dropped arrivals"] == 5


def test_what_is_left_out_is_said(swarm, tmp_path, server):
    with open(tmp_path / "access.log", "w", encoding="latin-1") as f:
        f.write(line(0, "10.0.0.1", "/a"))
        f.write("what is this\n")
        f.write(line(0, "10.0.0.1", "/b", method="POST"))
        f.write(line(0, "10.0.0.1", "/c?s=404", status=404))
        f.write("x" * (1 << 20) + "yz\n")
        f.write(line(0, "10.0.0.1", "/\\x00"))
        f.write(line(30, "10.0.0.1", "/d"))
        f.write(line(34, "10.0.0.2", "/e?s=500"))
        f.write(line(5, "10.0.0.1", "/late"))
        f.write(line(33, "10.0.0.1", "/f"))
    done = replay(swarm, tmp_path, server, "access.log", "--max-gap", "1s",
                  "--sort-window", "2s", "--speed", "4", "--exit-code-on-error", "0")
    assert done.status == 0, done.text
    assert sorted(server.paths()) == ["/a", "/c?s=404", "/d", "/e?s=500",
                                      "/f"]
    for said in ("no date in brackets (the first at 2)",
                 r"POST may change something over there (--methods POST, or "
                 r"all) (the first at 3)", "longer than 1 MiB (the first at "
                 "5)", "control character in the path (the first at 6)",
                 "1 left out: earlier by more than --sort-window than what "
                 "came before it (the first at 9)"):
        assert said in done.err, done.err
    counters = done.out_json["counters"]
    assert counters["replay: unreadable"] == 3
    assert counters["replay: left out"] == 1
    assert counters["replay: out of order"] == 1
    assert counters["replay: other status than recorded"] == 1
    # A 404 that was one before is none of ours.
    assert done.out_json["total"]["failures"] == 1


def test_what_cannot_be_replayed_is_refused(swarm, tmp_path, server):
    (tmp_path / "noise.log").write_text("noise\n" * 5)
    (tmp_path / "cut.har").write_text('{"log": {"entries": [{"a": 1')
    (tmp_path / "empty.log").write_text("")

    def refused(*args):
        done = swarm.run("replay", *args)
        assert done.status == 2, done.text
        return done.err

    url = ("-H", server.url)
    assert "none of the formats" in refused("noise.log", *url)
    assert "empty.log is empty: there is nothing" in refused("empty.log",
                                                             *url)
    os.mkfifo(tmp_path / "pipe")
    assert "say with --format what it is" in refused("pipe", *url)
    assert "the file comes first" in refused(*url, "noise.log")
    (tmp_path / "cut.log.gz").write_bytes(gzip.compress(
        line(0, "1", "/").encode())[:-12])
    assert "with --format NAME that one says what is wrong" in \
        refused("cut.log.gz", *url)
    assert "unexpected end of file" in \
        refused("cut.log.gz", "--format", "access", *url)
    assert re.search(r"noise.log:1: no date in brackets; and so for all of "
                     r"the first 5: not what --format access reads",
                     refused("noise.log", "--format", "access", *url))
    assert "cut.har, entry 1: it ends within an entry" in \
        refused("cut.har", *url)
    assert "nothing in it to replay" in \
        refused("empty.log", "--format", "ndjson", *url)
    assert "No such file" in refused("nowhere.log", *url)
    assert "there is no such trace; there are: " in \
        refused("noise.log", "--format", "pcap", *url)
    (tmp_path / "access.log").write_text(line(0, "1", "/"))
    assert "give -H URL" in refused("access.log")
    assert "--user-key sid: of an access log it is addr" in \
        refused("access.log", "--user-key", "sid", *url)
    assert "--from noon: a date like" in \
        refused("access.log", "--from", "noon", *url)
    assert "--from +2s is not before --to +1s" in \
        refused("access.log", "--from", "+2s", "--to", "+1s", *url)
    assert "leave out --rate" in refused("access.log", "--rate", "5", *url)
    assert server.seen == []


def test_a_part_of_it_compressed_and_again(swarm, tmp_path, server):
    with gzip.open(tmp_path / "access.log.gz", "wt") as f:
        for i in range(100):
            f.write(line(i // 10, "10.0.0.1", f"/n{i}"))
    done = replay(swarm, tmp_path, server, "access.log.gz", "--from", "+3s",
                  "--to", "2024-01-31T13:00:05+01:00", "--speed", "20",
                  "--limit", "15", "--passes", "2")
    assert done.status == 0, done.text
    assert server.paths() == [f"/n{i}" for i in range(30, 45)] * 2
    # Without end, until the time is up.
    done = replay(swarm, tmp_path, server, "access.log.gz", "--speed", "20",
                  "--passes", "0", "-t", "1s")
    assert done.status == 0, done.text
    assert "run time reached" in done.text
    assert 150 < len(server.seen) - 30 < 260


def test_archive_with_bodies_and_cookies(swarm, tmp_path, server):
    def entry(at, url, method="GET", page="p1", body=None, **headers):
        request = {"method": method, "url": "https://shop.example" + url,
                   "headers": [{"name": k.replace("_", "-"), "value": v}
                               for k, v in headers.items()]}
        if body:
            request["postData"] = {"mimeType": "x/y", "text": body}
        return {"startedDateTime": f"2024-01-31T12:00:00.{at:03}Z",
                "pageref": page, "request": request,
                "response": {"status": 200}}

    entries = [entry(0, "/in?c=sid=1", page="p1"),
               entry(50, "/buy", "POST", "p1", "sku=7", Content_Type="x/y",
                     Cookie="old=1", Host="shop.example"),
               entry(100, "/other", page="p2")]
    (tmp_path / "shop.har").write_text(json.dumps({"log": {
        "version": "1.2", "pages": [], "entries": entries}}))
    done = replay(swarm, tmp_path, server, "shop.har", "--methods", "all",
                  "--user-key", "page")
    assert done.status == 0, done.text
    assert server.paths() == ["/in?c=sid=1", "/buy", "/other"]
    _, _, _, head, body = server.seen[1]
    assert body == b"sku=7"
    assert "cookie: sid=1" in head.lower() and "old=1" not in head
    assert "content-type: x/y" in head.lower()
    assert f"host: 127.0.0.1:{server.port}" in head.lower()
    assert "cookie" not in server.seen[2][3].lower()


def test_few_users_of_the_pool(swarm, tmp_path, server):
    """More users of the trace than simulated ones: in order all the same, and
    nobody with another's cookies."""
    with open(tmp_path / "a.ndjson", "w", encoding="ascii") as f:
        for i in range(300):
            f.write(json.dumps({
                "time": START + i / 300, "user": i % 20,
                "path": f"/u{i % 20}/n{i // 20 + 1}?c=me={i % 20}"}) + "\n")
    done = replay(swarm, tmp_path, server, "a.ndjson", "-u", "4")
    assert done.status == 0, done.text
    for numbers in by_user(server.paths()).values():
        assert numbers == list(range(1, 16))
    assert server.connections > 20
    for _, _, _, head, _ in server.seen:
        who = re.search(r"/u(\d+)/", head).group(1)
        cookie = re.search(r"(?i)cookie: me=(\d+)", head)
        assert cookie is None or cookie.group(1) == who
    # Of four that keep their connections, each has one.
    connections = server.connections
    done = replay(swarm, tmp_path, server, "a.ndjson", "-u", "4", "--speed",
                  "2", "-o", "http_trace.keep_connections=yes")
    assert done.status == 0, done.text
    assert server.connections <= connections + 4


def check_once_and_in_order(events, paths, result):
    """Nothing twice, each user's in order; what is missing is in doubt."""
    plain = [p.partition("?")[0] for p in paths]
    assert len(set(plain)) == len(plain)
    counters = result["counters"]
    missing = len(events) - len(plain)
    assert 0 <= missing <= counters.get("replay: in doubt", 0)
    assert counters["replay: events"] == len(events)
    for numbers in by_user(plain).values():
        assert numbers == sorted(numbers)
    return missing


def unaccounted(result):
    counters = result["counters"]
    return counters["replay: events"] - result["total"]["requests"] - sum(
        counters.get("replay: " + what, 0)
        for what in ("in doubt", "done and not measured"))


def test_a_lost_worker(swarm, tmp_path, server):
    """Killed in the middle of it, with events that wait for the answer to the
    one before: others begin what it had not begun, and nothing else."""
    with open(tmp_path / "a.ndjson", "w", encoding="ascii") as f:
        for i in range(600):
            f.write(json.dumps({
                "time": START + i / 200, "user": f"u{i % 20}",
                "path": f"/u{i % 20}/n{i // 20 + 1}?d=0.08"}) + "\n")
    run = swarm.start("replay", "a.ndjson", "-H", server.url, "--processes",
                      "2", "--json-file", tmp_path / "out.json")
    victim = run.wait_children(2)[0]
    wait_for(lambda: len(server.seen) > 150, "requests")
    os.kill(victim, signal.SIGKILL)
    said = run.wait_line(r"worker \d had (\d+) events to replay that it was "
                         r"not done with: (\d+) were not begun and are given "
                         r"to others, (\d+) may have been begun and are not "
                         r"begun again")
    assert run.wait() == 5, run.text
    out = json.loads((tmp_path / "out.json").read_text())
    everything, again, doubt = (int(n) for n in said.groups())
    assert everything == again + doubt
    # Half a second of the other half's events, and what waited.
    assert again > 25 and doubt < 50
    assert out["counters"]["replay: given to another worker"] == again
    assert out["counters"].get("replay: in doubt", 0) == doubt
    events = [f"/u{i % 20}/n{i // 20 + 1}" for i in range(600)]
    missing = check_once_and_in_order(events, server.paths(), out)
    # It had a connection for each of its users: more can't be missing.
    assert missing <= 20
    assert unaccounted(out) == 0


def worker_of(swarm, tmp_path, port, *args):
    (tmp_path / "far").mkdir(exist_ok=True)
    return swarm.start("replay", "x", "--worker", "--master-host",
                       "127.0.0.1", "--master-port", port, *args,
                       cwd=tmp_path / "far")


def master_and_worker(swarm, tmp_path, server):
    """Of access.log; the master has another worker of its own."""
    port = str(free_port())
    master = swarm.start("replay", "access.log", "-H", server.url, "--master",
                         "--processes", "1", "--master-bind-host",
                         "127.0.0.1", "--master-bind-port", port,
                         "--expect-workers", "2", "--json-file",
                         tmp_path / "out.json")
    return master, worker_of(swarm, tmp_path, port)


def test_a_lost_worker_elsewhere(swarm, tmp_path, server):
    """Of what it had nobody knows the end: half a second, and what it had
    not reported.  Its other events are begun by the one that is left."""
    events = [what for _, what in
              log_of_users(tmp_path / "access.log", 40, 4, 200)]
    master, far = master_and_worker(swarm, tmp_path, server)
    wait_for(lambda: len(server.seen) > 300, "requests")
    assert established(far.pid, server.port)
    os.kill(far.pid, signal.SIGKILL)
    said = master.wait_line(r"(\d+) events to replay that it was not done "
                            r"with: (\d+) were not begun and are given to "
                            r"others, (\d+) may have been begun")
    assert master.wait() == 5, master.text
    out = json.loads((tmp_path / "out.json").read_text())
    everything, again, doubt = (int(n) for n in said.groups())
    assert everything == again + doubt
    assert out["counters"]["replay: in doubt"] == doubt
    missing = check_once_and_in_order(events, server.paths(), out)
    assert unaccounted(out) == 0
    # Half of 200 a second; 0.6 s of them, on a machine with time.
    assert missing <= doubt < 110, (missing, again)
    assert again > 50


def test_a_worker_elsewhere_leaves(swarm, tmp_path, server):
    """In order, in the middle of it: it says what it has not begun."""
    events = [what for _, what in
              log_of_users(tmp_path / "access.log", 40, 4, 100)]
    master, far = master_and_worker(swarm, tmp_path, server)
    wait_for(lambda: len(server.seen) > 150, "requests")
    far.interrupt()
    assert far.wait() == 0, far.text
    assert master.wait() in (0, 5), master.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert check_once_and_in_order(events, server.paths(), out) == 0
    assert out["counters"]["replay: given to another worker"] > 10
    assert "replay: in doubt" not in out["counters"]


def test_a_worker_joins_late(swarm, tmp_path, server):
    """It gets its share: what goes on is done by it alone once the first is
    gone, and each user's order is kept on the way, also of those who are
    always busy."""
    rng = random.Random(3)
    numbers = [0] * 30
    events = []
    with open(tmp_path / "a.ndjson", "w", encoding="ascii") as f:
        for i in range(1200):
            # Five users make half of it.
            who = rng.randrange(5) if i % 2 else rng.randrange(30)
            numbers[who] += 1
            events.append(f"/u{who}/n{numbers[who]}")
            f.write(json.dumps({"time": START + i / 240, "user": f"u{who}",
                                "path": events[-1] + "?d=0.01"}) + "\n")
    port = str(free_port())
    master = swarm.start("replay", "a.ndjson", "-H", server.url, "--master",
                         "--processes", "1", "--master-bind-host",
                         "127.0.0.1", "--master-bind-port", port,
                         "--expect-workers", "1", "--json-file",
                         tmp_path / "out.json", "--stop-timeout", "5")
    first = master.wait_children(1)[0]
    wait_for(lambda: len(server.seen) > 120, "requests")
    late = worker_of(swarm, tmp_path, port)
    wait_for(lambda: len(established(late.pid, server.port)) > 3,
             "the second worker's connections")
    before = len(server.seen)
    wait_for(lambda: len(server.seen) > before + 200, "more requests")
    # Both have users, and every one of them is with one at a time.
    assert len(established(first, server.port)) > 3
    assert master.wait() == 0, master.text
    assert late.wait() == 0, late.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert check_once_and_in_order(events, server.paths(), out) == 0
    assert "replay: in doubt" not in out["counters"]
    assert "replay: given to another worker" not in out["counters"]
    lag = {r["type"]: r for r in out["series"]}["REPLAY"]
    assert lag["response_ms"]["max"] < 3000


def established(pid, port):
    """Its connections to that port, by /proc."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    with open("/proc/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f][1:]
    return [r for r in rows if r[9] in inodes and r[3] == "01"
            and int(r[2].split(":")[1], 16) == port]


def test_a_worker_joins_and_the_first_is_lost(swarm, tmp_path, server):
    """Then one below a relay is killed: the relay gives its events to the
    other."""
    events = [what for _, what in
              log_of_users(tmp_path / "access.log", 30, 5, 120)]
    top, below = str(free_port()), str(free_port())
    master = swarm.start("replay", "access.log", "-H", server.url, "--master",
                         "--processes", "1", "--master-bind-host",
                         "127.0.0.1", "--master-bind-port", top,
                         "--expect-workers", "1", "--json-file",
                         tmp_path / "out.json")
    first = master.wait_children(1)[0]
    wait_for(lambda: len(server.seen) > 60, "requests")
    (tmp_path / "far").mkdir()
    relay = swarm.start("replay", "x", "--relay", "--master-host",
                        "127.0.0.1", "--master-port", top,
                        "--master-bind-host", "127.0.0.1",
                        "--master-bind-port", below, "--processes", "2",
                        cwd=tmp_path / "far")
    far = relay.wait_children(2)
    wait_for(lambda: all(established(p, server.port) for p in far),
             "their connections")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: "events to replay" in master.err, "the loss")
    before = len(server.seen)
    wait_for(lambda: len(server.seen) > before + 60, "requests")
    os.kill(far[0], signal.SIGKILL)
    assert master.wait() == 5, master.text
    assert relay.wait() == 0, relay.text
    out = json.loads((tmp_path / "out.json").read_text())
    check_once_and_in_order(events, server.paths(), out)
    counters = out["counters"]
    # Of each of the two: half a second's, and what waited for its user.
    assert counters["replay: given to another worker"] > 30
    assert counters.get("replay: in doubt", 0) < 200
    assert unaccounted(out) == 0


def test_nobodys_events_are_everybodys(swarm, tmp_path, server):
    """Without users a log is spread over all workers."""
    log_of_users(tmp_path / "access.log", 3, 2, 100)
    run = swarm.start("replay", "access.log", "-H", server.url, "--user-key",
                      "none", "--processes", "2", "-o",
                      "http_trace.keep_connections=yes", "--json-file",
                      tmp_path / "out.json")
    workers = run.wait_children(2)
    wait_for(lambda: all(established(p, server.port) for p in workers),
             "connections of both")
    assert run.wait() == 0, run.text
    assert len(set(server.paths())) == 200


def test_below_a_relay_and_a_pause(swarm, tmp_path, server):
    """Workers elsewhere need no file; a pause moves what is due."""
    events = log_of_users(tmp_path / "access.log", 30, 2, 60)
    top, below = str(free_port()), str(free_port())
    (tmp_path / "far").mkdir()
    far = {"cwd": tmp_path / "far"}
    relay = swarm.start("replay", "access.log", "--relay", "--master-host",
                        "127.0.0.1", "--master-port", top,
                        "--master-bind-host", "127.0.0.1",
                        "--master-bind-port", below, "--processes", "2",
                        **far)
    relay.wait_children(2)
    near = swarm.start("replay", "access.log", "--worker", "--master-host",
                       "127.0.0.1", "--master-port", top, **far)
    master = swarm.start("replay", "access.log", "-H", server.url, "--master",
                         "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", top, "--expect-workers", "2")
    wait_for(lambda: len(server.seen) > 20, "requests")
    os.kill(master.pid, signal.SIGUSR2)
    master.wait_line("paused")
    wait_for(lambda: time.monotonic() - server.seen[-1][0] > 0.6, "silence")
    assert len(server.seen) < len(events)
    os.kill(master.pid, signal.SIGUSR2)
    assert master.wait() == 0, master.text
    assert relay.wait() == 0 and near.wait() == 0, relay.text
    assert sorted(server.paths()) == sorted(what for _, what in events)
    for numbers in by_user(server.paths()).values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_format_of_a_plugin_beside_a_scenario(swarm, tmp_path, server):
    with open(tmp_path / "x", "w", encoding="ascii") as f:
        f.write("#beats\n")
        for i in range(500):
            f.write(f"{i} {i % 10} {i // 10 + 1}\n")
    done = replay(swarm, tmp_path, server, "x", "--plugin",
                  swarm.module("beats_trace.so"), "-f", "hello",
                  "--executor", "name=others,users=2,iterations=20",
                  "--processes", "2")
    assert done.status == 0, done.text
    rows = {r["name"]: r for r in done.out_json["series"]}
    assert rows["beat"]["requests"] == 500 and rows["beat"]["failures"] == 0
    assert rows["/hello"]["requests"] == 20
    (tmp_path / "x").write_text("#beats\n0 1 1\n10 1 2\nbroken\n20 1 3\n")
    done = replay(swarm, tmp_path, server, "x", "--plugin",
                  swarm.module("beats_trace.so"))
    assert "line 4 is broken" in done.err
    assert done.status == 1, done.text
    assert done.out_json["total"]["requests"] == 2
    assert "the trace can't be read to its end" in done.text


def start_nginx(spawn, directory):
    """With its own access log, in its own default format."""
    directory.mkdir()
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
    for _ in range(5):
        port = free_port()
        (directory / "nginx.conf").write_text(f"""
daemon off; worker_processes 1;
{"user root;" if os.getuid() == 0 else ""}
pid {directory}/nginx.pid;
events {{ worker_connections 1000; }}
http {{
  client_body_temp_path {directory}/1; proxy_temp_path {directory}/2;
  fastcgi_temp_path {directory}/3; uwsgi_temp_path {directory}/4;
  scgi_temp_path {directory}/5;
  access_log {directory}/access.log;
  server {{
    listen 127.0.0.1:{port};
    location /gone {{ return 410; }}
    location / {{ return 200 "hello\\n"; }}
  }}
}}""")
        process = spawn(["nginx", "-c", directory / "nginx.conf", "-e",
                         directory / "error.log"], env=env)
        wait_for(lambda: (directory / "nginx.pid").exists()
                 or process.popen.poll() is not None, "nginx")
        if process.popen.poll() is None:
            return port
    pytest.fail("nginx does not start:\n" + process.err)


def test_a_log_of_nginx_and_what_it_logs_then(swarm, spawn, tmp_path):
    """What nginx logs of the replay is what it had logged."""
    port = start_nginx(spawn, tmp_path / "nginx")
    log = tmp_path / "nginx" / "access.log"
    agents = ["plain/1.0", 'with "quotes" \\ and more', "\u00e9t\u00e9"]
    start = time.monotonic()
    for sent in range(60):
        # Over more than a second, which is what the log knows.
        wait_for(lambda: time.monotonic() >= start + sent * 0.025, "time")
        with socket.create_connection(("127.0.0.1", port)) as s:
            path = ["/a", "/gone?x=1", "/b%20c", "/n%d" % sent][sent % 4]
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nReferer: "
                      f"http://y/{sent}\r\nUser-Agent: {agents[sent % 3]}"
                      f"\r\nConnection: close\r\n\r\n".encode())
            while s.recv(4096):
                pass
    sent += 1
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        while s.recv(4096):
            pass
    wait_for(lambda: log.read_text().count("\n") == sent + 1, "the log")
    before = log.read_text().splitlines()
    (tmp_path / "then.log").write_text(log.read_text())
    done = swarm.run("replay", "then.log", "-H", f"http://127.0.0.1:{port}",
                     "--user-key", "agent")
    assert done.status == 0, done.text
    assert "1 left out: the request is not METHOD PATH HTTP/" in done.err
    wait_for(lambda: log.read_text().count("\n") == 2 * sent + 1, "the log")
    after = log.read_text().splitlines()[sent + 1:]

    def what(line):
        return re.search(r'"GET .*', line).group()

    assert sorted(map(what, after)) == sorted(map(what, before[:-1]))


def test_from_the_page_again_and_again(swarm, tmp_path, server):
    """With a page: each test is the whole replay, and the pool may change."""
    events = log_of_users(tmp_path / "access.log", 5, 1, 40)
    port = free_port()
    run = swarm.start("--replay", "access.log", "-H", server.url, "-P",
                      str(port), "--processes", "2")
    run.wait_line("web page: ")
    base = f"http://127.0.0.1:{port}"
    for turn in (1, 2):
        form = urllib.parse.urlencode({"user_count": 10 * turn,
                                       "spawn_rate": 100,
                                       "host": server.url}).encode()
        with urllib.request.urlopen(base + "/swarm", form) as answer:
            assert json.load(answer)["success"]

        def stopped():
            with urllib.request.urlopen(base + "/stats/requests") as answer:
                return json.load(answer)["state"] == "stopped"

        wait_for(lambda: len(server.seen) == turn * len(events) and
                 stopped(), f"replay {turn}")
    assert sorted(server.paths()) == sorted(2 * [w for _, w in events])
    run.interrupt()
    assert run.wait() == 0, run.text


def test_a_worker_is_drained(swarm, tmp_path, server):
    """What it has and has not begun goes to the other; nothing is lost."""
    events = log_of_users(tmp_path / "access.log", 25, 4, 100)
    port = free_port()
    run = swarm.start("--replay", "access.log", "-H", server.url, "-P",
                      str(port), "--processes", "2", "--autostart",
                      "--json-file", tmp_path / "out.json")
    base = f"http://127.0.0.1:{port}/api/v1/"
    wait_for(lambda: len(server.seen) > 60, "requests")
    with urllib.request.urlopen(base + "generator") as answer:
        worker = json.load(answer)["workers"][0]["id"]
    form = urllib.parse.urlencode({"id": worker}).encode()
    with urllib.request.urlopen(base + "workers/drain", form) as answer:
        assert json.load(answer)["success"]
    wait_for(lambda: len(server.seen) == len(events), "every request")

    def stopped():
        with urllib.request.urlopen(base + "executors") as answer:
            return json.load(answer)["executors"][0]["state"] == "done"

    wait_for(stopped, "the end")
    run.interrupt()
    assert run.wait() == 0, run.text
    out = json.loads((tmp_path / "out.json").read_text())
    assert check_once_and_in_order(events, server.paths(), out) == 0
    assert out["counters"]["replay: given to another worker"] > 10
    assert "replay: in doubt" not in out["counters"]


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


def test_a_large_file_is_not_in_memory(swarm, tmp_path, server):
    """40 MB here, a gigabyte in the long form: to its end, and of that a
    part."""
    size = (1 << 30) if os.environ.get("SWARM_LONG_PROOFS") else 40 << 20
    block = 20000
    seconds = 0
    with open(tmp_path / "big.log", "w", encoding="ascii") as f:
        while f.tell() < size:
            text = "".join(line(seconds + i // 1000, f"10.{i % 200}.0.1",
                                f"/n{i % 97}") for i in range(block))
            f.write(text)
            seconds += block // 1000
    run = swarm.start("replay", "big.log", "-H", server.url, "--from",
                      f"+{seconds - 2}s", "--limit", "500", "--speed", "2",
                      "--processes", "1", "--passes", "2")
    wait_for(lambda: len(server.seen) > 900, "requests", 300)
    assert peak(run.pid) < 120_000
    assert run.wait() == 0, run.text
    assert len(server.seen) == 1000


PAGE = open(os.path.join(SOURCE, "docs", "replay.md"), encoding="utf-8").read()
COMMANDS = [c for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
            for c in block.splitlines()]


def test_commands_of_the_page(swarm, tmp_path, server):
    """All at once: each has files of its own kind, some seconds long."""
    log_of_users(tmp_path / "access.log", 9, 3, 60)
    order = re.search(r"^```json\n(.*?)^```$", PAGE, re.M | re.S).group(1)
    (tmp_path / "orders.ndjson").write_text(order * 3)
    (tmp_path / "shop.har").write_text(json.dumps({"log": {"entries": [
        {"startedDateTime": "2024-01-31T12:00:00.5Z", "pageref": "a",
         "request": {"method": "POST", "url": "http://x/y", "headers": []}}
    ]}}))
    assert len(COMMANDS) >= 8
    runs = []
    for command in COMMANDS:
        words = [server.url if w.startswith("http:") else w
                 for w in shlex.split(command)[1:]]
        runs.append(swarm.start(*words, "--processes", "1", "--only-summary"))
    for run in runs:
        assert run.wait() == 0, run.text
        assert re.search(r"requests\s+[1-9]", run.out), run.text
