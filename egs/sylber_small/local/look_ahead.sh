#!/bin/sh
# usage: look_ahead.sh DATA WORK METHOD STEPS: models whose layers see 1, 3, 5 and 8 frames ahead,
# trained for as long each; WORK/look-ahead.md tells what the future is worth.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=$1 work=$2 method=$3 steps=$4
for right in 1 3 5 8; do
    sed "s/\"attention_right\": [0-9]*/\"attention_right\": $right/" "$here/../conf/student.json" >"$work/ahead-$right.json"
done
printf '%s\n' 1 3 5 8 | xargs -P "${JOBS:-2}" -I N "$here/train.sh" "$data" "$work" ahead-N "$method" "$steps" \
    --config "$work/ahead-N.json" --quiet
report=$work/look-ahead.md
echo "| frames a layer | look-ahead | set | F1 | R-value |
|---|---|---|---|---|" >"$report.part"
for right in 1 3 5 8; do
    "$here/score.sh" "$work/ahead-$right/best.safetensors" "$data" "$work/score-ahead-$right" >"$work/ahead-$right.log"
    for set in en-score librivox reader-ru festival-slt; do
        awk -F'|' -v set="$set" -v right="$right" '{ name = $2; gsub(/ |,.*/, "", name) }
            name == set { printf "| %d | %.2f s | %s |%s|%s|\n", right, right * 4 * 0.02 + 0.02, set, $6, $7 }' \
            "$work/score-ahead-$right/score.md" >>"$report.part"
    done
done
mv "$report.part" "$report"
cat "$report"
