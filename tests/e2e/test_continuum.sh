#!/bin/bash
# sylkit continuum between two voices.
. "$(dirname "$0")/common.sh"

audio a.wav --seconds 1 --seed 1
audio b.wav --seconds 1.5 --seed 7 --rate 22050
audio silence.wav --seconds 1 --kind silence
expect 0 "a continuum" "$SYLKIT" continuum --save step a.wav b.wav
check "eleven steps, from one end to the other" json out "(lambda r: \
all(len(r[k]) == 11 for k in ('similarity_a', 'similarity_b', 'preference')) \
and abs(r['similarity_a'][0] - 1) < 1e-5 and abs(r['similarity_b'][10] - 1) < 1e-5 \
and abs(r['similarity_a'][10] - r['similarity_b'][0]) < 1e-5 and r['similarity_a'][10] < 0.999 \
and r['preference'][0] == 0 and r['preference'][10] == 1 \
and 0 < r['crossing'] < 1 and 0 < r['index'] < 0.5)(lines[0])"
cp out first
check "the area by its definition" json first "(lambda p, x: abs(lines[0]['index'] - sum( \
(lambda a: abs(p[min(int(a * 10), 9)] + (p[min(int(a * 10), 9) + 1] - p[min(int(a * 10), 9)]) \
* (a * 10 - min(int(a * 10), 9)) - (a > x)))((i + 0.5) / 20000) for i in range(20000)) / 20000) < 1e-3)( \
lines[0]['preference'], lines[0]['crossing'])"
check "samples of each step" test -s step0.npy -a -s step10.npy -a ! -e step11.npy
expect 0 "two steps" "$SYLKIT" continuum --steps 2 a.wav b.wav
check "three values" json out "len(lines[0]['preference']) == 3"
expect 0 "again" "$SYLKIT" continuum a.wav b.wav
check "the same" cmp -s first out
expect 1 "one word twice" "$SYLKIT" continuum a.wav a.wav
says "the same to this model" "one word twice"
expect 1 "silence" "$SYLKIT" continuum a.wav silence.wav
says "no syllable is heard" "silence"
expect 1 "no such file" "$SYLKIT" continuum a.wav missing.wav
says "missing.wav" "no such file"
expect 2 "one recording" "$SYLKIT" continuum a.wav
finish
