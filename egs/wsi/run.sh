#!/bin/sh
# Word sense induction on real text: Disambiguated Skip-gram is trained on English Wikipedia (85,605 articles of 2014,
# 21.6 million words), prepared as published, and tells the senses of SemEval-2010's 100 words and of hard, interest,
# line and serve apart, beside an AdaGram-style model of our own, k-means of contexts, and one cluster for all. The
# same model is scored on SCWS, WordSim-353, SimLex-999, MEN and analogies. (The paper's Wikipedia has about a billion
# words.)
#
#   egs/wsi/run.sh --data DIR [--threads N] [--seed N] [--out DIR] [--stage N] [--stop-stage N]
#
# DIR (or $SYLKIT_DATA) holds text/wikipedia-en.txt.xz (<doc ...> to </doc>), wsi/semeval-2010 (dataset.txt.xz, key.txt),
# wsi/senseval.zip and wordsim/; wsi/semeval-2007, wsi/semeval-2013 and wsi/wwsi (dataset.txt or .xz, key.txt) are taken
# when they are there. Results go under --out (default build/wsi); every stage can be run again, and training goes on
# where it was stopped.
#
# 1  unpack                                2  train the models of conf/models.conf
# 3  eval -> NAME.txt                      4  senses of a few words -> words.txt, words.png
# 5  comparisons -> comparisons.txt; builds tests/bench/adagram and tests/bench/wsi_baselines, so it
#    needs a build folder ($BUILD, default build)
# 6  plain skip-gram beside gensim's -> gensim.txt (not run by default; $PYTHON has gensim)
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=5 threads=1 seed=1 data=${SYLKIT_DATA:-} out=$root/build/wsi
options='data threads seed out'
. "$root/egs/common/recipe.sh"
for file in text/wikipedia-en.txt.xz wsi/semeval-2010/key.txt wsi/senseval.zip wordsim/SCWS.txt.xz; do
    need --data "$data/$file"
done
wikipedia=$root/build/data/wikipedia/wikipedia-en.txt sets=$root/build/data/wsi build=${BUILD:-$root/build}
export sylkit wikipedia sets data out threads seed here build
mkdir -p "$out"

if run 1; then
    mkdir -p "$sets"
    unpacked "$data/text/wikipedia-en.txt.xz" "$wikipedia"
    xz -dc "$data/wordsim/SCWS.txt.xz" >"$sets/SCWS.txt"
    python3 "$here/local/senseval.py" "$data/wsi/senseval.zip" "$sets/senseval"
    for set in semeval-2007 semeval-2010 semeval-2013 wwsi; do
        [ -r "$data/wsi/$set/key.txt" ] || continue
        mkdir -p "$sets/$set"
        cp "$data/wsi/$set/key.txt" "$sets/$set"
        if [ -r "$data/wsi/$set/dataset.txt.xz" ]; then
            xz -dc "$data/wsi/$set/dataset.txt.xz" >"$sets/$set/dataset.txt"
        else
            cp "$data/wsi/$set/dataset.txt" "$sets/$set"
        fi
    done
fi
models() { grep -v '^#' "$here/conf/models.conf"; }
if run 2; then
    models | while read -r name options; do
        [ -e "$out/$name.dsg" ] && continue
        words="--min-count 20 --save-vocabulary $out/vocabulary.txt"
        [ ! -e "$out/vocabulary.txt" ] || words="--vocabulary $out/vocabulary.txt"
        # shellcheck disable=SC2086
        "$sylkit" dsg train --format wikipedia $words --threads "$threads" --seed "$seed" $options \
            --state "$out/$name.state" --resume --out "$out/$name.dsg" "$wikipedia"
        rm -f "$out/$name.state"
    done
fi
if run 3; then
    models | while read -r name options; do
        [ -e "$out/$name.txt" ] && continue
        "$here/local/score.sh" "$out/$name.dsg" "$options" >"$out/$name.part"
        mv "$out/$name.part" "$out/$name.txt"
        cat "$out/$name.txt"
    done
fi
if run 4; then
    words="bank rock plant apple mouse"
    for word in $words; do
        # shellcheck disable=SC2086
        "$sylkit" dsg neighbours --table --k 8 "$out/senses.dsg" $word
    done >"$out/words.part"
    mv "$out/words.part" "$out/words.txt"
    # shellcheck disable=SC2086
    "$sylkit" dsg plot --k 6 --method tsne --seed "$seed" --title "Senses and their neighbours" \
        --out "$out/words.png" "$out/senses.dsg" $words
    cat "$out/words.txt"
fi
if run 5; then
    "$here/local/compare.sh"
fi
if run 6; then
    "$here/local/gensim.sh"
fi
