"""What the SDK's tests share: where things are, running a compiler, failing."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77
problems = []


def problem(text):
    problems.append(text)


def finish():
    """Ends the test: 1 when anything was wrong."""
    for text in problems:
        print(text)
    sys.exit(1 if problems else 0)


def skip(why):
    """Where CI is set, nothing may be skipped."""
    print(why)
    sys.exit(1 if os.environ.get("CI") else SKIPPED)


def have(program):
    return shutil.which(program) is not None


def run(args, **more):
    """The finished process; its output is text, both streams together."""
    return subprocess.run([str(a) for a in args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **more)


def must(args, **more):
    """Runs; a failure is a problem.  The output."""
    done = run(args, **more)
    if done.returncode != 0:
        problem(f"failed ({done.returncode}): {' '.join(map(str, args))}\n"
                f"{done.stdout}")
    return done.stdout


def public_headers():
    """<swarm/X.h> of the SDK and of every plugin, as (name, path)."""
    found = {}
    for folder in [ROOT / "sdk" / "include", *ROOT.glob("plugins/*/include")]:
        for path in sorted(folder.rglob("*.h")):
            found[str(path.relative_to(folder))] = path
    return found


def pkg_config(directory, *args):
    env = dict(os.environ, PKG_CONFIG_PATH=str(directory))
    return subprocess.run(["pkg-config", *args, "swarm"], env=env, check=True,
                          stdout=subprocess.PIPE, text=True).stdout.split()
