#!/bin/sh
# gensim.sh PYTHON: the test split's vectors by gensim's Doc2Vec, and codes hashed from them. From run.sh.
set -eu
: "${sylkit:?}" "${out:?}" "${corpus:?}" "${here:?}" "${seed:?}" "${threads:?}"
"$sylkit" bpv export --vocabulary "$out/vocabulary.txt" "$out/binary-128.safetensors"
for dim in 128 32; do
    vectors=$out/gensim-$dim.npy
    if [ ! -e "$vectors" ]; then
        "$1" "$here/local/gensim_vectors.py" "$corpus/20news-bydate-train" "$corpus/20news-bydate-test" \
            "$out/vocabulary.txt" "$out/names" "$dim" "$seed" "$out/gensim.part.npy"
        mv "$out/gensim.part.npy" "$vectors"
    fi
    "$sylkit" bpv eval --vectors "$vectors" --names "$out/names" --hash sign,median,planes,itq --hash-bits "$dim" \
        --seed "$seed" --threads "$threads" | tee "$out/gensim-$dim.txt"
done
