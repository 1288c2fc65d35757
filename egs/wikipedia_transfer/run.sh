#!/bin/sh
# Codes of one collection by a model of another: Binary PV-DBOW is trained on English Wikipedia (85,605
# articles of 2014, 21.6 million words) and infers the test split of 20 Newsgroups, whose posts rank each
# other as in egs/20news. (The paper's Wikipedia has some billion words.)
#
#   egs/wikipedia_transfer/run.sh --data DIR [--threads N] [--seed N] [--out DIR]
#                                 [--stage N] [--stop-stage N]
#
# DIR (or $SYLKIT_DATA) holds text/wikipedia-en.txt.xz (<doc ...> to </doc>) and text/20news-bydate.tar.xz.
# Results go under --out (default build/wikipedia_transfer); every stage can be run again, and training goes
# on where it was stopped.
#
# 1  unpack                                2  train (minutes a model)
# 3  infer and eval -> NAME.txt            4  how settings were chosen: on a tenth of 20 Newsgroups'
#                                             training split -> tune.txt (not run by default)
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=3 threads=1 seed=1 data=${SYLKIT_DATA:-} out=$root/build/wikipedia_transfer
options='data threads seed out'
. "$root/egs/common/recipe.sh"
if [ -z "$data" ] || [ ! -r "$data/text/wikipedia-en.txt.xz" ] || [ ! -r "$data/text/20news-bydate.tar.xz" ]; then
    echo "run.sh: give the folder with text/wikipedia-en.txt.xz and text/20news-bydate.tar.xz as --data DIR" >&2
    exit 2
fi
wikipedia=$root/build/data/wikipedia/wikipedia-en.txt news=$root/build/data/20news
export sylkit wikipedia news out threads seed here
mkdir -p "$out"

if run 1; then
    "$root/egs/20news/run.sh" --data "$data" --stop-stage 1
    unpacked "$data/text/wikipedia-en.txt.xz" "$wikipedia"
fi
models() { grep -v '^#' "$here/conf/models.conf"; }
if run 2; then
    models | while read -r name kind options; do
        [ -e "$out/$name.safetensors" ] && continue
        # shellcheck disable=SC2086
        "$sylkit" bpv train --format wikipedia --threads "$threads" --seed "$seed" --no-documents $options \
            --state "$out/$name.state" --resume --out "$out/$name.safetensors" "$wikipedia"
        rm -f "$out/$name.state"
    done
fi
if run 3; then
    models | while read -r name kind options; do
        [ -e "$out/$name.txt" ] && continue
        "$sylkit" bpv infer --encoding latin1 --threads "$threads" --seed "$seed" "--$kind" "$out/$name.npy" \
            --names "$out/names" "$out/$name.safetensors" "$news/20news-bydate-test"
        "$sylkit" bpv eval "--$kind" "$out/$name.npy" --names "$out/names" --seed "$seed" --threads "$threads" \
            --curve "$out/$name.svg" >"$out/$name.part"
        [ "$kind" = codes ] || "$here/local/hash.sh" "$name" >>"$out/$name.part"
        mv "$out/$name.part" "$out/$name.txt"
        echo "$name $options"
        cat "$out/$name.txt"
    done
fi
if run 4; then
    "$here/local/tune.sh"
fi
