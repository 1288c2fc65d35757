#!/usr/bin/env python3
"""Syllables out of the phone labels of the Russian voice in Debian's festvox-ru.

usage: lab_syllables.py LAB_DIR SYL_DIR

LAB_DIR/KEY.lab has "end 125 phone" lines after "#"; SYL_DIR/KEY.syl gets a line "start end
phone-phone-..." a syllable. Avanesov's rule, across words: of the consonants between two vowels all
open the second syllable, but for a first one that is a sonorant before a less sonorous one. Pauses
(pau) belong to no syllable and end one.
"""
import os
import sys

VOWELS = set("a aa ae ay e ee i ii oo u ur uu y yy".split())
SONORITY = {**dict.fromkeys("m mm n nn l ll r rr".split(), 1), "j": 2}  # of others 0


def stretches(path):
    """The phones between pauses: [[(start, end, phone)]]"""
    found, start = [[]], 0.0
    with open(path, encoding="ascii") as f:
        for line in f:
            fields = line.split()
            if len(fields) != 3:
                continue  # "#", and an end without a phone
            end, phone = float(fields[0]), fields[2]
            if phone == "pau":
                found.append([])
            else:
                found[-1].append((start, end, phone))
            start = end
    return found


def syllables(phones):
    names = [p for _, _, p in phones]
    nuclei = [i for i, p in enumerate(names) if p in VOWELS]
    if not nuclei:
        return []  # a preposition by itself
    starts = [0]
    for before, nucleus in zip(nuclei, nuclei[1:]):
        onset = before + 1
        if nucleus - onset > 1 and SONORITY.get(names[onset], 0) > SONORITY.get(names[onset + 1], 0):
            onset += 1
        starts.append(onset)
    return [phones[a:b] for a, b in zip(starts, starts[1:] + [len(phones)])]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    labels, out = sys.argv[1:]
    try:
        for name in sorted(n for n in os.listdir(labels) if n.endswith(".lab")):
            with open(os.path.join(out, name[:-len("lab")] + "syl"), "w", encoding="ascii") as f:
                for phones in stretches(os.path.join(labels, name)):
                    for s in syllables(phones):
                        f.write(f"{s[0][0]:.6f} {s[-1][1]:.6f} {'-'.join(p for _, _, p in s)}\n")
    except (OSError, ValueError) as e:
        sys.exit(f"lab_syllables.py: {labels}: {e}")


if __name__ == "__main__":
    main()
