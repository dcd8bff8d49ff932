"""What the target feels: `swarm agent` and Debian's node exporter are asked
during a run; their figures are in criteria, results and report.  Hostile
answers cost the run nothing but a word."""
import json
import os
import socket
import threading
import urllib.request

from conftest import free_port, need_program, wait_for

HEADLESS = ("--headless", "--summary", "none")


def steady(swarm, *args):
    return swarm.start("-f", swarm.module("limits.so"), "paced", *HEADLESS,
                       "-u", "2", "-r", "100", "--processes", "1", *args)


def agent(swarm, *args):
    process = swarm.start("agent", "--port", "0", *args)
    return process, process.wait_line(r"agent: (http://\S+)/metrics")[1]


def node_exporter(spawn):
    exe = need_program("prometheus-node-exporter")
    for _ in range(5):
        port = free_port()
        process = spawn([exe, f"--web.listen-address=127.0.0.1:{port}"])
        if process.wait_line(r"(Listening on|TLS is disabled|address already in use)")[1] \
                != "address already in use":
            return f"http://127.0.0.1:{port}/metrics"
    raise AssertionError("no port for node_exporter")


def figures(path):
    resources = json.loads(path.read_text())["resources"]
    rows = {row["name"]: row for row in resources["figures"]}
    assert all(len(row["values"]) == len(resources["at"])
               for row in rows.values())
    return resources["at"], rows


def test_agent_tells_of_machine_and_process(swarm):
    process, url = agent(swarm, "--process", str(os.getpid()))
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
        assert answer.headers["Content-Type"].startswith("text/plain")
    with urllib.request.urlopen(f"{url}/json") as answer:
        tree = json.load(answer)
    memory = tree["node_memory_MemTotal_bytes"][0]["value"]
    with open("/proc/meminfo") as f:
        assert memory == int(f.readline().split()[1]) * 1024
    assert f"node_memory_MemTotal_bytes {memory}" in text
    own = tree["namedprocess_namegroup_open_filedesc"][0]
    assert own["groupname"] == str(os.getpid()) and own["value"] >= 3
    for bad in (["--port", "x"], ["--listen"], ["--what", "1"],
                ["--listen", "203.0.113.1", "--port", "0"]):
        assert swarm.run("agent", *bad).status == 2
    process.popen.terminate()
    assert process.wait() == 0, process.text


def test_figures_in_results_report_and_criteria(swarm, target, spawn,
                                                tmp_path):
    _, url = agent(swarm, "--process", "swarm")
    exporter = node_exporter(spawn)
    run = steady(swarm, "-H", target(), "-t", "7s",
                 "--watch", f"app={url}", "--watch", f"node={exporter}",
                 "--watch-metric", 'node_cpu_seconds_total{mode="user"}',
                 "--json-file", tmp_path / "out.json",
                 "--html", tmp_path / "out.html",
                 "--fail-if", "external(app.cpu) > 101%",
                 "--fail-if", "external(node.memory) > 100%",
                 "--fail-if", "external(app.up) < 1 for 3s",
                 "--fail-if", "external(app.swarm.memory) > 1000 for 3s")
    assert run.wait() == 99, run.text
    result = json.loads((tmp_path / "out.json").read_text())
    assert [c["failed"] for c in result["criteria"]] == [
        False, False, False, True], result["criteria"]
    assert all(c["value"] is not None for c in result["criteria"])
    at, rows = figures(tmp_path / "out.json")
    assert len(at) >= 6 and at == sorted(at)
    for name in ("app", "node"):
        for figure in ("cpu", "memory"):
            row = rows[f"{name}.{figure}"]
            known = [v for v in row["values"] if v is not None]
            assert len(known) >= 4 and row["unit"] == "share"
            assert all(0 <= v <= 1 for v in known)
        assert rows[f"{name}.load"]["min"] >= 0
        assert rows[f"{name}.descriptors"]["min"] > 0
        assert rows[f"{name}.up"]["max"] == 1
    # Both tell of the same machine.
    assert abs(rows["app.memory"]["mean"] - rows["node.memory"]["mean"]) < .1
    assert rows["app.swarm.cpu"]["unit"] == "cores"
    wanted = rows['node.node_cpu_seconds_total{mode="user"}']
    assert wanted["unit"] == "/s" and wanted["min"] >= 0
    page = (tmp_path / "out.html").read_text()
    assert "What the target felt" in page
    # A report made again from the file has them, too.
    again = swarm.run("report", tmp_path / "out.json", "--html",
                      tmp_path / "again.html")
    assert again.status == 0, again.text
    assert "What the target felt" in (tmp_path / "again.html").read_text()


class Hostile:
    """Answers each connection with the next of these, then closes."""

    def __init__(self, *answers):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.answers = answers
        self.served = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.socket.accept()
            try:
                client.recv(65536)
                client.sendall(self.answers[self.served %
                                            len(self.answers)])
            except OSError:
                pass
            self.served += 1
            client.close()


def http(body, status="200 OK"):
    return (f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode() + body


def test_hostile_answers(swarm, target, tmp_path):
    others = Hostile(http(b"<html>\n<body>"), http(b"", "500 No"),
                     b"\0\xff nonsense\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\n" + b"x" * 70000)
    huge = Hostile(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                   http(b"a 1\n" * 1500000))
    silent = socket.create_server(("127.0.0.1", 0))
    where = "http://127.0.0.1:%d/" % silent.getsockname()[1]
    run = steady(swarm, "-H", target(), "-t", "0",
                 "--watch", f"huge={huge.url}", "--watch", f"odd={others.url}",
                 "--watch", f"mute={where}",
                 "--watch", f"none=http://127.0.0.1:{free_port()}",
                 "--json-file", tmp_path / "out.json")
    for name, why in (("none", "no connection"), ("odd", ".*Prometheus'"),
                      ("huge", ".*"), ("mute", "no whole answer|no answer")):
        run.wait_line(rf"watching {name}: ({why})")
    wait_for(lambda: others.served >= 4 and huge.served >= 2, "answers")
    run.popen.terminate()
    assert run.wait() == 0, run.text
    _, rows = figures(tmp_path / "out.json")
    assert {name for name in rows} == {f"{n}.up" for n in (
        "huge", "odd", "mute", "none")}
    assert all(row["max"] == 0 for row in rows.values())
    silent.close()


def test_what_cannot_be_watched(swarm):
    for words, said in (
            (["--watch", "http://a"], "write NAME=URL"),
            (["--watch", "a=b"], "the URL of an exporter"),
            (["--watch", "a=https://127.0.0.1/"], "the URL of an exporter"),
            (["--watch", "a=http://127.0.0.1/", "--watch",
              "a=http://127.0.0.1/"], "twice"),
            (["--watch", "a=http://nowhere.invalid/"], "cannot resolve"),
            (["--watch-metric", "a"], "of what --watch names"),
            (["--watch-metric", "a b", "--watch", "a=http://127.0.0.1/"],
             "name of a metric")):
        done = swarm.run("-f", swarm.module("limits.so"), "paced", *HEADLESS,
                         *words)
        assert done.status == 2 and said in done.err, done.text
