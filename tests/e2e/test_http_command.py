"""`swarm http`: load without C, curl command lines, scenarios from them."""
import json
import os
import re
import subprocess

import pytest

from conftest import BUILD, totals
from http_server import server
from test_http import cert, nginx

if not os.path.exists(os.path.join(BUILD, "plugins", "http_command",
                                   "http_command.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)


def http(swarm, tmp_path, *args):
    done = swarm.run("http", *args, "--", "--csv", tmp_path / "out",
                     timeout=60)
    rows = {key: (int(row["Request Count"]), int(row["Failure Count"]))
            for key, row in totals(tmp_path / "out").items()}
    return done, rows


def test_url(swarm, tmp_path, server):
    done, rows = http(swarm, tmp_path, server.url + "/items/7", "-c", "4",
                      "-d", "1s")
    assert done.status == 0, done.text
    count, failed = rows["GET", "/items/[id]"]
    assert failed == 0 and count > 10
    # A user may be cut off in the middle of its last request.
    assert count <= server.requests <= count + 4


def test_all_options(swarm, tmp_path, server):
    done, rows = http(swarm, tmp_path, "-m", "PUT", "-H", "X-A: b", "-j",
                      '{"a":1}', "-n", "mine", "-e", "200", "-c", "2", "-d",
                      "1s", server.url + "/echo", server.url + "/size")
    assert done.status == 0, done.text
    assert rows["PUT", "mine"][0] > 2


def test_rate(swarm, tmp_path, server):
    done, rows = http(swarm, tmp_path, server.url, "-r", "100", "-c", "10",
                      "-d", "2s")
    assert done.status == 0, done.text
    assert 150 <= rows["GET", "/"][0] <= 210


@pytest.mark.parametrize("client", ["fasthttp", "http"])
def test_failures(swarm, tmp_path, server, client):
    done, rows = http(swarm, tmp_path, server.url + "/status/503", "-c", "1",
                      "-d", "1s", "--client", client)
    assert done.status == 4, done.text
    assert "HTTP 503 Service Unavailable" in done.text


def test_curl(swarm, tmp_path, server):
    done, rows = http(swarm, tmp_path, "-c", "2", "-d", "1s", "curl", "-s",
                      "-X", "PATCH", server.url + "/echo", "-H", "X-A: b",
                      "--data-raw", "x=1")
    assert done.status == 0, done.text
    assert rows["PATCH", "/echo"][0] > 2


def test_versions(swarm, tmp_path, nginx):
    """Where TLS would agree on HTTP/2, and where one knows that it is there."""
    def protocols(*args):
        before = len(nginx.served())
        done, rows = http(swarm, tmp_path, "-c", "1", "-d", "300ms", *args)
        assert done.status == 0, done.text
        assert rows["GET", "/a"] > (0, 0)
        return {s[3] for s in nginx.served()[before:]}

    nginx.start(listen="ssl http2")
    url = nginx.url + "/a"
    for client in "fasthttp", "http":
        own = "-k", "--client", client
        assert protocols(*own, url) == {"HTTP/2.0"}
        assert protocols(*own, "--h1", url) == {"HTTP/1.1"}
    assert protocols("curl", "-k", "--http1.1", url) == {"HTTP/1.1"}
    assert protocols("curl", "-k", "--http2", url) == {"HTTP/2.0"}
    nginx.stop()
    nginx.start(listen="http2")
    url = nginx.url + "/a"
    assert protocols("--h2c", url) == {"HTTP/2.0"}
    assert protocols("curl", "--http2-prior-knowledge", url) == {"HTTP/2.0"}


@pytest.mark.parametrize("args,text", [
    ((), r"no URL"),
    (("http://a", "--nonsense"), r"no option --nonsense"),
    (("http://a", "-c"), r"-c needs a value"),
    (("http://a", "-H", "x"), r'"Name: value"'),
    (("http://a", "-b", "@/nonexistent"), r"cannot read /nonexistent"),
    (("http://a", "--h3", "--client", "fasthttp"), r"cannot do HTTP/3"),
    (("http://a", "-d", "soon"), r"soon"),
    (("curl", "--nonsense", "http://a"), r"--nonsense is not understood"),
    (("--from-curl", "wget x"), r'does not begin with "curl"'),
    (("--from-har", "/nonexistent"), r"cannot read /nonexistent"),
], ids=str)
def test_mistakes(swarm, args, text):
    done = swarm.run("http", *args)
    assert done.status == 2, done.text
    assert re.search(text, done.text)


def test_help(swarm):
    done = swarm.run("http", "--help")
    assert done.status == 0
    assert "usage: swarm http [options] URL" in done.out


def try_scenario(swarm, tmp_path, source, server):
    """What it sends when it is run."""
    seen = []
    answer = server.RequestHandlerClass.answer

    def note(handler):
        seen.append((handler.command, handler.path))
        answer(handler)

    for method in "GET", "POST", "PUT":
        setattr(server.RequestHandlerClass, "do_" + method, note)
    done = swarm.run("-f", source, "--headless", "-u", "1", "-t", "1s",
                     "-H", server.url, "--csv", tmp_path / "out")
    for method in "GET", "POST", "PUT":
        setattr(server.RequestHandlerClass, "do_" + method, answer)
    assert done.status == 0, done.text
    return seen


def test_scenario_from_curl(swarm, tmp_path, server):
    source = tmp_path / "pasted.c"
    done = swarm.run("http", "--from-curl", "curl 'https://shop.test/a?b=1' "
                     "-H 'X-Quote: \"it\"' --data-raw $'l\\'1\\n\\u00e9'",
                     "-o", source)
    assert done.status == 0, done.text
    assert '.host = "https://shop.test"' in source.read_text()
    assert ("POST", "/a?b=1") in try_scenario(swarm, tmp_path, source, server)


def test_scenario_from_har(swarm, tmp_path, server):
    def entry(method, url, at, body=None):
        request = {"method": method, "url": url, "headers": [
            {"name": "Accept", "value": "text/html"},
            {"name": "Cookie", "value": "secret=1"}]}
        if body:
            request["postData"] = {"mimeType": "application/json",
                                   "text": body}
            request["headers"].append(
                {"name": "Content-Type", "value": "application/json"})
        return {"startedDateTime": f"2024-01-01T00:00:0{at}Z",
                "request": request}

    har = tmp_path / "visit.har"
    har.write_text(json.dumps({"log": {"entries": [
        entry("GET", "https://shop.test/", "0.0"),
        entry("POST", "https://shop.test/cart", "0.2", '{"id":7}'),
        entry("GET", "https://shop.test/cart/7", "0.3")]}}))
    source = tmp_path / "visit.c"
    done = swarm.run("http", "--from-har", har, "--pauses", "-o", source)
    assert done.status == 0, done.text
    text = source.read_text()
    assert "secret" not in text
    assert "swarm_sleep(0.2);" in text
    assert '.json = "{\\"id\\":7}"' in text
    seen = try_scenario(swarm, tmp_path, source, server)
    assert seen[:3] == [("GET", "/"), ("POST", "/cart"), ("GET", "/cart/7")]


def test_new_scenario_from(swarm, tmp_path, server):
    """The same by `swarm new`, which writes over nothing."""
    har = tmp_path / "visit.har"
    har.write_text(json.dumps({"log": {"entries": [{"request": {
        "method": "GET", "url": "https://shop.test/a"}}]}}))

    def new(*args):
        return subprocess.run([swarm.exe, "new", *args], cwd=tmp_path,
                              capture_output=True, text=True)

    done = new("--from-har", "visit.har")
    assert done.returncode == 0, done.stderr
    assert "created visit.c" in done.stdout
    assert ("GET", "/a") in try_scenario(swarm, tmp_path,
                                         tmp_path / "visit.c", server)
    done = new("scenario", "pasted", "--from-curl",
               "curl https://shop.test/b -d x=1")
    assert done.returncode == 0, done.stderr
    assert ("POST", "/b") in try_scenario(swarm, tmp_path,
                                          tmp_path / "pasted.c", server)
    before = (tmp_path / "pasted.c").read_text()
    done = new("scenario", "pasted", "--from-curl", "curl https://a/")
    assert done.returncode == 2 and "pasted.c is there already" in done.stderr
    assert (tmp_path / "pasted.c").read_text() == before
    done = new("--from-nonsense", "x")
    assert done.returncode == 2
    assert re.search(r'from "nonsense"; there are: .*har', done.stderr)
    done = new("scenario", "x", "--from-har", "nothing.har")
    assert done.returncode == 2 and "nothing.har" in done.stderr
    assert not (tmp_path / "x.c").exists()


def test_written_to_standard_output(swarm):
    done = subprocess.run([swarm.exe, "http", "--from-curl", "curl http://a"],
                          capture_output=True, text=True, check=True)
    assert done.stdout.startswith("/* Written from a curl command. */\n")
