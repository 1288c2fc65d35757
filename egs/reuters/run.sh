#!/bin/sh
# Document codes of Reuters-21578 (ModApte split: 9,603 articles to train, 3,299 to test, several topics an
# article), in place of RCV1, which is licensed: the test split's articles rank each other. Relevance by
# the paper is graded, the share of topics that two articles have in common; "shared" counts one topic.
#
#   egs/reuters/run.sh --data DIR [--threads N] [--seed N] [--out DIR] [--stage N] [--stop-stage N]
#
# DIR (or $SYLKIT_DATA) holds text/reuters21578.tar.xz with reut2-000.sgm ... Results go under --out
# (default build/reuters); every stage can be run again. Needs python3.
#
# 1  unpack, and split into texts and labels      2  models: train, infer, eval -> NAME.txt
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=2 threads=1 seed=1 data=${SYLKIT_DATA:-} out=$root/build/reuters
options='data threads seed out'
. "$root/egs/common/recipe.sh"
archive=$data/text/reuters21578.tar.xz
if [ -z "$data" ] || [ ! -r "$archive" ]; then
    echo "run.sh: give the folder with text/reuters21578.tar.xz as --data DIR" >&2
    exit 2
fi
corpus=$root/build/data/reuters
mkdir -p "$out"

if run 1; then
    mkdir -p "$corpus/sgml"
    tar -C "$corpus/sgml" -xf "$archive"
    python3 "$here/local/split.py" "$corpus/sgml" "$corpus"
fi
if run 2; then
    grep -v '^#' "$here/conf/models.conf" | while read -r name kind options; do
        # shellcheck disable=SC2086
        [ -e "$out/$name.safetensors" ] || "$sylkit" bpv train --named --threads "$threads" --seed "$seed" \
            --no-documents $options --state "$out/$name.state" --resume --out "$out/$name.safetensors" "$corpus/train.txt"
        rm -f "$out/$name.state"
        "$sylkit" bpv infer --named --threads "$threads" --seed "$seed" "--$kind" "$out/$name.npy" "$out/$name.safetensors" \
            "$corpus/test.txt"
        for relevance in shared graded; do
            echo "$name, $relevance"
            "$sylkit" bpv eval "--$kind" "$out/$name.npy" --labels "$corpus/test.labels" --relevance "$relevance" \
                --seed "$seed" --threads "$threads" --curve "$out/$name-$relevance.svg"
        done >"$out/$name.part"
        mv "$out/$name.part" "$out/$name.txt"
        cat "$out/$name.txt"
    done
fi
