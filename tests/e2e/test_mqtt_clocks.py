"""One-way latency between two workers whose clocks have nothing in common: a
time namespace gives one of them a monotonic clock that is an hour ahead, as
another machine would have.
"""
import collections
import json
import os
import subprocess

import pytest

from conftest import BUILD, free_port

if not os.path.exists(os.path.join(BUILD, "plugins", "mqtt", "mqtt.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)

AHEAD = 3600


def elsewhere():
    """What to put before a command so that it sees another clock."""
    for how in (["unshare"], ["unshare", "--map-root-user"]):
        command = [*how, "--time", "--monotonic", str(AHEAD), "--fork"]
        if subprocess.run([*command, "true"], capture_output=True,
                          check=False).returncode == 0:
            return command
    return None


def run_fleet(swarm, spawn, broker, tmp_path, *args):
    command = elsewhere()
    if not command:
        pytest.skip("this system does not let tests make a time namespace")
    port = str(free_port())
    scenario = swarm.scenario("mqtt_fan_in.so")
    master = swarm.start("-f", scenario, "--headless", "--master",
                         "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", port, "--expect-workers", "2",
                         "-H", broker.url, "-u", "20", "-r", "100",
                         "-t", "8s", "--json-file", tmp_path / "out",
                         "-o", "mqtt_fan_in.qos=1", *args)
    join = [swarm.exe, "-f", scenario, "--worker", "--master-host",
            "127.0.0.1", "--master-port", port,
            "-o", "mqtt_fan_in.qos=1", *args]
    workers = [spawn(join, cwd=tmp_path),
               spawn([*command, *join], cwd=tmp_path)]
    assert master.wait(60) == 0, master.text
    for worker in workers:
        assert worker.wait() == 0, worker.text
    result = json.loads((tmp_path / "out.json").read_text())
    series = {(row["type"], row["name"]): row["service_ms"]
              for row in result["series"]}
    return master.text, series, collections.Counter(result["counters"])


def test_corrected_with_a_bound(swarm, spawn, broker, tmp_path):
    text, series, counters = run_fleet(swarm, spawn, broker, tmp_path, "-o",
                                       "mqtt_fan_in.clock_error=100000")
    corrected = series["MQTT end to end", "qos 1, other machine"]
    bound = series["MQTT clock error", "other machine"]
    assert corrected["count"] > 20
    assert bound["count"] == corrected["count"]
    unsure = counters["mqtt_audit_clock_unsure"]
    assert counters["mqtt_audit_other_host"] == corrected["count"] + unsure
    # On one machine in truth: what a message takes, give or take the bound,
    # and no trace of the hour between the clocks.
    assert bound["max"] < 1000, text
    assert corrected["max"] < 2000 + bound["max"], text
    same = series["MQTT end to end", "qos 1"]
    assert same["count"] + corrected["count"] + unsure == \
        counters["mqtt_audit_recv_qos1"]
    assert abs(corrected["p50"] - same["p50"]) < 10 + bound["max"], text


def test_refused_when_the_bound_is_too_wide(swarm, spawn, broker, tmp_path):
    # On one machine next to nothing is slow enough for a bound of a hundredth:
    # what was held up by others on it.
    text, series, counters = run_fleet(swarm, spawn, broker, tmp_path, "-o",
                                       "mqtt_fan_in.clock_error=1")
    others = counters["mqtt_audit_other_host"]
    assert others > 20
    slow = series.get(("MQTT end to end", "qos 1, other machine"),
                      {"count": 0})["count"]
    assert counters["mqtt_audit_clock_unsure"] == others - slow
    assert slow < others / 2
    assert "left out" in text
