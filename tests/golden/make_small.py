#!/usr/bin/env python3
"""Makes the fixtures of the small log-mel model with an own model in PyTorch and numpy.

usage: make_small.py MODEL.safetensors [OUT_DIR]     (default: this file's folder)

The audio is the one in OUT_DIR/small_check.safetensors, a prompt of asterisk-core-sounds-ru (Maxim
Topal, CC-BY 3.0). Writes small_check.safetensors anew: audio F32 [N], mel F32 [2T][80], output F32
[T][384], segments I32 [S][2] (segment_reference.py), tokens I32 [S], and every 8th frame of the stem's
and each layer's output: stem.every8, layer.0.every8 .. F32 [T/8][384]; and mel_filters.npy F32 [80][201],
Whisper's filter bank as transformers computes it.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from transformers import WhisperFeatureExtractor

import segment_reference

STEP = 8


def log_mel(audio, filters, config):
    """[N] -> [N/hop][mels]"""
    n_fft = config["n_fft"]
    spec = torch.stft(audio, n_fft, config["hop_length"], window=torch.hann_window(n_fft), center=True,
                      pad_mode="reflect", return_complex=True)[:, :-1].abs() ** 2
    floor = config["log10_floor"]
    return (((filters @ spec).clamp_min(10.0 ** floor).log10() + 4) / 4).T


def encode(mel, w, config):
    """mel [2T][mels] -> list of stem and layer outputs [T][D], and the model's output [T][D]"""
    heads, left, right, dim = (config[k] for k in (
        "num_attention_heads", "attention_left", "attention_right", "hidden_size"))

    def norm(x, name):
        return F.layer_norm(x, (dim,), w[name + ".weight"], w[name + ".bias"], config["layer_norm_eps"])

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    x = F.gelu(F.conv1d(mel.T[None], w["stem.conv1.weight"], w["stem.conv1.bias"], padding=1))
    x = F.gelu(F.conv1d(x, w["stem.conv2.weight"], w["stem.conv2.bias"], stride=2, padding=1))
    x = x[0].T
    steps = len(x)
    ahead = torch.arange(steps)[None] - torch.arange(steps)[:, None]      # j - i
    inside = (ahead >= -left) & (ahead <= right)
    states = [x]
    for i in range(config["num_hidden_layers"]):
        p = f"layers.{i}."
        q, k, v = linear(norm(x, p + "ln1"), p + "qkv").view(steps, 3, heads, dim // heads).permute(1, 2, 0, 3)
        score = q @ k.transpose(1, 2) * (dim // heads) ** -0.5
        score = score + w[p + "rel_bias"][:, (ahead + left).clamp(0, left + right)]
        prob = score.masked_fill(~inside, -torch.inf).softmax(-1)
        x = x + linear((prob @ v).transpose(0, 1).reshape(steps, dim), p + "out")
        x = x + linear(F.gelu(linear(norm(x, p + "ln2"), p + "ff1")), p + "ff2")
        states.append(x)
    return states, linear(norm(x, "ln"), "head")


def load(path):
    """Configuration and weights; an S8 tensor stands for integer times its row's scale."""
    with safe_open(path, "pt") as f:
        config = json.loads(f.metadata()["sylkit.config"])
        w = {k: f.get_tensor(k).float() for k in f.keys()}
    for k in [k for k in w if k.endswith(".scale")]:
        scale, of = w.pop(k), k[:-len(".scale")]
        w[of] = w[of] * scale.view(-1, *[1] * (w[of].dim() - 1))
    return config, w


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out_dir = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else pathlib.Path(__file__).resolve().parent
    torch.set_num_threads(1)
    config, w = load(sys.argv[1])
    audio = torch.tensor(load_file(out_dir / "small_check.safetensors")["audio"])
    filters = np.ascontiguousarray(WhisperFeatureExtractor(feature_size=config["num_mel_bins"]).mel_filters.T, np.float32)
    np.save(out_dir / "mel_filters.npy", filters)
    with torch.inference_mode():
        mel = log_mel(audio, torch.tensor(filters), config)
        mel = mel[:len(mel) // 2 * 2]
        states, output = encode(mel, w, config)
        spans = segment_reference.segment(output.numpy(), config["norm_threshold"], config["merge_threshold"],
                                          segment_reference.Margin())
        tokens = [int(torch.cdist(output[a:b].mean(0)[None], w["codebook"]).argmin()) for a, b in spans]
    print(len(spans), "segments:", [list(map(int, s)) for s in spans], "tokens:", tokens)
    tensors = {"audio": audio.numpy(), "mel": mel.numpy(), "output": output.numpy(),
               "segments": np.array(spans, np.int32), "tokens": np.array(tokens, np.int32)}
    for i, x in enumerate(states):
        tensors[("stem" if i == 0 else f"layer.{i - 1}") + f".every{STEP}"] = x[::STEP].numpy()
    path = out_dir / "small_check.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path)
    path.chmod(0o644)
    for k, v in tensors.items():
        print(k, v.dtype, v.shape)


if __name__ == "__main__":
    main()
