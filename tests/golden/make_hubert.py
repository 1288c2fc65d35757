#!/usr/bin/env python3
"""Makes the HuBERT parity fixtures with Hugging Face `transformers` (random weights, fixed seed).

usage: make_hubert.py [OUT_DIR]          (default: the folder of this file)

Writes hubert-base/ and hubert-large/, each with config.json, model.safetensors (base f16,
large f32) and expected.safetensors (f32, time-major), and hubert-legacy.safetensors: the base
weights under the prefix "net.speech_model." with the old weight-norm names weight_g and
weight_v. All weights are exact in f16, so expected outputs are those of f32 arithmetic on what
the files hold; f16 only keeps the fixtures small.

expected.safetensors: audio [N]; conv.0 .. conv.6 [T][C], long ones as conv.N.head (first 200
steps) and conv.N.tail (last 50); projection, pos_conv, encoder_input (what enters layer 0),
layer.0 .. and output (last_hidden_state), all [T][D].
"""
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import HubertConfig, HubertModel

SEED, RATE, SAMPLES, HEAD, TAIL = 20240607, 16000, 20800, 200, 50
COMMON = dict(feat_extract_activation="gelu", hidden_act="gelu", layer_norm_eps=1e-5,
              conv_kernel=(10, 3, 3, 3, 3, 2, 2), conv_stride=(5, 2, 2, 2, 2, 2, 2))
CONFIGS = {
    "hubert-base": dict(feat_extract_norm="group", do_stable_layer_norm=False, conv_bias=False,
                        hidden_size=48, num_hidden_layers=3, num_attention_heads=4,
                        intermediate_size=96, conv_dim=(32,) * 7,
                        num_conv_pos_embeddings=128, num_conv_pos_embedding_groups=4),
    "hubert-large": dict(feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True,
                         hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                         intermediate_size=64, conv_dim=(16,) * 7,
                         num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2),
}


def speech_like(rng):
    """Voiced stretches (harmonics with vibrato), noise bursts and pauses; z-scored, N-1."""
    t = np.arange(SAMPLES) / RATE
    x = 0.003 * rng.standard_normal(SAMPLES)
    for start, length, f0 in ((0.05, 0.22, 120), (0.31, 0.18, 190), (0.62, 0.30, 95), (1.0, 0.25, 230)):
        env = np.where((t >= start) & (t < start + length),
                       np.sin(np.pi * np.clip((t - start) / length, 0, 1)) ** 2, 0)
        phase = 2 * np.pi * f0 * t + 2 * np.sin(2 * np.pi * 5 * t)
        x += env * sum(np.sin(k * phase + rng.uniform(0, 6)) / k for k in range(1, 12)) * 0.2
    for start, length, gain in ((0.27, 0.05, 0.1), (0.52, 0.09, 0.2), (0.93, 0.06, 0.05)):
        on = (t >= start) & (t < start + length)
        x[on] += gain * rng.standard_normal(on.sum())
    x = torch.tensor(x, dtype=torch.float32)
    return (x - x.mean()) / x.std()


def randomise(model):
    """Nothing may stay at 0 or 1, and attention must not be uniform."""
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape)
            if name.endswith("original0"):               # weight-norm g, [1][1][K]
                p.copy_(0.5 + 0.2 * noise.abs())
            elif "layer_norm" in name:
                p.copy_(0.2 * noise + (1 if name.endswith("weight") else 0))
            elif p.dim() == 1:
                p.copy_(0.1 * noise)
            else:
                gain = 1.6 if ("q_proj" in name or "k_proj" in name or "conv_layers" in name) else 0.8
                p.copy_(gain * noise / (p[0].numel() ** 0.5))
            p.copy_(p.half().float())


def record(model, audio):
    out, hooks = {}, []

    def keep(name, transpose=False):
        def hook(_module, _args, result):
            y = (result[0] if isinstance(result, tuple) else result)[0]
            out[name] = (y.T if transpose else y).contiguous().clone()
        return hook

    for i, layer in enumerate(model.feature_extractor.conv_layers):
        hooks.append(layer.register_forward_hook(keep(f"conv.{i}", True)))
    hooks.append(model.feature_projection.register_forward_hook(keep("projection")))
    hooks.append(model.encoder.pos_conv_embed.register_forward_hook(keep("pos_conv")))
    layers = model.encoder.layers
    hooks.append(layers[0].register_forward_pre_hook(
        lambda _m, args: out.__setitem__("encoder_input", args[0][0].contiguous().clone())))
    for i, layer in enumerate(layers):
        hooks.append(layer.register_forward_hook(keep(f"layer.{i}")))
    with torch.inference_mode():
        out["output"] = model(audio[None]).last_hidden_state[0].contiguous()
    for h in hooks:
        h.remove()
    return out


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent
    torch.set_num_threads(1)
    audio = speech_like(np.random.default_rng(SEED))
    for name, options in CONFIGS.items():
        torch.manual_seed(SEED)
        config = HubertConfig(**COMMON, **options)
        config._attn_implementation = "eager"
        model = HubertModel(config).eval().float()
        randomise(model)
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder, safe_serialization=True)
        out = record(model, audio)
        frames = out["output"].shape[0]
        for key in [k for k in out if k.startswith("conv.")]:
            if len(out[key]) > 2 * (HEAD + TAIL):
                y = out.pop(key)
                out[key + ".head"], out[key + ".tail"] = y[:HEAD].contiguous(), y[-TAIL:].contiguous()
        for key in sorted(out):
            v = out[key]
            print(f"{name} {key} {tuple(v.shape)} mean {v.mean():.3f} s.d. {v.std():.3f} max {v.abs().max():.2f}")
        assert frames == (SAMPLES - 400) // 320 + 1
        assert all(torch.isfinite(v).all() for v in out.values())
        save_file({"audio": audio, **{k: v.clone() for k, v in out.items()}}, folder / "expected.safetensors")
        if name == "hubert-base":
            save_file({k: v.half().contiguous() for k, v in model.state_dict().items()},
                      folder / "model.safetensors", {"format": "pt"})
            old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
            legacy = {}
            for key, v in model.state_dict().items():
                for new, spelling in old.items():
                    key = key.replace(new, spelling)
                legacy["net.speech_model." + key] = v.half().contiguous()
            save_file(legacy, root / "hubert-legacy.safetensors")
    for path in root.rglob("*.safetensors"):
        path.chmod(0o644)


if __name__ == "__main__":
    main()
