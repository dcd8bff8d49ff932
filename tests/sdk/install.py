#!/usr/bin/python3
"""Stages an install and moves it, so that whatever remembers where it was
built for is found out.

usage: install.py BUILD STAGE
"""
import pathlib
import shutil
import sys

import common


def main():
    build, stage = sys.argv[1], pathlib.Path(sys.argv[2])
    first = stage.with_name(stage.name + "-first")
    for folder in (stage, first):
        shutil.rmtree(folder, ignore_errors=True)
    common.must(["cmake", "--install", build, "--prefix", first])
    first.rename(stage)
    for path in stage.rglob("*"):
        if path.suffix not in (".pc", ".cmake", ".h"):
            continue
        text = path.read_text()
        for folder in (str(first), build, str(common.ROOT)):
            if folder in text:
                common.problem(f"{path} names {folder}")
    common.finish()


main()
