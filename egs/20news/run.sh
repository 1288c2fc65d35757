#!/bin/sh
# Document codes of 20 Newsgroups ("bydate"; headers kept): trained on the 11,314 posts of the training
# split, inferred for the 7,532 of the test split, which rank each other; relevant are posts of the same
# group (Grzegorczyk and Kurdziel 2017, section 3).
#
#   egs/20news/run.sh --data DIR [--threads N] [--seed N] [--python FILE] [--out DIR]
#                     [--stage N] [--stop-stage N]
#
# DIR (or $SYLKIT_DATA) holds text/20news-bydate.tar.xz: 20news-bydate-train/GROUP/POST and
# 20news-bydate-test/. Results go under --out (default build/20news); every stage can be run again, and
# goes on where it was stopped.
#
# 1  unpack                                        4  Real-Binary: two stages, by radius
# 2  models: train, infer, eval -> NAME.txt        5  gensim Doc2Vec and hashing of its vectors;
# 3  hashing of real vectors at equal length          --python has gensim
# 6  how settings were chosen: on a tenth of the training split -> tune.txt (half an hour; not by default)
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=4 threads=1 seed=1 python='' data=${SYLKIT_DATA:-} out=$root/build/20news
options='data threads seed python out'
. "$root/egs/common/recipe.sh"
archive=$data/text/20news-bydate.tar.xz
if [ -z "$data" ] || [ ! -r "$archive" ]; then
    echo "run.sh: give the folder with text/20news-bydate.tar.xz as --data DIR" >&2
    exit 2
fi
corpus=$root/build/data/20news
export sylkit corpus out threads seed here
mkdir -p "$out"

if run 1 && [ ! -e "$corpus/unpacked" ]; then
    mkdir -p "$corpus"
    tar -C "$corpus" -xf "$archive"
    touch "$corpus/unpacked"
fi
if run 2; then
    grep -v '^#' "$here/conf/models.conf" | while read -r name options; do
        # shellcheck disable=SC2086
        "$here/local/model.sh" "$name" $options
    done
fi
if run 3; then
    for dim in 128 32; do
        "$sylkit" bpv eval --vectors "$out/real-$dim.npy" --names "$out/names" --hash sign,median,planes,itq \
            --hash-bits "$dim" --seed "$seed" --threads "$threads" >"$out/hash-$dim.part"
        mv "$out/hash-$dim.part" "$out/hash-$dim.txt"
        cat "$out/hash-$dim.txt"
    done
fi
if run 4; then
    "$sylkit" bpv eval --codes "$out/real-binary-28-codes.npy" --bits 28 --vectors "$out/real-binary-28.npy" \
        --names "$out/names" --radius 8 --seed "$seed" --threads "$threads" | tee "$out/radius.txt"
fi
if run 5; then
    [ -n "$python" ] || { echo "run.sh: stage 5 needs --python FILE, an interpreter with gensim" >&2; exit 2; }
    "$here/local/gensim.sh" "$python"
fi
if run 6; then
    "$here/local/tune.sh"
fi
