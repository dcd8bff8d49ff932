#!/usr/bin/python3
"""`swarm check` finds nothing wrong with our own modules.

usage: check.py SWARM BUILD
"""
import concurrent.futures
import pathlib
import sys

import common


def main():
    swarm, build = sys.argv[1], pathlib.Path(sys.argv[2])
    modules = sorted([*build.glob("plugins/*/*.so"),
                      *build.glob("scenarios/*.so")])
    if not modules:
        common.problem(f"no modules in {build}")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for path, done in zip(modules, pool.map(
                lambda path: common.run([swarm, "check", path]), modules)):
            if done.returncode or "\nnot ok" in done.stdout:
                common.problem(f"{path}: {done.returncode}\n{done.stdout}")
    common.finish()


main()
