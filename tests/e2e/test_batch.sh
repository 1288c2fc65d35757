#!/bin/sh
# Many files: folders, lists, jobs, resuming, and one bad file among good ones.
. "$(dirname "$0")/common.sh"

mkdir -p corpus/a corpus/b
audio corpus/a/1.wav --seconds 1 --seed 1
audio corpus/a/2.wav --seconds 3 --seed 2
audio corpus/b/1.wav --seconds 1.5 --seed 3
audio corpus/z.WAV --seconds 1 --seed 4
echo "notes" >corpus/notes.txt

expect 0 "a folder" "$SYLKIT" segment corpus
cp out serial
check "a folder: sorted, audio only" json out \
    "[x['file'] for x in lines] == ['corpus/a/1.wav', 'corpus/a/2.wav', 'corpus/b/1.wav', 'corpus/z.WAV']"
for jobs in 2 3 8; do
    expect 0 "--jobs $jobs" "$SYLKIT" segment --jobs $jobs corpus
    check "--jobs $jobs: the same output" cmp -s out serial
done
find corpus -iname '*.wav' | LC_ALL=C sort >list
expect 0 "a list" "$SYLKIT" segment --list list
check "a list: the same output" cmp -s out serial

echo "not audio" >corpus/b/bad.wav
expect 1 "one bad file" "$SYLKIT" segment --jobs 2 corpus
check "one bad file: the rest is there" cmp -s out serial
says "corpus/b/bad.wav" "one bad file"
says "1 of 5 files failed" "one bad file"

expect 1 "--out" "$SYLKIT" segment --out results corpus
for f in a/1 a/2 b/1 z; do
    check "--out: $f" test -s results/$f.jsonl
done
check "--out: nothing of the bad file" test ! -e results/b/bad.jsonl
check "--out: nothing temporary" test "$(find results -type f | wc -l)" -eq 4
find results -name '*.jsonl' | LC_ALL=C sort | xargs cat >joined
check "--out: the same content" cmp -s joined serial

rm corpus/b/bad.wav results/a/2.jsonl
echo kept >results/a/1.jsonl
expect 0 "--resume" "$SYLKIT" segment --resume --out results corpus
check "--resume: what was there stays" test "$(cat results/a/1.jsonl)" = kept
check "--resume: the missing one is made" test -s results/a/2.jsonl
expect 2 "--resume without --out" "$SYLKIT" segment --resume corpus

expect 2 "two inputs for one output" "$SYLKIT" segment --out r corpus/a/1.wav corpus/b/1.wav
mkdir nothing
expect 1 "a folder without audio" "$SYLKIT" segment nothing
says "no audio files" "a folder without audio"
ln -s .. corpus/a/loop
expect 0 "a link back" timeout 60 "$SYLKIT" segment corpus/
sed 's#corpus//*#corpus/#' out >cleaned
check "a link back: the same output" cmp -s cleaned serial

expect 0 "features" "$SYLKIT" features --segments --out vectors corpus
check "features: mirrored" test -s vectors/b/1.npy
finish
