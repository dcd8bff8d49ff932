"""The terminal, on a real pseudo-terminal: T1 to T9 of what its users expect."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import SOURCE, wait_for
from terminal import Terminal

STEADY = ("--headless", "-u", "6", "-r", "6", "--processes", "2")


@pytest.fixture
def terminal(swarm, tmp_path):
    opened = []

    def start(*args, argv=None, **kwargs):
        kwargs.setdefault("env", {})
        t = Terminal(argv or [swarm.exe, *args], **kwargs)
        opened.append(t)
        return t

    os.chdir(tmp_path)
    yield start
    for t in opened:
        t.close()


def steady(swarm, *args):
    return ("-f", swarm.module("steady.so"), *STEADY, *args)


# ---- T1: nothing wraps ----

@pytest.mark.parametrize("columns", [80, 40])
def test_no_line_wraps(swarm, terminal, columns):
    t = terminal("-f", swarm.module("names.so"), *STEADY, "-t", "4s",
                 "--fail-if", "p95(/a/very/long/name/that/nobody/would/type/"
                 "but/everybody/generates/*) > 10s over 1s",
                 columns=columns, rows=30)
    t.wait_text("RUNNING")
    t.wait_for(lambda: any("/s/" in line or "NAME" in line
                           for line in t.lines), "the endpoints")
    live = t.lines
    assert t.wait() == 0, t.text
    assert t.screen.wrapped == 0, t.text
    assert all(len(line) <= columns for line in live)
    # Still says what matters.
    head = "\n".join(live)
    assert "users 6/6" in head and "fail" in head and "req/s" in head, head


def test_a_tiny_window(swarm, terminal):
    t = terminal(*steady(swarm, "-t", "3s"), columns=24, rows=5)
    t.wait_text("users")
    assert t.wait() == 0, t.text


# ---- T2: no bytes that a reader can't use ----

def test_a_pipe_gets_plain_lines(swarm):
    done = swarm.run(*steady(swarm, "-t", "2s", "--progress", "1s"),
                     env={"TERM": "xterm"})
    assert done.status == 0
    assert "\033" not in done.text and "\r" not in done.text
    assert re.search(r"^00:0\d (ramp|hold) +users \d", done.err, re.M)


def test_no_colour(swarm, terminal):
    t = terminal(*steady(swarm, "-t", "3s"), env={"NO_COLOR": "1"})
    t.wait_text("RUNNING")
    assert t.wait() == 0
    assert b"\033[" in t.bytes
    assert not re.search(rb"\033\[[\d;]*m", t.bytes)
    t = terminal(*steady(swarm, "-t", "3s"))
    assert t.wait() == 0
    assert re.search(rb"\033\[[\d;]*m", t.bytes)


@pytest.mark.parametrize("env, args", [({"TERM": "dumb"}, ()),
                                       ({}, ("--plain",))])
def test_plain(swarm, terminal, env, args):
    t = terminal(*steady(swarm, "-t", "2s", "--progress", "1s",
                         "--color", "auto", *args), env=env)
    assert t.wait() == 0
    plain = t.bytes.replace(b"\033[1;32mPASSED\033[0m", b"PASSED")
    assert b"\033" not in plain
    assert b"users 6/6 req/s" in t.bytes


def test_ascii_only(swarm, terminal):
    t = terminal(*steady(swarm, "-t", "3s"), env={"LANG": "C",
                                                  "LC_ALL": "C"})
    t.wait_text("RUNNING")
    assert t.wait() == 0
    assert all(byte < 0x80 for byte in t.bytes)
    assert b"====" in t.bytes or b"----" in t.bytes


# ---- T3: the terminal stays usable ----

def shell(terminal, **kwargs):
    t = terminal(argv=["bash", "--norc", "--noprofile", "-i"], **kwargs)
    t.wait_text("READY$")
    return t


def usable(t):
    """The shell echoes and answers, at the left, with the cursor shown."""
    t.type("echo ok$((40+2))\r")
    t.wait_for(lambda: "ok42" in t.lines, "an answer of the shell")
    assert not t.screen.cursor.hidden


def command(swarm, *args):
    return " ".join([swarm.exe, *map(str, steady(swarm, *args))]) + "\r"


def running(swarm, terminal, *args, rows=40):
    """A run in the foreground of a shell."""
    t = shell(terminal, rows=rows)
    t.type(command(swarm, *args))
    t.wait_text("RUNNING")
    return t


def test_resize(swarm, terminal):
    t = terminal(*steady(swarm, "-t", "60s"), columns=100, rows=30)
    t.wait_text("RUNNING")
    t.resize(50, 20)
    os.kill(t.pid, signal.SIGWINCH)
    t.wait_for(lambda: "RUNNING" in t.text and
               sum("users 6/6" in line for line in t.lines) == 1,
               "the block at its new size")
    before = t.screen.wrapped
    t.wait_for(lambda: "00:04" in t.text or "00:05" in t.text, "two redraws")
    assert t.screen.wrapped == before
    t.resize(100, 30)
    t.wait_for(lambda: any(len(line) > 60 for line in t.lines), "a wide one")
    os.kill(t.pid, signal.SIGINT)
    assert t.wait() == 0


def test_ctrl_c(swarm, terminal):
    t = running(swarm, terminal, "-t", "60s", rows=24)
    t.type("\x03")
    t.wait_text("exit 0")
    # The block is gone, the summary and the event are there.
    assert "RUNNING" not in t.text
    usable(t)


def test_ctrl_c_twice(swarm, terminal):
    t = running(swarm, terminal, "-o", "steady.linger=60s", "-s", "60")
    t.type("\x03")
    t.wait_text("again to stop at once")
    t.type("\x03")
    # Keys are the program's as long as it runs.
    t.wait_for(lambda: t.text.rstrip().endswith("READY$"), "the shell")
    t.type("echo status $?\r")
    t.wait_text("status 130")
    usable(t)


def test_ctrl_z_and_fg(swarm, terminal):
    t = running(swarm, terminal, "-t", "60s")
    t.type("\x1a")
    t.wait_text("Stopped")
    usable(t)
    t.type("clear\r")
    t.type("fg\r")
    t.wait_text("RUNNING")
    t.wait_for(lambda: sum("users 6/6" in line for line in t.lines) == 1,
               "one block")
    t.type("\x03")
    t.wait_text("exit 0")
    usable(t)


def test_in_the_background(swarm, terminal):
    """Keys are another program's then; the run ends as if nothing were."""
    t = running(swarm, terminal, "-t", "5s", "--json-file", "out.json")
    t.type("\x1a")
    t.wait_text("Stopped")
    t.type("bg\r")
    usable(t)
    t.type("wait; echo ended $?\r")
    t.wait_text("ended 0")
    assert json.loads(open("out.json").read())["complete"]
    usable(t)


