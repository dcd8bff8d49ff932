#!/usr/bin/python3
"""Checks over the tree's own text, each small enough to read.

usage: lint.py CHECK      (from anywhere; prints file:line: message)

Only files that git knows are looked at; in a tree without git, all files
outside build folders.
"""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SKIPPED = 77
found = []


def report(path, line, message):
    found.append(f"{path}:{line}: {message}")


def files():
    try:
        out = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout
        names = out.splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = []
        for top, dirs, leaves in os.walk(ROOT):
            dirs[:] = [d for d in dirs
                       if d not in ("build", ".git", "node_modules")]
            names += [os.path.relpath(os.path.join(top, leaf), ROOT)
                      for leaf in leaves]
    # Gone from the disk but not yet from the index: nothing to look at.
    return sorted(n for n in names if os.path.isfile(os.path.join(ROOT, n)))


def read(path):
    with open(os.path.join(ROOT, path), "rb") as f:
        return f.read().decode("utf-8", "replace")


def is_c(path):
    return path.endswith((".c", ".h", ".cc", ".h.in"))


def built(path):
    """Made by a program: held to no style."""
    return (path.startswith("web/dist/") or path.endswith("package-lock.json")
            or "/corpus/" in path or "/golden/" in path)


def is_text(path):
    return not built(path) and not path.endswith(
        (".png", ".gz", ".bin", ".ico", ".woff2", ".pem", ".abi"))


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def without_comments(text):
    return re.sub(r"/\*.*?\*/", blank, text, flags=re.S)


def without_strings(text):
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def numbered(text):
    return enumerate(text.split("\n"), 1)


INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in numbered(without_comments(read(path))):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def rooms():
    """The rooms of core in the order of core/README.md: arrows point down."""
    names = re.findall(r"^\| ([a-z]+) \|", read("core/README.md"), re.M)
    return [name for name in names if name != "room"]


def plugin_names():
    names = {path.split("/")[1] for path in files()
             if re.match(r"plugins/[^/]+/CMakeLists\.txt$", path)}
    return sorted(names)


def check_layers():
    order = rooms()
    for path in files():
        match = re.match(r"core/([^/]+)/", path)
        if not match or not is_c(path):
            continue
        room = match.group(1)
        if room not in order:
            report(path, 1, f"room '{room}' is not in core/README.md")
            continue
        for number, quote, name in includes(path):
            target = name.split("/")[0]
            if "/" not in name or target not in order:
                continue
            if order.index(target) < order.index(room):
                report(path, number, f"'{room}' includes '{name}': arrows "
                       "point down the list in core/README.md only")
            elif quote == "<" and os.path.exists(
                    os.path.join(ROOT, "core", name)):
                report(path, number, f"write \"{name}\", not <{name}>")


