#!/usr/bin/python3
"""`swarm check` finds nothing wrong with our own modules.  (Whether a plugin
has its manual page yet is shown, and not held against it here.)

usage: check.py SWARM BUILD
"""
import pathlib
import re
import sys

import common


def main():
    swarm, build = sys.argv[1], pathlib.Path(sys.argv[2])
    modules = [*build.glob("plugins/*/*.so"), *build.glob("scenarios/*.so")]
    if not modules:
        common.problem(f"no modules in {build}")
    for path in sorted(modules):
        done = common.run([swarm, "check", path])
        failed = re.findall(r"^not ok .*?- (.*)$", done.stdout, re.M)
        if [title for title in failed if title != "it has a manual page"]:
            common.problem(done.stdout)
        elif failed:
            print(f"{path.name}: {failed[0]}: no")
        elif done.returncode:
            common.problem(f"{path}: {done.returncode}\n{done.stdout}")
    common.finish()


main()
