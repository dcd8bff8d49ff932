#!/usr/bin/python3
"""docs/write-a-plugin.md followed to the letter: its files in an empty folder,
its commands one after the other, against an install.  And the sizes that are
promised: of the guide's plugin, of the smallest scenario, of the quick start.

usage: guide.py STAGE
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

import common

GUIDE = common.ROOT / "docs" / "write-a-plugin.md"
PORT = "7000"                           # in the guide
MOST = {"guide": 100, "hello.c": 10, "quickstart.c": 30}


def blocks():
    """(language, file or "", text), in order."""
    return re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", GUIDE.read_text(),
                      re.M | re.S)


def code_lines(text):
    """Without blank lines and comments of their own lines."""
    text = re.sub(r"^\s*/\*.*?\*/\s*$", "", text, flags=re.M | re.S)
    return sum(1 for line in text.splitlines() if line.strip())


def check_size(name, lines):
    if lines > MOST[name]:
        common.problem(f"{name}: {lines} lines of C, {MOST[name]} promised")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def wait_for_port(port):
    """The guide's reader has typed the next line meanwhile."""
    return ("/usr/bin/python3 -c '\nimport socket, sys\n"
            "for _ in range(10000):\n"
            " with socket.socket() as s:\n"
            f"  if s.connect_ex((\"127.0.0.1\", {port})) == 0: sys.exit()\n"
            "sys.exit(\"no server\")'\n")


def follow(folder, stage):
    port = free_port()
    script = ["set -ex"]
    lines = 0
    for language, file, text in blocks():
        text = text.replace(PORT, port)
        if file:
            (folder / file).write_text(text)
            lines += code_lines(text) if language == "c" else 0
        elif language == "sh":
            text = re.sub(r"^(.* )&$", r"\1& server=$!\n"
                          "trap 'kill $server' EXIT\n" +
                          wait_for_port(port).replace("\\", r"\\"), text,
                          flags=re.M)
            script.append(text)
    check_size("guide", lines)
    env = {"PATH": f"{stage}/bin:/usr/bin:/bin", "HOME": str(folder),
           "PKG_CONFIG_PATH": str(next(stage.rglob("swarm.pc")).parent),
           "CMAKE_PREFIX_PATH": str(stage)}
    for name in ("ASAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    done = subprocess.run(["sh", "-c", "\n".join(script)], cwd=folder,
                          env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    out = done.stdout
    said = ["offers    example.ask/1", "ok 1 - answers", "ASK ask",
            "100% tests passed", "# 0 of"]
    missing = [text for text in said if text not in out]
    if done.returncode or missing:
        common.problem(f"{GUIDE.name} does not work: {done.returncode}, not "
                       f"seen: {missing}\n{out}")
    if not (folder / "ask-1.0.tar.gz").is_file():
        common.problem("nothing was released")
    print(f"{lines} lines of C")


def main():
    stage = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        follow(pathlib.Path(name), stage)
    for name in ("hello.c", "quickstart.c"):
        text = (common.ROOT / "scenarios" / name).read_text()
        check_size(name, code_lines(text))
        print(f"{name}: {code_lines(text)}")
    common.finish()


main()
