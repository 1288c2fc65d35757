#!/usr/bin/env python3
"""Syllable times of recordings whose words are known, by forced alignment.

usage: align.py AUDIO_DIR OUT.json

AUDIO_DIR has KEY.wav (16 kHz, 16 bit, mono) and KEY.txt, its words, all of them in the CMU dictionary.
The aligner is the Python package pocketsphinx (pip install pocketsphinx==5.1.1) with the English
models inside it: a pass for the words, a pass for the phones. Syllables have maximal onsets within
words. Good to 50 ms, not to 20.

OUT.json: [{"key", "dur", "text", "syl": [[start, end, phones], ...]}, ...]
"""
import json
import os
import sys
import wave

try:
    from pocketsphinx import Decoder, get_model_path
except ImportError:
    sys.exit("align.py: the Python package pocketsphinx is missing: pip install pocketsphinx==5.1.1, "
             "and name that Python as $PYTHON")

FRAME = 0.01  # seconds, the aligner's
VOWELS = set("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
STOPS_R = ["P-R", "B-R", "T-R", "D-R", "K-R", "G-R", "F-R", "TH-R", "SH-R"]
CLUSTERS = set(STOPS_R + ["P-L", "B-L", "K-L", "G-L", "F-L", "S-L", "T-W", "D-W", "K-W", "G-W", "TH-W", "HH-W", "S-W",
                          "S-P", "S-T", "S-K", "S-F", "S-M", "S-N", "S-P-R", "S-P-L", "S-T-R", "S-K-R", "S-K-W",
                          "S-K-L"]
               + [c + "-Y" for c in "P B T D K G F V TH M N L S HH S-P S-T S-K".split()])


def fail(message):
    sys.exit(f"align.py: {message}")


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


def decode(decoder, samples):
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()


def align(samples, text):
    """-> [[start, end, phones]]"""
    decoder = Decoder(hmm=get_model_path("en-us/en-us"), dict=get_model_path("en-us/cmudict-en-us.dict"), lm=None,
                      loglevel="FATAL")
    decoder.set_align_text(text)
    decode(decoder, samples)
    decoder.set_alignment()
    decode(decoder, samples)
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


def recording(folder, key):
    path = os.path.join(folder, key)
    with open(f"{path}.txt", encoding="utf-8") as f:
        text = f.read().strip()
    with wave.open(f"{path}.wav") as w:
        if (w.getframerate(), w.getnchannels(), w.getsampwidth()) != (16000, 1, 2):
            fail(f"{path}.wav: 16 kHz, 16 bit and one channel are expected")
        count = w.getnframes()
        samples = w.readframes(count)
    try:
        found = align(samples, text.lower())
    except (RuntimeError, ValueError) as e:
        fail(f"{path}.wav: '{text}' could not be aligned: {e}")
    return {"key": key, "dur": count / 16000, "text": text, "syl": found}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, out = sys.argv[1:]
    try:
        keys = sorted(n[:-4] for n in os.listdir(folder) if n.endswith(".txt"))
        found = [recording(folder, key) for key in keys]
    except (OSError, EOFError, wave.Error) as e:
        fail(str(e))
    if not found:
        fail(f"{folder}: no KEY.txt beside KEY.wav")
    with open(out + ".part", "w", encoding="utf-8") as f:
        json.dump(found, f)
    os.replace(out + ".part", out)
    print(f"{out}: {len(found)} recordings, {sum(len(u['syl']) for u in found)} syllables")


if __name__ == "__main__":
    main()
