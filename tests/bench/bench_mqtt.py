#!/usr/bin/python3
"""What an MQTT publish of QoS 1 costs the load generator, next to a bare
libmosquitto loop, and what a connected client costs in memory.

One JSON line for each figure.  Both sides publish 64 bytes again as soon as
the PUBACK has come, to the same private mosquitto, one after the other; the
processor time is that of the one worker process over the same seconds.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SWARM = os.path.join(HERE, "..", "..", "bin", "swarm")
PEER = os.path.join(HERE, "mosquitto_peer")
SECONDS = 3
TICKS = os.sysconf("SC_CLK_TCK")


def show(name, value, unit):
    print(json.dumps({"name": name, "value": round(value, 2), "unit": unit}),
          flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_broker(directory):
    port = free_port()
    conf = os.path.join(directory, "broker.conf")
    with open(conf, "w") as f:
        f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                f"{'user root' if os.getuid() == 0 else ''}\n")
    env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin")
    broker = subprocess.Popen(["mosquitto", "-c", conf], env=env,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return broker, port
        except OSError:
            time.sleep(0.05)
    sys.exit("mosquitto does not start")


def stat(pid):
    """Processor seconds and resident KiB of a process."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return ((int(fields[11]) + int(fields[12])) / TICKS,
            int(fields[21]) * os.sysconf("SC_PAGESIZE") / 1024)


def worker_of(pid):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            children = f.read().split()
        if children:
            return int(children[0])
        time.sleep(0.02)
    sys.exit("swarm has no worker")


def swarm(port, plugin, *args):
    """The command under way, and its worker."""
    run = subprocess.Popen(
        [SWARM, "mqtt", args[0], "-h", "127.0.0.1", "-p", str(port),
         *args[1:], "--", "--processes", "1", "--plugin", plugin,
         "-t", f"{SECONDS + 3}s", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return run, worker_of(run.pid)


def publish(port, plugin, clients):
    run, worker = swarm(port, plugin, "pub", "-c", str(clients), "-R", "2000",
                        "-I", "0", "-s", "64", "-q", "1", "-t", "bench/x")
    time.sleep(2)
    before = stat(worker)[0]
    time.sleep(SECONDS)
    used = stat(worker)[0] - before
    out = json.loads(run.communicate()[0])
    # The seconds in between, of the run's own history.
    rates = [second["requests"] / second["length_s"]
             for second in out["history"] if 2.5 < second["end_s"] < 5.5]
    return used / SECONDS / (sum(rates) / len(rates)) * 1e6


def memory(port, plugin):
    """Resident KiB of each client beyond the first hundred."""
    sizes = []
    for clients in (100, 1100):
        run, worker = swarm(port, plugin, "conn", "-c", str(clients), "-R",
                            "800")
        time.sleep(SECONDS + 1)
        sizes.append(stat(worker)[1])
        run.communicate()
    return (sizes[1] - sizes[0]) / 1000


def main():
    with tempfile.TemporaryDirectory() as directory:
        broker, port = start_broker(directory)
        try:
            for clients in (100, 1000):
                if os.path.exists(PEER):
                    done = subprocess.run(
                        [PEER, str(port), str(clients), str(SECONDS)],
                        capture_output=True, text=True, check=True)
                    show(f"mqtt.publish_qos1_{clients}_libmosquitto",
                         json.loads(done.stdout)["cpu_us"], "us")
                for plugin in ("fastmqtt", "mqtt"):
                    show(f"mqtt.publish_qos1_{clients}_{plugin}",
                         publish(port, plugin, clients), "us")
            for plugin in ("fastmqtt", "mqtt"):
                show(f"mqtt.memory_{plugin}", memory(port, plugin), "KiB")
        finally:
            broker.terminate()
            broker.wait()


if __name__ == "__main__":
    main()
