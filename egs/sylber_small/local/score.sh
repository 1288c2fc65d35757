#!/bin/sh
# usage: score.sh MODEL DATA OUT [OPTIONS of sylkit tokenize]
#
# Syllables of a model on everything below DATA that data.sh made: OUT/score.md, a table, and
# OUT/score.jsonl, an object a row. Boundaries are the different starts and ends, with the thresholds
# of the model and no shift unless OPTIONS say otherwise. $SYLKIT is the program (default:
# build/sylkit, else the one in PATH), $JOBS the files at a time (1). Row by row what was found is
# kept as OUT/NAME.jsonl, always anew.
set -eu
[ $# -ge 3 ] || { echo "usage: score.sh MODEL DATA OUT [OPTIONS of sylkit tokenize]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
model=$1 data=${2%/} out=$3 python=${PYTHON:-python3}
shift 3
sylkit=${SYLKIT:-$here/../../../build/sylkit}
[ -x "$sylkit" ] || sylkit=$(command -v sylkit) ||
    { echo "score.sh: no sylkit program; build it or set SYLKIT" >&2; exit 1; }
[ -r "$model" ] || { echo "score.sh: model $model cannot be read" >&2; exit 1; }
[ -r "$data/labels/en-score.json" ] ||
    { echo "score.sh: $data/labels/en-score.json is missing; run data.sh" >&2; exit 1; }
mkdir -p "$out"

# boundaries NAME AUDIO LABELS [OPTIONS]: the recordings AUDIO/KEY.wav of the labels, if there are any.
boundaries() {
    name=$1 audio=$2 labels=$3
    shift 3
    if [ ! -e "$labels" ] || [ ! -d "$audio" ]; then
        echo "score.sh: no $labels or $audio; left out" >&2
        return 0
    fi
    "$python" -c 'import json, sys
for u in json.load(open(sys.argv[1])): print(sys.argv[2] + "/" + u["key"] + ".wav")' "$labels" "$audio" |
        "$sylkit" tokenize -q --model "$model" --jobs "${JOBS:-1}" --list - "$@" >"$out/$name.jsonl"
    cp "$labels" "$out/$name.ref.json"
    for ms in 50 20; do
        "$sylkit" eval boundaries --ref "$labels" --hyp "$out/$name.jsonl" --tolerance "0.0$ms" \
            --unique starts-ends --json >"$out/$name.$ms.json"
    done
    names="$names $name"
}

names=''
boundaries en-score "$data/prompts/en" "$data/labels/en-score.json" "$@"
boundaries en-all "$data/prompts/en" "$data/labels/en-all.json" "$@"
boundaries librivox "$data/prompts/librivox" "$data/labels/librivox.json" "$@"
boundaries reader-ru "$data/russian/reader-ru" "$data/russian/reader-ru-score.json" "$@"
for labels in "$data"/synthetic/*.json; do
    boundaries "$(basename "$labels" .json)" "${labels%.json}" "$labels" "$@"
done
for noise in white babble; do
    for snr in 20 10 5; do
        boundaries "en-$noise-$snr" "$data/noisy/$noise-$snr" "$data/labels/en-score.json" "$@"
    done
done
"$sylkit" tokenize -q --model "$model" "$@" "$data/noisy/nonspeech" >"$out/nonspeech.jsonl"

# shellcheck disable=SC2086
"$python" "$here/score_table.py" "$out" "$model" "$*" $names
cat "$out/score.md"
