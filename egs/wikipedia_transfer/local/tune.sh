#!/bin/sh
# Settings, compared on every tenth post of 20 Newsgroups' training split, of which the models see nothing
# (conf/tune.conf: a line each of NAME, options of train, |--, options of infer). From run.sh.
set -eu
: "${sylkit:?}" "${out:?}" "${wikipedia:?}" "${news:?}" "${here:?}" "${seed:?}" "${threads:?}"
tune=$out/tune
mkdir -p "$tune"
rm -f "$tune/part"
IFS='
'
# shellcheck disable=SC2046
set -- $(find "$news/20news-bydate-train" -type f | LC_ALL=C sort | awk 'NR % 10 == 1')
unset IFS
grep -v '^#' "$here/conf/tune.conf" | while read -r name options; do
    train=${options%%|--*} infer=${options##*|--} model=$tune/$name.safetensors
    [ "$train" = "$options" ] && infer=''
    # shellcheck disable=SC2086
    [ -e "$model" ] || "$sylkit" bpv train --quiet --format wikipedia --threads "$threads" --seed "$seed" \
        --no-documents $train --state "$tune/$name.state" --resume --out "$model" "$wikipedia" >/dev/null
    rm -f "$tune/$name.state"
    # shellcheck disable=SC2086
    "$sylkit" bpv infer --quiet --format whole --encoding latin1 --threads "$threads" --seed "$seed" \
        --codes "$tune/codes.npy" --names "$tune/names" $infer "$model" "$@"
    "$sylkit" bpv eval --codes "$tune/codes.npy" --names "$tune/names" --seed "$seed" >"$tune/eval"
    echo "$name $options: $(grep ^codes "$tune/eval")" | tee -a "$tune/part"
done
mv "$tune/part" "$out/tune.txt"
