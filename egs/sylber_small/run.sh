#!/bin/sh
# The model that ships, from nothing to the installed file: data out of Debian and Python packages,
# segments by Whisper's encoder, Sylber's self-segmentation distillation, k-means, scores.
#
#   egs/sylber_small/run.sh [--labels FILE] [--data DIR] [--work DIR] [--steps N] [--model FILE]
#                           [--stage N] [--stop-stage N]
#
# 1 data (local/data.sh)              4 stage 1 of both variants         7 leave one voice out
# 2 standardisation and probe         5 tokens, in 8 bits; scores        8 the look-ahead's cost
# 3 segments of both methods          6 stage 2 of the better; scores
#
# The variants: "sonority", segments without labels; "probe", segments of a boundary probe that has
# learned from 70 aligned English prompts. Stages 1 to 5 make the model; under 2.5 hours on 2 cores.
# --model: also copy the better variant there. Everything can be run again and goes on where it was.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=5 labels='' steps=3000 model='' data=$root/build/data/sylber_small work=$root/build/sylber_small
options='labels data work steps model'
. "$root/egs/common/recipe.sh"
SYLKIT=$sylkit JOBS=${JOBS:-2}
export SYLKIT JOBS
methods="sonority probe"
mkdir -p "$work/segments"
better() { # the variant with the better validation
    "${PYTHON:-python3}" "$here/local/better.py" "$work/sonority" "$work/probe"
}

if run 1; then
    "$here/local/data.sh" ${labels:+--labels "$labels"} "$data"
fi
if run 2; then
    mkdir -p "$work/speech"
    for voice in en es fr it ru; do ln -sfn "$(cd "$data/prompts/$voice" && pwd)" "$work/speech/$voice"; done
    find "$work/speech/" -follow -name '*.wav' | sort | awk 'NR % 7 == 0' >"$work/corpus.txt"
    "${PYTHON:-python3}" -c 'import json, sys
for u in json.load(open(sys.argv[1])): print("en/" + u["key"].replace("/", "__"))' "$data/labels/en-score.json" >"$work/exclude.txt"
    "${PYTHON:-python3}" "$here/local/valid_labels.py" "$data" "$work/valid.json"
    "$SYLKIT" presegment fit --teacher "$data/prompts/teacher.safetensors" --labels "$data/labels/en-probe.json" \
        --audio-dir "$data/prompts/en" --list "$work/corpus.txt" --threads "$JOBS" -o "$work/stats.safetensors"
fi
if run 3; then
    for method in $methods; do
        "$SYLKIT" presegment run --teacher "$data/prompts/teacher.safetensors" --stats "$work/stats.safetensors" \
            --method "$method" --jobs "$JOBS" --resume -o "$work/segments/$method" \
            --jsonl "$work/segments/$method.jsonl" "$work/speech"
    done
fi
if run 4; then
    printf '%s\n' $methods | xargs -P "$JOBS" -I METHOD "$here/local/train.sh" "$data" "$work" METHOD METHOD "$steps"
fi
if run 5; then
    for method in $methods; do
        "$here/local/finish.sh" "$data" "$work" "$method" "$work/$method.safetensors"
        "$here/local/score.sh" "$work/$method.safetensors" "$data" "$work/score-$method"
    done
    [ -z "$model" ] || cp "$work/$(better).safetensors" "$model"
fi
if run 6; then
    method=$(better)
    "$SYLKIT" train sylber --conf "$here/conf/stage2.conf" --init "$work/$method/best.safetensors" \
        --out "$work/$method-stage2" --threads "$JOBS" --valid-labels "$work/valid.json" --valid-audio "$data" \
        --exclude-list "$work/exclude.txt" --resume "$work/speech"
    "$here/local/score.sh" "$work/$method-stage2/best.safetensors" "$data" "$work/score-$method-stage2"
fi
if run 7; then
    "$here/local/leave_one_out.sh" "$data" "$work" "$(better)" 900
fi
if run 8; then
    "$here/local/look_ahead.sh" "$data" "$work" "$(better)" 400
fi
