#!/usr/bin/env python3
"""Makes tiny.gguf, a file with a tensor of each type that sylkit reads, and gguf.safetensors, the
values that the Python package gguf gives for them.

usage: make_gguf.py [OUT_DIR]     (default: this file's folder; needs gguf and safetensors)
"""
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, GGUFReader, GGUFWriter
from gguf.quants import dequantize
from safetensors.numpy import save_file

TYPES = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q4_K, Type.Q6_K]
HALVES = {Type.Q8_0: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q4_K: [0, 2], Type.Q6_K: [208]}


def random_rows(rng, kind, rows, cols):
    """Random bits, of which the halves and floats are finite."""
    if kind == Type.F32:
        return rng.standard_normal((rows, cols)).astype(np.float32)
    if kind == Type.F16:
        return (rng.standard_normal((rows, cols)) * 10.0 ** rng.integers(-8, 4, (rows, cols))).astype(np.float16)
    if kind == Type.BF16:
        values = rng.standard_normal((rows, cols)).astype(np.float32).view(np.uint32) >> 16
        return values.astype(np.uint16).view(np.uint8)
    values, size = GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows, cols // values, size), dtype=np.uint8)
    for at in HALVES[kind]:
        scale = rng.standard_normal((rows, cols // values, 1)) * 10.0 ** rng.integers(-7, 2, (rows, cols // values, 1))
        blocks[..., at:at + 2] = scale.astype(np.float16).view(np.uint8)
    return blocks.reshape(rows, -1)


def main():
    here = pathlib.Path(__file__).resolve().parent
    out_dir = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
    rng = np.random.default_rng(9)
    path = out_dir / "tiny.gguf"
    writer = GGUFWriter(path, "tiny")
    writer.add_string("tiny.note", "naïve")
    writer.add_array("tiny.words", ["a", "", "ĠĊ"])
    writer.add_array("tiny.ints", [1, -2, 3])
    writer.add_float32("tiny.base", 1e5)
    writer.add_bool("tiny.yes", True)
    for kind in TYPES:
        writer.add_tensor(kind.name, random_rows(rng, kind, 3, 512), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    expected = {t.name: dequantize(t.data, t.tensor_type).reshape(3, 512) for t in GGUFReader(path).tensors}
    save_file(expected, out_dir / "gguf.safetensors")
    for name in ("tiny.gguf", "gguf.safetensors"):
        (out_dir / name).chmod(0o644)
        print(name, (out_dir / name).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
