#!/usr/bin/env python3
"""Turns a PyTorch checkpoint into a .safetensors file. Needs torch, nothing else.

usage: ckpt2safetensors.py IN.ckpt OUT.safetensors

IN is what torch.save wrote: a state dict, or an object that holds one under "state_dict". Names,
prefixes included, are kept as they are: `sylkit convert` knows the usual ones. float32, float16,
bfloat16 and int32 are kept, float64 becomes float32; other tensors are left out, with a note.
The file is read with weights_only=True, so a hostile checkpoint cannot run code.
"""
import ctypes
import os
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
import safetensors_file

DTYPES = {"torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16", "torch.int32": "I32"}


def fail(message):
    sys.exit(f"ckpt2safetensors.py: {message}")


def load(path):
    """-> {name: tensor}, contiguous, on the CPU, with a dtype of DTYPES."""
    warnings.simplefilter("ignore")
    try:
        import torch
    except ImportError:
        fail("torch is needed to read a checkpoint: pip install torch")
    if not os.path.isfile(path):
        fail(f"{path}: no such file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:
        reason = f"{type(e).__name__}: {(str(e).strip().splitlines() or ['no details'])[0]}"
        fail(f"{path}: not a checkpoint that can be read safely (weights only): {reason}")
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict):
        fail(f"{path}: holds a {type(state).__name__}, not a state dict")
    out = {}
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            print(f"left out {name!r}: not a tensor", file=sys.stderr)
            continue
        if value.dtype == torch.float64:
            value = value.float()
        if str(value.dtype) not in DTYPES or value.layout != torch.strided:
            print(f"left out {name!r}: {value.dtype}, {value.layout}", file=sys.stderr)
            continue
        out[name] = value.detach().contiguous()
    if not out:
        keys = ", ".join(map(str, list(state)[:8]))
        fail(f"{path}: no tensors in it (keys: {keys or 'none'}); give a state dict, or wrap it as {{'state_dict': ...}}")
    return out


def write(path, tensors):
    try:
        safetensors_file.write(path, {
            name: (DTYPES[str(t.dtype)], t.shape,
                   ctypes.string_at(t.data_ptr(), t.numel() * t.element_size()) if t.numel() else b"")
            for name, t in tensors.items()})
    except OSError as e:
        fail(f"{path}: {e.strerror}")


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    tensors = load(sys.argv[1])
    write(sys.argv[2], tensors)
    print(f"{sys.argv[2]}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()):,} values")


if __name__ == "__main__":
    main()
