"""Outputs against the real receivers: Prometheus (scrape and remote write),
InfluxDB, StatsD; OTLP against the messages of its specification."""
import collections
import http.server
import json
import os
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import free_port, need_node, need_program, wait_for


def counted(swarm, *args, **kwargs):
    """240 requests of which 60 fail, over about 3 seconds."""
    return swarm.run("-f", swarm.module("counted.so"), "--headless",
                     "-o", "counted.times=40", "-o", "counted.fail_every=4",
                     "-o", "counted.service=70ms", "-u", "6", "-r", "100",
                     "-t", "9s", "--processes", "2",
                     "--exit-code-on-error", "0", *args, **kwargs)


def get(url, data=None):
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return answer.read().decode()


def answers(url):
    try:
        return get(url) is not None
    except OSError:
        return False


# ---- Prometheus ----

class Prometheus:
    def __init__(self, spawn, directory, targets=()):
        exe = need_program("prometheus")
        conf = directory / "prometheus.yml"
        conf.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{
                "job_name": "scraped",
                "static_configs": [{"targets": list(targets)}]}]}))
        for _ in range(5):
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            self.process = spawn([
                exe, f"--config.file={conf}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver",
                "--enable-feature=native-histograms"])
            wait_for(lambda: answers(self.url + "/-/ready")
                     or self.process.popen.poll() is not None, "prometheus")
            if self.process.popen.poll() is None:
                return
        pytest.fail("prometheus does not start:\n" + self.process.text)

    def query(self, promql):
        answer = json.loads(get(f"{self.url}/api/v1/query?" +
                                urllib.parse.urlencode({"query": promql})))
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def value(self, promql):
        result = self.query(promql)
        return float(result[0]["value"][1]) if result else None

    def expect(self, promql, value):
        wait_for(lambda: self.value(promql) == value,
                 f"{promql} == {value} in Prometheus")


def test_prometheus_scrapes(swarm, spawn, tmp_path):
    run = swarm.start("-f", swarm.module("counted.so"), "--autostart",
                      "-o", "counted.times=40", "-o", "counted.fail_every=4",
                      "-u", "6", "-r", "100", "-t", "60s", "--processes", "2",
                      "--web-port", "0")
    target = run.wait_line(r"http://([\w.]+:\d+)").group(1)
    prometheus = Prometheus(spawn, tmp_path, [target])
    label = '{type="COUNT",name="item"}'
    prometheus.expect(f"swarm_requests_total{label}", 240)
    prometheus.expect(f"swarm_failures_total{label}", 60)
    prometheus.expect(f"swarm_response_seconds_count{label}", 240)
    prometheus.expect("sum(swarm_errors_total)", 60)
    prometheus.expect('up{job="scraped"}', 1)
    p50 = prometheus.value(
        f"histogram_quantile(0.5, swarm_response_seconds_bucket{label})")
    assert 0 <= p50 < 0.1
    types = json.loads(get(prometheus.url + "/api/v1/targets/metadata"))
    kinds = {m["metric"]: m["type"] for m in types["data"]}
    assert kinds["swarm_response_seconds"] == "histogram"
    assert kinds["swarm_requests_total"] == "counter"
    assert kinds["swarm_users"] == "gauge"


def test_prometheus_remote_write(swarm, spawn, tmp_path):
    prometheus = Prometheus(spawn, tmp_path)
    done = counted(swarm, "--out",
                   f"prometheus-rw={prometheus.url}/api/v1/write",
                   "-o", "prometheus-rw.labels=env=ci,aaa=first,job=mine")
    assert done.status == 0 and "output prometheus-rw" not in done.err, \
        done.text
    label = ('{type="COUNT",name="item",job="mine",env="ci",aaa="first",'
             f'instance="{socket.gethostname()}"}}')
    prometheus.expect(f"swarm_requests_total{label}", 240)
    prometheus.expect(f"swarm_failures_total{label}", 60)
    prometheus.expect(f"swarm_response_seconds_count{label}", 240)
    prometheus.expect(
        "swarm_response_seconds_bucket" + label.replace("}", ',le="+Inf"}'),
        240)
    prometheus.expect("sum(swarm_errors_total)", 60)
    prometheus.expect("swarm_users + swarm_workers", 0)
    # Passed requests take 70 ms by the scenario's own word.
    assert 0.05 <= prometheus.value(
        "histogram_quantile(0.9, swarm_response_seconds_bucket)") <= 0.1
    points = prometheus.query("swarm_requests_total[1m]")[0]["values"]
    assert len(points) >= 3
    assert [float(v) for _, v in points] == sorted(
        float(v) for _, v in points)


