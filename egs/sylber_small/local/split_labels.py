#!/usr/bin/env python3
"""Parts the aligned English prompts into those that a probe may learn from and those to score.

usage: split_labels.py LABELS.json PROBE.json SCORE.json ALL.json

70 keys are drawn with seed 0; the others are for scoring. The / of keys becomes __, as in the
names of the recordings. The draw depends on the keys' order in the file and on nothing else.
"""
import json
import os
import random
import sys

SEED, PROBE = 0, 70


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as f:
            recordings = json.load(f)
        drawn = set(random.Random(SEED).sample([u["key"] for u in recordings], PROBE))
    except (OSError, ValueError, KeyError, TypeError) as e:
        sys.exit(f"split_labels.py: {sys.argv[1]}: {e}; a list of {PROBE} or more {{\"key\", \"syl\"}} is expected")
    chosen = [u["key"] in drawn for u in recordings]
    for u in recordings:
        u["key"] = u["key"].replace("/", "__")
    parts = ([u for u, c in zip(recordings, chosen) if c], [u for u, c in zip(recordings, chosen) if not c], recordings)
    for path, part in zip(sys.argv[2:], parts):
        with open(path + ".part", "w", encoding="utf-8") as f:
            json.dump(part, f, ensure_ascii=False)
        os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
