#!/bin/sh
# usage: data.sh [--labels FILE] [--stage N] [--stop-stage N] OUT: all that the small model is
# trained and scored on. Every stage can be run again; what is there is kept.
#
# 1  prompts, a reader, the teacher   OUT/prompts     4  noise              OUT/noisy
# 2  syllables by forced alignment    OUT/labels      5  a Russian reader   OUT/russian
# 3  synthetic voices                 OUT/synthetic
#
# --labels: aligned syllables of the English prompts, [{"key", "dur", "syl": [[start, end, phones],
# ...]}, ...]; without it they are made here. They are parted into OUT/labels/en-probe.json, which
# training may use, and en-score.json, which it may not; en-all.json has both.
# Needs apt-get, dpkg, ffmpeg and a Python ($PYTHON, default python3) with pip, numpy and
# pocketsphinx 5.1.1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3} labels='' stage=1 stop_stage=5 out=''
while [ $# -gt 0 ]; do
    case $1 in
    --labels | --stage | --stop-stage)
        [ $# -ge 2 ] || { echo "data.sh: $1 needs a value" >&2; exit 2; }
        eval "$(echo "${1#--}" | tr - _)=\$2"
        shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    -*) echo "data.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    *)
        [ -z "$out" ] || { echo "data.sh: one folder is expected, not $out and $1" >&2; exit 2; }
        out=$1
        shift ;;
    esac
done
[ -n "$out" ] || { echo "data.sh: give the folder to fill (see --help)" >&2; exit 2; }
[ -z "$labels" ] || [ -r "$labels" ] || { echo "data.sh: $labels cannot be read" >&2; exit 2; }
run() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }

if run 1; then
    "$here/prompts.sh" "$out/prompts"
fi
if run 2; then
    mkdir -p "$out/labels"
    if [ -z "$labels" ]; then
        labels=$out/labels/aligned.json
        [ -e "$labels" ] || "$python" "$here/align.py" "$out/prompts/en" "$out/prompts/en.txt" "$labels"
    fi
    [ -e "$out/labels/librivox.json" ] ||
        "$python" "$here/align.py" "$out/prompts/librivox" "$out/prompts/librivox.txt" "$out/labels/librivox.json"
    "$python" "$here/split_labels.py" "$labels" "$out/labels/en-probe.json" "$out/labels/en-score.json" \
        "$out/labels/en-all.json"
fi
if run 3; then
    "$here/synthetic.sh" "$out/prompts" "$out/labels/en-all.json" "$out/synthetic"
fi
if run 4; then
    "$here/noisy.sh" "$out/prompts" "$out/labels/en-score.json" "$out/noisy"
fi
if run 5; then
    "$here/russian.sh" "$out/russian"
fi
