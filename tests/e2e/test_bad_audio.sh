#!/bin/sh
# Audio that is short, silent, damaged, or in an unusual shape.
. "$(dirname "$0")/common.sh"

: >empty.wav
expect 1 "a file of no bytes" "$SYLKIT" segment empty.wav
says "empty.wav" "a file of no bytes"

for n in 0 1 399; do
    audio "n$n.wav" --samples $n
    expect 0 "$n samples" "$SYLKIT" segment "n$n.wav"
    check "$n samples: one line" json out "len(lines) == 1 and lines[0]['num_samples'] == $n"
    expect 0 "$n samples as TextGrid" "$SYLKIT" segment --format textgrid "n$n.wav"
done

audio silence.wav --kind silence
expect 0 "silence" "$SYLKIT" segment silence.wav
check "silence: no syllable" json out "lines[0]['segments'] == []"
expect 0 "silence token" "$SYLKIT" segment --silence silence.wav
check "silence: one segment" json out \
    "[s.get('silence') for s in lines[0]['segments']] == [True]"

for bad in nan inf; do
    audio $bad.wav --float --bad $bad
    expect 1 "$bad" "$SYLKIT" segment $bad.wav
    says "$bad.wav" "$bad"
done

audio voice.wav
audio low.wav --rate 8000
audio wide.wav --rate 48000 --channels 2
audio deep.wav --width 3
for f in voice low wide deep; do
    expect 0 "$f.wav" "$SYLKIT" segment $f.wav
    check "$f.wav: 2 s" json out \
        "lines[0]['sample_rate'] == 16000 and abs(lines[0]['num_samples'] - 32000) <= 1 \
         and abs(lines[0]['num_frames'] - 100) <= 1"
done
expect 0 "stereo, verbose" "$SYLKIT" segment -v wide.wav
says "averaged" "stereo, verbose"

head -c 40000 voice.wav >cut.wav
expect 1 "a truncated WAV file" "$SYLKIT" segment cut.wav
says "cut.wav" "a truncated WAV file"
if command -v ffmpeg >/dev/null 2>&1; then
    ffmpeg -loglevel error -y -i voice.wav voice.flac </dev/null
    expect 0 "FLAC" "$SYLKIT" segment voice.flac
    size=$(wc -c <voice.flac)
    head -c $((size / 2)) voice.flac >cut.flac
    expect 1 "a truncated FLAC file" "$SYLKIT" segment cut.flac
else
    echo "not tried: FLAC (ffmpeg is missing)"
fi

echo "this is not audio" >text.wav
expect 1 "text named .wav" "$SYLKIT" segment text.wav
says "text.wav" "text named .wav"
expect 1 "no such file" "$SYLKIT" segment nowhere.wav
says "nowhere.wav" "no such file"
finish
