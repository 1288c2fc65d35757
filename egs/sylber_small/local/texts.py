#!/usr/bin/env python3
"""Draws texts for synthetic voices from what the prompts of a language say.

usage: texts.py PROMPTS.txt LABELS.json TEXTS.txt TEXTS.scm

60 texts of 4 to 30 words are drawn with seed 0, where there are enough of them from the prompts that
have no aligned syllables, so that no text is scored twice. TEXTS.txt has them as "KEY: TEXT",
TEXTS.scm as ("KEY" "TEXT").
"""
import json
import os
import random
import re
import sys

SEED, COUNT, WORDS = 0, 60, range(4, 31)


def candidates(path, aligned):
    """[(key, text)], each text once"""
    found, seen = [], set()
    with open(path, encoding="utf-8") as f:
        for line in f:
            key, separator, text = line.strip().partition(": ")
            key = key.replace("/", "__")
            text = re.sub(r"\s+", " ", text.replace("’", "'")).strip(" .")
            plain = re.fullmatch(r"[A-Za-z0-9 ,.;:!?'-]+", text)
            if key.startswith(";") or not separator or not plain or key in aligned:
                continue
            if len(text.split()) in WORDS and text not in seen:
                seen.add(text)
                found.append((key, text))
    return found


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    texts, aligned, plain, scheme = sys.argv[1:]
    try:
        with open(aligned, encoding="utf-8") as f:
            found = candidates(texts, {u["key"] for u in json.load(f)})
        if len(found) < COUNT:
            found = candidates(texts, set())
    except (OSError, ValueError, KeyError, TypeError) as e:
        sys.exit(f"texts.py: {texts}, {aligned}: {e}")
    if len(found) < COUNT:
        sys.exit(f"texts.py: {texts}: {len(found)} usable texts; {COUNT} are wanted")
    drawn = sorted(random.Random(SEED).sample(found, COUNT))
    for path, form in ((plain, "{}: {}\n"), (scheme, '("{}" "{}")\n')):
        with open(path + ".part", "w", encoding="ascii") as f:
            f.writelines(form.format(*u) for u in drawn)
        os.replace(path + ".part", path)
    print(f"{plain}: {COUNT} texts of {len(found)}")


if __name__ == "__main__":
    main()
