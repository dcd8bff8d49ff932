#!/usr/bin/python3
"""The names that swarm exports to modules: those of the headers, all of them
implemented, and those listed in sdk/abi/symbols.txt.

usage: symbols.py PROGRAM [--update]

A name that appears or disappears is a change of the ABI: note it in
docs/ABI.md, then run with --update.
"""
import re
import sys

import common

LIST = common.ROOT / "sdk" / "abi" / "symbols.txt"
PROTOTYPE = re.compile(r"SWARM_API\b[^;{]*?\b(swarm_\w+)\s*\(")


def declared():
    names = set()
    for path in (common.ROOT / "sdk" / "include").rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        text = re.sub(r"^#define(?:.*\\\n)*.*$", "", text, flags=re.M)
        names.update(PROTOTYPE.findall(text))
    return names


def exported(program):
    out = common.must(["nm", "-D", "--defined-only", program])
    names = {line.split()[-1] for line in out.splitlines()}
    return {name for name in names if name.startswith("swarm_")}


def main():
    have, want = exported(sys.argv[1]), declared()
    for name in sorted(want - have):
        common.problem(f"{name} is declared in a header, but not exported")
    for name in sorted(have - want):
        common.problem(f"{name} is exported, but in no public header")
    if "--update" in sys.argv:
        LIST.write_text("".join(f"{name}\n" for name in sorted(have)))
    listed = set(LIST.read_text().split())
    for name in sorted(have - listed):
        common.problem(f"{name} is new: {LIST.name} does not list it")
    for name in sorted(listed - have):
        common.problem(f"{name} is gone: {LIST.name} lists it")
    common.finish()


main()
