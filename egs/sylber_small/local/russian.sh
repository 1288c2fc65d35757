#!/bin/sh
# usage: russian.sh OUT: the recordings that Debian's festvox-ru (BSD-like; 180 MB to download) makes
# its voice of: 620 sentences of one reader, 16 kHz, with phone labels of an aligner in steps of 10 ms.
#
#   OUT/reader-ru/KEY.wav, OUT/reader-ru.json (all), OUT/reader-ru-score.json (each tenth, to score)
#
# What is there is kept; it can be run again.
set -eu
[ $# -eq 1 ] || { echo "usage: russian.sh OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$1 python=${PYTHON:-python3}
[ ! -e "$out/reader-ru-score.json" ] || exit 0
mkdir -p "$out/reader-ru" "$out/.syl"
"$here/../../common/fetch_deb.sh" "$out/.package" festvox-ru
voice=$out/.package/usr/share/festival/voices/russian/msu_ru_nsh_clunits
cp "$voice"/wav/*.wav "$out/reader-ru"
"$python" "$here/lab_syllables.py" "$voice/lab" "$out/.syl"
"$python" "$here/labels_of.py" "$out/reader-ru" "$out/.syl" "$out/reader-ru.json"
for syl in "$out"/.syl/*.syl; do
    case $syl in *0.syl) ;; *) rm "$syl" ;; esac
done
"$python" "$here/labels_of.py" "$out/reader-ru" "$out/.syl" "$out/reader-ru-score.json"
rm -rf "$out/.syl" "$out/.package"
