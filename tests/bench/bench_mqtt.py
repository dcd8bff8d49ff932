#!/usr/bin/python3
"""What MQTT costs the load generator.

	bench_mqtt [cpu] [npm] [scale] [paho]      default: all of them

cpu    processor time of a publish of QoS 1 and its acknowledgement, at 100
       and 1,000 clients, next to a bare libmosquitto loop
npm    the same next to mqtt.js, the client that benches on npm are made of;
       needs `npm ci` in tests/bench/mqtt_js
scale  15,000 clients on one worker: how fast they connect, what each costs
       in memory
paho   the same two for the mqtt plugin, within its ceiling

One JSON line for each figure.  Each side publishes 64 bytes again as soon as
the PUBACK has come, to the same private mosquitto; the sides take turns, and
the median of the rounds counts, for times as for ratios.
"""
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SWARM = os.path.join(HERE, "..", "..", "bin", "swarm")
PEER = os.path.join(HERE, "mosquitto_peer")
# Linked to where the sources are, and so to what npm has put there.
NODE_PEER = os.path.join(HERE, "mqtt_js", "peer.mjs")
TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = 3
CLIENTS = 15000


def show(name, value, unit):
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit}),
          flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """A private mosquitto; several listeners, because each queues no more
    than a hundred new connections."""

    def __init__(self, directory, listeners=1):
        self.ports = [free_port() for _ in range(listeners)]
        conf = os.path.join(directory, f"broker-{self.ports[0]}.conf")
        with open(conf, "w") as f:
            for port in self.ports:
                f.write(f"listener {port} 127.0.0.1\n")
            f.write("allow_anonymous true\nset_tcp_nodelay true\n")
            if os.getuid() == 0:
                f.write("user root\n")
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
        self.process = subprocess.Popen(
            ["mosquitto", "-c", conf], env=env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=raise_limit)
        pin(self.process.pid, True)
        self.hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                for port in self.ports:
                    socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("mosquitto does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def pin(pid, last):
    """The generator on the first processor, all else on the last: they would
    push each other about."""
    cpus = sorted(os.sched_getaffinity(0))
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {cpus[-1 if last else 0]})


def raise_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stat(pid):
    """Processor seconds and resident KiB of a process."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/schedstat") as f:
        # Finer than the ticks of stat.
        used = int(f.read().split()[0]) / 1e9
    threads = os.listdir(f"/proc/{pid}/task")
    if len(threads) > 1:
        used = (int(fields[11]) + int(fields[12])) / TICKS
    return used, int(fields[21]) * os.sysconf("SC_PAGESIZE") / 1024


def worker_of(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
        if children:
            return int(children[0])
        time.sleep(0.02)
    sys.exit("swarm has no worker")


class Run:
    """swarm mqtt with one worker."""

    def __init__(self, broker, plugin, seconds, *args):
        self.process = subprocess.Popen(
            [SWARM, "mqtt", args[0], "-h", broker.hosts, *args[1:], "--",
             "--processes", "1", "--plugin", plugin, "-t", f"{seconds}s",
             "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.worker = worker_of(self.process.pid)
        pin(self.process.pid, True)
        pin(self.worker, False)

    def result(self):
        out, err = self.process.communicate()
        try:
            return json.loads(out)
        except ValueError:
            sys.exit(f"swarm: {err}")


def requests_between(result, start, end):
    """Requests in a span of wall clock, by the run's own history."""
    began = result["run"]["started_unix"]
    count = 0.0
    for second in result["history"]:
        to = began + second["end_s"]
        since = to - second["length_s"]
        common = min(to, end) - max(since, start)
        if common > 0:
            count += second["requests"] * common / second["length_s"]
    return count


def publish(broker, plugin, clients, seconds):
    run = Run(broker, plugin, seconds + 4, "pub", "-c", str(clients), "-R",
              "2000", "-I", "0", "-s", "64", "-q", "1", "-t", "bench/x")
    time.sleep(2.5)
    before, start = stat(run.worker)[0], time.time()
    time.sleep(seconds)
    after, end = stat(run.worker)[0], time.time()
    return (after - before) / requests_between(run.result(), start, end) * 1e6


