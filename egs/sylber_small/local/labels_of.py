#!/usr/bin/env python3
"""Collects KEY.wav and KEY.syl ("start end phone-phone-..." lines) into one list of labels.

usage: labels_of.py AUDIO_DIR SYL_DIR OUT.json

OUT.json: [{"key", "dur", "syl": [[start, end, phones], ...]}, ...], as the aligned prompts' labels.
"""
import json
import os
import sys
import wave


def recording(audio, path):
    key = os.path.basename(path)[:-len(".syl")]
    with wave.open(os.path.join(audio, key + ".wav")) as w:
        duration = w.getnframes() / w.getframerate()
    with open(path, encoding="ascii") as f:
        syllables = [[round(float(a), 4), round(float(b), 4), phones.upper()] for a, b, phones in map(str.split, f)]
    if not syllables or syllables[-1][1] > duration + 0.01:
        sys.exit(f"labels_of.py: {path}: no syllables, or some after the end of the recording, {duration} s")
    return {"key": key, "dur": round(duration, 6), "syl": syllables}


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    audio, labels, out = sys.argv[1:]
    try:
        names = sorted(n for n in os.listdir(labels) if n.endswith(".syl"))
        found = [recording(audio, os.path.join(labels, n)) for n in names]
    except (OSError, ValueError, EOFError, wave.Error) as e:
        sys.exit(f"labels_of.py: {audio}, {labels}: {e}")
    if not found:
        sys.exit(f"labels_of.py: {labels}: no file KEY.syl")
    with open(out + ".part", "w", encoding="ascii") as f:
        json.dump(found, f)
    os.replace(out + ".part", out)
    syllables = sum(len(u["syl"]) for u in found)
    print(f"{out}: {len(found)} recordings, {sum(u['dur'] for u in found):.1f} s, {syllables} syllables")


if __name__ == "__main__":
    main()
