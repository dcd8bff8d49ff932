"""What swarm measures is true: a server whose answers are drawn from known
distributions, and what must come out.

The short form runs with all tests.  The long one, with SWARM_LONG_PROOFS set,
has enough samples that chance plays no part at one per cent, a freeze of two
seconds in twenty, and a queue."""
import json
import math
import os


from conftest import PATIENCE

LONG = bool(os.environ.get("SWARM_LONG_PROOFS"))


def measure(swarm, tmp_path, url, *args, user="eager", seconds=10):
    done = swarm.run("-f", swarm.module("limits.so"), user, "--headless",
                     "-H", url, "-t", f"{seconds}s", "--json-file",
                     tmp_path / "out", *args, timeout=seconds + PATIENCE)
    assert done.status == 0, done.text
    return json.loads((tmp_path / "out.json").read_text())


def within(histogram, truth, relative_error_of):
    """Each quantile within 1 % of the analytic one, plus what chance may do
    to so many samples (three standard errors; nothing to speak of in the long
    form)."""
    n = histogram["count"]
    for q, value in truth.items():
        got = histogram["p" + (f"{q * 100:g}")]
        off = abs(got - value) / value
        chance = 3 * relative_error_of(q) / math.sqrt(n)
        print(f"p{q * 100:g}: {got:.2f} ms, true {value:.2f} ms, off "
              f"{off:.2%}, chance {chance:.2%}, n {n}")
        assert off <= 0.01 + (0 if LONG else chance), (q, got, value)


def test_uniform_answers(swarm, target, tmp_path):
    low, high = 200, 600
    url = target("--delay", f"uniform:{low}ms-{high}ms")
    result = measure(swarm, tmp_path, url, "-u", "800", "-r", "4000",
                     "--processes", "1", "-s", "5",
                     seconds=60 if LONG else 8)
    truth = {q: low + q * (high - low) for q in (0.5, 0.9, 0.95, 0.99)}
    within(result["total"]["service_ms"], truth, lambda q: math.sqrt(
        q * (1 - q)) * (high - low) / truth[q])


def test_exponential_answers(swarm, target, tmp_path):
    mean = 300
    url = target("--delay", f"exp:{mean}ms")
    # Who is still waiting at the end is not counted, and waits longer than
    # others: a run has to be long beside one answer.
    result = measure(swarm, tmp_path, url, "-u", "1000", "-r", "5000",
                     "--processes", "1", "-s", "5",
                     seconds=80 if LONG else 12)
    truth = {q: -mean * math.log(1 - q) for q in (0.5, 0.9, 0.95, 0.99)}
    within(result["total"]["service_ms"], truth, lambda q: math.sqrt(
        q / (1 - q)) / -math.log(1 - q))


def test_log_normal_answers(swarm, target, tmp_path):
    median, sigma = 200, 0.5
    normal = {0.5: 0, 0.9: 1.281552, 0.95: 1.644854, 0.99: 2.326348}
    url = target("--delay", f"lognormal:{median}ms,{sigma}")
    result = measure(swarm, tmp_path, url, "-u", "800", "-r", "4000",
                     "--processes", "1", "-s", "5",
                     seconds=80 if LONG else 10)
    truth = {q: median * math.exp(sigma * z) for q, z in normal.items()}
    within(result["total"]["service_ms"], truth, lambda q: math.sqrt(
        q * (1 - q)) * sigma * math.sqrt(2 * math.pi) *
        math.exp(normal[q] ** 2 / 2))


def test_a_freeze_is_seen_by_response_times(swarm, target, tmp_path):
    """A tenth of the time nothing is answered.  Who should have come then
    waits, and only response time knows; of those few that were under way
    service time tells."""
    stall, period = (2.0, 20.0) if LONG else (0.8, 8.0)
    url = target("--freeze", f"{stall:g}s/{period:g}s")
    result = measure(swarm, tmp_path, url, "--rate", "200", "-u", "4",
                     "--processes", "1", seconds=2 * period)
    response = result["total"]["response_ms"]
    service = result["total"]["service_ms"]
    print("R99", response["p99"], "S99", service["p99"])
    assert response["p99"] >= 0.75 * 1000 * stall
    assert service["p99"] < 100 * stall
    assert any("started later than intended" in n for n in result["notes"])


def a_queue(swarm, target, tmp_path):
    """M/M/1 at 60 %: the time in it is exponential with rate mu - lambda."""
    service, rate = 0.010, 60
    url = target("--servers", "1", "--delay", "exp:10ms")
    result = measure(swarm, tmp_path, url, "--rate", str(rate), "--poisson",
                     "-u", "200", "--processes", "1", seconds=80)
    truth = math.log(100) / (1 / service - rate) * 1000
    low, high = result["total"]["response_confidence_ms"]["p99"]
    print(f"p99 {result['total']['response_ms']['p99']:.1f} ms, "
          f"{low:.1f} to {high:.1f}; true {truth:.1f}")
    assert low <= truth <= high


if LONG:
    # It takes a minute: a part of the long form only.
    test_a_queue = a_queue
