#!/usr/bin/python3
"""Each module exports exactly one name, whoever built it.

usage: modules.py BUILD
"""
import pathlib
import sys
import tempfile

import common


def exports(path):
    out = common.must(["nm", "-D", "--defined-only", path])
    return [line.split()[-1] for line in out.splitlines()]


def check(path):
    names = exports(path)
    if names != ["swarm_module_v1"]:
        common.problem(f"{path} exports {names}")
    dynamic = common.must(["readelf", "-dW", path])
    if "NODELETE" not in dynamic:
        common.problem(f"{path} may be unloaded: link with -z nodelete")
    if "TEXTREL" in dynamic:
        common.problem(f"{path} has text relocations")


def main():
    build = pathlib.Path(sys.argv[1])
    flags = common.pkg_config(build / "pkgconfig", "--cflags")
    built = [*build.glob("plugins/*/*.so"), *build.glob("scenarios/*.so")]
    if not built:
        common.problem(f"no modules in {build}")
    for path in built:
        check(path)
    # By one compiler line, without the build helper.
    with tempfile.TemporaryDirectory() as folder:
        for source, compiler in (("probe.c", "cc"), ("probe.cc", "c++")):
            out = f"{folder}/{source}.so"
            common.must([compiler, "-shared", "-fPIC",
                         "-fvisibility=hidden", "-Wl,-z,nodelete", *flags,
                         common.ROOT / "tests" / "sdk" / source, "-o", out])
            check(out)
    common.finish()


main()
