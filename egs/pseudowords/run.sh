#!/bin/sh
# Senses of pseudo-words: 100 pairs of words of 20 Newsgroups (headers left out) become one word each, and
# Disambiguated Skip-gram is to tell which of the two an occurrence was. Scores are ARI, V-measure and paired
# F of sylkit dsg eval wsi; beside them k-means of the contexts' mean output vectors at equal number, and
# naive Bayes, which has seen four fifths of the key.
#
#   egs/pseudowords/run.sh --data DIR [--threads N] [--seed N] [--pairs N] [--out DIR]
#                          [--stage N] [--stop-stage N]
#
# DIR (or $SYLKIT_DATA) holds text/20news-bydate.tar.xz. Results go under --out (default build/pseudowords);
# every stage can be run again, and goes on where it was stopped. --seed is that of pairs and of training.
# Needs python3 with numpy.
#
# 1  unpack                                   2  merge pairs of words -> text, contexts, key
# 3  train (conf/models.conf)                 4  senses of all occurrences, scores -> NAME.txt
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH), $PYTHON the interpreter.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=4 threads=1 seed=1 pairs=100 data=${SYLKIT_DATA:-} out=$root/build/pseudowords
options='data threads seed pairs out'
. "$root/egs/common/recipe.sh"
need --data "$data/text/20news-bydate.tar.xz"
news=$root/build/data/20news python=${PYTHON:-python3}
# Posts are long sentences of words as of sylkit bpv: runs of a-z without stop words.
words="--preparation documents --min-count 10"
mkdir -p "$out"

if run 1; then
    "$root/egs/20news/run.sh" --data "$data" --stop-stage 1
fi
if run 2 && [ ! -e "$out/pairs" ]; then
    # The smallest model there is, for the counts of words.
    # shellcheck disable=SC2086
    "$sylkit" dsg train $words --encoding latin1 --quiet --senses 1 --dim 1 --epochs 1 --negative 1 \
        --save-vocabulary "$out/vocabulary" --out "$out/counts.part" \
        "$news/20news-bydate-train" "$news/20news-bydate-test" >/dev/null
    rm -f "$out/counts.part"
    "$python" "$here/local/merge.py" --pairs "$pairs" --seed "$seed" "$news" "$out/vocabulary" "$out"
fi
models() { grep -v '^#' "$here/conf/models.conf"; }
if run 3; then
    models | while read -r name options; do
        [ -e "$out/$name.safetensors" ] && continue
        # shellcheck disable=SC2086
        "$sylkit" dsg train $words --threads "$threads" --seed "$seed" $options --state "$out/$name.state" \
            --resume --out "$out/$name.safetensors" "$out/text"
        rm -f "$out/$name.state"
    done
fi
scores() { "$python" "$here/local/scores.py" --window 5 --contexts "$out/contexts" --key "$out/key" "$@"; }
if run 4; then
    models | while read -r name options; do
        [ -e "$out/$name.txt" ] && continue
        for rule in cosine network; do
            echo "$name, by $rule: $options"
            "$sylkit" dsg eval wsi --by "$rule" --window 5 --threads "$threads" --labels "$out/labels" \
                "$out/$name.safetensors" "$out/contexts" "$out/key"
            echo "$name, by $rule: $(scores labels "$out/labels")"
        done >"$out/$name.part"
        "$sylkit" dsg export --vectors output --out "$out/output.txt" "$out/$name.safetensors"
        echo "$name, k-means: $(scores k-means "$out/output.txt" "${name%%-*}" "$seed")" >>"$out/$name.part"
        [ -e "$out/supervised" ] || scores supervised "$out/output.txt" >"$out/supervised"
        echo "naive Bayes: $(cat "$out/supervised")" >>"$out/$name.part"
        rm -f "$out/labels" "$out/output.txt"
        mv "$out/$name.part" "$out/$name.txt"
        cat "$out/$name.txt"
    done
fi
