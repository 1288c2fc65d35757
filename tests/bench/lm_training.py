#!/usr/bin/env python3
"""Steps of training of GPT-2's 124-million-parameter shape beside torch (transformers'
GPT2LMHeadModel, torch.optim.AdamW): 4 sequences of 64 tokens, the batch of llm.c's train_gpt2.c;
float32, without dropout, random parameters and tokens. Each measurement is a fresh process, and
the two take turns. Needs torch and transformers.

usage: lm_training.py --bench PROGRAM [--threads 1,2] [--rounds N] [--steps N]"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

BATCH, LENGTH = 4, 64


def torch_steps(threads, steps):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    torch.set_num_threads(threads)
    model = GPT2LMHeadModel(GPT2Config(resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ids, targets = (torch.randint(50257, (BATCH, LENGTH)) for _ in range(2))
    times = []
    for _ in range(steps + 1):
        begin = time.perf_counter()
        optimizer.zero_grad()
        logits = model(input_ids=ids).logits
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"median_s": statistics.median(times[1:])}))


def measure(command, threads):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads))
    out = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
    return json.loads(out.splitlines()[-1])["median_s"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--torch", type=int, help="(inside)")
    args = parser.parse_args()
    if args.torch:
        torch_steps(args.torch, args.steps)
        return
    print("| threads | ours, s | ours, tokens/s | torch, s | torch / ours | load |")
    print("|---|---|---|---|---|---|")
    for threads in map(int, args.threads.split(",")):
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(measure([args.bench, str(BATCH), str(LENGTH), str(threads), "f32",
                                 str(args.steps)], threads))
            theirs.append(measure([sys.executable, __file__, "--torch", str(threads), "--steps",
                                   str(args.steps)], threads))
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"| {threads} | {a:.2f} | {BATCH * LENGTH / a:.1f} | {b:.2f} | {b / a:.2f} | "
              f"{os.getloadavg()[0]:.1f} |", flush=True)


main()
