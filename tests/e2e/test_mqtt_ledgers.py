"""Every message accounted for: what the publishers say they sent, what the
subscriber's ledger holds and what the broker counted agree exactly, at each
QoS, with and without a restart of the broker in the middle.

SWARM_TEST_MESSAGES=1000000 makes the proof a long one.
"""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import BUILD, Broker, free_port, wait_for

if not os.path.exists(os.path.join(BUILD, "plugins", "mqtt", "mqtt.so")) and \
        not os.environ.get("CI"):
    pytest.skip("plugin not built", allow_module_level=True)

MESSAGES = int(os.environ.get("SWARM_TEST_MESSAGES", "20000"))
CLIENTS = 20
QOS = (0, 1, 2)
LONG = MESSAGES > 100000
# The short one must last as long as a restart takes.
INTERVAL = "2" if LONG else str(4000 * CLIENTS // MESSAGES)
PATIENCE = 900 if LONG else 60


class Lasting(Broker):
    """Writes its sessions down when it stops, and what it receives into its
    log."""

    def start(self, port=None):
        port = port or free_port()
        self.log = self.directory / "broker.log"
        conf = self.directory / "lasting.conf"
        user = "user root\n" if os.getuid() == 0 else ""
        what = "information" if LONG else "all"
        conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                        "persistence true\nmax_queued_messages 0\n"
                        "max_inflight_messages 100\nsys_interval 1\n"
                        f"log_dest file {self.log}\nlog_type {what}\n"
                        "log_dest stderr\n"
                        f"persistence_location {self.directory}/\n{user}")
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        self.process = self.spawn(["mosquitto", "-c", conf], env=env)
        self.process.wait_line("running")
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}"

    def logged(self, what):
        return len(re.findall(what, self.log.read_text()))


@pytest.fixture
def lasting(spawn, tmp_path):
    return Lasting(spawn, tmp_path)


def session(qos):
    return ["-q", str(qos), "-C", "false", "-x", "3600", "--reconnect",
            "1000", "--reconnect-delay", "50"]


def last_said(broker, topic):
    """The broker's last word on a counter: it says so only when it has
    changed, within a second."""
    done = subprocess.run(
        ["mosquitto_sub", "-p", str(broker.port), "-C", "1", "-W", "10", "-t",
         "$SYS/broker/" + topic], capture_output=True, text=True, check=True)
    return int(done.stdout)


def settled(broker, topic):
    """A counter of the broker, once it stands still for three seconds."""
    last, since = -1, time.monotonic()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        now = last_said(broker, topic)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 3:
            return
        time.sleep(0.1)
    pytest.fail(f"{topic} does not come to rest")


def counters(path):
    return json.loads(path.read_text())["counters"]


def start_sub(swarm, broker, tmp_path, provider, qos):
    """One for each publisher, so that no broker's queue grows too long."""
    return swarm.start("mqtt", "sub", "-h", broker.url, "-c", str(CLIENTS),
                       "-R", "1000", "-t", f"ledger{qos}/%i", "--prefix",
                       f"sub{qos}",
                       *session(qos), "--", "--plugin", provider, "-t", "1h",
                       "--processes", "1", "--json-file",
                       tmp_path / f"sub{qos}.json")


def start_pub(swarm, broker, tmp_path, provider, qos):
    return swarm.start("mqtt", "pub", "-h", broker.url, "-c", str(CLIENTS),
                       "-R", "1000", "-t", f"ledger{qos}/%i", "--prefix",
                       f"pub{qos}", "-I", INTERVAL, "-L", str(MESSAGES), "-F",
                       "20", "-s", "64", *session(qos), "--", "--plugin",
                       provider, "-t", "1h", "--processes", "1",
                       "--json-file", tmp_path / f"pub{qos}.json")


def run_all(swarm, broker, tmp_path, provider, restart):
    """The publishers' counters and the subscriber's, of each QoS."""
    subs = [start_sub(swarm, broker, tmp_path, provider, qos)
            for qos in QOS]
    wait_for(lambda: last_said(broker, "subscriptions/count") >= 3 * CLIENTS,
             "the subscribers")
    pubs = [start_pub(swarm, broker, tmp_path, provider, qos)
            for qos in QOS]
    if restart:
        # Packets of all sorts, and half of all messages have more than two.
        wait_for(lambda: last_said(broker, "messages/received") > MESSAGES,
                 "a good part of the messages", PATIENCE)
        broker.stop()
        broker.start(broker.port)
    for pub in pubs:
        pub.wait(PATIENCE)
    # Nothing waits for the subscribers any more.
    settled(broker, "store/messages/count")
    for sub in subs:
        os.kill(sub.pid, signal.SIGINT)
    for sub in subs:
        sub.wait(PATIENCE)
    return [(qos, counters(tmp_path / f"pub{qos}.json"),
             counters(tmp_path / f"sub{qos}.json")) for qos in QOS]


@pytest.mark.parametrize("provider", ["fastmqtt", "mqtt"])
def test_ledgers_agree(swarm, lasting, tmp_path, provider):
    for qos, sent, got in run_all(swarm, lasting, tmp_path, provider, False):
        assert sent[f"mqtt_audit_sent_qos{qos}"] == MESSAGES
        assert sent["mqtt_pub_succ"] == sent["mqtt_pub"] == MESSAGES
        assert got[f"mqtt_audit_recv_qos{qos}"] == MESSAGES
        assert got["mqtt_recv"] == MESSAGES
        for wrong in ("lost", "duplicate", "reordered", "late", "untracked"):
            assert got.get(f"mqtt_audit_{wrong}", 0) == 0
        if not LONG:
            assert lasting.logged(f"Received PUBLISH from pub{qos}_") \
                == MESSAGES
            assert lasting.logged(f"Sending PUBLISH to sub{qos}_") == MESSAGES
    # What this broker counts as received leaves QoS 2 out.
    assert last_said(lasting, "publish/messages/received") == 2 * MESSAGES


@pytest.mark.parametrize("provider", ["fastmqtt", "mqtt"])
def test_ledgers_agree_over_a_restart(swarm, lasting, tmp_path, provider):
    for qos, sent, got in run_all(swarm, lasting, tmp_path, provider, True):
        # paho.mqtt.c at times repeats itself after a reconnect until the
        # broker has had enough of it: see CAVEATS in mqtt(7).
        exact = provider == "fastmqtt"
        assert sent["mqtt_reconnect_succ"] == CLIENTS or not exact
        assert got["mqtt_reconnect_succ"] == CLIENTS or not exact
        assert sent[f"mqtt_audit_sent_qos{qos}"] == MESSAGES
        lost = got.get("mqtt_audit_lost", 0)
        received = got[f"mqtt_audit_recv_qos{qos}"]
        # What is lost at QoS 0 is named, to the last one; at the others only
        # what a publisher knows to have failed may be missing.
        failed = MESSAGES - sent["mqtt_pub_succ"]
        if exact or qos == 0:
            assert received + lost == MESSAGES
        if qos > 0:
            assert MESSAGES - received <= failed
            assert failed == 0 or not exact
        if qos == 2 and exact:
            assert got.get("mqtt_audit_duplicate", 0) == 0
            assert got["mqtt_recv"] == MESSAGES
        print(f"QoS {qos}: {MESSAGES} sent, {lost} lost,"
              f" {got.get('mqtt_audit_duplicate', 0)} duplicates")
