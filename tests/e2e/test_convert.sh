#!/bin/bash
# sylkit convert, and outputs that must not destroy anything.
. "$(dirname "$0")/common.sh"

audio voice.wav --seconds 2
python3 - <<'P'
import struct

def npy(name, rows, value):
    head = ("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 384), }" % rows).ljust(117) + "\n"
    body = b"".join(struct.pack("<384f", *[value * (r + 1)] * 384) for r in range(rows))
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + body)

npy("small.npy", 3, 0.01)
npy("large.npy", 2, 70000.0)
P
expect 0 "a residual codebook" "$SYLKIT" convert --residual-codebook small.npy "$SYLKIT_MODEL" a.safetensors
expect 0 "another in its place" "$SYLKIT" convert --residual-codebook small.npy a.safetensors b.safetensors
expect 0 "its tokens" "$SYLKIT" segment --model b.safetensors voice.wav
check "its tokens: in the output" json out "all(0 <= s['residual_token'] < 3 for s in lines[0]['segments'])"
expect 0 "another codebook" "$SYLKIT" convert --codebook small.npy --norm 0.5 b.safetensors c.safetensors
expect 0 "info of it" "$SYLKIT" info --json c.safetensors
check "the new codebook and threshold" json out "lines[0]['tokens'] == 3 and lines[0]['norm_threshold'] == 0.5"
expect 1 "values that f16 does not hold" "$SYLKIT" convert --dtype f16 --codebook large.npy "$SYLKIT_MODEL" d.safetensors
says "does not fit" "values that f16 does not hold"
check "nothing was written" test ! -e d.safetensors
expect 0 "onto itself" "$SYLKIT" convert c.safetensors c.safetensors
expect 0 "still a model" "$SYLKIT" segment --model c.safetensors voice.wav

cp voice.wav copy.wav
expect 2 "features over its input" "$SYLKIT" features -o voice.wav voice.wav
expect 2 "a picture over its input" "$SYLKIT" plot -o voice.wav voice.wav
check "the input is as it was" cmp -s voice.wav copy.wav
expect 2 "an output without a name" "$SYLKIT" segment --out "" voice.wav
"$SYLKIT" features -o open.npy voice.wav
"$SYLKIT" features -v -o closed.npy voice.wav 2>&-
check "a closed standard error spoils nothing" cmp -s open.npy closed.npy
# ---- weights of 8 bits
expect 0 "8 bits" "$SYLKIT" convert --dtype s8 "$SYLKIT_MODEL" s8.safetensors
expect 0 "8 bits: a model" "$SYLKIT" info s8.safetensors
expect 0 "8 bits, and wide again" "$SYLKIT" convert --dtype f32 s8.safetensors wide.safetensors
expect 0 "the original, wide" "$SYLKIT" convert --dtype f32 "$SYLKIT_MODEL" original.safetensors
check "8 bits: each weight within half a step of its row" python3 -c '
import json, struct
def load(path):
    raw = open(path, "rb").read()
    n, = struct.unpack("<Q", raw[:8])
    return {k: (v["shape"], raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]])
            for k, v in json.loads(raw[8:8 + n]).items() if k != "__metadata__"}
a, b = load("original.safetensors"), load("wide.safetensors")
assert a.keys() == b.keys() and not any(k.endswith(".scale") for k in b)
(rows, cols), data = a["layers.0.qkv.weight"]
x, y = (struct.unpack("<%df" % (rows * cols), d["layers.0.qkv.weight"][1]) for d in (a, b))
assert len(load("s8.safetensors")["layers.0.qkv.weight"][1]) == rows * cols
for r in range(rows):
    row, near = x[r * cols:r * cols + cols], y[r * cols:r * cols + cols]
    step = max(map(abs, row)) / 127
    assert all(abs(p - q) <= 0.501 * step + 1e-7 for p, q in zip(row, near)), r'
finish