def peer(command, broker, clients, seconds):
    process = subprocess.Popen(
        [*command, str(broker.ports[0]), str(clients), str(seconds)],
        stdout=subprocess.PIPE, text=True)
    pin(process.pid, False)
    return json.loads(process.communicate()[0])["cpu_us"]


def compare(name, rounds, **sides):
    """Each side in turn; medians, and of the ratio to the first too."""
    times = {side: [] for side in sides}
    for _ in range(rounds):
        for side, measure in sides.items():
            times[side].append(measure())
    ours = times.pop("fastmqtt")
    show(f"mqtt.{name}_fastmqtt", statistics.median(ours), "us")
    for side, theirs in times.items():
        show(f"mqtt.{name}_{side}", statistics.median(theirs), "us")
        show(f"mqtt.{name}_ratio_{side}", statistics.median(
            a / b for a, b in zip(ours, theirs)), "ratio")


def bench_cpu(directory):
    broker = Broker(directory)
    for clients in (100, 1000):
        compare(f"publish_qos1_{clients}", ROUNDS,
                libmosquitto=lambda n=clients: peer([PEER], broker, n, 2),
                fastmqtt=lambda n=clients: publish(broker, "fastmqtt", n, 2))
    broker.stop()


def bench_npm(directory):
    node = shutil.which("node")
    if not node or not os.path.exists(os.path.join(
            os.path.dirname(os.path.realpath(NODE_PEER)), "node_modules")):
        print("npm: no node, or no `npm ci` in tests/bench/mqtt_js",
              file=sys.stderr)
        return
    broker = Broker(directory)
    compare("publish_qos1_100_beside", ROUNDS,
            mqtt_js=lambda: peer([node, os.path.realpath(NODE_PEER)], broker,
                                 100, 2),
            fastmqtt=lambda: publish(broker, "fastmqtt", 100, 2))
    broker.stop()


def connect_all(broker, rate):
    """The clients a second from the first connect to the CONNACK of all but
    a hundredth, processor microseconds of each, and the worker's KiB when
    all are there."""
    run = Run(broker, "fastmqtt", 11, "conn", "-c", str(CLIENTS), "-R",
              str(rate), "-k", "0")
    # What only the connecting needed is given back after some seconds.
    time.sleep(10)
    used, size = stat(run.worker)
    result = run.result()
    if result["counters"].get("mqtt_connect_succ") != CLIENTS:
        sys.exit(f"not all connected: {result['counters']}")
    times = [s["service_ms"] for s in result["series"]
             if (s["type"], s["name"]) == ("MQTT", "connect")][0]
    # The last one begins when the ramp is over.
    seconds = CLIENTS / rate + times["p99"] / 1000
    return 0.99 * CLIENTS / seconds, size, used / CLIENTS * 1e6


def few(broker, count):
    run = Run(broker, "fastmqtt", 3, "conn", "-c", str(count), "-k", "0",
              "-R", "1000")
    time.sleep(2)
    size = stat(run.worker)[1]
    run.result()
    return size


def bench_scale(directory):
    broker = Broker(directory, 40)
    small = few(broker, 100)
    rounds = [connect_all(broker, 20000) for _ in range(ROUNDS)]
    show("mqtt.scale_clients", CLIENTS, "clients")
    show("mqtt.scale_connect_rate",
         statistics.median(r[0] for r in rounds), "1/s")
    show("mqtt.scale_connect_cpu", statistics.median(r[2] for r in rounds),
         "us")
    show("mqtt.scale_memory_fastmqtt", statistics.median(
        (r[1] - small) / (CLIENTS - 100) for r in rounds), "KiB")
    broker.stop()


def bench_paho(directory):
    broker = Broker(directory)
    for clients in (100, 250):
        show(f"mqtt.publish_qos1_{clients}_paho",
             publish(broker, "mqtt", clients, 2), "us")
    broker.stop()


def main():
    benches = {"cpu": bench_cpu, "npm": bench_npm, "scale": bench_scale,
               "paho": bench_paho}
    raise_limit()
    with tempfile.TemporaryDirectory() as directory:
        for name in sys.argv[1:] or benches:
            benches[name](directory)


if __name__ == "__main__":
    main()
