#!/usr/bin/python3
"""Every scenario of the tree, built against an install by the line that the
manual gives, and loaded by the installed program.

usage: scenarios.py STAGE
"""
import os
import pathlib
import sys
import tempfile

import common


def main():
    stage = pathlib.Path(sys.argv[1])
    pc = next(stage.rglob("swarm.pc")).parent
    flags = common.pkg_config(pc, "--cflags")
    plugins = common.pkg_config(pc, "--variable=plugindir")[0]
    if not os.path.isdir(plugins) and any(common.ROOT.glob("plugins/*/*.7")):
        common.problem(f"plugindir is {plugins}, which is no folder")
    sources = sorted((common.ROOT / "scenarios").glob("*.c"))
    if not sources:
        common.problem("no scenarios")
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            out = f"{folder}/{source.stem}.so"
            common.must(["cc", "-shared", "-fPIC", "-Wall", "-Wextra",
                         "-Werror", *flags, source, "-o", out])
            installed = stage / "share" / "swarm" / "scenarios" / source.name
            if not installed.is_file():
                common.problem(f"{installed} was not installed")
    common.finish()


main()
