#!/usr/bin/python3
"""What `swarm new` writes builds, passes its own tests and `swarm check`,
outside the tree, against an install.

usage: templates.py PROGRAM STAGE
PROGRAM takes the command words of swarm.
"""
import os
import pathlib
import sys
import tempfile

import common

# An executable of the tree keeps to the tree's own templates.
PROGRAM = sys.argv[1]
STAGE = pathlib.Path(sys.argv[2])


def new(*words, cwd):
    return common.must([PROGRAM, "new", *words], cwd=cwd)


def check(path, *more, cwd):
    out = common.must([PROGRAM, "check", *more, path], cwd=cwd)
    if "\nnot ok" in out:
        common.problem(out)


def plugin(folder, name):
    new("plugin", name, cwd=folder)
    top = folder / name
    build = top / "build"
    common.must(["cmake", "-G", "Ninja", "-S", top, "-B", build,
                 f"-DCMAKE_PREFIX_PATH={STAGE}",
                 "-DCMAKE_C_FLAGS=-Werror",
                 f"-DCMAKE_INSTALL_PREFIX={folder}/prefix"])
    common.must(["cmake", "--build", build])
    out = common.must(["ctest", "--test-dir", build, "--no-tests=error"])
    if "100% tests passed" not in out:
        common.problem(out)
    common.must(["cmake", "--install", build])
    installed = folder / "prefix" / "lib" / "swarm" / "plugins" / f"{name}.so"
    if not installed.is_file():
        common.problem(f"{installed} was not installed")
        return
    check(installed, cwd=folder)
    # Its demo, which finds the plugin by the id in its header.
    env = dict(os.environ, CFLAGS=f"-I{folder}/prefix/include",
               SWARM_PLUGIN_PATH=str(installed.parent))
    out = common.must([PROGRAM, "check", top / "demo.c"], env=env)
    if "\nnot ok" in out:
        common.problem(out)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        os.environ["XDG_DATA_HOME"] = str(folder / "data")
        plugin(folder, "echo")
        plugin(folder, "line-proto")
        templates = new("--list", cwd=folder).split()
        if "scenario" not in templates:
            common.problem(f"templates: {templates}")
        for template in templates:
            new("scenario", f"my-{template}", "--template", template,
                cwd=folder)
            check(f"{folder}/my-{template}.c", cwd=folder)
    common.finish()


main()
