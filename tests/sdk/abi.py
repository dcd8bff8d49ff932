#!/usr/bin/python3
"""The ABI that docs/ABI.md promises: numbers that agree, headers that only
grow, modules of older and of newer headers.

usage: abi.py BUILD
"""
import os
import pathlib
import re
import shutil
import sys
import tempfile

import common

HERE = pathlib.Path(__file__).resolve().parent / "abi"
SDK = common.ROOT / "sdk"
FLAGS = ["-shared", "-fPIC", "-g", "-Wall", "-Wextra", "-Werror"]
PROTOTYPE = re.compile(r"SWARM_API\b[^;{]*?\b(swarm_\w+)\s*\(")


# ---- headers, as text ----

def plain(text):
    """Without comments, in one form of white space."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"\s+", " ", text.replace("\\\n", " ")).strip()


def headers(folder):
    """{name: plain text}, without what is outside of the promise."""
    return {p.name: plain(p.read_text())
            for p in sorted((folder / "swarm").glob("*.h"))
            if p.name not in ("libevent.h", "version.h")}


def level(folder):
    text = (folder / "swarm" / "version.h").read_text()
    return tuple(int(re.search(rf"ABI_{part}\s+(\d+)", text).group(1))
                 for part in ("MAJOR", "MINOR"))


def frozen():
    """The folders of frozen levels, oldest first."""
    return sorted((p for p in (SDK / "abi").iterdir() if p.is_dir()),
                  key=level)


# ---- headers, as types ----

def names_in(folder):
    """Functions, and structs that are defined."""
    functions, structs = set(), set()
    for path in (folder / "swarm").glob("*.h"):
        if path.name == "libevent.h":
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        bare = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.M)
        functions |= set(PROTOTYPE.findall(bare))
        structs |= set(re.findall(r"^struct (swarm_\w+) \{", bare, re.M))
    return functions, structs


def probe(folder, at):
    """A library whose variables have the types of all that is declared."""
    functions, structs = names_in(folder)
    lines = [f"#include <swarm/{name}>" for name in headers(folder)]
    lines += [f"__typeof__(&{f}) probe_{f} = &{f};" for f in
              sorted(functions)]
    lines += [f"struct {s} *probe_struct_{s};" for s in sorted(structs)]
    source = at.with_suffix(".c")
    source.write_text("\n".join(lines) + "\n")
    done = common.run(["cc", "-shared", "-fPIC", "-g", "-fvisibility=default",
                       f"-I{folder}", source, "-o", at])
    return done.stdout if done.returncode else None


# What docs/ABI.md says will never grow.
FIXED = {"swarm_" + name for name in ("timer", "wait", "iface", "import",
                                      "task_set", "transition", "row",
                                      "span")}


def only_grew(name, lines):
    """A struct to which members were added behind its old end.  In padding
    does not count: an older module leaves there what it likes."""
    size = re.fullmatch(r"type size changed from (\d+) to \d+ \(in bits\)",
                        lines[0]) if lines else None
    members = [re.search(r"', at offset (\d+) \(in bits\)", line)
               for line in lines[2:]]
    return size and name not in FIXED and members and \
        re.fullmatch(r"\d+ data member insertions?:", lines[1]) and \
        all(m and int(m.group(1)) >= int(size.group(1)) for m in members)


def refused(report):
    """What abidiff found (leaf changes) beyond structs that only grew."""
    left, *changes = re.split(r"^(?='struct \w+' changed:$)", report,
                              flags=re.M)
    left = [line for line in left.splitlines() if line and not re.match(
        r"(Leaf changes|Changed leaf types|Removed/Changed/Added \w+) "
        r"summary:|\d+ Leaf changes", line)]
    for change in changes:
        name = re.match(r"'struct (\w+)'", change).group(1)
        lines = [line.strip() for line in change.splitlines()[1:]]
        if not only_grew(name, [line for line in lines if line]):
            left.append(change)
    return "\n".join(left)


def differences(old, new, work):
    """What is wrong with `new` as a successor of `old`, as a list."""
    wrong = []
    old_level, new_level = level(old), level(new)
    grown = headers(old) != headers(new)
    if grown and new_level[0] == old_level[0] and new_level <= old_level:
        wrong.append("the headers differ from those of ABI %d.%d, and the "
                     "level is not above it: raise SWARM_ABI_MINOR" %
                     old_level)
    a, b = work / "old.so", work / "new.so"
    for folder, at in ((old, a), (new, b)):
        error = probe(folder, at)
        if error:
            return wrong + [f"{folder} does not compile:\n{error}"]
    done = common.run(["abidiff", "--no-added-syms", "--leaf-changes-only",
                       "--no-show-locs", a, b])
    # 1 and 2: it failed; 4: there are changes; 8: that break.
    report = done.stdout if done.returncode & 3 else refused(done.stdout)
    if report:
        wrong.append("not a successor of ABI %d.%d:\n%s" %
                     (*old_level, report))
    return wrong


# ---- the checks ----

def check_numbers(build, current):
    text = "%d.%d" % current
    version = re.search(r"^project\(swarm VERSION ([\d.]+)",
                        (common.ROOT / "CMakeLists.txt").read_text(),
                        re.M).group(1)
    pc = build / "pkgconfig"
    page = (common.ROOT / "docs" / "ABI.md").read_text()
    rows = re.findall(r"^\| (\d+\.\d+) \|", page.split("## History")[1], re.M)
    config = (build / "sdk" / "SwarmConfig.cmake").read_text()
    other = (build / "sdk" / "SwarmConfigVersion.cmake").read_text()
    said = {
        "swarm --version": (common.must([build / "bin/swarm", "--version"])
                            .strip(), f"swarm {version} (module ABI {text})"),
        "swarm.pc's version": (common.pkg_config(pc, "--modversion")[0],
                               version),
        "swarm.pc's abi": (common.pkg_config(pc, "--variable=abi")[0], text),
        "SwarmConfig.cmake": (re.search(r"Swarm_ABI ([\d.]+)", config)
                              .group(1), text),
        "SwarmConfigVersion.cmake": (re.search(
            r'PACKAGE_VERSION "([\d.]+)"', other).group(1), version),
        "docs/ABI.md": (rows[-1] if rows else None, text),
    }
    for where, (is_, wanted) in said.items():
        if is_ != wanted:
            common.problem(f"{where} says {is_}, and not {wanted}")
    entry = f"swarm_module_v{current[0]}"
    if entry not in (SDK / "include/swarm/module.h").read_text():
        common.problem(f"module.h does not define {entry}")


def check_growth(current, work):
    levels = frozen()
    if not levels:
        common.problem("no level is frozen")
    for old in levels:
        if "%d.%d" % level(old) != old.name:
            common.problem(f"{old} says that it is ABI %d.%d" % level(old))
        for wrong in differences(old, current, work):
            common.problem(wrong)


def edited(source, work, name, edits, minor=None):
    """A copy of a folder of headers, with (file, from, to) applied."""
    folder = work / name
    shutil.copytree(source, folder)
    for file, old, new in edits:
        path = folder / "swarm" / file
        text = path.read_text()
        if old not in text:
            common.problem(f"{name}: {file} has no {old!r}")
        path.write_text(text.replace(old, new, 1))
    if minor is not None:
        path = folder / "swarm" / "version.h"
        path.write_text(re.sub(r"(ABI_MINOR\s+)\d+", rf"\g<1>{minor}",
                               path.read_text()))
    return folder


TASK_END = "\tconst void *data;                       /* swarm_task_data() */\n"
FUTURE = "SWARM_API void swarm_future(void);\n\n#ifdef __cplusplus\n}"


def check_gate(current, work):
    """The gate sees what it is there for."""
    minor = level(current)[1]
    function = ("log.h", "#ifdef __cplusplus\n}", FUTURE)
    cases = [
        ("same", [], minor, None),
        ("comment", [("log.h", "Messages for people", "Words for people")],
         minor, None),
        ("function", [function], minor, "raise SWARM_ABI_MINOR"),
        ("function_raised", [function], minor + 1, None),
        ("field_at_end", [("user.h", TASK_END, TASK_END + "\tint more;\n")],
         minor + 1, None),
        ("field_within", [("user.h", TASK_END, ""), (
            "user.h", "struct swarm_task {\n",
            "struct swarm_task {\n\tconst void *data;\n")], minor + 1,
         "swarm_task"),
        ("field_type", [("user.h", "\tunsigned weight;                        "
                         "/* 0 counts as 1 */", "\tdouble weight;")],
         minor + 1, "swarm_task"),
        ("frozen_grows", [("stats.h", "\tint64_t lag; ", "\tint64_t more;\n"
                           "\tint64_t lag; ")], minor + 1, "swarm_timer"),
        ("frozen_at_end", [("data.h", "\tuint64_t number;                /* "
                            "from 0, in the file's order */",
                            "\tuint64_t number;\n\tint more;")], minor + 1,
         "swarm_row"),
        ("enumerator_at_end", [("user.h", "then by its `next` */\n};",
                                "then by its `next` */\n\tSWARM_MORE,\n};")],
         minor + 1, None),
        ("enumerator_within", [("user.h", "\tSWARM_SEQUENTIAL,",
                                "\tSWARM_MORE,\n\tSWARM_SEQUENTIAL,")],
         minor + 1, "swarm_flow"),
        ("removed", [("user.h", "SWARM_API void swarm_skip_wait(struct "
                      "swarm_user *);", "")], minor + 1, "skip_wait"),
        ("argument", [("user.h", "swarm_skip_wait(struct swarm_user *)",
                       "swarm_skip_wait(struct swarm_user *, int)")],
         minor + 1, "skip_wait"),
    ]
    for name, edits, to, said in cases:
        wrong = "\n".join(differences(current, edited(
            current, work, f"gate_{name}", edits, to), work))
        if said is None and wrong:
            common.problem(f"{name} is allowed, and was refused:\n{wrong}")
        if said is not None and said not in wrong:
            common.problem(f"{name} was not refused for {said}:\n{wrong}")


# ---- modules of other levels ----

def build_module(name, folder, work, *flags, to=None):
    so = work / f"{to or name}.so"
    common.must(["cc", *FLAGS, "-Wno-missing-field-initializers", *flags,
                 f"-I{folder}", HERE / f"{name}.c", "-o", so])
    return so


def run(swarm, *args):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent",
           "LANG": "C.UTF-8"}
    return common.run([swarm, *args], env=env)


def check_runs(swarm, so, what):
    done = run(swarm, "try", so)
    for word in ("ABI plain", "ABI inside", "ABI added", "hello from First",
                 "bye 5", " 0 failed"):
        if word not in done.stdout:
            common.problem(f"{what}: swarm try says no {word!r}:\n"
                           f"{done.stdout}")
    done = run(swarm, "-f", so, "--headless", "--processes", "1", "-t", "20s")
    for word in ("hooks work", "the load shape is over", "ABI plain"):
        if word not in done.stdout:
            common.problem(f"{what}: a run says no {word!r}:\n{done.stdout}")
    if done.returncode:
        common.problem(f"{what}: a run ended with {done.returncode}")


def check_pair(swarm, plugin, scenario, what):
    done = run(swarm, "try", scenario, "--plugin", plugin)
    if "1 passed, 0 failed" not in done.stdout:
        common.problem(f"{what}:\n{done.stdout}")


def check_older(swarm, current, work):
    new_kit = build_module("kit", current, work, to="kit_new")
    new_caller = build_module("caller", current, work, to="caller_new")
    for old in frozen():
        name = old.name.replace(".", "_")
        so = build_module("scenario", old, work, to=f"scenario_{name}")
        check_runs(swarm, so, f"a module of ABI {old.name}")
        kit = build_module("kit", old, work, to=f"kit_{name}")
        caller = build_module("caller", old, work, to=f"caller_{name}")
        check_pair(swarm, kit, new_caller, f"a plugin of ABI {old.name}")
        check_pair(swarm, new_kit, caller, f"a scenario of ABI {old.name}")


def check_newer(swarm, current, work):
    major, minor = level(current)
    more = "\tlong future[3];\n};"
    ends = {"module.h": ["swarm_option", "swarm_export", "swarm_module"],
            "user.h": ["swarm_task", "swarm_user_class", "swarm_executor"],
            "hooks.h": ["swarm_hooks"], "shape.h": ["swarm_shape"]}
    edits = [("log.h", "#ifdef __cplusplus\n}", FUTURE)]
    for file, structs in ends.items():
        text = (current / "swarm" / file).read_text()
        for struct in structs:
            body = re.search(rf"^struct {struct} \{{.*?^\}};", text,
                             re.M | re.S).group(0)
            edits.append((file, body, body[:-2] + more))
    future = edited(current, work, "future", edits, minor + 1)
    so = build_module("scenario", future, work, to="scenario_future")
    done = run(swarm, "try", so)
    if f"ABI {major}.{minor + 1}, newer" not in done.stdout:
        common.problem(f"a module of the future:\n{done.stdout}")
    needs = f"-DSWARM_ABI_NEEDS={minor}"
    so = build_module("scenario", future, work, needs, to="scenario_modest")
    check_runs(swarm, so, "a module of the future that needs no more")
    so = build_module("scenario", future, work, needs, "-DUSE_FUTURE",
                      to="scenario_calls")
    done = run(swarm, "try", so)
    if "has no swarm_future" not in done.stdout:
        common.problem(f"a call of the future:\n{done.stdout}")


def main():
    build = pathlib.Path(sys.argv[1])
    if not common.have("abidiff"):
        common.skip("no abidiff (Debian: abigail-tools)")
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        current = work / "current"
        shutil.copytree(SDK / "include", current)
        shutil.copy(build / "sdk/include/swarm/version.h", current / "swarm")
        check_numbers(build, level(current))
        check_growth(current, work)
        check_gate(current, work)
        check_older(build / "bin" / "swarm", current, work)
        check_newer(build / "bin" / "swarm", current, work)
    common.finish()


main()
