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
# $SYLKIT is the program (default: ./sylkit of the build, else the one in PATH), $PYTHON the
# Python that has torch. Works for any HuBERT checkpoint when --config names its configuration.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
stage=1 stop_stage=3 ckpt='' wav='' out=$root/build/sylber.safetensors config=$here/conf/sylber.json
while [ $# -gt 0 ]; do
    case $1 in
    --ckpt | --wav | --out | --config | --stage | --stop-stage)
        [ $# -ge 2 ] || { echo "run.sh: $1 needs a value" >&2; exit 2; }
        name=$(echo "${1#--}" | tr - _)
        eval "$name=\$2"
        shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
done
sylkit=${SYLKIT:-$root/sylkit}
[ -x "$sylkit" ] || sylkit=$(command -v sylkit) || { echo "run.sh: no sylkit program; build it or set SYLKIT" >&2; exit 1; }
plain=${out%.safetensors}.plain.safetensors
run() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }

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
