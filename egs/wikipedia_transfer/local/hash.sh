#!/bin/sh
# hash.sh NAME: codes hashed from the vectors of model NAME, where medians and ITQ are fitted to the posts that
# are ranked, and then where they are fitted to Wikipedia's, as a model of codes would have it. From run.sh.
set -eu
: "${sylkit:?}" "${out:?}" "${wikipedia:?}" "${seed:?}" "${threads:?}"
name=$1
"$sylkit" bpv infer --format wikipedia --threads "$threads" --seed "$seed" --vectors "$out/$name-wikipedia.npy" \
    --names "$out/names-wikipedia" "$out/$name.safetensors" "$wikipedia"
evaluate() {
    "$sylkit" bpv eval --vectors "$out/$name.npy" --names "$out/names" --seed "$seed" --threads "$threads" "$@"
}
echo "fitted to the posts"
evaluate --hash sign,median,planes,itq
echo "fitted to Wikipedia"
evaluate --hash median,itq --fit "$out/$name-wikipedia.npy"
