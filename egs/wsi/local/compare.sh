#!/bin/sh
# What the senses of Disambiguated Skip-gram are compared with, on the same corpus, vocabulary, dimensions, window, number
# of senses and (brief) epochs; called by run.sh with its variables -> $out/comparisons.txt.
set -eu
: "${sylkit:?}" "${build:?}" "${sets:?}" "${out:?}" "${wikipedia:?}" "${seed:?}"
[ -e "$build/Makefile" ] || { echo "compare.sh: $build is no build folder; set BUILD" >&2; exit 1; }
make -s -C "$build" tests/bench/adagram tests/bench/wsi_baselines
bench=$build/tests/bench answers=$out/answers plain=$out/plain.dsg
adagram="--senses 3 --dim 100 --window 5 --epochs 3 --first 0.34 --concentration 0.1"
if [ ! -e "$out/adagram.dsg" ]; then
    # shellcheck disable=SC2086
    "$bench/adagram" train "$plain" "$wikipedia" wikipedia "$out/adagram.part" $adagram --seed "$seed"
    mv "$out/adagram.part" "$out/adagram.dsg"
fi
row() { # NAME: the means over all words of one set's answers
    printf '%-40s%s\n' "$1" "$("$sylkit" dsg eval answers "$answers" "$contexts" "$key" | sed -n 's/^all *//p')"
}
for set in "$sets"/*/; do
    contexts=$set/dataset.txt key=$set/key.txt
    echo "== $(basename "$set"): words, contexts, ARI, V-measure, F, clusters, classes"
    for kind in one each; do
        "$bench/wsi_baselines" $kind "$plain" "$contexts" "$key" "$answers"
        row "$kind"
    done
    for k in 2 3 5; do
        "$bench/wsi_baselines" k-means "$plain" "$contexts" "$key" "$answers" --clusters $k --seed "$seed"
        row "k-means of these contexts, $k"
        "$bench/wsi_baselines" k-means "$plain" "$contexts" "$key" "$answers" --clusters $k --seed "$seed" \
            --window 5 --text "$wikipedia" --format wikipedia
        row "k-means of training contexts, $k"
    done
    for window in 0 5; do
        "$bench/adagram" answers "$out/adagram.dsg" "$contexts" "$key" "$answers" --window $window
        row "AdaGram-style, posterior, window $window"
    done
    "$sylkit" dsg eval wsi --labels "$answers" "$out/adagram.dsg" "$contexts" "$key" >"$out/model.txt"
    row "AdaGram-style vectors, cosine"
    for model in brief senses; do
        for by in cosine network; do
            "$sylkit" dsg eval wsi --by "$by" --labels "$answers" "$out/$model.dsg" "$contexts" "$key" >"$out/model.txt"
            row "Disambiguated Skip-gram $model, $by"
        done
    done
done >"$out/comparisons.part"
rm -f "$answers" "$out/model.txt"
mv "$out/comparisons.part" "$out/comparisons.txt"
cat "$out/comparisons.txt"
