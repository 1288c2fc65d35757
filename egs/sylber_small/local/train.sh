#!/bin/sh
# usage: train.sh DATA WORK NAME METHOD STEPS [OPTIONS of sylkit train sylber]: one run of stage 1,
# WORK/NAME, on the segments of METHOD (WORK/segments/METHOD). A run that was stopped goes on. The
# audio of the scored English prompts is in no training, nor are voices in WORK/exclude.d/NAME.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=$1 work=$2 name=$3 method=$4 steps=$5
shift 5
mkdir -p "$work/$name"
cat "$work/exclude.txt" >"$work/$name/exclude.txt"
[ ! -e "$work/exclude.d/$name" ] || cat "$work/exclude.d/$name" >>"$work/$name/exclude.txt"
exec "${SYLKIT:?}" train sylber --conf "$here/../conf/stage1.conf" --config "$here/../conf/student.json" \
    --init "$data/prompts/teacher.safetensors" --stats "$work/stats.safetensors" \
    --segments "$work/segments/$method" --out "$work/$name" --steps "$steps" --threads 1 --loaders 1 \
    --valid-labels "$work/valid.json" --valid-audio "$data" --exclude-list "$work/$name/exclude.txt" \
    --resume "$@" "$work/speech"
