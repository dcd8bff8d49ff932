#!/usr/bin/python3
"""Every public header alone, in each language and with each compiler that
authors use; then all of them together, with each macro used once.

usage: headers.py BUILD
"""
import sys

import common

STRICT = ["-fsyntax-only", "-Wall", "-Wextra", "-Wundef", "-Werror"]
C = {"c17": ["-x", "c", "-std=c17"], "gnu11": ["-x", "c", "-std=gnu11"]}
CXX = {"c++17": ["-x", "c++", "-std=c++17"],
       "c++20": ["-x", "c++", "-std=c++20"]}
# In C++ a function named like a struct (as stat is) shadows its constructor.
ONLY_C = ["-Wstrict-prototypes", "-Wold-style-definition", "-Wshadow"]
# All that a header may include besides <swarm/...>.
SYSTEM = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}


def check(name, text, flags, compiler, language):
    done = common.run([compiler, *language, *STRICT, *flags, "-"], input=text)
    if done.returncode:
        common.problem(f"<{name}> with {compiler} {language[-1]}:\n"
                       f"{done.stdout}")


def check_includes(name, path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.replace("#", " ").split()
        if line.startswith("#include") and len(words) > 1:
            target = words[1].strip('<>"')
            if not target.startswith("swarm/") and target not in SYSTEM:
                common.problem(f"{path}:{number}: public headers include "
                               f"only <swarm/...> and {sorted(SYSTEM)}")


def main():
    build = sys.argv[1]
    flags = common.pkg_config(f"{build}/pkgconfig", "--cflags")
    headers = dict(common.public_headers())
    headers["swarm/version.h"] = None
    compilers = [("gcc", "g++"), ("clang", "clang++")]
    missing = [cc for cc, _ in compilers if not common.have(cc)]
    if missing:
        common.skip(f"no {missing[0]}")
    for name, path in headers.items():
        # Twice: the guard works.
        text = f"#include <{name}>\n#include <{name}>\n"
        # A plugin's may be a small library by itself, and modules are
        # compiled with this.
        ours = path is None or "plugins" not in path.parts
        extra = [] if ours else ["-D_GNU_SOURCE"]
        if path and ours:
            check_includes(name, path)
        for cc, cxx in compilers:
            for language in C.values():
                check(name, text, [*flags, *extra, *ONLY_C], cc, language)
            for language in CXX.values():
                check(name, text, flags, cxx, language)
    everything = "".join(f"#include <{name}>\n" for name in sorted(headers))
    probes = common.ROOT / "tests" / "sdk"
    for cc, cxx in compilers:
        for language in C.values():
            check("all", everything + (probes / "probe.c").read_text(),
                  [*flags, "-D_GNU_SOURCE", *ONLY_C], cc, language)
        for language in CXX.values():
            check("all", everything + (probes / "probe.cc").read_text(),
                  flags, cxx, language)
    common.finish()


main()
