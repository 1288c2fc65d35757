#!/usr/bin/env python3
"""Recordings with noise, and noise without speech; the same bytes whenever it is run.

usage: noisy.py PROMPTS LABELS.json OUT

OUT/{white,babble}-{20,10,5}/KEY.wav   the English prompts of LABELS.json at these signal-to-noise
                                       ratios in dB; babble is the sum of eight prompts of other
                                       languages at the same level, repeated as needed
OUT/nonspeech/NAME.wav                 10 s each: digital silence, dither of one step, and white, pink
                                       and brown noise of -60, -40 and -20 dB below full scale (RMS)

The level of speech is its power in the frames of 20 ms within 35 dB of the loudest one. Mixtures
that would clip are turned down. Needs numpy; the generator is the one that numpy keeps stable.
"""
import json
import os
import sys
import wave
import zlib

try:
    import numpy as np
except ImportError:
    sys.exit("noisy.py: numpy is missing; on Debian: apt-get install python3-numpy")

RATE, SEED = 16000, 0
SNRS, LEVELS = (20, 10, 5), (-60, -40, -20)  # dB
TALKERS, SECONDS, FRAME = 8, 10, 320


def generator(name):
    """Depends on the name alone, so that no file depends on which others there are."""
    return np.random.RandomState((zlib.crc32(name.encode()) + SEED) % 2**32)


def read(path):
    with wave.open(path) as w:
        if (w.getframerate(), w.getnchannels(), w.getsampwidth()) != (RATE, 1, 2):
            sys.exit(f"noisy.py: {path}: 16 kHz, 16 bit and one channel are expected")
        return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float64) / 32768


def write(path, x):
    peak = np.abs(x).max()
    x = x * min(1, 0.99 / peak) if peak > 0 else x
    with wave.open(path + ".part", "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes(np.rint(x * 32767).astype("<i2").tobytes())
    os.replace(path + ".part", path)


def speech_power(x):
    frames = np.pad(x, (0, -len(x) % FRAME)).reshape(-1, FRAME)
    power = (frames**2).mean(1)
    return power[power >= power.max() * 10**-3.5].mean()


def babble(key, length, others):
    random, total = generator("babble " + key), np.zeros(length)
    for i in random.choice(len(others), TALKERS, replace=False):
        x = read(others[i])
        x = x / max(np.sqrt(speech_power(x)), 1e-4)
        total += np.resize(np.roll(x, random.randint(len(x))), length)
    return total


def coloured(name, slope):
    """Noise whose power falls with the frequency to this power, of RMS 1."""
    spectrum = np.fft.rfft(generator(name).standard_normal(RATE * SECONDS))
    frequency = np.fft.rfftfreq(RATE * SECONDS, 1 / RATE)
    gain = np.zeros_like(frequency)
    audible = frequency >= 20
    gain[audible] = frequency[audible] ** (-slope / 2)
    x = np.fft.irfft(spectrum * gain)
    return x / np.sqrt((x**2).mean())


def mixtures(prompts, keys, out):
    others = [os.path.join(prompts, language, name) for language in ("es", "fr", "it", "ru")
              for name in sorted(os.listdir(os.path.join(prompts, language))) if name.endswith(".wav")]
    for kind in ("white", "babble"):
        for snr in SNRS:
            os.makedirs(os.path.join(out, f"{kind}-{snr}"), exist_ok=True)
    for key in keys:
        speech = read(os.path.join(prompts, "en", key + ".wav"))
        power = speech_power(speech)
        white = generator("white " + key).standard_normal(len(speech))
        for kind, noise in (("white", white), ("babble", babble(key, len(speech), others))):
            noise = noise * np.sqrt(power / (noise**2).mean())
            for snr in SNRS:
                write(os.path.join(out, f"{kind}-{snr}", key + ".wav"), speech + noise * 10 ** (-snr / 20))


def nonspeech(out):
    os.makedirs(out, exist_ok=True)
    write(os.path.join(out, "silence.wav"), np.zeros(RATE * SECONDS))
    write(os.path.join(out, "dither.wav"), generator("dither").randint(-1, 2, RATE * SECONDS) / 32767)
    for name, slope in (("white", 0), ("pink", 1), ("brown", 2)):
        noise = coloured(name, slope)
        for level in LEVELS:
            write(os.path.join(out, f"{name}{level}dB.wav"), noise * 10 ** (level / 20))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    prompts, labels, out = sys.argv[1:]
    try:
        with open(labels, encoding="utf-8") as f:
            keys = [u["key"] for u in json.load(f)]
        mixtures(prompts, keys, out)
        nonspeech(os.path.join(out, "nonspeech"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, wave.Error) as e:
        sys.exit(f"noisy.py: {e}; prompts.sh and split_labels.py make the inputs")
    print(f"{out}: {len(keys)} prompts with white noise and babble at {SNRS} dB, and files without speech")


if __name__ == "__main__":
    main()
