#!/usr/bin/env python3
"""Makes the fixtures of the teacher and of what is computed from its features: PyTorch and scipy.

usage: make_teacher.py [OUT_DIR]     (default: this file's folder)

Writes teacher.safetensors: a log-mel encoder with positions, random weights in float16; and
teacher_check.safetensors: audio F16 [N]; short and long F32 [levels][T][dim], the hidden states
of its first 9,700 samples and of all of it, which has more frames than there are positions and is
cut at `cuts`; curves F32 [4][T] of the sonority method on `long` standardised over itself, regions
I32 [R][2].
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter1d

RATE, N_FFT, HOP, MELS, DIM, HEADS, FF, LAYERS, POSITIONS = 16000, 400, 160, 80, 32, 4, 64, 2, 48
FRAME, TAIL, FLOOR, EPS = 2 * HOP, RATE // 5, -5.0, 1e-5
SHORT, LONG = 9700, 25600


def weights(rng):
    def normal(*shape, scale=1.0):
        return torch.tensor(rng.standard_normal(shape) * scale, dtype=torch.float32).half()

    def linear(name, n_out, *n_in):
        return {f"{name}.weight": normal(n_out, *n_in, scale=np.prod(n_in) ** -0.5),
                f"{name}.bias": normal(n_out, scale=0.1)}

    def norm(name):
        return {f"{name}.weight": 1 + normal(DIM, scale=0.1), f"{name}.bias": normal(DIM, scale=0.1)}

    w = {"positions": normal(POSITIONS, DIM, scale=0.3), **norm("ln"),
         **linear("stem.conv1", DIM, MELS, 3), **linear("stem.conv2", DIM, DIM, 3)}
    for i in range(LAYERS):
        p = f"layers.{i}."
        w |= {**norm(p + "ln1"), **norm(p + "ln2"), **linear(p + "qkv", 3 * DIM, DIM),
              **linear(p + "out", DIM, DIM), **linear(p + "ff1", FF, DIM), **linear(p + "ff2", DIM, FF)}
    return w


def audio(rng):
    """Five tones that swell and fade, with noise and a silence."""
    t = np.arange(LONG) / RATE
    x = 0.002 * rng.standard_normal(LONG)
    for centre, pitch in ((0.2, 180), (0.45, 240), (0.75, 200), (1.15, 300), (1.4, 160)):
        x += 0.3 * np.exp(-((t - centre) / 0.06) ** 2) * sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 9))
    x[14000:16000] = 0
    return torch.tensor(x, dtype=torch.float32).half()


def encode_piece(x, w, filters):
    """samples [N] -> [levels][N / FRAME][DIM]"""
    frames = len(x) // FRAME
    spec = torch.stft(F.pad(x, (0, TAIL)), N_FFT, HOP, window=torch.hann_window(N_FFT), center=True,
                      pad_mode="reflect", return_complex=True)[:, :-1].abs() ** 2
    mel = ((filters @ spec).clamp_min(10.0 ** FLOOR).log10() + 4) / 4

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        return F.layer_norm(x, (DIM,), w[name + ".weight"], w[name + ".bias"], EPS)

    h = F.gelu(F.conv1d(mel[None], w["stem.conv1.weight"], w["stem.conv1.bias"], padding=1))
    h = F.gelu(F.conv1d(h, w["stem.conv2.weight"], w["stem.conv2.bias"], padding=1, stride=2))[0].T
    h = h + w["positions"][:len(h)]
    states = [h]
    for i in range(LAYERS):
        p = f"layers.{i}."
        q, k, v = linear(norm(h, p + "ln1"), p + "qkv").view(len(h), 3, HEADS, DIM // HEADS).permute(1, 2, 0, 3)
        a = F.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(len(h), DIM)
        h = h + linear(a, p + "out")
        h = h + linear(F.gelu(linear(norm(h, p + "ln2"), p + "ff1")), p + "ff2")
        states.append(h)
    return torch.stack([s[:frames] for s in states + [norm(h, "ln")]])


def cuts_of(x, frames):
    """Where a long recording is cut, frames."""
    limit, at, cuts = POSITIONS - TAIL // FRAME - 2, 0, []
    while frames - at > limit:
        most = min(limit, frames - at - 2)
        energy = [(x[(at + t - 2) * FRAME:(at + t + 2) * FRAME].double() ** 2).sum().item()
                  for t in range(most // 2 + 1, most + 1)]
        at += most // 2 + 1 + int(np.argmin(energy))
        cuts.append(at)
    return cuts


def sonority(x, n):
    hz = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
    spec = torch.stft(x, N_FFT, HOP // 2, window=torch.hann_window(N_FFT), center=True, pad_mode="reflect",
                      return_complex=True).abs().double().numpy() ** 2
    y = 10 * np.log10(spec[(hz >= 200) & (hz < 2600)].sum(0) + 1e-6)
    return gaussian_filter1d(np.maximum(y, np.percentile(y, 98) - 45), 2)[2::4][:n]


def change(x, width):
    out = np.zeros(len(x))
    for t in range(1, len(x)):
        a, b = x[max(t - width, 0):t].mean(0), x[t:t + width].mean(0)
        out[t] = 1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-8)
    return out


def curves(x, h):
    last, middle = (np.linalg.norm(h[i], axis=1) for i in (LAYERS + 1, LAYERS // 2))
    return np.stack([gaussian_filter1d(-sonority(x, h.shape[1]), 1), gaussian_filter1d(-last, 1),
                     gaussian_filter1d(middle, 1), gaussian_filter1d(change(h[LAYERS], 6), 1.5)])


def regions(x, n):
    padded = np.pad(x.double().numpy(), (FRAME // 4, FRAME + FRAME // 4))
    db = np.array([10 * np.log10(np.mean(padded[FRAME * t:FRAME * t + FRAME * 3 // 2] ** 2) + 1e-9) for t in range(n)])
    loud = db > max(np.percentile(db, 98) - 35, -60)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]]))).reshape(-1, 2).tolist()
    merged = edges[:1]
    for start, end in edges[1:]:
        if start - merged[-1][1] < 4:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    return [r for r in merged if r[1] - r[0] >= 3]


def main():
    here = pathlib.Path(__file__).resolve().parent
    out_dir = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    stored, x = weights(rng), audio(rng)
    filters = torch.tensor(np.load(here / "mel_filters.npy"))
    config = {"model_type": "sylkit-mel", "sample_rate": RATE, "n_fft": N_FFT, "hop_length": HOP, "num_mel_bins": MELS,
              "log10_floor": FLOOR, "hidden_size": DIM, "output_size": DIM, "num_hidden_layers": LAYERS,
              "num_attention_heads": HEADS, "intermediate_size": FF, "layer_norm_eps": EPS,
              "attention_left": POSITIONS - 1, "attention_right": POSITIONS - 1}
    w, sound = {k: v.float() for k, v in stored.items()}, x.float()
    with torch.inference_mode():
        short = encode_piece(sound[:SHORT], w, filters)
        cuts = cuts_of(sound, LONG // FRAME)
        bounds = [0, *cuts, LONG // FRAME]
        long = torch.cat([encode_piece(sound[a * FRAME:b * FRAME], w, filters) for a, b in zip(bounds, bounds[1:])], 1)
    h = long.double().numpy()
    h = (h - h.mean(1, keepdims=True)) / h.std(1, keepdims=True)
    check = {"audio": x, "short": short, "long": long, "cuts": torch.tensor(cuts, dtype=torch.int32),
             "curves": torch.tensor(curves(sound, h)).float(),
             "regions": torch.tensor(regions(sound, LONG // FRAME), dtype=torch.int32)}
    for name, tensors, metadata in (("teacher", stored, {"sylkit.config": json.dumps(config)}),
                                    ("teacher_check", check, None)):
        path = out_dir / f"{name}.safetensors"
        save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata)
        path.chmod(0o644)
        print(path, path.stat().st_size, "bytes")
    print("cuts", cuts, "regions", check["regions"].tolist())


if __name__ == "__main__":
    main()
