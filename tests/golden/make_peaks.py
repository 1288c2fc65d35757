#!/usr/bin/env python3
"""Makes peaks.safetensors: curves and the peaks that scipy.signal.find_peaks finds in them.

usage: make_peaks.py [OUT_DIR]     (default: this file's folder)

x F32 [cases][64], of which lengths I32 [cases] count; rules F32 [cases][3] (height, prominence,
distance); peaks I32 [cases][32], then -1. Half of the curves have few levels, so that there are
plateaus; these keep distance 1, since scipy leaves open which of two equal peaks stays.
"""
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file
from scipy.signal import find_peaks

CASES, SIZE = 60, 64


def main():
    here = pathlib.Path(__file__).resolve().parent
    out_dir = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
    rng = np.random.default_rng(2)
    lengths = np.concatenate([np.arange(6), rng.integers(6, SIZE + 1, CASES - 6)]).astype(np.int32)
    x = rng.standard_normal((CASES, SIZE)).cumsum(1).astype(np.float32) / 2
    x[::2] = np.round(x[::2])
    rules = np.stack([rng.choice([-1e30, 0, 0.3], CASES), rng.choice([0, 0.4, 1], CASES),
                      rng.choice([1, 3, 7], CASES)], 1).astype(np.float32)
    rules[::2, 2] = 1
    peaks = np.full((CASES, SIZE // 2), -1, np.int32)
    for i in range(CASES):
        height, prominence, distance = map(float, rules[i])
        found, _ = find_peaks(x[i, :lengths[i]].astype(float), height=height, prominence=prominence, distance=distance)
        peaks[i, :len(found)] = found
    path = out_dir / "peaks.safetensors"
    save_file({"x": x, "lengths": lengths, "rules": rules, "peaks": peaks}, path)
    path.chmod(0o644)
    print(path, path.stat().st_size, "bytes,", int((peaks >= 0).sum()), "peaks")


if __name__ == "__main__":
    main()
