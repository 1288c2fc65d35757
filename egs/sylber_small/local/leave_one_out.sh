#!/bin/sh
# usage: leave_one_out.sh DATA WORK METHOD STEPS: each prompt voice left out of training in turn, and a
# run that hears them all for as long; WORK/leave-one-out.md tells how both find the segments that
# METHOD gives for that voice's prompts, and for English what the aligner says of the scored ones.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=$1 work=$2 method=$3 steps=$4
mkdir -p "$work/exclude.d"
for voice in es fr it ru en; do echo "$voice/*" >"$work/exclude.d/without-$voice"; done
printf '%s\n' all without-es without-fr without-it without-ru without-en |
    xargs -P "${JOBS:-2}" -I NAME "$here/train.sh" "$data" "$work" NAME "$method" "$steps" --quiet
score() { # REFERENCE HYPOTHESIS
    "${SYLKIT:?}" eval boundaries --ref "$1" --hyp "$2" --unique starts-ends --json |
        sed 's/.*"f1": *\([0-9.]*\).*"r_value": *\([0-9.]*\).*/\1 | \2/'
}
report=$work/leave-one-out.md
echo "| voice | reference | F1, heard | R-value | F1, never heard | R-value |
|---|---|---|---|---|---|" >"$report.part"
row() { # VOICE REFERENCE TEXT LIST
    for run in all "without-$1"; do
        "$SYLKIT" tokenize -q --model "$work/$run/best.safetensors" --jobs "${JOBS:-2}" --list "$4" >"$work/$run.jsonl"
    done
    echo "| $1 | $3 | $(score "$2" "$work/all.jsonl") | $(score "$2" "$work/without-$1.jsonl") |" >>"$report.part"
}
for voice in en es fr it ru; do
    find "$work/speech/$voice/" -name '*.wav' | sort | awk 'NR % 5 == 0' >"$work/$voice.list"
    "${PYTHON:-python3}" "$here/segments_of.py" "$work/segments/$method.jsonl" "$work/$voice.list" "$work/$voice.ref.json"
    row "$voice" "$work/$voice.ref.json" "its segments ($method)" "$work/$voice.list"
done
"${PYTHON:-python3}" -c 'import json, sys
for u in json.load(open(sys.argv[1])): print(sys.argv[2] + "/" + u["key"].replace("/", "__") + ".wav")' \
    "$data/labels/en-score.json" "$data/prompts/en" >"$work/en-score.list"
row en "$data/labels/en-score.json" "aligner" "$work/en-score.list"
mv "$report.part" "$report"
cat "$report"
