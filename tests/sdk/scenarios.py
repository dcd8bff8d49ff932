#!/usr/bin/python3
"""An install that was moved: every scenario of the tree is built against it by
the line that the manual gives; the installed program finds its plugins,
scenarios and headers, compiles one and runs it.

usage: scenarios.py STAGE
"""
import os
import pathlib
import sys
import tempfile

import common


def try_program(stage, folder):
    """Without anything of this tree or of the caller's home."""
    swarm = stage / "bin" / "swarm"
    env = {"PATH": os.environ["PATH"], "HOME": folder}
    if not swarm.is_file():
        common.problem(f"{swarm} was not installed")
        return
    out = common.must([swarm, "plugins"], env=env)
    for path in (stage / "lib" / "swarm" / "plugins").glob("*.so"):
        if f"\n  {path.stem} " not in out:
            common.problem(f"swarm plugins does not list {path.stem}:\n{out}")
    if str(common.ROOT) in out.replace(str(stage), ""):
        common.problem(f"the installed swarm looks into this tree:\n{out}")
    out = common.must([swarm, "-f", "hello", "--list"], env=env, cwd=folder)
    if "module=hello\n" not in out:
        common.problem(f"swarm -f hello --list:\n{out}")
    common.must([swarm, "new", "scenario", "mine"], env=env, cwd=folder)
    out = common.must([swarm, "-f", "mine.c", "--headless", "-u", "20", "-r",
                       "100", "-t", "1s", "--processes", "1"], env=env,
                      cwd=folder)
    if "VISIT visit" not in out:
        common.problem(f"swarm -f mine.c measured nothing:\n{out}")
    must_have = {"include/swarm/swarm.h", "include/swarm/version.h",
                 "share/bash-completion/completions/swarm",
                 "share/zsh/site-functions/_swarm",
                 "share/fish/vendor_completions.d/swarm.fish",
                 "lib/pkgconfig/swarm.pc", "lib/swarm/scenarios/hello.so",
                 "share/swarm/scenarios/hello.c",
                 "share/swarm/templates/scenario.c",
                 "share/man/man3/swarm-plugin.3"}
    for name in sorted(must_have):
        if not (stage / name).is_file():
            common.problem(f"{name} was not installed")


def main():
    stage = pathlib.Path(sys.argv[1])
    pc = next(stage.rglob("swarm.pc")).parent
    flags = common.pkg_config(pc, "--cflags")
    plugins = common.pkg_config(pc, "--variable=plugindir")[0]
    if not os.path.isdir(plugins):
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
        try_program(stage, folder)
    common.finish()


main()