def test_a_crash(swarm, terminal):
    t = running(swarm, terminal, "-t", "60s")
    pid = int(subprocess.run(["pgrep", "-P", str(t.pid), "-x", "swarm"],
                             capture_output=True, text=True,
                             check=True).stdout.split()[0])
    os.kill(pid, signal.SIGKILL)
    t.wait_text("Killed")
    usable(t)


def test_lines_come_above_the_block(swarm, terminal):
    """A worker dies: its event stays, the block below it is whole."""
    t = terminal(*steady(swarm, "-t", "60s"), rows=30)
    t.wait_text("RUNNING")
    worker = int(subprocess.run(["pgrep", "-P", str(t.pid)],
                                capture_output=True, text=True,
                                check=True).stdout.split()[0])
    os.kill(worker, signal.SIGKILL)
    t.wait_text("EVENT worker")
    t.wait_for(lambda: "w 1/2" in t.text, "the block after it")
    lines = t.lines
    event = next(i for i, s in enumerate(lines) if "EVENT worker" in s)
    blocks = [i for i, s in enumerate(lines) if "users 6/6" in s]
    assert len(blocks) == 1 and blocks[0] > event, t.text
    os.kill(t.pid, signal.SIGINT)
    t.wait()


# ---- T4: results alone on standard output ----

def test_json_on_standard_output(swarm, terminal, tmp_path):
    t = terminal(*steady(swarm, "-t", "3s", "--json"),
                 stdout=tmp_path / "out")
    t.wait_text("RUNNING")
    assert t.wait() == 0, t.text
    result = json.loads((tmp_path / "out").read_text())
    assert result["verdict"]["exit_code"] == 0
    done = swarm.run(*steady(swarm, "-t", "1s", "--json"))
    assert json.loads(done.out)["total"]["requests"] > 0


# ---- T5: what it costs ----

