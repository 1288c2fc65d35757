#!/bin/sh
# Plain skip-gram of sylkit beside gensim's Word2Vec on equal text by equal options, three seeds, scored by the same
# command: called by run.sh with its variables -> $out/gensim.txt. $PYTHON (default python3) must have gensim.
set -eu
: "${sylkit:?}" "${out:?}" "${wikipedia:?}" "${data:?}" "${here:?}" "${threads:?}"
python=${PYTHON:-python3}
"$python" -c 'import gensim' || { echo "gensim.sh: PYTHON=FILE must be a Python that has gensim (PyPI)" >&2; exit 1; }
text=$out/plain.txt
if [ ! -e "$text" ]; then
    sed '/^<doc /d; /^<\/doc>/d' "$wikipedia" | LC_ALL=C tr '[:upper:]' '[:lower:]' |
        LC_ALL=C tr -cs 'a-z\n' ' ' | grep . >"$text.part"
    mv "$text.part" "$text"
fi
score() { # FILE
    for task in wordsim analogies; do
        files="$data/wordsim/EN-WS-353-ALL.txt $data/wordsim/EN-MEN-TR-3k.txt $data/wordsim/EN-SIMLEX-999.txt"
        [ $task = wordsim ] || files=$data/wordsim/questions-words.txt
        # shellcheck disable=SC2086
        "$sylkit" dsg eval $task --model-format words --preparation spaces --threads "$threads" "$1" $files
    done | sed -n "s|^$data/wordsim/||p; /globalSim/p; /^all/p"
}
for seed in 1 2 3; do
    [ -e "$out/ours-$seed.vec" ] || "$sylkit" dsg train --senses 1 --preparation spaces --dim 100 --window 5 --negative 5 \
        --sample 1e-3 --min-count 10 --epochs 5 --alpha 0.025 --last-rate 0.004 --seed "$seed" --threads "$threads" \
        --output-format text --out "$out/ours-$seed.vec" --quiet "$text"
    [ -e "$out/gensim-$seed.vec" ] || "$python" "$here/local/gensim_skipgram.py" "$text" "$out/gensim-$seed.vec" "$seed" \
        "$threads" vector_size=100 window=5 negative=5 sample=1e-3 min_count=10 epochs=5 alpha=0.025 min_alpha=1e-4
    for who in ours gensim; do
        echo "$who, seed $seed"
        score "$out/$who-$seed.vec"
    done
done >"$out/gensim.part"
mv "$out/gensim.part" "$out/gensim.txt"
cat "$out/gensim.txt"
