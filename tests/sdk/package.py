#!/usr/bin/python3
"""The Debian packages: what is in which, that each library a program needs is
among its dependencies, that the unpacked files run and build a scenario.

With SWARM_LONG_PROOFS set they are also installed by apt on a Debian that
debootstrap has just made (root, some minutes, the network).

usage: package.py BUILD
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import common

HELLO = """#include <swarm/swarm.h>

static void hello(struct swarm_user *u)
{
	struct swarm_timer t = swarm_begin(u, "SAY", "hello");

	swarm_sleep(0.01);
	swarm_done(&t, 5);
}

SWARM_SCENARIO({ .name = "greeter", .tasks = SWARM_TASKS(SWARM_TASK(hello)) });
"""
RUN = ["--headless", "-u", "2", "-r", "2", "-t", "1s", "--processes", "1"]
WHERE = {
    "swarm": ["bin/swarm", "man/man1/swarm.1", "completions/swarm",
              "swarm-web.so", "doc/swarm/copyright", "doc/swarm/lua.md"],
    "swarm-plugins": ["plugins/fasthttp.so", "plugins/mqtt.so",
                      "man/man7/grpc.7", "scenarios/iot.so"],
    "swarm-dev": ["include/swarm/swarm.h", "include/swarm/http.h",
                  "man/man3/swarm-plugin.3", "pkgconfig/swarm.pc",
                  "Swarm/SwarmConfig.cmake", "swarm/templates/",
                  "doc/swarm-dev/write-a-plugin.md"],
}


def make(build, folder):
    common.must(["cpack", "--config", f"{build}/CPackConfig.cmake", "-G",
                 "DEB", "-B", folder])
    return {path.name.split("_")[0]: path for path in folder.glob("*.deb")}


def field(package, name):
    return common.must(["dpkg-deb", "-f", package, name]).strip()


def check_contents(packages):
    if set(packages) != set(WHERE):
        common.problem(f"packages: {sorted(packages)}")
        common.finish()
    seen = {}
    for name, path in packages.items():
        files = [line.split()[5] for line in
                 common.must(["dpkg-deb", "-c", path]).splitlines()]
        for wanted in WHERE[name]:
            if not any(wanted in file for file in files):
                common.problem(f"{name} lacks {wanted}")
        for file in files:
            if not file.endswith("/") and seen.setdefault(file, name) != name:
                common.problem(f"{file} is in {name} and in {seen[file]}")


def check_dependencies(packages, root):
    """dpkg-shlibdeps has found the owner of each library."""
    for name in ("swarm", "swarm-plugins"):
        depends = field(packages[name], "Depends")
        if name != "swarm" and "swarm (= " not in depends:
            common.problem(f"{name} fits any swarm: {depends}")
        if "libc6" not in depends:
            common.problem(f"{name} depends on {depends}")
    whole = " ".join(field(p, "Depends") for p in packages.values())
    needed = {}
    for path in [root / "usr/bin/swarm", *root.rglob("*.so")]:
        for library in re.findall(r"NEEDED\s+(\S+)", common.must(
                ["objdump", "-p", path])):
            needed.setdefault(library, path.name)
    for line in common.run(["dpkg", "-S", *[f"*/{n}" for n in needed]]
                           ).stdout.splitlines():
        owner, path = line.split(": ", 1)
        if re.search(rf"\b{re.escape(owner.split(':')[0])}\b", whole):
            needed.pop(pathlib.Path(path).name, None)
    own = {path.name for path in root.rglob("*.so")}
    for library, path in needed.items():
        if library in own:
            continue
        common.problem(f"{path} needs {library}, which nothing depends on")


def check_use(root, folder):
    """Unpacked below any folder, since files find their neighbours."""
    program = root / "usr/bin/swarm"
    version = common.must([program, "--version"])
    plugins = common.must([program, "plugins"])
    if "swarm 0." not in version or "fasthttp" not in plugins:
        common.problem(f"{version}{plugins}")
    (folder / "hello.c").write_text(HELLO)
    said = common.must([program, "-f", folder / "hello.c", *RUN],
                       env=dict(os.environ, XDG_CACHE_HOME=str(folder)))
    if not re.search(r"TOTAL +requests [1-9]", said):
        common.problem(said)


def check_clean_system(packages, folder):
    root = folder / "debian"
    common.must(["debootstrap", "--variant=minbase", "bookworm", root])
    for path in packages.values():
        common.must(["cp", path, root])
    (root / "hello.c").write_text(HELLO)
    names = [f"/{path.name}" for path in packages.values()]
    script = ("set -e; export DEBIAN_FRONTEND=noninteractive; apt-get update;"
              f"apt-get install -y --no-install-recommends {' '.join(names)};"
              "swarm --version; swarm plugins; swarm -f /hello.c "
              f"{' '.join(RUN)}; swarm -f quickstart.so --list;"
              "cd /tmp; swarm new plugin echo;"
              "apt-get purge -y swarm; ! test -e /usr/bin/swarm")
    print(common.must([
        "unshare", "--mount", "sh", "-c",
        'mount -t proc proc "$0/proc" && exec chroot "$0" sh -c "$1"',
        root, script])[-4000:])


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        packages = make(build, folder / "packages")
        check_contents(packages)
        root = folder / "root"
        for path in packages.values():
            common.must(["dpkg-deb", "-x", path, root])
        check_dependencies(packages, root)
        check_use(root, folder)
        if os.environ.get("SWARM_LONG_PROOFS"):
            check_clean_system(packages, folder)
    common.finish()


main()
