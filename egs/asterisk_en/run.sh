#!/bin/sh
# Syllable boundaries on real English speech: 241 telephone prompts of one woman (Debian package
# asterisk-core-sounds-en-g722, CC-BY-SA 3.0) against syllables from forced alignment, at 50 ms.
#
#   egs/asterisk_en/run.sh --data DIR [--model FILE] [--jobs N] [--out DIR]
#                          [--stage N] [--stop-stage N]
#
# DIR (or $SYLKIT_DATA) holds speech/syllables-en-dev.json: [{"key", "dur", "text", "syl": [[start,
# end, phones], ...]}, ...]. Audio goes under build/data, results under --out (default
# build/asterisk_en). Needs apt-get, dpkg, ffmpeg and python3; every stage can be run again.
#
# 1  fetch the Debian package and unpack it       3  sylkit tokenize -> hyp.jsonl
# 2  decode the reference's prompts to 16 kHz     4  sylkit eval boundaries -> score.txt
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=4 jobs=1 model='' data=${SYLKIT_DATA:-} out=$root/build/asterisk_en
options='data model jobs out'
. "$root/egs/common/recipe.sh"
ref=$data/speech/syllables-en-dev.json
if [ -z "$data" ] || [ ! -r "$ref" ]; then
    echo "run.sh: give the folder with speech/syllables-en-dev.json as --data DIR" >&2
    exit 2
fi
audio=$root/build/data/asterisk_en

if run 1; then
    "$root/egs/common/fetch_deb.sh" "$audio/package" asterisk-core-sounds-en-g722
fi
if run 2; then
    mkdir -p "$audio"
    python3 -c 'import json, sys; print("\n".join(u["key"] for u in json.load(open(sys.argv[1]))))' "$ref" >"$audio/keys.txt"
    "$root/egs/common/decode_g722.sh" "$audio/package/usr/share/asterisk/sounds/en_US_f_Allison" "$audio/wav" <"$audio/keys.txt"
fi
if run 3 || run 4; then
    mkdir -p "$out"
fi
if run 3; then
    "$sylkit" tokenize ${model:+--model "$model"} --jobs "$jobs" --format jsonl "$audio/wav" >"$out/hyp.part"
    mv "$out/hyp.part" "$out/hyp.jsonl"
fi
if run 4; then
    "$sylkit" eval boundaries --ref "$ref" --hyp "$out/hyp.jsonl" --tolerance 0.05 --shift-search >"$out/score.part"
    mv "$out/score.part" "$out/score.txt"
    cat "$out/score.txt"
fi
