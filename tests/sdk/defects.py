#!/usr/bin/python3
"""`swarm check` finds what is wrong: each file of tests/sdk/defects is a small
module with one defect, whose first comment says which check finds it and with
which words.  good.c has none.

usage: defects.py PROGRAM BUILD [NAME...]

    finds: CHECK: TEXT     this check fails, and TEXT is in what it says
    finds: nothing         every check passes
    flags: ...             for the compiler
    check: ...             for swarm check
"""
import concurrent.futures
import pathlib
import re
import sys
import tempfile

import common

PROGRAM = sys.argv[1]
FOLDER = common.ROOT / "tests" / "sdk" / "defects"
LEAST = 20


def header(source):
    """The lines of the first comment, as (key, value)."""
    comment = source.read_text().partition("*/")[0]
    return re.findall(r"(finds|flags|check): (.*?)\s*$", comment, re.M)


def values(said, key):
    return [value for k, value in said if k == key]


def one(source, folder, flags):
    """None, or what is wrong."""
    said = header(source)
    module = folder / f"{source.stem}.so"
    done = common.run(["cc", "-shared", "-fPIC", "-g", "-Wall", "-Wextra",
                       "-Werror", "-fvisibility=hidden", *flags,
                       *" ".join(values(said, "flags")).split(), source,
                       "-o", module])
    if done.returncode:
        return f"{source.name} does not compile:\n{done.stdout}"
    if source.stem != "no_manual":
        (folder / f"{source.stem}.7").touch()
    words = " ".join(values(said, "check")).split()
    wanted = [v.partition(": ") for v in values(said, "finds")]
    if [check for check, _, _ in wanted] == ["nothing"]:
        done = common.run([PROGRAM, "check", module])
        bad = done.returncode != 0 or "not ok" in done.stdout
        return f"{source.name}: not all passed:\n{done.stdout}" if bad \
            else None
    checks = sorted({check for check, _, _ in wanted})
    only = [word for check in checks for word in ("--only", check)]
    done = common.run([PROGRAM, "check", *words, *only, module])
    failed = len(re.findall(r"^not ok ", done.stdout, re.M))
    missing = [text for _, _, text in wanted if text not in done.stdout]
    if done.returncode == 1 and failed == len(checks) and not missing:
        return None
    return (f"{source.name}: {failed} of {len(checks)} checks failed, and "
            f"not said: {missing}\n{done.stdout}")


def main():
    flags = common.pkg_config(f"{sys.argv[2]}/pkgconfig", "--cflags")
    names = sys.argv[3:]
    sources = sorted(p for p in FOLDER.glob("*.c")
                     if not names or p.stem in names)
    if not names and len(sources) < LEAST:
        common.problem(f"only {len(sources)} defects are planted")
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ThreadPoolExecutor(3) as pool:
        results = pool.map(lambda s: one(s, pathlib.Path(name), flags),
                           sources)
        for number, (source, wrong) in enumerate(zip(sources, results), 1):
            print(f"{'not ok' if wrong else 'ok'} {number} - {source.stem}")
            if wrong:
                common.problem(wrong)
    common.finish()


main()
