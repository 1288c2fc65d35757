#!/bin/sh
# usage: finish.sh DATA WORK NAME OUT.safetensors: the run's best checkpoint with a codebook of 1,000
# syllables of the training speech, in 8 bits.
set -eu
data=$1 work=$2 name=$3 out=$4
best=$work/$name/best.safetensors
"${SYLKIT:?}" features --segments -q --model "$best" --jobs "${JOBS:-2}" --out "$work/$name/vectors" "$work/speech"
find "$work/$name/vectors" -name '*.npy' | sort >"$work/$name/vectors.txt"
"$SYLKIT" kmeans -q --clusters 1000 --restarts 3 --seed 1 --threads "${JOBS:-2}" --list "$work/$name/vectors.txt" \
    --into "$best" -o "$work/$name/tokens.safetensors"
"$SYLKIT" convert --dtype s8 "$work/$name/tokens.safetensors" "$out"
