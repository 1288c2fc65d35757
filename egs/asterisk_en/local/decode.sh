#!/bin/sh
# usage: decode.sh REF.json SOUNDS OUT: SOUNDS/KEY.g722 -> OUT/KEY.wav (16 kHz, 16 bit, mono) for
# every key of the reference. Keys may hold a folder ("digits/11"). What is there is not redone.
set -eu
[ $# -eq 3 ] || { echo "usage: decode.sh REF.json SOUNDS OUT" >&2; exit 2; }
ref=$1 sounds=$2 out=$3
command -v ffmpeg >/dev/null || { echo "decode.sh: ffmpeg not found; on Debian: apt-get install ffmpeg" >&2; exit 1; }
mkdir -p "$out"
python3 -c 'import json, sys; print("\n".join(u["key"] for u in json.load(open(sys.argv[1]))))' "$ref" >"$out/keys.txt"
while read -r key; do
    wav=$out/$key.wav
    [ ! -e "$wav" ] || continue
    [ -r "$sounds/$key.g722" ] || { echo "decode.sh: $sounds/$key.g722 is missing" >&2; exit 1; }
    mkdir -p "$(dirname "$wav")"
    ffmpeg -v error -nostdin -y -f g722 -i "$sounds/$key.g722" -ar 16000 -ac 1 -c:a pcm_s16le -f wav "$wav.part"
    mv "$wav.part" "$wav"
done <"$out/keys.txt"
rm "$out/keys.txt"
echo "$(find "$out" -name '*.wav' | wc -l) prompts in $out"
