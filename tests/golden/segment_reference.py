#!/usr/bin/env python3
"""Reference of Sylber's greedy segmentation (numpy only) and random cases for the C test.

usage: segment_reference.py OUT.bin [CASES]            (default 1000 cases)

OUT.bin, little endian: int32 magic 0x53454731, int32 cases; a case: int32 T, D, M; float32
norm threshold, merge threshold; float32 x[T][D]; int32 segments[M][2], half open.
A case where any comparison (norm or cosine against its threshold, best against second best
place of a cut) is closer than MARGIN relative to its scale is left out and another is drawn:
there the order of a float32 sum decides, which no two programs need to share.
"""
import struct
import sys

import numpy as np

MAGIC, MARGIN, SEED = 0x53454731, 1e-6, 20240607
EPS = np.float32(1e-8)


class Margin:
    """Smallest relative distance of all decisions taken."""

    def __init__(self):
        self.value = np.inf

    def at_least(self, a, b):
        d = abs(float(a) - float(b)) / max(1.0, abs(float(b)))
        if d == d:                                   # NaN decides clearly
            self.value = min(self.value, d)
        return a >= b


def norm(x):
    return np.sqrt((x * x).sum(-1) + EPS)


def cosine(a, b):
    return (a * b).sum(-1) / norm(a) / norm(b)


def settle(x, left, right, merge, margin):
    """Two adjacent pieces [a,b) [b,e) -> None when they are one, else the place of the cut."""
    (a, b), (_, e) = left, right
    ml, mr = x[a:b].mean(0), x[b:e].mean(0)
    if margin.at_least(cosine(ml, mr), merge):
        return None
    lo, hi = max(a, b - max(1, (b - a) // 2)), min(e, b + max(1, (e - b) // 2))
    p, n = cosine(x[lo:hi], ml[None]), cosine(x[lo:hi], mr[None])
    score = np.array([p[:i].sum() + n[i:].sum() for i in range(hi - lo)])
    if len(score) > 1:
        best = np.sort(score.astype(np.float64))[::-1]
        margin.value = min(margin.value, (best[0] - best[1]) / max(1.0, abs(best[0])))
    return lo + int(np.argmax(score))                # the first maximum


def segment(x, norm_threshold, merge, margin):
    """x [T][D] float32 -> list of [start, end)."""
    nt, merge = np.float32(norm_threshold), np.float32(merge)
    pieces, joints = [], []                          # joint j: boundary of pieces[j], pieces[j + 1]
    start, count, proto = -1, 0, None
    for t in range(len(x)):
        if not margin.at_least(norm(x[t]), nt):
            if start >= 0:
                pieces.append([start, t])
            start, count = -1, 0
        elif count == 0:
            start, count, proto = t, 1, x[t]
        elif margin.at_least(cosine(proto, x[t]), merge):
            proto = (proto * np.float32(count) + x[t]) / np.float32(count + 1)
            count += 1
        else:
            pieces.append([start, t])
            joints.append(len(pieces) - 1)
            start, proto = t, x[t]
            count += 1                               # not set back to 1: as the original does
    if start >= 0:
        pieces.append([start, len(x)])
    merged = set()
    for j in joints:
        cut = settle(x, pieces[j], pieces[j + 1], merge, margin)
        if cut is None:
            pieces[j + 1][0] = pieces[j][0]
            merged.add(j)
        else:
            pieces[j][1] = pieces[j + 1][0] = cut
    return [p for j, p in enumerate(pieces) if j not in merged]


def syllables(rng, T, D, noise, silence, length, scale):
    """Constant pieces with noise, silent gaps and, mostly, short cross-fades."""
    rows, base = [], rng.standard_normal(D)
    while len(rows) < T:
        n = max(1, int(rng.gamma(3.0, length / 3.0)))
        if rng.random() < silence:
            rows += [0.3 * rng.standard_normal(D) / np.sqrt(D) for _ in range(n)]
        else:
            c = 0.35 * base + rng.standard_normal(D)
            c *= scale / np.linalg.norm(c)
            rows += [c + noise * scale * rng.standard_normal(D) / np.sqrt(D) for _ in range(n)]
    x = np.array(rows[:T]).reshape(T, D)
    if T > 5 and rng.random() < 0.7:
        k = np.hanning(rng.choice([3, 5]) + 2)[1:-1]
        x = np.apply_along_axis(lambda v: np.convolve(v, k / k.sum(), "same"), 0, x)
    return x


def draw(rng, i):
    """Case i: x, norm threshold, merge threshold. Ten kinds in turn."""
    kind = i % 10
    D = int(rng.choice([8, 16, 64]))
    T = int(rng.integers(2, 120))
    nt, mt = float(rng.choice([2.6, 1.0, 4.0])), float(rng.choice([0.8, 0.5, 0.9, 0.6]))
    x = syllables(rng, T, D, float(rng.choice([0, .1, .3, .5, .7])), float(rng.choice([0, .1, .3])),
                  float(rng.choice([3, 9, 20])), 6.0)
    if kind == 3:                                    # pure noise, most frames voiced
        x, nt = rng.standard_normal((T, D)), 0.1
    elif kind == 4:                                  # rows of NaN or with one NaN
        for t in rng.choice(T, max(1, T // 10)):
            x[t, :: int(rng.choice([1, D]))] = np.nan
    elif kind == 5:                                  # single voiced frames in silence
        x[rng.random(T) < 0.6] *= 1e-3
    elif kind == 6:                                  # a slow turn: long chains of merges
        a = np.linspace(0, float(rng.uniform(1, 12)), T)[:, None]
        u, v = rng.standard_normal((2, D))
        x = 5 * (np.cos(a) * u + np.sin(a) * v) / np.sqrt(D) + 0.02 * rng.standard_normal((T, D))
    elif kind == 7:                                  # thresholds at their ends
        nt, mt = float(rng.choice([0.0, 1e-3, 50.0])), float(rng.choice([-0.5, 0.0, 0.99]))
    elif kind == 8 and i % 100 < 80:                 # very short
        x = x[: int(rng.integers(0, 4))]
    elif kind == 9 and i % 100 < 30:                 # silence, zeros
        x *= 0 if i % 20 < 10 else 1e-4
    return np.ascontiguousarray(x, np.float32), nt, mt


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    rng = np.random.default_rng(SEED)
    want = int(sys.argv[2]) if len(sys.argv) == 3 else 1000
    made = skipped = pieces = 0
    with open(sys.argv[1], "wb") as f:
        f.write(struct.pack("<2i", MAGIC, want))
        while made < want:
            if made < 4:                             # T = 0 and T = 1, voiced and silent
                x = np.full((made // 2 if made < 2 else 1, 8), 3.0 if made % 2 else 0.1, np.float32)
                nt, mt = 2.6, 0.8
            else:
                x, nt, mt = draw(rng, made)
            margin = Margin()
            with np.errstate(invalid="ignore"):
                seg = segment(x, nt, mt, margin)
            if margin.value < MARGIN:
                skipped += 1
                continue
            f.write(struct.pack("<3i2f", len(x), x.shape[1], len(seg), nt, mt))
            f.write(x.astype("<f4").tobytes() + np.array(seg, "<i4").tobytes())
            made, pieces = made + 1, pieces + len(seg)
    print(f"{made} cases, {pieces} segments, {skipped} left out for margins below {MARGIN}")


if __name__ == "__main__":
    main()
