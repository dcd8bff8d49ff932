"""swarm doctor on machines with something wrong: limits of the process, the
settings of a network namespace made for the test, files of /proc and /sys
covered in a mount namespace, tools that are not in PATH."""
import ctypes
import json
import os
import resource
import shutil
import subprocess

import pytest

from conftest import BUILD

SWARM = os.path.join(BUILD, "bin", "swarm")
PR_SET_TIMERSLACK = 29


def doctor(*args, wrap=(), setup=None, env=None, swarm=SWARM):
    done = subprocess.run([*wrap, swarm, "doctor", "--json", *args],
                          capture_output=True, text=True, timeout=30,
                          preexec_fn=setup, env={**os.environ, **(env or {})})
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert answer["fits"] == (done.returncode == 0)
    return {f["name"]: f for f in answer["findings"]}


def in_network(*settings):
    """A namespace of its own, with these sysctls."""
    lines = [f"echo '{value}' > /proc/sys/net/{name}"
             for name, value in settings]
    return ["unshare", "--net", "sh", "-ec",
            "\n".join(lines + ['exec "$@"']), "sh"]


def covered(tmp_path, path, text, make=None):
    """A mount namespace in which `path` holds `text`."""
    file = tmp_path / "covered"
    file.write_text(text)
    over = f"mount --bind {file} {path}"
    if make:
        over = (f"mount -t tmpfs none {make}\nmkdir -p {os.path.dirname(path)}"
                f"\ncp {file} {path}")
    return ["unshare", "--mount", "sh", "-ec", over + '\nexec "$@"', "sh"]


def limit(which, hard):
    return lambda: resource.setrlimit(which, (hard, hard))


def expect(finding, verdict, mend, *words):
    assert finding["verdict"] == verdict, finding
    assert mend in finding["mend"], finding
    for word in words:
        assert word in finding["text"], finding


def test_fits_here():
    found = doctor("-u", "100", "--processes", "1")
    assert all(f["verdict"] != "lacks" for f in found.values()), found
    assert all((f["mend"] is None) == (f["verdict"] == "fine")
               for f in found.values())


def test_descriptors():
    found = doctor("-u", "2000", "--processes", "2",
                   setup=limit(resource.RLIMIT_NOFILE, 600))
    expect(found["descriptors"], "lacks", "ulimit -n 2048", "1064", "600")


def test_threads():
    found = doctor("--processes", "8", setup=limit(resource.RLIMIT_NPROC, 90))
    expect(found["threads"], "lacks", "ulimit -u", "90")


def test_memory():
    found = doctor("-u", "40000", setup=limit(resource.RLIMIT_AS, 900 << 20))
    expect(found["memory"], "lacks", "ulimit -v unlimited", "900")


def test_memory_of_users():
    found = doctor("--users=100000000")
    expect(found["memory"], "lacks", "swarm --worker", "100000000")


def test_memory_of_a_group_above(tmp_path):
    """Less what files take that were read, which is there when needed."""
    mib = 1 << 20
    text = [f"mount -t tmpfs none /sys/fs/cgroup; cd /sys/fs/cgroup",
            f"echo {1024 * mib} > memory.max",
            f"echo {1000 * mib} > memory.current",
            f"printf 'anon {100 * mib}\\ninactive_file {700 * mib}\\n' "
            "> memory.stat", "echo 30000 20000 > cpu.max",
            "cd /", 'exec "$@"']
    found = doctor("-u", "40000", "--processes", "4", wrap=[
        "unshare", "--mount", "sh", "-ec", "\n".join(text), "sh"])
    expect(found["memory"], "lacks", "-u", "the container leaves 724")
    expect(found["cores"], "slows", "--processes 1", "1.5 cores")


def test_ports():
    found = doctor("-u", "3000", wrap=in_network(
        ("ipv4/ip_local_port_range", "40000 41999")))
    expect(found["ports"], "lacks",
           'sysctl -w net.ipv4.ip_local_port_range="1024 65535"', "2000")


def test_time_wait():
    found = doctor(wrap=in_network(("ipv4/tcp_tw_reuse", "0")))
    expect(found["TIME_WAIT"], "slows",
           "sysctl -w net.ipv4.tcp_tw_reuse=1", "minute")


def test_somaxconn():
    found = doctor(wrap=in_network(("core/somaxconn", "128")))
    expect(found["somaxconn"], "slows", "sysctl -w net.core.somaxconn=2048",
           "128")


def test_timer_slack():
    found = doctor(setup=lambda: ctypes.CDLL(None).prctl(
        PR_SET_TIMERSLACK, 20_000_000))
    expect(found["timer slack"], "slows", "timerslack_ns", "20.0 ms")


def test_cores():
    found = doctor("--processes", "2",
                   setup=lambda: os.sched_setaffinity(0, {min(
                       os.sched_getaffinity(0))}))
    expect(found["cores"], "slows", "swarm --processes 1", "share 1 cores")


def test_clock(tmp_path):
    found = doctor(wrap=covered(
        tmp_path, "/sys/devices/system/clocksource/clocksource0/"
        "current_clocksource", "hpet\n",
        make="/sys/devices/system/clocksource"))
    expect(found["clock"], "slows", "echo tsc | tee /sys/", "hpet")


def test_governor(tmp_path):
    found = doctor(wrap=covered(
        tmp_path, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "powersave\n", make="/sys/devices/system/cpu"))
    expect(found["governor"], "slows",
           "echo performance | tee /sys/devices/system/cpu/cpu*/"
           "cpufreq/scaling_governor", "powersave")


def test_open_files(tmp_path):
    found = doctor("-u", "5000", wrap=covered(
        tmp_path, "/proc/sys/fs/file-nr", "3000\t0\t4000\n"))
    expect(found["open files"], "lacks", "sysctl -w fs.file-max=", "1000")


def test_no_compiler(tmp_path):
    found = doctor(env={"PATH": str(tmp_path), "CC": ""})
    expect(found["compiler"], "slows", "apt install gcc", "no C compiler")


def test_no_headers(tmp_path):
    lone = shutil.copy(SWARM, tmp_path / "swarm")
    found = doctor(swarm=lone)
    expect(found["compiler"], "slows", "cmake --install", "headers")


@pytest.mark.parametrize("args, word", [
    (["--user", "5"], "--user"), (["-u", "many"], "-u many"),
    (["-u"], "-u"), (["--processes", "0"], "--processes 0"),
    (["--user-memory", "12"], "--user-memory 12"), (["me"], "me")])
def test_wrong_words(args, word):
    done = subprocess.run([SWARM, "doctor", *args], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 2 and word in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout


def test_speaks_before_a_large_test_that_does_not_fit(swarm):
    def warned(users, most):
        run = swarm.start("-f", swarm.module("steady.so"), "--headless",
                          "-u", str(users), "-r", "5000", "-t", "1s",
                          "--processes", "1", "--only-summary",
                          wrap=["prlimit", f"--nofile={most}"])
        assert run.wait() == 0, run.text
        return "descriptors: " in run.err and "ulimit -n" in run.err

    assert warned(1100, 1000)
    assert not warned(1100, 4000)
    assert not warned(50, 100)
