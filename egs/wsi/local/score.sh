#!/bin/sh
# usage: score.sh MODEL OPTIONS: all scores of a model of sylkit dsg train with these options; called by run.sh with its
# variables.
set -eu
: "${sylkit:?}" "${sets:?}" "${data:?}" "${threads:?}"
model=$1 name=$(basename "$1" .dsg)
echo "$name $2"
rules="cosine network"
case $2 in *"--senses 1 "*) rules=cosine ;; esac
for set in "$sets"/*/; do
    for by in $rules; do
        echo "== $(basename "$set"), by $by"
        "$sylkit" dsg eval wsi --by "$by" --per-word --threads "$threads" "$model" "$set/dataset.txt" "$set/key.txt"
    done
done
"$sylkit" dsg eval wordsim --threads "$threads" "$model" "$data/wordsim/EN-WS-353-ALL.txt" \
    "$data/wordsim/EN-SIMLEX-999.txt" "$data/wordsim/EN-MEN-TR-3k.txt"
"$sylkit" dsg eval scws --threads "$threads" "$model" "$sets/SCWS.txt"
"$sylkit" dsg eval analogies --threads "$threads" "$model" "$data/wordsim/questions-words.txt" | sed -n '1p;/^all/p'
