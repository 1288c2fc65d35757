#!/usr/bin/env python3
"""Syllable times of recordings whose words are known, by forced alignment.

usage: align.py AUDIO_DIR TEXTS.txt OUT.json

TEXTS.txt has "KEY: TEXT" lines; AUDIO_DIR/KEY.wav is 16 kHz, 16 bit, mono (a / of the key is __
there and in OUT.json). The aligner is the Python package pocketsphinx (pip install
pocketsphinx==5.1.1) with the English models inside it: a pass for the words, a pass for the phones.
Syllables have maximal onsets within words. Good to 50 ms, not to 20. Left out, and counted: texts in
brackets, words that the CMU dictionary lacks, recordings that are missing or do not fit.

OUT.json: [{"key", "dur", "text", "syl": [[start, end, phones], ...]}, ...]
"""
import json
import os
import re
import sys
import wave

try:
    from pocketsphinx import Decoder, get_model_path
except ImportError:
    sys.exit("align.py: the Python package pocketsphinx is missing: pip install pocketsphinx==5.1.1, "
             "and name that Python as $PYTHON")

FRAME = 0.01  # seconds, the aligner's
SPOKEN = dict(zip("0 1 2 3 4 5 6 7 8 9 10".split(),
                  "zero one two three four five six seven eight nine ten".split()), **{"#": "pound"})
VOWELS = set("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
STOPS_R = ["P-R", "B-R", "T-R", "D-R", "K-R", "G-R", "F-R", "TH-R", "SH-R"]
CLUSTERS = set(STOPS_R + ["P-L", "B-L", "K-L", "G-L", "F-L", "S-L", "T-W", "D-W", "K-W", "G-W", "TH-W", "HH-W", "S-W",
                          "S-P", "S-T", "S-K", "S-F", "S-M", "S-N", "S-P-R", "S-P-L", "S-T-R", "S-K-R", "S-K-W",
                          "S-K-L"]
               + [c + "-Y" for c in "P B K G F V TH M HH S-P S-K".split()])


def is_onset(phones):
    return phones != ["NG"] if len(phones) == 1 else "-".join(phones) in CLUSTERS


def syllables(phones):
    """Names of a word's phones -> [(first, last + 1)] of its syllables"""
    nuclei = [i for i, p in enumerate(phones) if p in VOWELS]
    starts = [0]
    for before, nucleus in zip(nuclei, nuclei[1:]):
        start = nucleus
        while start - 1 > before and is_onset(phones[start - 1:nucleus]):
            start -= 1
        starts.append(start)
    return list(zip(starts, starts[1:] + [len(phones)]))


def words_of(text):
    """As the dictionary spells them; None where that is not known."""
    text = text.lower().replace("’", "'").replace("#", " # ")
    words = re.sub(r"[-.,;:!?\"()]", " ", text).split()
    words = [SPOKEN.get(w, w) for w in words]
    return words if words and all(re.fullmatch(r"[a-z']+", w) for w in words) else None


def decode(decoder, samples):
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()


def align(samples, words):
    """-> [[start, end, phones]], or None where they do not fit"""
    # A new one each time, so that a result does not depend on the recordings before it.
    decoder = Decoder(hmm=get_model_path("en-us/en-us"), dict=get_model_path("en-us/cmudict-en-us.dict"), lm=None,
                      loglevel="FATAL")
    if any(decoder.lookup_word(w) is None for w in words):
        return None
    try:
        decoder.set_align_text(" ".join(words))
        decode(decoder, samples)
        decoder.set_alignment()
        decode(decoder, samples)
    except RuntimeError:
        return None
    found = []
    for word in decoder.get_alignment():
        phones = list(word)
        names = [p.name for p in phones]
        if not VOWELS & set(names):
            continue  # silence, noise
        for first, end in syllables(names):
            last = phones[end - 1]
            found.append([round(phones[first].start * FRAME, 2), round((last.start + last.duration) * FRAME, 2),
                          "-".join(names[first:end])])
    return found


def recording(path, text):
    """-> {"dur", "text", "syl"}, or None"""
    words = words_of(text)
    if not words or not os.path.exists(path):
        return None
    with wave.open(path) as w:
        if (w.getframerate(), w.getnchannels(), w.getsampwidth()) != (16000, 1, 2):
            sys.exit(f"align.py: {path}: 16 kHz, 16 bit and one channel are expected")
        count = w.getnframes()
        found = align(w.readframes(count), words)
    return {"dur": count / 16000, "text": text, "syl": found} if found else None


def align_all(folder, texts):
    """-> the labels, the number of recordings that were left out"""
    found, left_out = [], 0
    with open(texts, encoding="utf-8") as f:
        for line in f:
            key, separator, text = line.strip().partition(": ")
            if line.startswith(";") or not separator:
                continue
            key = key.replace("/", "__")
            labels = recording(os.path.join(folder, key + ".wav"), text)
            if labels:
                found.append({"key": key, **labels})
            else:
                left_out += 1
    return found, left_out


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    folder, texts, out = sys.argv[1:]
    try:
        found, left_out = align_all(folder, texts)
    except (OSError, EOFError, wave.Error) as e:
        sys.exit(f"align.py: {e}")
    if not found:
        sys.exit(f"align.py: no recording in {folder} goes with a text of {texts}")
    with open(out + ".part", "w", encoding="utf-8") as f:
        json.dump(found, f)
    os.replace(out + ".part", out)
    print(f"{out}: {len(found)} recordings, {sum(len(u['syl']) for u in found)} syllables; {left_out} left out")


if __name__ == "__main__":
    main()
