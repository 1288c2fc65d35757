#!/usr/bin/env python3
"""Audio for the end-to-end tests, with nothing but Python's own library.

make_audio.py OUT.wav [--seconds S | --samples N] [--rate HZ] [--channels C] [--width BYTES]
              [--kind voice|silence] [--float] [--bad nan|inf] [--seed N]

A voice is a buzz with moving formant-like partials, on and off four times a second.
"""
import argparse
import math
import random
import struct


def voice(n, rate, seed):
    rng = random.Random(seed)
    pitch, out = 110 + 20 * rng.random(), []
    tones = [(f * (0.9 + 0.2 * rng.random()), 1.0 / k) for k, f in enumerate((5, 11, 22), 1)]
    for i in range(n):
        t = i / rate
        gate = max(0.0, math.sin(2 * math.pi * 2 * t)) ** 0.5 if int(2 * t) % 4 != 3 else 0.0
        wave = sum(a * math.sin(2 * math.pi * pitch * f * t / (1 + 0.2 * (int(4 * t) % 3)))
                   for f, a in tones if pitch * f < rate / 2)
        out.append(0.25 * gate * wave * (1 + math.sin(2 * math.pi * pitch * t)) / 2)
    return out


def encode(samples, width, is_float):
    if is_float:
        return struct.pack("<%df" % len(samples), *samples)
    top = 2 ** (8 * width - 1) - 1
    return b"".join(int(max(-1.0, min(1.0, s)) * top).to_bytes(width, "little", signed=True)
                    for s in samples)


def write_wav(path, samples, rate, channels, width, is_float):
    data = encode(samples, width, is_float)
    block = channels * width
    fmt = struct.pack("<HHIIHH", 3 if is_float else 1, channels, rate, rate * block, block,
                      8 * width)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    body += b"data" + struct.pack("<I", len(data)) + data
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(body)) + body)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--seconds", type=float, default=2.0)
    p.add_argument("--samples", type=int)
    p.add_argument("--rate", type=int, default=16000)
    p.add_argument("--channels", type=int, default=1)
    p.add_argument("--width", type=int, default=2)
    p.add_argument("--kind", choices=("voice", "silence"), default="voice")
    p.add_argument("--float", action="store_true")
    p.add_argument("--bad", choices=("nan", "inf"))
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    n = int(a.seconds * a.rate) if a.samples is None else a.samples
    mono = voice(n, a.rate, a.seed) if a.kind == "voice" else [0.0] * n
    if a.bad:
        mono[n // 2] = float(a.bad)
    samples = [s for s in mono for _ in range(a.channels)]
    write_wav(a.out, samples, a.rate, a.channels, 4 if a.float else a.width, a.float)


if __name__ == "__main__":
    main()
