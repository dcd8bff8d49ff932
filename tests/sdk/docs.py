#!/usr/bin/python3
"""The documentation of the SDK: its examples compile, and every name that
modules may call is in a manual.

usage: docs.py BUILD
"""
import json
import pathlib
import re
import sys
import tempfile

import common

PROGRAM = f"{sys.argv[1]}/bin/swarm"
STRICT = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]


def blocks(path):
    """```c [FILE] blocks of a page, as (file or None, text)."""
    found = re.findall(r"^```c(?: (\S+))?\n(.*?)^```$", path.read_text(),
                       re.M | re.S)
    return [(name or None, text) for name, text in found]


def literals(path):
    """.Bd -literal displays of a manual that are whole sources."""
    found = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", path.read_text(),
                       re.M | re.S)
    for text in found:
        text = text.replace("\\e", "\\").replace("\\&", "")
        if "SWARM_SCENARIO(" in text or "SWARM_MODULE(" in text:
            if "#include" not in text:
                text = "#include <swarm/swarm.h>\n" + text
            yield text


def compile_one(where, text, folder, flags):
    source = folder / "example.c"
    source.write_text(text)
    done = common.run(["cc", *STRICT, *flags, f"-I{folder}", source, "-o",
                       folder / "example.so"])
    if done.returncode:
        common.problem(f"{where} does not compile:\n{done.stdout}")
        return
    names = common.must(["nm", "-D", "--defined-only",
                         folder / "example.so"])
    if "swarm_module_v1" not in names:
        common.problem(f"{where} is no module")
        return
    run_one(where, folder / "example.so")


def run_one(where, module):
    """Loaded, and its users run for a moment, if what it needs is there."""
    done = common.run([PROGRAM, "check", "--only", "opens", "--only", "load",
                       "--only", "users", "--only", "blocking", module])
    if done.returncode:
        common.problem(f"{where} does not run:\n{done.stdout}")


def check_examples(flags):
    docs = common.ROOT / "docs"
    count = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # What examples read.
        (folder / "accounts.csv").write_text("name,password\nann,secret\n")
        for page in sorted(docs.glob("*.md")):
            for number, (file, text) in enumerate(blocks(page), 1):
                where = f"{page.name}, example {number}"
                count += 1
                if file and file.endswith(".h"):
                    (folder / file).write_text(text)
                else:
                    compile_one(where, text, folder, flags)
        for page in sorted((docs / "man").glob("*.3")):
            for number, text in enumerate(literals(page), 1):
                count += 1
                compile_one(f"{page.name}, example {number}", text, folder,
                            flags)
    if count < 8:
        common.problem(f"only {count} examples were found")


def check_names():
    """In the synopsis, and described."""
    listed = set((common.ROOT / "sdk/abi/symbols.txt").read_text().split())
    synopsis, described = set(), set()
    for page in (common.ROOT / "docs" / "man").glob("*.3"):
        text = page.read_text()
        head, _, body = text.partition(".Sh DESCRIPTION")
        synopsis |= set(re.findall(r"^\.F[no] (swarm_\w+)", head, re.M))
        described |= set(re.findall(r"^\.Fn (swarm_\w+)", body, re.M))
    for name in sorted(listed - synopsis):
        common.problem(f"{name} is in no manual's synopsis")
    for name in sorted(listed - described):
        common.problem(f"{name} is in no manual's description")
    known = listed | {"swarm_raise", "swarm_expect", "swarm_module_v1"}
    for name in sorted((synopsis | described) - known):
        common.problem(f"{name} is in a manual and does not exist")


def check_commands(build):
    """Each command that `swarm help` lists is in swarm.1."""
    text = (common.ROOT / "docs" / "man" / "swarm.1").read_text()
    known = set(re.findall(r"^\.It Nm Cm (\w+)", text, re.M))
    listed = re.findall(r"^  (\w+) ", common.must([f"{build}/bin/swarm",
                                                   "help"]), re.M)
    if len(listed) < 10:
        common.problem(f"swarm help lists only {listed}")
    for name in sorted(set(listed) - known):
        common.problem(f"swarm.1 does not say what `swarm {name}` does")


