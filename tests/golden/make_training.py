#!/usr/bin/env python3
"""Writes tests/golden/training.safetensors: gradients and ten steps of AdamW on the small HuBERT
models of tests/golden by PyTorch and transformers. Needs torch, transformers and safetensors."""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import HubertConfig, HubertModel

here = Path(__file__).parent
out = {}
for name in ("hubert-base", "hubert-large"):
    config = HubertConfig(**json.loads((here / name / "config.json").read_text()))
    model = HubertModel(config)
    missing, extra = model.load_state_dict(load_file(here / name / "model.safetensors"), strict=False)
    assert not [k for k in missing if "masked_spec" not in k], missing
    model.eval()
    torch.manual_seed(3)
    audio = [torch.randn(n) * 0.7 for n in (6400, 3520)]
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), eps=1e-4, weight_decay=0.1)
    target, losses = None, []
    for step in range(10):
        frames = torch.cat([model(torch.nn.functional.pad(a, (160, 160))[None])[0][0] for a in audio])
        if target is None:
            target = torch.randn_like(frames)
            out[f"{name}.frames"] = frames.detach()
        loss = ((frames - target) ** 2).sum(-1).mean()
        opt.zero_grad()
        loss.backward()
        if step == 0:
            for key, p in model.named_parameters():
                if p.grad is not None and "masked_spec" not in key:
                    out[f"{name}.grad.{key}"] = p.grad.clone()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        opt.step()
        losses.append(loss.detach())
    out[f"{name}.losses"] = torch.stack(losses)
    out[f"{name}.target"] = target
    for i, a in enumerate(audio):
        out[f"{name}.audio{i}"] = a
save_file({k: v.contiguous() for k, v in out.items()}, sys.argv[1])