def test_cost(swarm, terminal):
    def cpu(pid):
        with open(f"/proc/{pid}/schedstat") as f:
            return int(f.read().split()[0]) / 1e9

    def use(pid, seconds=4.0):
        before, began = cpu(pid), time.monotonic()
        wait_for(lambda: time.monotonic() - began > seconds, "the time")
        return (cpu(pid) - before) / (time.monotonic() - began)

    t = terminal(*steady(swarm, "-t", "60s"), columns=160, rows=50)
    t.wait_text("RUNNING")
    size = len(t.bytes)
    live = use(t.pid)
    rate = (len(t.bytes) - size) / 4
    plain = swarm.start(*steady(swarm, "-t", "60s", "--progress", "60s"))
    wait_for(lambda: len(plain.children()) == 2, "workers")
    base = use(plain.pid)
    print(f"live {live:.3%}, plain {base:.3%} of a core, {rate:.0f} B/s")
    assert rate < 4096
    assert live - base < 0.005, f"{live:.3%} against {base:.3%}"


# ---- T6: each exit code ----

COUNTED = ("--headless", "-u", "2", "-r", "10", "--processes", "1")


@pytest.mark.parametrize("status, module, args", [
    (0, "counted.so", ()),
    (1, "counted.so", ("-o", "counted.fail_every=2")),
    (7, "counted.so", ("-o", "counted.fail_every=2",
                       "--exit-code-on-error", "7")),
    (2, "counted.so", ("--users", "many")),
    (2, "counted.so", ("--fail-if", "p95 is high")),
    (3, "no_entry.so", ()),
    (4, "counted.so", ("-o", "counted.fail_every=1")),
    (99, "counted.so", ("--fail-if", "count > 3")),
], ids=lambda v: str(v) if isinstance(v, int) else None)
def test_exit_codes(swarm, status, module, args):
    done = swarm.run("-f", swarm.module(module), *COUNTED, *args)
    assert done.status == status, done.text


def test_exit_code_of_a_crash(swarm, tmp_path):
    done = swarm.run("-f", swarm.module("crash.so"), "--headless", "-u", "4",
                     "-r", "100", "-t", "3s", "--processes", "2",
                     "-o", f"crash.flag={tmp_path / 'crashed'}")
    assert done.status == 6, done.text


def test_exit_code_of_missing_workers(swarm):
    done = swarm.run("-f", swarm.module("counted.so"), *COUNTED,
                     "--expect-workers", "9",
                     "--expect-workers-max-wait", "1s")
    assert done.status == 5, done.text


def test_exit_code_of_a_regression(swarm, tmp_path):
    for name, delay in (("a", "2ms"), ("b", "40ms")):
        done = swarm.run("-f", swarm.module("counted.so"), "--headless",
                         "-u", "4", "-r", "100", "-t", "6s", "--processes",
                         "1", "-o", f"counted.service={delay}", "-o",
                         "counted.times=100000",
                         "--json-file", tmp_path / name)
        assert done.status == 0, done.text
    done = swarm.run("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert done.status == 98, done.text


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130),
                                            (signal.SIGTERM, 143)])
def test_exit_code_of_a_second_signal(swarm, number, status):
    run = swarm.start(*steady(swarm, "-o", "steady.linger=60s", "-s", "60"))
    run.wait_line(r"users 6/6")
    os.kill(run.pid, number)
    run.wait_line("again to stop at once")
    os.kill(run.pid, number)
    assert run.wait() == status, run.text


# ---- T7: typos ----

TYPOS = {
    "--headles": "--headless", "--hedless": "--headless",
    "--user": "--users", "--usres": "--users", "--uesrs": "--users",
    "--spawnrate": "--spawn-rate", "--spwan-rate": "--spawn-rate",
    "--hatch-rate": None, "--runtime": "--run-time",
    "--run-tme": "--run-time", "--hots": "--host", "--hst": "--host",
    "--proceses": "--processes", "--pluginn": "--plugin",
    "--pluging": "--plugin", "--csvv": "--csv", "--htlm": "--html",
    "--jason-file": "--json-file", "--json-fil": "--json-file",
    "--fail_if": "--fail-if", "--failif": "--fail-if",
    "--stop-fi": "--stop-if", "--wroker": "--worker", "--mastr": "--master",
    "--expect-worker": "--expect-workers", "--autstart": "--autostart",
    "--loglvl": "--loglevel", "--exclude-tag": "--exclude-tags",
    "--web-prot": "--web-port", "--colour": "--color",
    "--versoin": "--version", "--summry": "--summary",
    "comparee": "compare", "reporrt": "report", "inspct": "inspect",
    "plugin": "plugins", "hlep": "help",
}


