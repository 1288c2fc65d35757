#!/usr/bin/env python3
"""Encoder speed beside its peers: HuBERT-base shape with 9 layers, random weights, one table.

usage: peers.py [--work DIR] [--bench PROGRAM] [--seconds S] [--threads 1,2] [--rounds N]
                [--runs N] [--engines sylkit,torch,onnxruntime]

Peers: torch (transformers' HubertModel, eager, inference_mode; f32 and bf16) and onnxruntime
(f32), each used if it can be imported; both with the weight norm folded, as ours is. All engines
run the same weights, written to WORK/hubert9 (default build/bench/hubert9) as a Hugging Face
folder by this script without any library. Our program is called as

    bench_encoder WORK/hubert9 --seconds S --threads N --precision f32|bf16 --runs R

and prints one JSON line {"median_s", "rtf", "peak_mb"}. Each measurement is a fresh process (one
untimed run, then R timed ones); engines take turns within a round. The table gives the median
over the rounds of the processes' medians, and the largest peak memory.
"""
import argparse
import array
import datetime
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import random
import resource
import statistics
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "egs/sylber_import/conf/sylber.json"
SEED = 1
# ---- weights: values repeat every PERIOD (prime), which costs nothing in speed

PERIOD = 65521


def shapes(c):
    """Names and shapes of a HubertModel's weights, and the standard deviation of each."""
    d, ff, conv = c["hidden_size"], c["intermediate_size"], c["conv_dim"]

    def affine(name, n):
        yield name + ".weight", (n,), None
        yield name + ".bias", (n,), 0.02

    def linear(name, n_out, n_in):
        yield name + ".weight", (n_out, n_in), n_in ** -0.5
        yield name + ".bias", (n_out,), 0.02

    for i, (n, k) in enumerate(zip(conv, c["conv_kernel"])):
        n_in = conv[i - 1] if i else 1
        yield f"feature_extractor.conv_layers.{i}.conv.weight", (n, n_in, k), (2 / (n_in * k)) ** 0.5
    yield from affine("feature_extractor.conv_layers.0.layer_norm", conv[0])
    yield from affine("feature_projection.layer_norm", conv[-1])
    yield from linear("feature_projection.projection", d, conv[-1])
    pos, kernel = "encoder.pos_conv_embed.conv.", c["num_conv_pos_embeddings"]
    yield pos + "bias", (d,), 0.02
    yield pos + "parametrizations.weight.original0", (1, 1, kernel), None
    yield pos + "parametrizations.weight.original1", (d, d // c["num_conv_pos_embedding_groups"], kernel), 0.01
    yield from affine("encoder.layer_norm", d)
    for i in range(c["num_hidden_layers"]):
        p = f"encoder.layers.{i}."
        for name in "qkv":
            yield from linear(f"{p}attention.{name}_proj", d, d)
        yield from linear(p + "attention.out_proj", d, d)
        yield from affine(p + "layer_norm", d)
        yield from linear(p + "feed_forward.intermediate_dense", ff, d)
        yield from linear(p + "feed_forward.output_dense", d, ff)
        yield from affine(p + "final_layer_norm", d)
    yield "masked_spec_embed", (d,), 0.02


def make_model(folder):
    stamp = json.dumps([SEED, PERIOD, json.loads(CONFIG.read_text())])
    if (folder / "made_from").exists() and (folder / "made_from").read_text() == stamp:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(CONFIG.read_text())
    rng = random.Random(SEED)
    noise = [rng.gauss(0, 1) for _ in range(PERIOD)]
    header, offset, all_shapes = {"__metadata__": {"format": "pt"}}, 0, list(shapes(json.loads(CONFIG.read_text())))
    for name, shape, _ in all_shapes:
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for number, (_, shape, scale) in enumerate(all_shapes):
            turn = number * 7919 % PERIOD
            values = noise[turn:] + noise[:turn]
            block = array.array("f", [1 + 0.1 * v if scale is None else scale * v for v in values])
            size = 4 * math.prod(shape)
            block = block.tobytes()
            f.write((block * (size // len(block) + 1))[:size])
    (folder / "made_from").write_text(stamp)


# ---- one measurement, in a process of its own


def torch_model(folder, attention):
    import torch
    from transformers import HubertModel
    from transformers.utils import logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = HubertModel.from_pretrained(folder, attn_implementation=attention, dtype=torch.float32).eval()
    torch.nn.utils.parametrize.remove_parametrizations(model.encoder.pos_conv_embed.conv, "weight")
    return model


def audio(seconds):
    import torch
    return torch.randn(1, int(16000 * seconds), generator=torch.Generator().manual_seed(SEED))


def export_onnx(folder, seconds):
    """Fixed length, which only helps onnxruntime."""
    import torch

    class Last(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x).last_hidden_state

    path = folder / f"model-{seconds:g}s.onnx"
    if not path.exists():
        part = path.with_suffix(".part")
        with torch.inference_mode():
            torch.onnx.export(Last(torch_model(folder, "eager")), (audio(seconds),), str(part), opset_version=17,
                              input_names=["audio"], output_names=["frames"], dynamo=False)
        part.rename(path)
    return path


def child(o):
    """Prints {"median_s", "rtf", "peak_mb"}."""
    if o.engine == "export":
        export_onnx(o.model, o.seconds)
        return
    if o.engine == "torch":
        import torch
        torch.set_num_threads(o.thread_count)
        dtype = torch.bfloat16 if o.precision == "bf16" else torch.float32
        model, x = torch_model(o.model, "sdpa").to(dtype), audio(o.seconds).to(dtype)

        def once():
            with torch.inference_mode():
                return model(x).last_hidden_state
    else:
        import numpy
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = o.thread_count
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(o.model / f"model-{o.seconds:g}s.onnx"), options,
                                               providers=["CPUExecutionProvider"])
        x = numpy.random.default_rng(SEED).standard_normal((1, int(16000 * o.seconds)), dtype=numpy.float32)

        def once():
            return session.run(None, {"audio": x})[0]
    once()
    times = []
    for _ in range(o.runs):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"median_s": median, "rtf": median / o.seconds, "peak_mb": peak}))