@pytest.mark.parametrize("label", ["type=x", "env=", "9=x", "__a=x", "a-b=x",
                                   "env"])
def test_labels_that_cannot_be(swarm, label):
    """Before anything begins: a receiver would refuse all there is."""
    done = counted(swarm, "--out", "prometheus-rw=http://127.0.0.1:1",
                   "-o", f"prometheus-rw.labels=a=b,{label}")
    assert done.status != 0 and f'labels: "{label}": write' in done.err
    assert "requests" not in done.out, done.text


def test_prometheus_native_histograms(swarm, spawn, tmp_path):
    prometheus = Prometheus(spawn, tmp_path)
    done = counted(swarm, "--out", f"prometheus-rw={prometheus.url}",
                   "-o", "prometheus-rw.histograms=native")
    assert done.status == 0 and "output prometheus-rw" not in done.err, \
        done.text
    prometheus.expect("histogram_count(swarm_response_seconds)", 240)
    p90 = prometheus.value("histogram_quantile(0.9, swarm_response_seconds)")
    assert 0.065 < p90 < 0.08, p90
    total = prometheus.value("histogram_sum(swarm_response_seconds)")
    assert 180 * 0.069 < total < 240 * 0.08


# ---- InfluxDB ----

class Influx:
    def __init__(self, spawn, directory):
        exe = need_program("influxd", "/usr/sbin", "/usr/bin")
        for _ in range(5):
            ports = [free_port() for _ in range(3)]
            conf = directory / "influx.conf"
            conf.write_text(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{ports[0]}"
[meta]
dir = "{directory}/meta"
[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{ports[1]}"
log-enabled = false
[[udp]]
enabled = true
bind-address = "127.0.0.1:{ports[2]}"
database = "udp"
batch-timeout = "100ms"
""")
            self.url = f"http://127.0.0.1:{ports[1]}"
            self.udp = f"udp://127.0.0.1:{ports[2]}"
            self.process = spawn([exe, "-config", conf])
            wait_for(lambda: answers(self.url + "/ping")
                     or self.process.popen.poll() is not None, "influxd")
            if self.process.popen.poll() is None:
                return
        pytest.fail("influxd does not start:\n" + self.process.text)

    def query(self, db, influxql):
        answer = json.loads(get(f"{self.url}/query", urllib.parse.urlencode(
            {"db": db, "q": influxql}).encode()))["results"][0]
        assert "error" not in answer, answer
        return [dict(zip(series["columns"], row))
                for series in answer.get("series", [])
                for row in series["values"]]


def check_influx(influx, db):
    """Sums over time are the totals of the run."""
    def total(what):
        rows = influx.query(db, f"SELECT sum({what[0]}) AS n FROM {what[1]}")
        return rows[0]["n"] if rows else None
    for what, n in ((("requests", "swarm"), 240), (("failures", "swarm"), 60),
                    (("requests", "swarm_endpoint"), 240),
                    (("samples", "swarm_endpoint"), 240),
                    (("count", "swarm_error"), 60)):
        wait_for(lambda: total(what) == n, f"{what} == {n} in InfluxDB")
    rows = influx.query(db, "SELECT * FROM swarm_endpoint")
    assert len(rows) >= 3
    assert {(r["type"], r["name"]) for r in rows} == {("COUNT", "item")}
    assert all(0 <= r["min_ms"] <= r["p50_ms"] <= r["p99_ms"] <= r["max_ms"]
               for r in rows)
    assert max(r["users"] for r in influx.query(db, "SELECT * FROM swarm")
               ) <= 6
    end = influx.query(db, "SELECT * FROM swarm_event WHERE kind='passed'")
    assert end[0]["text"] == "60 requests failed (25.0 %)"


def test_influxdb(swarm, spawn, tmp_path):
    influx = Influx(spawn, tmp_path)
    influx.query("", 'CREATE DATABASE "http"')
    done = counted(swarm, "--out", f"influxdb={influx.url}/write?db=http",
                   "--out", f"influxdb={influx.udp}",
                   "-o", "influxdb.tags=env=ci,team=a b")
    assert done.status == 0 and "output influxdb" not in done.err, done.text
    check_influx(influx, "http")
    check_influx(influx, "udp")
    rows = influx.query("http", "SELECT * FROM swarm")
    assert {(r["env"], r["team"]) for r in rows} == {("ci", "a b")}


def test_influxdb_says_what_the_receiver_says(swarm, spawn, tmp_path):
    influx = Influx(spawn, tmp_path)
    done = counted(swarm, "--out", f"influxdb={influx.url}/write?db=none")
    assert done.status == 1, done.text
    assert "the receiver answered 404" in done.err
    assert "database not found" in done.err
    assert re.search(r"with 240 requests: they are missing", done.err)


# ---- StatsD ----

def test_statsd(swarm, spawn, tmp_path):
    node, package = need_node("statsd")
    for _ in range(5):
        ports = free_port(), free_port()
        conf = tmp_path / "statsd.js"
        # A flush would set the counters back.
        conf.write_text(f"{{port: {ports[0]}, address: '127.0.0.1', "
                        f"mgmt_port: {ports[1]}, mgmt_address: '127.0.0.1', "
                        "flushInterval: 3600000, backends: "
                        "['./backends/console']}")
        statsd = spawn([node, os.path.join(package, "stats.js"), conf])
        wait_for(lambda: "server is up" in statsd.text
                 or statsd.popen.poll() is not None, "statsd")
        if statsd.popen.poll() is None:
            break

    def ask(what):
        with socket.create_connection(("127.0.0.1", ports[1]), 10) as s:
            s.sendall(what.encode() + b"\n")
            answer = b""
            while b"END\n" not in answer:
                answer += s.recv(65536)
        text = answer.decode().partition("END")[0]
        return {name: float(value) for name, value in re.findall(
            r"'?([\w.-]+)'?: (-?[\d.e+-]+)", text)}

    done = counted(swarm, "--out", f"statsd=127.0.0.1:{ports[0]}")
    assert done.status == 0 and "output statsd" not in done.err, done.text
    want = {"swarm.total.requests": 240, "swarm.total.failures": 60,
            "swarm.COUNT.item.requests": 240, "swarm.COUNT.item.failures": 60}
    counters = wait_for(
        lambda: (lambda c: want.items() <= c.items() and c)(ask("counters")),
        f"{want} in StatsD")
    assert sum(n for name, n in counters.items()
               if name.endswith(".errors")) == 60
    gauges = ask("gauges")
    assert gauges["swarm.users"] == 0
    assert 69 < gauges["swarm.COUNT.item.p99_ms"] < 500
    # A value with a sign is a change to StatsD.
    script = tmp_path / "cold.lua"
    script.write_text("""
        local degrees = swarm.gauge("degrees")
        swarm.user { name = "u", wait = 0.1, tasks = {
            { "measure", function()
                swarm.begin("READ", "degrees"):done()
                degrees:record(-5)
            end } } }""")
    done = swarm.run("-f", script, "--headless", "-u", "1", "-t", "3s",
                     "--processes", "1", "--out",
                     f"statsd=127.0.0.1:{ports[0]}")
    assert done.status == 0, done.text
    assert ask("gauges")["swarm.metric.degrees"] == -5


def datagrams(swarm, *args):
    """What a run sends, line by line."""
    lines = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(0.2)
        over = threading.Event()

        def collect():
            while True:
                try:
                    data = s.recv(65536)
                except TimeoutError:
                    if over.is_set():
                        return
                    continue
                assert len(data) <= 1400 and data.endswith(b"\n")
                lines.extend(data.decode().splitlines())

        reader = threading.Thread(target=collect)
        reader.start()
        done = counted(swarm, "--out",
                       f"statsd=127.0.0.1:{s.getsockname()[1]}", *args)
        over.set()
        reader.join()
    assert done.status == 0, done.text
    return lines


def test_statsd_tags(swarm):
    lines = datagrams(swarm, "-o", "statsd.tags=datadog",
                      "-o", "statsd.prefix=load")
    shape = re.compile(r"load\.(total\.)?\w+:-?[\d.e+-]+\|[cg](\|#.+)?$")
    assert all(shape.match(line) for line in lines), lines
    mine = [line for line in lines
            if line.startswith("load.requests:")
            and line.endswith("|c|#type:COUNT,name:item")]
    assert sum(int(line.split(":")[1].split("|")[0]) for line in mine) == 240


def test_statsd_without_a_listener(swarm):
    port = free_port()
    done = counted(swarm, "--out", f"statsd=127.0.0.1:{port}")
    assert done.status == 0, done.text
    assert done.err.count("nobody listens at 127.0.0.1") == 1


# ---- OpenTelemetry ----

class Collector(http.server.ThreadingHTTPServer):
    """Takes what comes to /v1/metrics."""

    def __init__(self, answer=b"{}"):
        collector = self
        self.bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.bodies.append(
                    (self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def metrics(self):
        """Of each message {name: metric}."""
        for _, _, body in self.bodies:
            message = json.loads(body)
            assert len(message["resourceMetrics"]) == 1
            scope, = message["resourceMetrics"][0]["scopeMetrics"]
            names = collections.Counter(m["name"] for m in scope["metrics"])
            assert max(names.values()) == 1
            yield {m["name"]: m for m in scope["metrics"]}


@pytest.fixture
def collector():
    server = Collector()
    yield server
    server.shutdown()
    server.server_close()


# Reads a message by the published definition and writes it again: a field
# that the definition lacks, or of another type, does not come back.
ROUND_TRIP = """
const root = require(process.argv[1]);
const Request = root.opentelemetry.proto.collector.metrics.v1
    .ExportMetricsServiceRequest;
const text = require('fs').readFileSync(0, 'utf8');
for (const line of text.trim().split('\\n')) {
    const bytes = Request.encode(Request.fromObject(JSON.parse(line)))
        .finish();
    console.log(JSON.stringify(Request.toObject(Request.decode(bytes),
        {longs: String})));
}
"""


def without_empty(value):
    """An empty list is the same as none."""
    if isinstance(value, dict):
        return {k: without_empty(v) for k, v in value.items() if v != []}
    if isinstance(value, list):
        return [without_empty(v) for v in value]
    return value


def test_otlp_is_what_the_definition_says(swarm, collector):
    done = counted(swarm, "--out", f"otlp={collector.url}",
                   "-o", "otlp.headers=Api-Key: secret|X-Tenant: a")
    assert done.status == 0 and "output otlp" not in done.err, done.text
    assert len(collector.bodies) >= 3
    for path, headers, _ in collector.bodies:
        assert path == "/v1/metrics"
        assert headers["Content-Type"] == "application/json"
        assert headers["Api-Key"] == "secret" and headers["X-Tenant"] == "a"
    node, package = need_node("@opentelemetry/otlp-transformer")
    lines = [body for _, _, body in collector.bodies]
    # A message with a mistake in it, to see that this would tell.
    lines.append(lines[-1].replace(b'"startTimeUnixNano"', b'"startTime"'))
    done = subprocess.run(
        [node, "-e", ROUND_TRIP, os.path.join(
            package, "build", "src", "generated", "root.js")],
        input=b"\n".join(lines), capture_output=True, check=True)
    back = [json.loads(line) for line in done.stdout.splitlines()]
    sent = [json.loads(line) for line in lines]
    assert len(back) == len(sent)
    for before, after in zip(sent[:-1], back):
        assert without_empty(after) == without_empty(before)
    assert without_empty(back[-1]) != without_empty(sent[-1])


def test_otlp_figures(swarm, collector):
    done = counted(swarm, "--out", f"otlp={collector.url}/v1/metrics")
    assert done.status == 0, done.text
    messages = list(collector.metrics())
    last = messages[-1]
    item = {"swarm.type": "COUNT", "swarm.name": "item"}
    starts = set()
    for name, n in (("swarm.requests", 240), ("swarm.failures", 60),
                    ("swarm.errors", 60)):
        total = last[name]["sum"]
        assert total["aggregationTemporality"] == 2
        assert total["isMonotonic"] is True
        assert sum(int(p["asInt"]) for p in total["dataPoints"]) == n
    for message in messages:
        points = message["swarm.response.duration"][
            "exponentialHistogram"]["dataPoints"]
        # Nothing may have ended in the first second.
        assert len(points) == 1 or not starts and points == []
        if not points:
            continue
        point = points[0]
        assert {a["key"]: a["value"]["stringValue"]
                for a in point["attributes"]} == item
        assert int(point["count"]) == int(point["zeroCount"]) + sum(
            int(n) for n in point["positive"]["bucketCounts"])
        starts.add(point["startTimeUnixNano"])
        assert int(point["timeUnixNano"]) > int(point["startTimeUnixNano"])
    assert len(starts) == 1
    assert int(point["count"]) == 240 and point["scale"] == 3
    # The bucket that holds the 90th percentile holds 70 ms.
    rank, seen = 0.9 * 240, int(point["zeroCount"])
    for i, n in enumerate(point["positive"]["bucketCounts"]):
        seen += int(n)
        if seen >= rank:
            low = 2 ** ((point["positive"]["offset"] + i) / 8)
            assert low * 0.99 < 0.0705 < low * 2 ** (1 / 8) * 1.1
            break
    assert 0.07 <= point["min"] <= point["max"] < 1


def test_otlp_deltas(swarm, collector):
    done = counted(swarm, "--out", f"otlp={collector.url}",
                   "-o", "otlp.temporality=delta")
    assert done.status == 0, done.text
    requests, samples, end = 0, 0, None
    for message in collector.metrics():
        total = message["swarm.requests"]["sum"]
        assert total["aggregationTemporality"] == 1
        requests += sum(int(p["asInt"]) for p in total["dataPoints"])
        for p in message["swarm.response.duration"][
                "exponentialHistogram"]["dataPoints"]:
            samples += int(p["count"])
            assert end is None or p["startTimeUnixNano"] == end
            end = p["timeUnixNano"]
    assert requests == samples == 240


def test_otlp_partial_success(swarm):
    server = Collector(b'{"partialSuccess":{"rejectedDataPoints":"3",'
                       b'"errorMessage":"too old"}}')
    try:
        done = counted(swarm, "--out", f"otlp={server.url}")
    finally:
        server.shutdown()
        server.server_close()
    assert done.status == 0, done.text
    assert done.err.count("rejected some of the points") == 1
    assert "too old" in done.err


def test_a_receiver_that_comes_late_gets_everything(swarm, tmp_path):
    port = free_port()
    run = swarm.start("-f", swarm.module("counted.so"), "--headless",
                      "-o", "counted.times=60", "-o", "counted.service=70ms",
                      "-u", "4", "-r", "100", "-t", "9s", "--processes", "1",
                      "--out", f"influxdb=http://127.0.0.1:{port}/write")
    run.wait_line(r"output influxdb: .*[Cc]onnect")
    bodies = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(
                int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert run.wait() == 0, run.text
        server.shutdown()
    assert "output influxdb: works again" in run.err
    total = sum(int(n) for body in bodies for n in re.findall(
        r"^swarm requests=(\d+)i", body, re.M))
    assert total == 240


def test_metrics_of_a_scenario(swarm, spawn, tmp_path, collector):
    """Gauges, rates and distributions reach every output."""
    prometheus = Prometheus(spawn, tmp_path)
    influx = Influx(spawn, tmp_path)
    influx.query("", 'CREATE DATABASE "http"')
    done = swarm.run("-f", swarm.module("measured.so"), "--headless",
                     "--tags", "full", "-u", "6", "-r", "100", "-t", "3s",
                     "--processes", "1", "--json-file", tmp_path / "out",
                     "--out", f"prometheus-rw={prometheus.url}",
                     "--out", f"influxdb={influx.url}/write?db=http",
                     "--out", f"otlp={collector.url}")
    assert done.status == 1 and "output " not in done.err, done.text
    want = {m["name"]: m for m in json.loads(
        (tmp_path / "out.json").read_text())["metrics"]}
    assert {m["kind"] for m in want.values()} == {"gauge", "rate",
                                                  "distribution"}
    points = collections.defaultdict(dict)
    for p in list(collector.metrics())[-1]["swarm.metric"]["gauge"][
            "dataPoints"]:
        labels = {a["key"]: a["value"]["stringValue"]
                  for a in p["attributes"]}
        points[labels["swarm.metric"]][labels.get("quantile")] = p["asDouble"]
    rows = {row["metric"]: row for row in influx.query(
        "http", "SELECT * FROM swarm_metric")}
    for name, m in want.items():
        quantile = '"0.95"' if m["kind"] == "distribution" else '""'
        value = m["p95"] if m["kind"] == "distribution" else \
            m["last"] if m["kind"] == "gauge" else m["mean"]
        found = wait_for(lambda: prometheus.query(
            f'swarm_metric{{name="{name}",quantile={quantile}}}'), name)
        assert float(found[0]["value"][1]) == pytest.approx(value)
        key = quantile.strip('"') or None
        assert points[name][key] == pytest.approx(value)
        assert rows[name]["count"] == m["count"]
        assert rows[name]["value"] == pytest.approx(
            m["last"] if m["kind"] == "gauge" else m["mean"])
