#!/bin/sh
# usage: synthetic.sh PROMPTS LABELS OUT: synthetic voices with the syllable times that they were made
# with, of 60 texts each: OUT/VOICE/KEY.wav (16 kHz) and OUT/VOICE.json, [{"key", "dur", "syl":
# [[start, end, phones], ...]}, ...].
#
#   festival-{kal,ked,slt}    English: diphone voices of two men, an HTS voice of a woman
#   flite-{awb,rms,slt}       English: clustergen voices of two men and of the same woman
#   festival-it-{lp,pc}       Italian: diphone voices of a woman and of a man
#
# PROMPTS is what prompts.sh made, LABELS the aligned prompts (en-all.json of split_labels.py). The
# programs come from Debian packages that are unpacked below OUT, not installed. Needs apt-get, dpkg,
# ffmpeg, python3. What is there is kept; it can be run again.
set -eu
[ $# -eq 3 ] || { echo "usage: synthetic.sh PROMPTS LABELS OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
prompts=$1 labels=$2 python=${PYTHON:-python3}
for language in en it; do
    [ -r "$prompts/$language.txt" ] ||
        { echo "synthetic.sh: $prompts/$language.txt is missing; run prompts.sh $prompts" >&2; exit 1; }
done
mkdir -p "$3"
out=$(cd "$3" && pwd)
tools=$out/.tools

"$here/../../common/fetch_deb.sh" "$tools" festival libestools2.5 festvox-kallpc16k festvox-kdlpc16k \
    festvox-us-slt-hts festlex-cmu festlex-poslex festlex-ifd festvox-italp16k festvox-itapc16k libflite1
libraries=$(dirname "$(find "$tools/usr/lib" -name 'libflite.so.1')")
for language in en it; do
    "$python" "$here/texts.py" "$prompts/$language.txt" "$labels" "$out/$language.txt" "$out/$language.scm"
done

# PROGRAM VOICE LANGUAGE DIR
festival() {
    LD_LIBRARY_PATH=$libraries "$tools/usr/bin/festival" --datadir "$tools/usr/share/festival" \
        --libdir "$tools/usr/lib/festival" -b "$here/festival_syllables.scm" \
        "(speak_all \"$1\" \"$out/$2.scm\" \"$3\")"
}
flite() { LD_LIBRARY_PATH=$libraries "$python" "$here/flite_syllables.py" "$libraries" "$1" "$out/$2.txt" "$3"; }

# voice NAME PROGRAM VOICE LANGUAGE: speaks, resamples, collects the times.
voice() {
    [ ! -e "$out/$1.json" ] || return 0
    rm -rf "$out/.spoken"
    mkdir -p "$out/.spoken" "$out/$1"
    "$2" "$3" "$4" "$out/.spoken" || { echo "synthetic.sh: $2 failed for the voice $3" >&2; exit 1; }
    for wav in "$out/.spoken"/*.wav; do
        ffmpeg -v error -nostdin -y -i "$wav" -ar 16000 -ac 1 -c:a pcm_s16le "$out/$1/$(basename "$wav")"
    done
    "$python" "$here/labels_of.py" "$out/$1" "$out/.spoken" "$out/$1.json"
    rm -rf "$out/.spoken"
}

voice festival-kal festival kal_diphone en
voice festival-ked festival ked_diphone en
voice festival-slt festival cmu_us_slt_arctic_hts en
for name in awb rms slt; do voice "flite-$name" flite "$name" en; done
voice festival-it-lp festival lp_diphone it
voice festival-it-pc festival pc_diphone it
