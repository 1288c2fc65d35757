#!/bin/sh
# Imports the released Sylber checkpoint, which you must have already (`sylber.ckpt` of the
# authors' model page): no weights come with sylkit, and their licence is the authors'.
#
#   egs/sylber_import/run.sh --ckpt sylber.ckpt [--out build/sylber.safetensors]
#                            [--wav FILE] [--stage N] [--stop-stage N]
#
# 1  ckpt2safetensors.py   PyTorch checkpoint -> safetensors, names kept (Python with torch)
# 2  sylkit convert        checks every tensor against conf/sylber.json (HuBERT base with 9
#                          layers), strips prefixes, folds the weight norm, adds the
#                          configuration and Sylber's thresholds (norm 2.6, merge 0.8)
# 3  sylkit segment        syllables of --wav, when one is given
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH), $PYTHON the
# Python that has torch. Works for any HuBERT checkpoint when --config names its configuration.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=3 ckpt='' wav='' out=$root/build/sylber.safetensors config=$root/egs/sylber_import/conf/sylber.json
options='ckpt wav out config'
. "$root/egs/common/recipe.sh"
plain=${out%.safetensors}.plain.safetensors

if run 1; then
    [ -n "$ckpt" ] || { echo "run.sh: give the checkpoint with --ckpt FILE" >&2; exit 2; }
    mkdir -p "$(dirname "$out")"
    "${PYTHON:-python3}" "$here/ckpt2safetensors.py" "$ckpt" "$plain"
fi
if run 2; then
    "$sylkit" convert --config "$config" "$plain" "$out"
    rm -f "$plain"
    "$sylkit" info "$out"
fi
if run 3 && [ -n "$wav" ]; then
    "$sylkit" segment --model "$out" "$wav"
fi
