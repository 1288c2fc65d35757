#!/usr/bin/env python3
"""Speaks texts with flite and writes the times of syllables that it made them with.

usage: flite_syllables.py LIBRARY_DIR VOICE TEXTS.txt DIR

VOICE is kal16, awb, rms or slt; TEXTS.txt has "KEY: TEXT" lines. Each gives DIR/KEY.wav, at the
voice's rate, and DIR/KEY.syl with a line "start end phone-phone-..." a syllable, in seconds. The
program flite prints times of phones only; its library also knows which syllable they belong to.
"""
import ctypes
import os
import sys


def load(folder, voice):
    """-> the library, its voice"""
    try:
        # Global: the libraries do not name what they need from each other.
        for name in ("flite", "flite_cmulex", "flite_usenglish", f"flite_cmu_us_{voice}"):
            library = ctypes.CDLL(os.path.join(folder, f"lib{name}.so.1"), mode=ctypes.RTLD_GLOBAL)
            flite = library if name == "flite" else flite
        register = library[f"register_cmu_us_{voice}"]
    except (OSError, AttributeError) as e:
        sys.exit(f"flite_syllables.py: {e}; the Debian package libflite1 has the voices kal16, awb, rms and slt")
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures = {"flite_init": (ctypes.c_int, []), "flite_synth_text": (pointer, [text, pointer]),
                  "utt_relation": (pointer, [pointer, text]), "utt_wave": (pointer, [pointer]),
                  "relation_head": (pointer, [pointer]), "item_next": (pointer, [pointer]),
                  "item_as": (pointer, [pointer, text]), "item_daughter": (pointer, [pointer]),
                  "ffeature_float": (ctypes.c_float, [pointer, text]),
                  "item_feat_string": (text, [pointer, text]),
                  "cst_wave_save_riff": (ctypes.c_int, [pointer, text]), "delete_utterance": (None, [pointer])}
    # flite[name] makes a new function each time; keep those with their types.
    functions = type("Flite", (), {})()
    for name, (result, arguments) in signatures.items():
        function = flite[name]
        function.restype, function.argtypes = result, arguments
        setattr(functions, name, function)
    functions.flite_init()
    register.restype, register.argtypes = pointer, [text]
    return functions, register(None)


def items(flite, first):
    while first:
        yield first
        first = flite.item_next(first)


def speak(flite, voice, key, text, folder):
    utterance = flite.flite_synth_text(text.encode("ascii"), voice)
    path = os.path.join(folder, key)
    lines = []
    for syllable in items(flite, flite.relation_head(flite.utt_relation(utterance, b"Syllable"))):
        phones = list(items(flite, flite.item_daughter(flite.item_as(syllable, b"SylStructure"))))
        start = flite.ffeature_float(phones[0], b"R:Segment.p.end")
        end = flite.ffeature_float(phones[-1], b"R:Segment.end")
        names = "-".join(flite.item_feat_string(p, b"name").decode() for p in phones)
        lines.append(f"{start:.6f} {end:.6f} {names}\n")
    if flite.cst_wave_save_riff(flite.utt_wave(utterance), f"{path}.wav".encode()) < 0:
        sys.exit(f"flite_syllables.py: {path}.wav cannot be written")
    flite.delete_utterance(utterance)
    with open(f"{path}.syl", "w", encoding="ascii") as f:
        f.writelines(lines)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    folder, voice, texts, out = sys.argv[1:]
    flite, handle = load(folder, voice)
    with open(texts, encoding="ascii") as f:
        for line in f:
            key, text = line.rstrip("\n").split(": ", 1)
            speak(flite, handle, key, text, out)


if __name__ == "__main__":
    main()
