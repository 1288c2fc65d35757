#!/usr/bin/env python3
"""Makes the fixtures of the small log-mel model and checks them with an own model in PyTorch.

usage: make_small.py CHECK.npz MODEL.safetensors [OUT_DIR]     (default: this file's folder)

CHECK.npz: audio [N], mel [80][2T], output [T][384], segments [S][2], tokens [S], as computed by
the prototype. MODEL.safetensors: its weights, configuration in the metadata `sylkit.config`.

Writes small_check.safetensors: audio F32 [N], mel F32 [2T][80], output F32 [T][384], segments
I32 [S][2], tokens I32 [S] from CHECK.npz, and from our own computation on that mel every 8th
frame of the stem's and each layer's output: stem.every8, layer.0.every8 .. F32 [T/8][384]; and
mel_filters.npy F32 [80][201], Whisper's filter bank as transformers computes it. The audio is a
prompt of asterisk-core-sounds-ru (Maxim Topal, CC-BY 3.0).
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.numpy import save_file
from transformers import WhisperFeatureExtractor

STEP = 8


def log_mel(audio, filters, config):
    """[N] -> [N/hop][mels]"""
    n_fft = config["n_fft"]
    spec = torch.stft(audio, n_fft, config["hop"], window=torch.hann_window(n_fft), center=True,
                      pad_mode="reflect", return_complex=True)[:, :-1].abs() ** 2
    floor = config["log10_floor"]
    return (((filters @ spec).clamp_min(10.0 ** floor).log10() + 4) / 4).T


def encode(mel, w, config):
    """mel [2T][mels] -> list of stem and layer outputs [T][D], and the model's output [T][D]"""
    heads, left, right, dim = (config[k] for k in ("heads", "left", "right", "dim"))

    def norm(x, name):
        return F.layer_norm(x, (dim,), w[name + ".weight"], w[name + ".bias"], config["ln_eps"])

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    x = F.gelu(F.conv1d(mel.T[None], w["stem.conv1.weight"], w["stem.conv1.bias"], padding=1))
    x = F.gelu(F.conv1d(x, w["stem.conv2.weight"], w["stem.conv2.bias"], stride=2, padding=1))
    x = x[0].T
    steps = len(x)
    ahead = torch.arange(steps)[None] - torch.arange(steps)[:, None]      # j - i
    inside = (ahead >= -left) & (ahead <= right)
    states = [x]
    for i in range(config["layers"]):
        p = f"layers.{i}."
        q, k, v = linear(norm(x, p + "ln1"), p + "qkv").view(steps, 3, heads, dim // heads).permute(1, 2, 0, 3)
        score = q @ k.transpose(1, 2) * (dim // heads) ** -0.5
        score = score + w[p + "rel_bias"][:, (ahead + left).clamp(0, left + right)]
        prob = score.masked_fill(~inside, -torch.inf).softmax(-1)
        x = x + linear((prob @ v).transpose(0, 1).reshape(steps, dim), p + "out")
        x = x + linear(F.gelu(linear(norm(x, p + "ln2"), p + "ff1")), p + "ff2")
        states.append(x)
    return states, linear(norm(x, "ln"), "head")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    out_dir = pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else pathlib.Path(__file__).resolve().parent
    torch.set_num_threads(1)
    check = np.load(sys.argv[1])
    with safe_open(sys.argv[2], "pt") as f:
        config = json.loads(f.metadata()["sylkit.config"])
        w = {k: f.get_tensor(k).float() for k in f.keys()}
    filters = np.ascontiguousarray(WhisperFeatureExtractor(feature_size=config["mels"]).mel_filters.T, np.float32)
    np.save(out_dir / "mel_filters.npy", filters)

    mel_ref = torch.tensor(check["mel"].T.copy())
    with torch.inference_mode():
        mel = log_mel(torch.tensor(check["audio"]), torch.tensor(filters), config)
        states, output = encode(mel_ref, w, config)
        tokens = [int(torch.cdist(output[a:b].mean(0)[None], w["codebook"]).argmin())
                  for a, b in check["segments"].tolist()]
    print("log-mel, ours against CHECK:", float((mel - mel_ref).abs().max()))
    print("output, ours against CHECK:", float((output - torch.tensor(check["output"])).abs().max()))
    print("tokens equal:", tokens == check["tokens"].tolist(), "segments:", check["segments"].tolist())

    tensors = {"audio": check["audio"].astype(np.float32), "mel": mel_ref.numpy(),
               "output": check["output"].astype(np.float32),
               "segments": check["segments"].astype(np.int32), "tokens": check["tokens"].astype(np.int32)}
    for i, x in enumerate(states):
        tensors[("stem" if i == 0 else f"layer.{i - 1}") + f".every{STEP}"] = x[::STEP].numpy()
    path = out_dir / "small_check.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path)
    path.chmod(0o644)
    for k, v in tensors.items():
        print(k, v.dtype, v.shape)


if __name__ == "__main__":
    main()
