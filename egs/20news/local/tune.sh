#!/bin/sh
# Settings, compared on every tenth post of the training split, which the other nine tenths' models did not
# see (conf/tune.conf: a line each of NAME, options of train, --, options of infer). From run.sh.
set -eu
: "${sylkit:?}" "${out:?}" "${corpus:?}" "${here:?}" "${seed:?}" "${threads:?}"
tune=$out/tune
mkdir -p "$tune"
if [ ! -e "$tune/split" ]; then
    (cd "$corpus/20news-bydate-train" && find . -type f | LC_ALL=C sort) | awk -v t="$tune" \
        '{ part = NR % 10 == 1 ? "held" : "fit"; print part, $0 }' >"$tune/split.part"
    while read -r part post; do
        mkdir -p "$tune/$part/$(dirname "$post")"
        cp "$corpus/20news-bydate-train/$post" "$tune/$part/$post"
    done <"$tune/split.part"
    mv "$tune/split.part" "$tune/split"
fi
grep -v '^#' "$here/conf/tune.conf" | while read -r name options; do
    train=${options%%--|*} infer=${options##*|--}
    [ "$train" = "$options" ] && infer=''
    [ -e "$tune/$name.txt" ] && continue
    # shellcheck disable=SC2086
    "$sylkit" bpv train --quiet --encoding latin1 --threads "$threads" --seed "$seed" --no-documents $train \
        --out "$tune/model.safetensors" "$tune/fit"
    # shellcheck disable=SC2086
    "$sylkit" bpv infer --quiet --encoding latin1 --threads "$threads" --codes "$tune/codes.npy" \
        --vectors "$tune/vectors.npy" --names "$tune/names" $infer "$tune/model.safetensors" "$tune/held"
    "$sylkit" bpv eval --codes "$tune/codes.npy" --names "$tune/names" >"$tune/$name.part"
    mv "$tune/$name.part" "$tune/$name.txt"
    echo "$name $options: $(grep ^codes "$tune/$name.txt")" | tee -a "$out/tune.txt"
done
