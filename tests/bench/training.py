#!/usr/bin/env python3
"""Steps of training beside torch: HuBERT-base shape with 9 layers (4 x 5 s) and the small log-mel
model (8 x 3.2 s); forward, loss, backward, clipping and AdamW, without dropout, random input.

usage: training.py --bench PROGRAM --small MODEL [--work DIR] [--threads 1,2] [--rounds N] [--steps N]

Each measurement is a fresh process; ours and torch take turns within a round. Torch runs
transformers' HubertModel, and the small model written here over its own scaled_dot_product_attention;
bf16 is its autocast. The table gives medians over the rounds and torch's time over ours."""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import peers

SHAPES = {"hubert": (4, 5.0), "small": (8, 3.2)}


def hubert(folder):
    import torch
    from transformers import HubertModel
    from transformers.utils import logging
    logging.set_verbosity_error()
    model = HubertModel.from_pretrained(folder, dtype=torch.float32, hidden_dropout=0.0, layerdrop=0.0,
                                        attention_dropout=0.0, activation_dropout=0.0, feat_proj_dropout=0.0,
                                        mask_time_prob=0.0)
    batch, seconds = SHAPES["hubert"]
    audio = torch.randn(batch, int(seconds * 16000) + 320)
    return model.train(), lambda: model(audio)[0]


def small(_):
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    class Block(nn.Module):
        def __init__(self, d, heads, left, right):
            super().__init__()
            self.heads, self.left, self.right = heads, left, right
            self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
            self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.ff1, self.ff2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
            self.rel = nn.Parameter(torch.zeros(heads, left + right + 1))

        def forward(self, x, index, seen):
            b, t, d = x.shape
            q, k, v = self.qkv(self.ln1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            mask = torch.where(seen, self.rel[:, index], torch.tensor(float("-inf")))
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[None])
            x = x + self.out(a.transpose(1, 2).reshape(b, t, d))
            return x + self.ff2(F.gelu(self.ff1(self.ln2(x))))

    class Small(nn.Module):
        def __init__(self, d=384, left=50, right=5):
            super().__init__()
            self.left, self.right = left, right
            self.conv1, self.conv2 = nn.Conv1d(80, d, 3, padding=1), nn.Conv1d(d, d, 3, stride=2, padding=1)
            self.blocks = nn.ModuleList(Block(d, 6, left, right) for _ in range(4))
            self.ln, self.head = nn.LayerNorm(d), nn.Linear(d, d)

        def forward(self, x):
            x = F.gelu(self.conv2(F.gelu(self.conv1(x)))).transpose(1, 2)
            i = torch.arange(x.shape[1])
            gap = i[None] - i[:, None]
            seen, index = (gap >= -self.left) & (gap <= self.right), (gap + self.left).clamp(0, self.left + self.right)
            for block in self.blocks:
                x = block(x, index, seen)
            return self.head(self.ln(x))

    model = Small()
    batch, seconds = SHAPES["small"]
    mel = torch.randn(batch, 80, int(seconds * 100))
    return model.train(), lambda: model(mel)


def child(name, folder, threads, precision, steps):
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model, run = {"hubert": hubert, "small": small}[name](folder)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), eps=1e-6, fused=True)
    target, times = None, []
    for _ in range(steps + 1):
        begin = time.perf_counter()
        opt.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            frames = run().float()
            target = torch.randn_like(frames) if target is None else target
            loss = ((frames - target) ** 2).sum(-1).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"median_s": statistics.median(times[1:])}))


def measure(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["median_s"]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--bench")
    p.add_argument("--small")
    p.add_argument("--work", type=pathlib.Path, default=peers.ROOT / "build/bench")
    p.add_argument("--threads", default="1,2")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--child", nargs=5)
    a = p.parse_args()
    if a.child:
        name, folder, threads, precision, steps = a.child
        return child(name, folder, int(threads), precision, int(steps))
    folder = a.work / "hubert9"
    peers.make_model(folder)
    models = {"hubert": str(folder), "small": a.small}
    print("| model | precision | threads | sylkit s/step | torch s/step | torch / sylkit |\n|---|---|---|---|---|---|")
    for name, (batch, seconds) in SHAPES.items():
        for precision in ("f32", "bf16"):
            for threads in a.threads.split(","):
                ours, theirs = [], []
                for _ in range(a.rounds):
                    ours.append(measure([a.bench, models[name], str(batch), str(seconds), threads, precision,
                                         str(a.steps)]))
                    theirs.append(measure([sys.executable, __file__, "--child", name, models[name], threads,
                                           precision, str(a.steps)]))
                x, y = statistics.median(ours), statistics.median(theirs)
                print(f"| {name} | {precision} | {threads} | {x:.3f} | {y:.3f} | {y / x:.2f} |", flush=True)


if __name__ == "__main__":
    main()
