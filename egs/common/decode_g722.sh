#!/bin/sh
# usage: decode_g722.sh [--flat] SOUNDS OUT < KEYS: SOUNDS/KEY.g722 -> OUT/KEY.wav (16 kHz, 16 bit,
# mono) for the keys of standard input, one a line. Keys may hold a folder ("digits/11"); --flat
# writes __ in place of their slashes. What is there is not redone.
set -eu
slash=/
[ "${1-}" != --flat ] || { slash=__; shift; }
[ $# -eq 2 ] || { echo "usage: decode_g722.sh [--flat] SOUNDS OUT < KEYS" >&2; exit 2; }
sounds=$1 out=$2
command -v ffmpeg >/dev/null || { echo "decode_g722.sh: ffmpeg not found; on Debian: apt-get install ffmpeg" >&2; exit 1; }
mkdir -p "$out"
while read -r key; do
    wav=$out/$(echo "$key" | sed "s|/|$slash|g").wav
    [ ! -e "$wav" ] || continue
    [ -r "$sounds/$key.g722" ] || { echo "decode_g722.sh: $sounds/$key.g722 is missing" >&2; exit 1; }
    mkdir -p "$(dirname "$wav")"
    ffmpeg -v error -nostdin -y -f g722 -i "$sounds/$key.g722" -ar 16000 -ac 1 -c:a pcm_s16le -f wav "$wav.part"
    mv "$wav.part" "$wav"
done
echo "$(find "$out" -name '*.wav' | wc -l) recordings in $out"