def test_typos(swarm):
    right = 0
    for typo, meant in TYPOS.items():
        done = subprocess.run([swarm.exe, typo], capture_output=True,
                              text=True)
        assert done.returncode == 2, typo
        found = re.search(r"did you mean \"?([\w-]+)\"?\?", done.stderr)
        right += bool(found and found[1] == meant)
    # Nine in ten, of which one is another tool's word.
    assert right >= 0.9 * len(TYPOS), f"{right} of {len(TYPOS)}"


# ---- T8: alone ----

def test_alone(swarm, terminal):
    t = terminal(rows=24)
    t.wait()
    lines = t.bytes.decode().splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80, t.text
    assert "usage: swarm" in t.text and "Examples" in t.text


# ---- T9: one table ----

def test_help_manual_and_completion_agree(swarm):
    def words(*args):
        done = subprocess.run([swarm.exe, *args], capture_output=True,
                              text=True, check=True)
        return done.stdout

    options = set(re.findall(r"^ +(?:-\w, )?--([a-z][a-z-]+)",
                             words("--help"), re.M))
    assert len(options) > 60
    with open(os.path.join(SOURCE, "docs", "man", "swarm.1")) as f:
        manual = f.read()
    described = {name.replace("\\-", "-").lstrip("-") for name in re.findall(
        r"^\.It Fl (?:\w , Fl )?(\\-\S+)", manual, re.M)}
    assert options - described == set()
    assert described - options == set()
    bash = set(re.findall(r"--([a-z][a-z-]+)", next(
        line for line in words("completion", "bash").splitlines()
        if "--headless" in line)))
    assert bash == options
    zsh = set(re.findall(r"--([a-z][a-z-]+)[\[}]",
                         words("completion", "zsh")))
    assert zsh == options
    fish = set(re.findall(r" -l ([a-z][a-z-]+)", words("completion",
                                                       "fish")))
    assert fish == options


def test_bash_completes(swarm):
    script = (f". <({swarm.exe} completion bash); COMP_WORDS=(swarm {{}}); "
              "COMP_CWORD={}; _swarm; echo ${{COMPREPLY[@]}}")

    def complete(*given):
        return subprocess.run(
            ["bash", "-c", script.format(" ".join(given) or "''",
                                         max(len(given), 1))],
            capture_output=True, text=True, check=True).stdout.split()

    assert complete("--spaw") == ["--spawn-rate"]
    assert complete("comp") == ["compare", "completion"]
    assert complete("--color", "n") == ["never"]


COMPLETED = [
    ("--headl", "--headless"), ("ins", "inspect"),
    ("--when-busy d", "--when-busy drop"), ("-f only", "-f only.c"),
    ("--out a=b --ou", "--out a=b --out"),
    ("-f only.c --scenario on", "-f only.c --scenario only.c"),
]


def test_zsh_completes(swarm, terminal, tmp_path):
    """As it is installed, in $fpath; what stands after a tab is run."""
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    (tmp_path / "only.c").touch()
    with open(tmp_path / "_swarm", "w") as f:
        subprocess.run([swarm.exe, "completion", "zsh"], stdout=f, check=True)
    t = terminal(argv=["zsh", "-f", "-i"], env={"HOME": str(tmp_path)})
    t.type("fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; "
           "swarm() { print -r -- \"ran: $*.\"; }; print SET''UP\n")
    t.wait_text("SETUP")
    for given, want in COMPLETED:
        t.type(f"swarm {given}\t\n")
        t.wait_for(lambda: f"ran: {want}." in t.text.replace(" .", "."),
                   f"{want} of {given}")


def test_fish_completes(swarm, tmp_path):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    (tmp_path / "only.c").touch()
    for given, want in COMPLETED:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"{swarm.exe} completion fish | "
             f"source; complete -C 'swarm {given}'"], cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)}, text=True, check=True,
            capture_output=True)
        assert done.stderr == ""
        offered = [line.split("\t")[0] for line in done.stdout.splitlines()]
        assert offered == [want.split()[-1]], (given, done.stdout)
