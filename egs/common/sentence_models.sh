# Stages of the recipes of sentence models (egs/arith, egs/prosqa, egs/blocksworld), sourced by their
# run.sh after recipe.sh:
#
#   1  questions: the recipe's own
#   2  chain of thought, and without            6  evaluation -> test.txt
#   3  embeddings: semantic, contextual         7  noise -> noise.txt
#   4  latent models                            8  SentenceLens -> lens-MODEL.html
#   5  classifiers that end a chain
#
# Data are $data/{train,valid,test}.json. conf/STAGE.conf holds the options of a
# training run, conf/models.conf the latent models. What is done already is not done again, and a run that
# was stopped goes on.

# generated NAME OPTION...: $data/NAME.json, of the kind $questions.
generated() {
    file=$data/$1.json
    shift
    # shellcheck disable=SC2086
    [ -e "$file" ] || "$sylkit" sent gen $questions --out "$file" "$@"
}

# A recipe may set how training is launched, the model that it begins with, and options: of all runs, of those
# that train a language model, and of all evaluations.
launch='' base='' more='' adapters='' asking=''

# trained NAME STAGE OPTION...: a training run in $out/NAME.
trained() {
    run=$out/$1 run_stage=$2
    shift 2
    [ ! -e "$run/done" ] || return 0
    # shellcheck disable=SC2086
    [ "$run_stage" = stop ] || set -- "$@" $adapters
    # shellcheck disable=SC2086
    $launch "$sylkit" sent train --stage "$run_stage" --data "$data/train.json" --valid "$data/valid.json" --out "$run" \
        --threads "$threads" --seed "$seed" --resume "$@" $more </dev/null
    touch "$run/done"
}
best() { echo "$out/$1/best.safetensors"; }

# Chain of thought, where all begins, and the answer without it.
language_models() {
    trained cot cot ${base:+--from "$base"} --conf "$here/conf/cot.conf"
    trained nocot nocot ${base:+--from "$base"} --conf "$here/conf/cot.conf"
}
# Semantic and contextual embeddings.
embeddings() {
    trained sem sem --from "$(best cot)" --conf "$here/conf/sem.conf"
    trained ctx-b ctx-b --from "$(best cot)" --conf "$here/conf/ctx.conf"
    trained ctx-c ctx-c --from "$(best cot)" --semantic "$(best sem)" --conf "$here/conf/ctx.conf"
}
# models.conf: NAME FROM ENCODER OPTION... ("-" for FROM's own encoder)
latent_models() { grep -v '^#' "$here/conf/models.conf"; }
latents() {
    latent_models | while read -r name from encoder options; do
        [ "$encoder" = - ] || options="--encoder-from $(best "$encoder") $options"
        # shellcheck disable=SC2086
        trained "$name" latent --from "$(best "$from")" --conf "$here/conf/latent.conf" $options
    done
}
classifiers() {
    latent_models | while read -r name _; do
        trained "$name-stop" stop --from "$(best "$name")" --conf "$here/conf/stop.conf"
    done
}

# answered FOLDER/NAME MODEL QUESTIONS OPTION...: $out/FOLDER/NAME.json. Times are those of a question alone.
answered() {
    answers=$out/$1.json model=$2 asked=$data/$3.json
    shift 3
    [ ! -s "$answers" ] || return 0
    # shellcheck disable=SC2086
    "$sylkit" sent eval --threads "$threads" --batch 1 --seed "$seed" --quiet $asking "$@" "$model" "$asked" \
        >"$answers.part"
    mv "$answers.part" "$answers"
}
table() { "${PYTHON:-python3}" "$root/egs/common/sentence_table.py" "$out/$1" | tee "$out/$1.txt"; }
# regimes FOLDER QUESTIONS: all models in all regimes, and the paper's feedback (latents as they are) beside
# the model's own.
regimes() {
    mkdir -p "$out/$1"
    for name in cot nocot sem ctx-b ctx-c; do answered "$1/$name" "$(best "$name")" "$2"; done
    latent_models | while read -r name _; do
        answered "$1/$name-continuous" "$(best "$name")" "$2"
        answered "$1/$name-as-is" "$(best "$name")" "$2" --latent-norm none
        answered "$1/$name-discretized" "$(best "$name")" "$2" --regime discretized
        answered "$1/$name-classifier" "$(best "$name-stop")" "$2" --stop classifier
    done
    table "$1"
}
# Noise on what the latent model gives, by its deviation relative to the vector's root mean square.
noise() {
    mkdir -p "$out/noise"
    latent_models | while read -r name _; do
        for sigma in 0.1 0.3 0.6 1; do
            for regime in continuous discretized; do
                answered "noise/$name-$regime-$sigma" "$(best "$name")" test --regime "$regime" --noise latent \
                    --noise-sigma "$sigma"
            done
        done
    done
    table noise
}
# What five chains of latents say, layer by layer.
lens() {
    latent_models | while read -r name _; do
        "$sylkit" sent lens --limit 5 --html "$out/lens-$name.html" "$(best "$name")" "$data/test.json" \
            >"$out/lens-$name.jsonl"
    done
}
sentence_stages() {
    if run 2; then language_models; fi
    if run 3; then embeddings; fi
    if run 4; then latents; fi
    if run 5; then classifiers; fi
    if run 6; then regimes test test; fi
    if run 7; then noise; fi
    if run 8; then lens; fi
}
