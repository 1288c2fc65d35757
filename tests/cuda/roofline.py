#!/usr/bin/env python3
"""A roofline on paper: operations, bytes and the least time of one training step on an H100.

    tests/cuda/roofline.py --frames 1280 [--config CONFIG.json] [--launches N] [--precision bf16]

Nothing here is measured. Peaks are the vendor's for the H100 SXM (dense); a part takes the longer
of its operations at the peak and its bytes at the memory's rate; parts follow one another. Without
--config the model is HuBERT-base with 9 layers, Sylber's own. --launches is the number of kernels
of a step; each costs so many microseconds at least, less inside a CUDA graph.
"""
import argparse
import json

MEMORY = 3.35e12  # bytes a second
TENSOR = {"bf16": 989e12, "tf32": 494e12, "f32": 67e12}  # products
CORES = 67e12  # float32 outside the tensor cores: our own kernels
LAUNCH, IN_GRAPH = 3e-6, 1e-6  # seconds a kernel: usual figures, not a specification
HUBERT = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 9,
          "num_attention_heads": 12, "conv_dim": [512] * 7, "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
          "conv_stride": [5, 2, 2, 2, 2, 2, 2], "num_conv_pos_embeddings": 128,
          "num_conv_pos_embedding_groups": 16}


class Step:
    """Parts of a step: [operations, bytes, peak], by name."""

    def __init__(self, precision):
        self.parts, self.precision, self.weights = {}, precision, 0
        self.size = 2 if precision == "bf16" else 4

    def add(self, name, operations, size, peak):
        part = self.parts.setdefault(name, [0, 0, peak])
        part[0] += operations
        part[1] += size

    def product(self, name, m, n, k):
        """Forward, input gradient, weight gradient; operands converted first in bf16."""
        self.weights += n * k
        for rows, cols, inner in ((m, n, k), (m, k, n), (n, k, m)):
            self.add(name, 2 * rows * cols * inner,
                     self.size * (rows * inner + inner * cols) + 4 * rows * cols,
                     TENSOR[self.precision])
        if self.precision == "bf16":
            self.add("conversions to bf16", 0, 6 * (m * k + m * n + n * k), CORES)

    def elements(self, name, count, size):
        self.add(name, 10 * count, size * count, CORES)

    def norm(self, rows, cols):
        self.elements("norms, activations, sums", rows * cols, 8 + 16)

    def activation(self, rows, cols):
        self.elements("norms, activations, sums", rows * cols, 8 + 12)

    def attention(self, frames, width, dim):
        """Keys and values are read once for each tile of 64 queries; twice in the backward."""
        seen = frames / 64 * (64 + width) * 2 * dim * 4
        self.add("attention", 14 * frames * width * dim, 3 * seen + 40 * frames * dim, CORES)


def block(step, frames, dim, ff, width):
    step.product("products", frames, 3 * dim, dim)
    step.product("products", frames, dim, dim)
    step.product("products", frames, ff, dim)
    step.product("products", frames, dim, ff)
    step.attention(frames, width, dim)
    step.norm(frames, dim)
    step.norm(frames, dim)
    step.activation(frames, ff)
    step.elements("norms, activations, sums", 2 * frames * dim, 12 + 16)


def front(step, config, frames, dim):
    """What stands before the transformer."""
    if "conv_dim" not in config:
        step.product("convolutions", 2 * frames, dim, 3 * config["num_mel_bins"])
        step.product("convolutions", frames, dim, 3 * dim)
        step.activation(3 * frames, dim)
        step.product("products", frames, config["output_size"], dim)
        return
    rows, channels = frames * 320, 1
    for out, kernel, stride in zip(config["conv_dim"], config["conv_kernel"],
                                   config["conv_stride"]):
        rows //= stride
        step.product("convolutions", rows, out, kernel * channels)
        step.activation(rows, out)
        channels = out
    step.norm(frames * 64, config["conv_dim"][0])
    step.product("products", frames, dim, channels)
    per = dim // config["num_conv_pos_embedding_groups"]
    taps = config["num_conv_pos_embeddings"]
    step.weights += dim * per * taps
    step.add("positional convolution", 6 * frames * dim * per * taps, 24 * frames * dim,
             TENSOR["tf32" if step.precision == "bf16" else step.precision])


def describe(config, frames, sequence, precision):
    step, dim = Step(precision), config["hidden_size"]
    width = config["attention_left"] + config["attention_right"] + 1 \
        if "attention_left" in config else sequence
    front(step, config, frames, dim)
    for _ in range(config["num_hidden_layers"]):
        block(step, frames, dim, config["intermediate_size"], min(width, sequence))
    step.elements("AdamW, clipping, zeroing", step.weights, 28 + 4 + 4)
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config")
    parser.add_argument("--frames", type=int, default=1280, help="of a batch, 50 a second")
    parser.add_argument("--sequence", type=int, default=160, help="frames of one crop")
    parser.add_argument("--precision", choices=TENSOR, default="bf16")
    parser.add_argument("--launches", type=int, default=0)
    args = parser.parse_args()
    config = json.load(open(args.config, encoding="utf-8")) if args.config else HUBERT
    step = describe(config, args.frames, args.sequence, args.precision)
    total = 0
    print(f"{step.weights / 1e6:.1f} M weights, {args.frames} frames, {args.precision}")
    print("| part | GFLOP | MB | FLOP/byte | least time, us | bound by |")
    print("|---|---|---|---|---|---|")
    for name, (operations, size, peak) in step.parts.items():
        compute, memory = operations / peak, size / MEMORY
        total += max(compute, memory)
        print(f"| {name} | {operations / 1e9:.2f} | {size / 1e6:.1f} | {operations / size:.1f} | "
              f"{max(compute, memory) * 1e6:.0f} | "
              f"{'arithmetic' if compute > memory else 'memory'} |")
    print(f"| all | | | | {total * 1e6:.0f} | |")
    if args.launches:
        print(f"{args.launches} kernels: {args.launches * LAUNCH * 1e6:.0f} us of launches one by "
              f"one, {args.launches * IN_GRAPH * 1e6:.0f} us in a graph")


if __name__ == "__main__":
    main()