# ---- all of them


def call(command, threads):
    """-> the JSON object on the last line that is one, or None with the reason on stderr."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True)
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
    print(f"{' '.join(map(str, command))}: status {done.returncode}: {reason}", file=sys.stderr)
    return None


def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu_name():
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    except OSError:
        pass
    return platform.machine()


def measure(o, model):
    """-> {(precision, threads, engine): [result of each round]}"""
    me = [sys.executable, __file__, "--model", model, "--seconds", o.seconds, "--runs", o.runs]
    engines = {}
    if "sylkit" in o.engines:
        if os.access(o.bench, os.X_OK):
            engines["sylkit"] = ("f32", "bf16")
        else:
            print(f"{o.bench}: not there, sylkit is left out (make {o.bench.name})", file=sys.stderr)
    if "torch" in o.engines and version("torch") and version("transformers"):
        engines["torch"] = ("f32", "bf16")
    if "onnxruntime" in o.engines and version("onnxruntime") and version("numpy"):
        onnx = model / f"model-{o.seconds:g}s.onnx"
        if not onnx.exists() and version("torch") and version("onnx"):
            subprocess.run([str(c) for c in me + ["--engine", "export"]], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        if onnx.exists():
            engines["onnxruntime"] = ("f32",)
        else:
            print("onnxruntime is left out: the export to ONNX failed", file=sys.stderr)
    results = {}
    for number in range(o.rounds):
        for precision in ("f32", "bf16"):
            for threads in o.threads:
                for engine in [e for e in engines if precision in engines[e]]:
                    tail = ["--threads", threads, "--precision", precision]
                    if engine == "sylkit":
                        command = [o.bench, model, "--seconds", o.seconds, "--runs", o.runs] + tail
                    else:
                        command = me + ["--engine", engine] + tail
                    got = call(command, threads)
                    print(f"round {number + 1}: {engine} {precision} {threads}: {got}", file=sys.stderr)
                    if got:
                        results.setdefault((precision, threads, engine), []).append(got)
    return results


def table(results, seconds):
    print("| precision | threads | engine | median s | RTF | times as fast as the faster peer | peak MB |")
    print("|---|---|---|---|---|---|---|")
    median = {k: statistics.median(r["median_s"] for r in v) for k, v in results.items()}
    for key in sorted(median, key=lambda k: (k[0] != "f32", k[1], k[2] != "sylkit", k[2])):
        precision, threads, engine = key
        peers = [m for k, m in median.items() if k[:2] == key[:2] and k[2] != "sylkit"]
        ratio = f"{min(peers) / median[key]:.2f}" if peers else "no peer"
        peak = max(r["peak_mb"] for r in results[key])
        print(f"| {precision} | {threads} | {engine} | {median[key]:.3f} | {median[key] / seconds:.4f} | {ratio} | {peak:.0f} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/bench"))
    p.add_argument("--bench", type=pathlib.Path, default=pathlib.Path("tests/bench/bench_encoder"))
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--threads", default="1,2")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--engines", default="sylkit,torch,onnxruntime")
    for hidden in ("--engine", "--precision", "--model"):
        p.add_argument(hidden, help=argparse.SUPPRESS)
    o = p.parse_args()
    o.threads = [int(n) for n in o.threads.split(",")]
    if o.engine:
        o.thread_count, o.model = o.threads[0], pathlib.Path(o.model)
        return child(o)
    o.bench, model = o.bench.resolve(), o.work / "hubert9"
    make_model(model)
    before = os.getloadavg()
    results = measure(o, model)
    after = os.getloadavg()
    if not results:
        sys.exit("peers.py: nothing could be measured")
    print(f"HuBERT-base shape, 9 layers, random weights (seed {SEED}), {o.seconds:g} s of audio at 16 kHz; "
          f"{o.rounds} rounds of {o.runs} runs.\n")
    table(results, o.seconds)
    names = ("torch", "transformers", "onnxruntime")
    print(f"\n{datetime.date.today()}, {cpu_name()}, {os.cpu_count()} CPUs; load average {before[0]:.2f} before, "
          f"{after[0]:.2f} after; Python {platform.python_version()}, "
          + ", ".join(f"{n} {version(n) or 'not installed'}" for n in names) + ".")


if __name__ == "__main__":
    main()
