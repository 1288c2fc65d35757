"""Writes .safetensors files with the standard library alone."""
import json
import os
import struct
import sys

WIDTHS = {"F32": 4, "I32": 4, "F16": 2, "BF16": 2}


def write(path, tensors, metadata=None):
    """tensors: {name: (dtype, shape, data)}, dtype of WIDTHS, data bytes in the machine's order;
    metadata: {str: str}. The file appears only when complete. OSError when it cannot be written."""
    if sys.byteorder != "little":
        raise OSError(0, "safetensors are little-endian, and this machine is not")
    # Wide dtypes first, so that each tensor is aligned without gaps.
    names = sorted(tensors, key=lambda name: (-WIDTHS[tensors[name][0]], name))
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
    for name in names:
        dtype, shape, data = tensors[name]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = f"{path}.part"
    try:
        with open(part, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for name in names:
                f.write(tensors[name][2])
        os.replace(part, path)
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise
