"""The MQTT scenarios that come with swarm, and the command `swarm mqtt`:
each runs without a failure, and what it counts adds up."""
import json
import os
import re
import subprocess
import time

import pytest

from conftest import BUILD, Broker, free_port, wait_for

if not os.path.exists(os.path.join(BUILD, "plugins", "mqtt", "mqtt.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)

both = pytest.mark.parametrize("provider", ["fastmqtt", "mqtt"])


def counter(text, name):
    """From the summary's list of counters, where thousands stand apart."""
    match = re.search(rf"^  {re.escape(name)}  +([\d ]+)$", text, re.M)
    return int(match.group(1).replace(" ", "")) if match else 0


def requests(text, name):
    """Requests and failures of a row."""
    number = r" +(\d{1,3}(?: \d{3})*)"
    match = re.search(rf"^  MQTT {re.escape(name)}{number}{number} ", text,
                      re.M)
    return tuple(int(n.replace(" ", "")) for n in match.groups())


@pytest.fixture
def scenario(swarm, broker):
    def run(provider, name, *args, users="20", seconds="4s"):
        done = swarm.run("--plugin", provider, "-f",
                         swarm.scenario(f"mqtt_{name}.so"), "--headless",
                         "-H", broker.url, "-u", users, "-r", "100",
                         "-t", seconds, *args, timeout=60)
        assert done.status == 0, done.text
        return done.text
    return run


@both
def test_fan_in(scenario, provider):
    text = scenario(provider, "fan_in", "-o", "mqtt_fan_in.qos=2")
    assert counter(text, "mqtt_audit_recv_qos2") > 20
    assert counter(text, "mqtt_audit_lost") == 0
    assert counter(text, "mqtt_audit_duplicate") == 0
    assert "end to end" in text


@pytest.fixture
def lasting_broker(spawn, tmp_path):
    """Writes its sessions down when it stops."""
    return LastingBroker(spawn, tmp_path)


class LastingBroker(Broker):
    extra = "allow_anonymous true\n"

    def start(self, port=None):
        port = port or free_port()
        conf = self.directory / "lasting.conf"
        user = "user root\n" if os.getuid() == 0 else ""
        conf.write_text(f"listener {port} 127.0.0.1\n"
                        "persistence true\nmax_queued_messages 0\n"
                        f"persistence_location {self.directory}/\n{user}"
                        "sys_interval 1\n"
                        + self.extra.format(self.directory))
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        self.process = self.spawn(["mosquitto", "-c", conf], env=env)
        self.process.wait_line("running")
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}"


class PasswordBroker(LastingBroker):
    extra = "allow_anonymous false\npassword_file {}/passwords\n"


@both
@pytest.mark.parametrize("qos", ["1", "2"])
def test_nothing_is_lost_by_a_restart(swarm, lasting_broker, provider, qos):
    broker = lasting_broker
    run = swarm.start("--plugin", provider, "-f",
                      swarm.scenario("mqtt_fan_in.so"), "--headless",
                      "-H", broker.url, "-u", "20", "-r", "100", "-t", "10s",
                      "-o", f"mqtt_fan_in.qos={qos}",
                      "-o", "mqtt_fan_in.keep=true")
    run.wait_line(r"users\s+20\b")
    broker.stop()
    broker.start(broker.port)
    run.wait(60)
    assert counter(run.text, "mqtt_reconnect_succ") == 20, run.text
    sent = counter(run.text, f"mqtt_audit_sent_qos{qos}")
    received = counter(run.text, f"mqtt_audit_recv_qos{qos}")
    assert sent > 50
    assert counter(run.text, "mqtt_audit_lost") == 0
    # Two collectors; the last messages may come when they are gone, and
    # the first ones when they are not there yet.
    assert 2 * sent - 80 <= received <= 2 * sent
    if qos == "2":
        assert counter(run.text, "mqtt_audit_duplicate") == 0


@both
def test_fan_out(scenario, provider):
    text = scenario(provider, "fan_out")
    assert counter(text, "mqtt_audit_recv_qos1") \
        > 5 * counter(text, "mqtt_audit_sent_qos1") > 0
    assert counter(text, "mqtt_audit_lost") == 0


@both
def test_shared_subscription(scenario, provider):
    text = scenario(provider, "shared")
    # The last jobs may come when the workers have gone already.
    sent, done = counter(text, "jobs sent"), counter(text, "jobs done")
    assert 20 < done <= sent
    assert sent - done <= 20


@both
def test_retained_flood(scenario, provider):
    text = scenario(provider, "retained", "-o", "mqtt_retained.topics=200")
    assert requests(text, "retained")[0] > 10


@both
def test_offline_queue(scenario, provider):
    text = scenario(provider, "offline", users="10")
    assert requests(text, "catch-up")[0] > 10


@both
def test_reconnect_storm(scenario, provider):
    text = scenario(provider, "reconnect_storm", "-o",
                    "mqtt_reconnect_storm.every=1s", "-o",
                    "mqtt_reconnect_storm.spread=100ms")
    assert requests(text, "reconnect")[0] >= 20


@both
def test_will_storm(scenario, provider):
    text = scenario(provider, "will_storm")
    assert counter(text, "deaths") > 20
    # The watcher may have been stopped before the last to die.
    assert 0 <= counter(text, "deaths") - counter(text, "wills read") <= 20


def command(swarm, broker, *args, ours=()):
    done = swarm.run("mqtt", *args, "-h", broker.url, "-R", "100", "--",
                     *ours, timeout=60)
    assert done.status == 0, done.text
    return done.text


@both
@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_pubsub_accounts_for_every_message(swarm, broker, provider, qos):
    text = command(swarm, broker, "pubsub", "-c", "10", "-I", "5", "-q", qos,
                   "-F", "10", ours=["-t", "4s", "--plugin", provider])
    sent = counter(text, f"mqtt_audit_sent_qos{qos}")
    assert sent > 1000
    assert counter(text, f"mqtt_audit_recv_qos{qos}") == sent
    for wrong in ("lost", "duplicate", "reordered", "late"):
        assert counter(text, f"mqtt_audit_{wrong}") == 0


def test_publish_up_to_a_limit(swarm, broker):
    text = command(swarm, broker, "pub", "-c", "4", "-I", "1", "-q", "1",
                   "-L", "100", "-t", "a/%i/%s", "-m", "no. %s of %c",
                   ours=["-t", "20s"])
    assert requests(text, "publish:1:a/%i/%s") == (100, 0)


def test_connect_and_subscribe(swarm, broker):
    text = command(swarm, broker, "conn", "-c", "30", ours=["-t", "2s"])
    assert counter(text, "mqtt_connect_succ") == 30
    text = command(swarm, broker, "sub", "-c", "10", "-t", "a/#", "-t", "b/+",
                   ours=["-t", "2s"])
    assert counter(text, "mqtt_sub") == 20


def test_topics_from_a_file(swarm, broker, spawn, tmp_path):
    spec = tmp_path / "topics.json"
    spec.write_text(json.dumps({"topics": [
        {"name": "car/%i/speed", "interval_ms": "20", "QoS": 1,
         "inject_timestamp": "us", "payload": {"v": "100%", "timestamp": 0}},
        {"name": "car/id", "interval_ms": 40, "QoS": 0, "render": "vin",
         "payload": {"vin": "VIN-%i"}}]}))
    listener = spawn(["mosquitto_sub", "-p", str(broker.port), "-t", "car/#",
                      "-q", "1", "-F", "%t %p"])
    wait_for(lambda: broker.sys("clients/connected") >= 1, "the listener")
    text = command(swarm, broker, "pub", "-c", "1", "-n", "7",
                   "--topics-payload", spec, ours=["-t", "2s"])
    fast = counter(text, "mqtt_audit_sent_qos1")
    slow = counter(text, "mqtt_audit_sent_qos0")
    assert 40 < fast <= 102 and fast / 3 < slow < fast
    wait_for(lambda: len(listener.lines["out"]) >= fast + slow, "messages")
    lines = set(listener.lines["out"])
    assert 'car/id {"vin":"VIN-7"}' in lines
    speeds = [json.loads(line.split(" ", 1)[1]) for line in lines
              if line.startswith("car/7/speed ")]
    assert len(speeds) == fast
    assert all(speed["v"] == "100%" for speed in speeds)
    assert all(abs(int(speed["timestamp"]) / 1e6 - time.time()) < 60
               for speed in speeds)


def test_headers_that_others_write(swarm, broker):
    text = command(swarm, broker, "pubsub", "-c", "5", "-I", "10", "-q", "1",
                   "--payload-hdrs", "cnt64,ts", ours=["-t", "2s"])
    assert counter(text, "mqtt_recv") > 100
    assert counter(text, "mqtt_cnt64_not_rising") == 0
    assert counter(text, "mqtt_ts_not_plausible") == 0
    assert "whole ms" in text


@both
def test_flapping(swarm, broker, provider):
    ours = ["-t", "3s", "--plugin", provider]
    text = command(swarm, broker, "conn", "-c", "4", "--flap", "200",
                   ours=ours)
    assert counter(text, "mqtt_reconnect_succ") > 12
    text = command(swarm, broker, "sub", "-c", "4", "--flap", "200", "-t",
                   "a/%i", ours=ours)
    assert counter(text, "mqtt_unsub") > 12
    assert 0 <= counter(text, "mqtt_sub") - counter(text, "mqtt_unsub") <= 4


def test_names_and_passwords_from_a_file(swarm, spawn, tmp_path):
    passwords, users = tmp_path / "passwords", tmp_path / "users"
    passwords.touch(mode=0o600)
    for name in ("ann", "bob"):
        subprocess.run(["mosquitto_passwd", "-b", passwords, name, "x" + name],
                       check=True)
    users.write_text("ann,xann\nbob,xbob\nbob,wrong\n")
    broker = PasswordBroker(spawn, tmp_path)
    done = swarm.run("mqtt", "conn", "-h", broker.url, "-c", "6", "-R", "50",
                     "--users", users, "--num-retry-connect", "2", "--",
                     "--processes", "1", "-t", "2s", timeout=60)
    assert done.status == 1, done.text
    assert counter(done.text, "mqtt_connect_succ") == 4
    assert counter(done.text, "mqtt_connect_fail") == 6
    assert counter(done.text, "mqtt_connect_retried") == 4


def test_subscribes_again_after_a_reconnect(swarm, broker):
    run = swarm.start("mqtt", "sub", "-h", broker.url, "-c", "3", "-t", "a/#",
                      "--reconnect", "50", "--reconnect-delay", "50", "--",
                      "-t", "8s", "--processes", "1")
    wait_for(lambda: broker.sys("subscriptions/count") >= 3, "subscriptions")
    broker.stop()
    broker.start(broker.port)
    wait_for(lambda: broker.sys("subscriptions/count") >= 3, "them again")
    run.wait(60)
    assert counter(run.text, "mqtt_sub") == 6, run.text
    assert counter(run.text, "mqtt_reconnect_succ") == 3


def test_gives_up_after_some_attempts(swarm, broker):
    run = swarm.start("mqtt", "sub", "-h", broker.url, "-c", "3", "-t", "a/#",
                      "--reconnect", "2", "--reconnect-delay", "50", "--",
                      "-t", "4s", "--processes", "1")
    wait_for(lambda: broker.sys("subscriptions/count") >= 3, "subscriptions")
    broker.stop()
    run.wait(60)
    assert counter(run.text, "mqtt_reconnect_fail") == 6, run.text


@pytest.mark.parametrize("args, text", [
    (["pub", "-q", "3"], "--qos 3: give a whole number from 0 to 2"),
    (["pub", "--qso", "1"], "there is no option --qso"),
    (["publish"], "say what to do"),
    (["pub", "-c"], "-c needs a value"),
    (["pub", "x"], '"x" is not expected here'),
    (["pub", "--quic"], "there is no QUIC transport"),
])
def test_wrong_arguments(swarm, args, text):
    done = swarm.run("mqtt", *args)
    assert done.status == 2, done.text
    assert text in done.text
