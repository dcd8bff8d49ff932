#!/usr/bin/python3
"""The examples of the SDK are what a stranger would write: short, with a page
and tests of their own, nothing of this tree in them; and `swarm check` finds
nothing wrong with what they were built to.

usage: examples.py STAGE BUILDS
"""
import pathlib
import re
import sys

import common

LINES = 300
SOURCES = {".c", ".h", ".cc", ".rs"}


def check_sources(folder):
    sources = [p for p in folder.rglob("*") if p.suffix in SOURCES]
    own = [p for p in sources
           if "tests" not in p.parts and not p.name.startswith("demo")]
    lines = sum(len(p.read_text().splitlines()) for p in own)
    if lines >= LINES:
        common.problem(f"{folder.name} has {lines} lines; {LINES} are enough")
    if not (folder / f"{folder.name}.7").is_file():
        common.problem(f"{folder.name} has no manual page")
    if not (folder / "tests").is_dir():
        common.problem(f"{folder.name} has no tests")
    for path in sources:
        for name in re.findall(r'#include "([^"]+)"', path.read_text()):
            if not (folder / name).is_file() and \
                    not (folder / "include" / name).is_file():
                common.problem(f"{path} includes {name}, which is not its own")


def main():
    swarm = pathlib.Path(sys.argv[1]) / "bin" / "swarm"
    builds = pathlib.Path(sys.argv[2])
    examples = common.ROOT / "sdk" / "examples"
    folders = [p.parent for p in sorted(examples.glob("*/CMakeLists.txt"))]
    if len(folders) < 4:
        common.problem(f"only {len(folders)} examples")
    for folder in folders:
        check_sources(folder)
        module = builds / folder.name / "plugins" / folder.name / \
            f"{folder.name}.so"
        done = common.run([swarm, "check", "--only-failed", module])
        if done.returncode:
            common.problem(done.stdout)
    common.finish()


main()
