#!/bin/sh
# model.sh NAME OPTION...: trains $out/NAME.safetensors, infers the test split, and evaluates it as
# $out/NAME.txt. What is there already is not made again. From run.sh.
set -eu
: "${sylkit:?}" "${out:?}" "${corpus:?}" "${here:?}" "${seed:?}" "${threads:?}"
name=$1 model=$out/$1.safetensors
shift
if [ ! -e "$model" ]; then
    # shellcheck disable=SC2086
    "$sylkit" bpv train --encoding latin1 --threads "$threads" --seed "$seed" --no-documents "$@" \
        --state "$out/$name.state" --resume --out "$model" "$corpus/20news-bydate-train"
    rm -f "$out/$name.state"
fi
[ -e "$out/$name.txt" ] && exit 0
case $name in
real-binary*) arrays="--codes $out/$name-codes.npy --vectors $out/$name.npy" bits=${name##*-} ;;
real* | dm*) arrays="--vectors $out/$name.npy" bits='' ;;
*) arrays="--codes $out/$name.npy" bits='' ;;
esac
# shellcheck disable=SC2086
"$sylkit" bpv infer --encoding latin1 --threads "$threads" --seed "$seed" $arrays --names "$out/names" \
    "$model" "$corpus/20news-bydate-test"
# shellcheck disable=SC2086
"$sylkit" bpv eval $arrays ${bits:+--bits "$bits"} --names "$out/names" --seed "$seed" --threads "$threads" \
    --curve "$out/$name.svg" >"$out/$name.part"
mv "$out/$name.part" "$out/$name.txt"
echo "$name: $*"
cat "$out/$name.txt"
