"""Bad input: one clear error that says what, where and what to do; the exit
status of its kind; never a hang, a crash or a loader's riddle."""
import os
import struct

import pytest

from conftest import SANITIZED


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refused(swarm, status, *words, args):
    done = swarm.run("--headless", "-u", "1", "-t", "1s", *args, timeout=20)
    assert done.status == status, done.text
    low = done.text.lower()
    for word in words:
        options = word if isinstance(word, tuple) else (word,)
        assert any(o.lower() in low for o in options), (word, done.text)
    assert len(done.text.strip().splitlines()) <= 12, done.text
    return done


def test_missing_file(swarm, tmp_path):
    refused(swarm, 3, "nosuch.so", str(tmp_path), args=["-f", "nosuch.so"])


def test_text_file(swarm, tmp_path):
    write(tmp_path / "notes.so", "just words\n")
    refused(swarm, 3, "notes.so", ("not a shared", "shared object"),
            args=["-f", "notes.so"])


def test_empty_file(swarm, tmp_path):
    write(tmp_path / "empty.so", b"")
    refused(swarm, 3, "empty.so", args=["-f", "empty.so"])


def test_directory(swarm, tmp_path):
    (tmp_path / "dir.so").mkdir()
    refused(swarm, 3, "dir.so", args=["-f", "dir.so"])


def test_truncated_module(swarm, tmp_path):
    whole = open(swarm.module("counted.so"), "rb").read()
    write(tmp_path / "cut.so", whole[:len(whole) // 2])
    refused(swarm, 3, "cut.so", args=["-f", "cut.so"])


def test_wrong_architecture(swarm, tmp_path):
    data = bytearray(open(swarm.module("counted.so"), "rb").read())
    # e_machine: EM_S390 never runs here.
    struct.pack_into("<H", data, 18, 22)
    write(tmp_path / "alien.so", bytes(data))
    refused(swarm, 3, "alien.so", ("architecture", "machine", "built for"),
            args=["-f", "alien.so"])


def test_program_instead_of_module(swarm):
    refused(swarm, 3, "swarm", args=["-f", swarm.exe])


def test_no_entry(swarm):
    refused(swarm, 3, "no_entry.so", ("SWARM_SCENARIO", "SWARM_MODULE"),
            args=["-f", swarm.module("no_entry.so")])


def test_no_users(swarm):
    refused(swarm, 3, "no_users", "users",
            args=["-f", swarm.module("no_users.so")])


def test_unresolved_symbol(swarm):
    refused(swarm, 3, "unresolved.so", "nobody_has_this",
            args=["-f", swarm.module("unresolved.so")])


def test_unmet_interface(swarm):
    refused(swarm, 3, "swarm.nowhere/1",
            args=["-f", swarm.module("unmet.so")])


def test_load_refuses(swarm):
    refused(swarm, 3, "load_fails", "no data file for the test",
            args=["-f", swarm.module("load_fails.so")])


def test_load_crashes(swarm, tmp_path):
    """The master has nobody who watches it for crashes."""
    path = write(tmp_path / "falls.c", """
        #include <swarm/swarm.h>
        static int *volatile nothing;
        static int load(void) { return *nothing; }
        SWARM_MODULE(.load = load);""")
    refused(swarm, 139, f"{path}: load() crashed", f"swarm check {path}",
            args=["--plugin", path, "-f", swarm.module("counted.so")])
    path = write(tmp_path / "early.c", """
        #include <swarm/swarm.h>
        static int load(void) { swarm_counter("orders"); return 0; }
        SWARM_MODULE(.load = load);""")
    refused(swarm, 134, "swarm_counter() was called where nothing is measured",
            args=["--plugin", path, "-f", swarm.module("counted.so")])


# A sanitizer reports crashes itself.
test_load_crashes.__test__ = not SANITIZED


def test_missing_plugin(swarm):
    refused(swarm, 3, "nosuchplugin", args=[
        "--plugin", "nosuchplugin", "-f", swarm.module("counted.so")])


def test_c_that_does_not_compile(swarm, tmp_path):
    write(tmp_path / "bad.c", "#include <swarm/swarm.h>\nint x = ;\n")
    done = swarm.run("-f", "bad.c", "--headless", "-u", "1", "-t", "1s",
                     env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.status == 3, done.text
    assert "bad.c:2" in done.text, "the compiler's own message"


def test_world_writable_module(swarm, tmp_path):
    path = write(tmp_path / "open.so",
                 open(swarm.module("counted.so"), "rb").read())
    os.chmod(path, 0o666)
    refused(swarm, 3, "open.so", "writable", args=["-f", path])


@pytest.mark.parametrize("args, words", [
    (["--headles"], ["--headles", "--headless"]),
    (["--no-such-option"], ["--no-such-option"]),
    (["-u", "many"], ["many"]),
    (["-u", "-1"], ["-1"]),
    (["-u", "1.5"], ["1.5"]),
    (["-r", "nan"], ["nan"]),
    (["-r", "-2"], ["-2"]),
    (["-t", "soon"], ["soon"]),
    (["-t"], ["-t"]),
    (["--processes", "-2"], ["-2"]),
    (["--processes", "100000000"], ["100000000"]),
    (["-o", "counted.tims=3"], ["tims", "times"]),
    (["-o", "counted.times=lots"], ["times", "lots"]),
    (["-o", "nomodule.x=1"], ["nomodule"]),
    (["-o", "nonsense"], ["nonsense"]),
    (["--master", "--worker"], ["--master", "--worker"]),
    (["--master"], ["without keys", "swarm keys", "--plaintext"]),
    (["--master", "--master-bind-host", "0.0.0.0"], ["0.0.0.0", "--keys"]),
    (["--worker", "--master-host", "192.0.2.1"],
     ["192.0.2.1", "without keys", "--plaintext"]),
    (["--relay", "--master-bind-host", "192.0.2.1"],
     ["192.0.2.1", "--relay-keys"]),
], ids=lambda v: " ".join(v) if isinstance(v, list) else str(v))
def test_wrong_usage(swarm, args, words):
    refused(swarm, 2, *words,
            args=["-f", swarm.module("counted.so"), *args])


def test_no_scenario(swarm):
    done = swarm.run("--headless", "-u", "1")
    assert done.status == 2 and "-f" in done.text, done.text


def test_help_and_version(swarm):
    done = swarm.run("--help")
    assert done.status == 0
    for option in ("--headless", "--users", "--spawn-rate", "--run-time",
                   "--host", "--plugin", "--processes", "--csv"):
        assert option in done.out, option
    done = swarm.run("--version")
    assert done.status == 0 and "swarm" in done.out


def test_alone_it_says_what_it_is(swarm):
    done = swarm.run()
    lines = done.text.strip().splitlines()
    assert 3 <= len(lines) <= 24 and max(map(len, lines)) <= 80, done.text
