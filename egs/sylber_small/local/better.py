#!/usr/bin/env python3
"""usage: better.py RUN RUN: the name of the run whose best validation has the higher F1."""
import json
import pathlib
import sys


def best(run):
    lines = (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()
    return max(json.loads(x).get("f1", 0) for x in lines)


print(pathlib.Path(max(sys.argv[1:], key=best)).name)
