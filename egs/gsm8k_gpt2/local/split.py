#!/usr/bin/env python3
"""split.py ALL.json N FIRST.json REST.json: N samples of ALL, spread evenly over it, and the others."""
import json
import pathlib
import sys


def main():
    samples = json.loads(pathlib.Path(sys.argv[1]).read_text())
    count = int(sys.argv[2])
    chosen = {i * len(samples) // count for i in range(count)}
    first = [s for i, s in enumerate(samples) if i in chosen]
    rest = [s for i, s in enumerate(samples) if i not in chosen]
    for path, part in zip(sys.argv[3:5], (first, rest)):
        pathlib.Path(path).write_text("[\n" + ",\n".join(map(json.dumps, part)) + "\n]\n")


if __name__ == "__main__":
    main()