def plugin_names(header):
    """What a plugin's header offers to call."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return {name for name in
            re.findall(r"^static inline [^;{=]*?(\w+)\(", text, re.M)
            + re.findall(r"^#define ([a-z]\w+)\(", text, re.M)
            if not name.endswith("_")}


def options_told(page, build, refer=True):
    """Words of the page's lists, and of those of the pages that its section
    on options refers to."""
    text = page.read_text()
    section = text.partition(".Sh OPTIONS")[2].partition("\n.Sh ")[0]
    told = set(re.findall(r"\w+", " ".join(
        re.findall(r"^\.It (?:Cm|Fl|Li|Va|Op) (.*)$", text, re.M))))
    for other in re.findall(r"^\.Xr (\S+) 7", section, re.M):
        path = build / "plugins" / other / f"{other}.7"
        if refer and path.is_file():
            told |= options_told(path, build, refer=False)
    return told


def check_plugin_pages(build):
    """Every option of a plugin is in its page, and every name that its
    headers offer."""
    build = pathlib.Path(build)
    for module in sorted(build.glob("plugins/*/*.so")):
        page = module.with_suffix(".7")
        about = json.loads(common.must([f"{build}/bin/swarm", "inspect",
                                        "--json", module]))
        names = {o["name"] for o in about["options"]}
        if not page.is_file():
            common.problem(f"{module.stem} has no page")
            continue
        for name in sorted(names - options_told(page, build)):
            common.problem(f"{page.name} does not tell of the option {name}")
    pages = [*common.ROOT.glob("plugins/*/*.7"),
             *(common.ROOT / "docs" / "man").iterdir()]
    told = set()
    for page in pages:
        told |= set(re.findall(r"\bFn (\w+)", page.read_text()))
    count = 0
    for header in common.ROOT.glob("plugins/*/include/swarm/*.h"):
        names = plugin_names(header)
        count += len(names)
        for name in sorted(names - told):
            common.problem(f"no page tells of {name} ({header.name})")
    if count < 90:
        common.problem(f"only {count} names were found in plugins' headers")


def check_rooms():
    """Each room has its page, which names its files and no others; what the
    architecture points at is there."""
    core, docs = common.ROOT / "core", common.ROOT / "docs"
    for room in sorted(p for p in core.iterdir() if p.is_dir()):
        page = docs / "internals" / f"{room.name}.md"
        if not page.is_file():
            common.problem(f"core/{room.name} has no page in docs/internals")
            continue
        files = {str(p.relative_to(room)) for p in room.rglob("*.[ch]")}
        for row in re.findall(r"^\| ([^|]*\.[ch][^|]*) \|", page.read_text(),
                              re.M):
            for name in re.findall(r"[\w/]+\.[ch]\b", row):
                if name not in files:
                    common.problem(f"{page.name} tells of {name}, which "
                                   f"core/{room.name} has not")
    text = (docs / "architecture.md").read_text()
    folder = ""
    for name in re.findall(r"`?([\w/]+\.[ch])\b", text.partition(
            "## A reading order")[2]):
        folder = name.rpartition("/")[0] or folder
        path = common.ROOT / folder / name.rpartition("/")[2]
        if not path.is_file():
            common.problem(f"architecture.md says to read {path}")


def check_links():
    """Links of the documentation lead to files."""
    pages = [*(common.ROOT / "docs").rglob("*.md"),
             *(common.ROOT.glob("*.md")), *(common.ROOT.glob("*/README.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)",
                                 page.read_text()):
            if not (page.parent / target).exists():
                common.problem(f"{page.relative_to(common.ROOT)} links to "
                               f"{target}")


def check_checks(build):
    """Each check of `swarm check` is in swarm-plugin.3."""
    text = (common.ROOT / "docs" / "man" / "swarm-plugin.3").read_text()
    known = re.findall(r"^\.It Cm (\w+)$", text, re.M)
    listed = [line.split()[0] for line in common.must(
        [f"{build}/bin/swarm", "check", "--list"]).splitlines()]
    if known != listed:
        common.problem(f"swarm-plugin.3 lists the checks {known}, and swarm "
                       f"has {listed}")


def main():
    build = sys.argv[1]
    check_examples(common.pkg_config(f"{build}/pkgconfig", "--cflags"))
    check_names()
    check_commands(build)
    check_checks(build)
    check_plugin_pages(build)
    check_rooms()
    check_links()
    common.finish()


main()
