#!/bin/sh
# Tokens of 10,000 random and multilingual texts, those of Hugging Face's tokenizers, where that is
# installed: with vocabularies made for the test, and with SmolLM2's where its package is there too.
. "$(dirname "$0")/common.sh"
python3 -c 'import numpy, safetensors, tokenizers' 2>/dev/null || {
    echo "SKIP: python3 has no numpy, safetensors or tokenizers"
    exit 77
}
program=${PREFIX_BUILD:?the build folder}/tests/golden/test_bpe
[ -x "$program" ] || {
    echo "SKIP: $program was not built"
    exit 77
}
same() { # FOLDER ARGUMENT...: makes what is expected there, and compares
    folder=$1; mkdir "$folder" && shift && python3 "$here/../golden/make_bpe.py" --strings 10000 "$@" "$folder" &&
        GOLDEN=$folder "$program"
}
check "vocabularies of the test" same learnt --seed 1
check "SmolLM2, where it is installed" same installed --seed 2 --installed
finish
