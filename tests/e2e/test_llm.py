"""Chats with language models and event streams, on both HTTP clients, with a
server that talks at a known pace."""
import json

from http_server import provider, server


def run(swarm, provider, tmp_path, server, module, *args):
    """Series by type and name, metrics by name, failures, counters."""
    done = swarm.run("-f", module, "--plugin", provider, "--headless", "-H",
                     server.url, "--json-file", tmp_path / "out", *args,
                     timeout=90)
    result = json.loads((tmp_path / "out.json").read_text())
    return (done, {(s["type"], s["name"]): s for s in result["series"]},
            {m["name"]: m for m in result["metrics"]},
            {(f["type"], f["name"]): f["error"] for f in result["failures"]},
            result["counters"])


def test_calls(swarm, provider, tmp_path, server):
    _, rows, metrics, failed, _ = run(
        swarm, provider, tmp_path, server, swarm.module("llm_calls.so"),
        "-u", "1", "-t", "60s", "--processes", "1",
        # A chat is read all the same.
        "-o", f"{provider}.discard=yes")
    assert not [f for f in failed if f[0] == "CHECK"], failed
    for check in "streamed", "whole", "failures", "ticks":
        assert rows["CHECK", check]["requests"] == 1
    assert failed["POST", "busy"] == "HTTP 429 Too Many Requests"
    assert set(failed) == {("POST", n) for n in
                           ("busy", "breaks", "stops", "babbles", "slow",
                            "bad")}
    # The first piece after 0.1 s, seven more, 0.05 s each.
    times = {kind: s["service_ms"] for (kind, name), s in rows.items()
             if name == "streamed"}
    assert times["POST"]["count"] == 1
    assert times["POST"]["min"] >= 450
    assert times["first token"]["min"] >= 100
    assert times["first byte"]["min"] < times["first token"]["min"]
    assert times["token gap"]["count"] == 7
    assert times["token gap"]["mean"] >= 45
    assert metrics["streamed tokens/s"]["count"] == 1
    assert 0 < metrics["streamed tokens/s"]["max"] < 20.5
    assert ("first token", "/v1/chat/completions") not in rows
    # Any event stream.
    times = {kind: s["service_ms"] for (kind, name), s in rows.items()
             if name == "ticks"}
    assert times["piece gap"]["count"] == 4
    assert times["piece gap"]["mean"] >= 45
    assert times["first piece"]["count"] == times["first byte"]["count"] == 1
    assert 0 < metrics["ticks pieces/s"]["max"] < 20.5


def test_scenario(swarm, provider, tmp_path, server):
    done, rows, metrics, failed, counters = run(
        swarm, provider, tmp_path, server, swarm.scenario("llm.so"), "-u",
        "8", "-r", "100", "-t", "4s", "-o", "llm.model=talk 0.05 0.01 20",
        "-o", "llm.key=hush", "--html", tmp_path / "out.html")
    assert done.status == 0, done.text
    for name in ("out.json", "out.html"):
        assert "hush" not in (tmp_path / name).read_text()
    assert "-o llm.key=... " in json.loads(
        (tmp_path / "out.json").read_text())["run"]["command"]
    asked = rows["POST", "question"]["requests"]
    assert asked >= 8 and not failed
    assert rows["first token", "question"]["service_ms"]["count"] >= asked
    assert rows["first token", "question"]["service_ms"]["min"] >= 50
    assert rows["token gap", "question"]["service_ms"]["count"] >= asked * 19
    assert metrics["question tokens/s"]["p50"] < 100.5
    assert counters["llm_tokens"] >= asked * 20
    assert counters["llm_prompt_tokens"] >= asked * 4