def check_names():
    """Core knows no protocol, so it names no plugin.  The web room speaks
    HTTP and WebSocket itself; a usage example may show --plugin X.so.  The
    plugin `target` is a word that core needs, and http-equiv is HTML's."""
    names = [name for name in plugin_names() if name != "target"]
    spoken = {"web": {"http", "websocket"}, "watch": {"http"}}
    for path in files():
        match = re.match(r"core/([^/]+)/", path)
        if not match or not is_c(path):
            continue
        own = spoken.get(match.group(1), set())
        for number, line in numbered(without_comments(read(path))):
            line = re.sub(r"--plugin[ =]\w+(\.so)?", "", line)
            line = re.sub(r"\w+://|-f \w+|http-equiv", "", line)
            for name in names:
                if name not in own and re.search(
                        rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", line):
                    report(path, number, f"core names the plugin '{name}'")


def check_includes():
    """Plugins and scenarios see the SDK, public headers of plugins, their own
    files and the system: nothing of core.  Tests linked with the whole of
    swarm (swarm_add_test with HOST) are no modules."""
    inside = set(rooms())
    for path in files():
        match = re.match(r"(plugins/[^/]+|scenarios)/(tests/)?", path)
        if not match or match.group(2) or not is_c(path):
            continue
        for number, quote, name in includes(path):
            if ".." in name.split("/"):
                report(path, number, f"'{name}' leaves its folder")
            elif name.split("/")[0] in inside and "/" in name:
                beside = os.path.join(ROOT, match.group(1), name)
                if quote == "<" or not os.path.exists(beside):
                    report(path, number, f"'{name}' belongs to core; modules "
                           "include <swarm/...> only")


BANNED = {
    "strcpy": "buf or snprintf", "stpcpy": "buf", "strncpy": "buf or memcpy",
    "strcat": "buf", "strncat": "buf", "sprintf": "snprintf or buf_printf",
    "vsprintf": "vsnprintf or buf_vprintf", "gets": "fgets or getline",
    "atoi": "parse_int64", "atol": "parse_int64", "atoll": "parse_int64",
    "atof": "parse_double", "strtok": "strtok_r or strcspn",
    "scanf": "the parse functions", "sscanf": "the parse functions",
    "alloca": "the task arena", "tmpnam": "mkstemp", "mktemp": "mkstemp",
    "system": "posix_spawn", "popen": "posix_spawn",
    "rand": "rng_next", "srand": "rng_seed", "random": "rng_next",
    "localtime": "localtime_r", "gmtime": "gmtime_r",
    "asctime": "strftime", "ctime": "strftime",
    "gethostbyname": "the resolver", "signal": "sigaction",
    "setjmp": "return codes", "longjmp": "return codes",
}
ALLOCATE = {"malloc": "xmalloc", "calloc": "xcalloc", "realloc": "xrealloc",
            "strdup": "xstrdup", "strndup": "xstrndup",
            "asprintf": "xasprintf", "vasprintf": "xvasprintf"}


def check_banned():
    for path in files():
        if not is_c(path):
            continue
        banned = dict(BANNED)
        if path.startswith("tests/") or "/tests/" in path:
            # Their input is their own.
            for name in ("sscanf", "sprintf", "strcat", "strncat"):
                del banned[name]
        if path.startswith("core/") and not path.startswith(
                ("core/base/xalloc.c", "core/web/transport/")):
            banned.update(ALLOCATE)
        call = re.compile(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(")
        whole = read(path)
        lines = whole.split("\n")
        for number, line in numbered(without_strings(without_comments(whole))):
            if "lint: allow" in lines[number - 1]:
                continue
            for match in call.finditer(line):
                name = match.group(1)
                rest = line[match.end():]
                if name == "signal" and re.match(r"\w+, SIG_(DFL|IGN)", rest):
                    continue
                report(path, number, f"{name}() is banned: use "
                       f"{banned[name]}")


def check_space():
    for path in files():
        if not is_text(path):
            continue
        text = read(path)
        if text and not text.endswith("\n"):
            report(path, text.count("\n") + 1, "no newline at the end")
        if text.endswith("\n\n"):
            report(path, text.count("\n"), "empty line at the end")
        for number, line in numbered(text):
            if line.endswith("\r"):
                report(path, number, "carriage return")
            elif line != line.rstrip():
                report(path, number, "trailing blanks")
            if not is_c(path):
                continue
            if line.startswith("        "):
                report(path, number, "eight blanks: indent with a tab")
            # 80 is the aim; a trailing comment may hang over a little.
            if len(line.expandtabs(8)) > 88:
                report(path, number, "much longer than 80 columns")


def check_self():
    """The project speaks of itself: nothing about one person's machine, no
    promise for later, no commented-out C."""
    home = re.compile(r"(?<![\w.])/(home|root|Users|work|mnt)/\w")
    later = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME",
                                          "XX" + "X"]) + r")\b")
    for path in files():
        if not is_text(path):
            continue
        for number, line in numbered(read(path)):
            if home.search(line) and "lint: allow" not in line:
                report(path, number, "path of one machine")
            if later.search(line):
                report(path, number, "unfinished: do it or open an issue")
        if is_c(path):
            for number, line in numbered(read(path)):
                if re.match(r"\s*//", line):
                    report(path, number, "write /* */ comments")


def tool(name):
    """The tool's path; without it the check is skipped, but not in CI."""
    path = shutil.which(name)
    if path:
        return path
    print(f"{name} not found: run ./dev setup lint")
    sys.exit(1 if os.environ.get("CI") else SKIPPED)


def run_tool(command, names):
    done = subprocess.run(command + names, cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        found.append(done.stdout.rstrip())


# Identifiers and protocol words that only look like mistakes.
KNOWN = ["nd", "te", "ro", "ba", "fo", "ser", "crate", "parms", "inout", "hist",
         "clen", "inflight", "truely", "larg"]


def check_spelling():
    names = [p for p in files() if is_text(p)]
    run_tool([tool("codespell"), "--ignore-words-list", ",".join(KNOWN)],
             names)


def check_shell():
    names = [p for p in files() if is_text(p) and re.match(
        r"#!.*\b(ba)?sh\b", read(p).split("\n", 1)[0])]
    run_tool([tool("shellcheck")], names)


def check_manuals():
    names = [p for p in files() if re.search(r"\.[1-8]$", p)]
    if names:
        run_tool([tool("mandoc"), "-Tlint", "-Wwarning"], names)


def main():
    checks = {name[6:]: fn for name, fn in globals().items()
              if name.startswith("check_")}
    if len(sys.argv) != 2 or sys.argv[1] not in checks:
        sys.exit(f"usage: lint.py {'|'.join(checks)}")
    checks[sys.argv[1]]()
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
