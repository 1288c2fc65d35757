#!/bin/sh
# usage: continuum.sh DATA OUT MODEL...: how categorically models hear pairs of words that differ in one
# consonant (examples of the Sylber paper, section on categorical perception), spoken by flite's three
# voices; OUT/continuum.md has the discriminability index of each model, the mean over pairs and voices
# (lower is more like a step; see `man sylkit-continuum` for how it differs from the paper's).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=$1 out=$2 python=${PYTHON:-python3}
shift 2
tools=$data/synthetic/.tools
libraries=$(dirname "$(find "$tools/usr/lib" -name 'libflite.so.1')")
pairs="ball-mall down-town lest-rest thin-thing zip-sip"
mkdir -p "$out"
for word in $(echo "$pairs" | tr -- '-' ' '); do echo "$word: $word"; done >"$out/words.txt"
for voice in awb rms slt; do
    [ -e "$out/$voice/zip.wav" ] || {
        mkdir -p "$out/$voice"
        LD_LIBRARY_PATH=$libraries "$python" "$here/flite_syllables.py" "$libraries" "$voice" "$out/words.txt" "$out/$voice"
    }
done
echo "| model | pairs x voices | discriminability index | crossings missed |
|---|---|---|---|" >"$out/continuum.md"
for model in "$@"; do
    for voice in awb rms slt; do
        for pair in $pairs; do
            "${SYLKIT:?}" continuum --model "$model" "$out/$voice/${pair%-*}.wav" "$out/$voice/${pair#*-}.wav"
        done
    done >"$out/$(basename "$model").jsonl"
    "$python" -c 'import json, sys
rows = [json.loads(x) for x in open(sys.argv[1])]
index = [r["index"] for r in rows if r["index"] is not None]
print(f"| {sys.argv[2]} | {len(rows)} | {sum(index) / len(index):.3f} | {len(rows) - len(index)} |")' \
        "$out/$(basename "$model").jsonl" "$(basename "$model")" >>"$out/continuum.md"
done
cat "$out/continuum.md"
