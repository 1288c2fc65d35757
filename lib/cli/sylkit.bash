# bash completion for sylkit

_sylkit_values() {
    if [ "${COMP_WORDS[1]}" = bpv ]; then
        case "${COMP_WORDS[2]} $1" in
        *" --format") echo auto lines whole wikipedia && return ;;
        "train --model") echo dbow dm binary-dbow binary-dm real-binary && return ;;
        "export --words") return ;;
        esac
    fi
    if [ "${COMP_WORDS[1]}" = dsg ]; then
        case "${COMP_WORDS[2]} $1" in
        "train --format") echo auto lines whole wikipedia && return ;;
        "train --output-format") echo model text binary && return ;;
        "train --loss") echo softmax negatives && return ;;
        "export --output-format") echo text binary && return ;;
        "export --vectors") echo senses words output && return ;;
        "plot --method") echo pca tsne && return ;;
        *" --model-format") echo model words senses && return ;;
        esac
    fi
    if [ "${COMP_WORDS[1]}" = lm ]; then
        case $1 in
        --precision) echo auto blocks f32 bf16 && return ;;
        --pool) echo last mean && return ;;
        esac
    fi
    if [ "${COMP_WORDS[1]} ${COMP_WORDS[2]}" = "sent train" ]; then
        case $1 in
        --stage) echo cot nocot sem ctx-b ctx-c latent stop && return ;;
        --architecture) echo gpt2 llama && return ;;
        --schedule) echo constant cosine linear && return ;;
        --loss-on) echo answer all && return ;;
        --latent-norm) echo none scale rms && return ;;
        --sentences) return ;;
        esac
    fi
    if [ "${COMP_WORDS[1]}" = sent ]; then
        case "${COMP_WORDS[2]} $1" in
        *" --split") echo train valid test && return ;;
        "gen --size") echo full small && return ;;
        "gen --wording") echo full short && return ;;
        *" --regime") echo auto text restore rollout continuous discretized && return ;;
        *" --stop") echo decoder classifier fixed && return ;;
        *" --latent-norm") echo model none scale rms && return ;;
        *" --noise") echo none latent input output && return ;;
        *" --sentences") return ;;
        esac
    fi
    case $1 in
    --format) echo jsonl textgrid csv audacity ;;
    --precision) echo f32 bf16 ;;
    --device) echo cpu cuda auto ;;
    --metric) echo euclidean norm6 spherical ;;
    --unique) echo starts-ends starts ;;
    --spectrogram) echo mel stft ;;
    --dtype) echo f32 f16 bf16 ;;
    --method) echo sonority norm-peaks mincut probe greedy ;;
    --init) echo plusplus parallel random ;;
    --encoding) echo utf8 latin1 ;;
    --words) echo ascii letters spaces tokens ;;
    --stop-words) echo none english ;;
    --loss) echo softmax sigmoid ;;
    --forward) echo model sigmoid rounded ;;
    --relevance) echo shared graded fraction ;;
    --hash) echo sign median planes itq ;;
    --preparation) echo disambiguated documents spaces ;;
    --schedule) echo own public ;;
    --gumbel) echo none window pair ;;
    --sampler) echo counts ranks ;;
    --rule) echo sgd momentum adagrad ;;
    --by) echo cosine network ;;
    --shrink | --shuffle | --share-negatives | --pad | --sentences | --split-hyphens | --numbers | --unknown | --expand-it)
        echo no yes ;;
    esac
}

_sylkit_bpv_options() {
    local texts="--format --named --encoding --replace --truncate --max-document"
    local infer="$texts --passes --lr --dropout --forward --batch --threads --seed --device --quiet"
    case $1 in
    train) echo "$texts --words --keep-case --min-length --max-length --stop-words --bigrams --min-count
        --min-bigram-count --max-vocabulary --max-counted --vocabulary --save-vocabulary --model --bits
        --dim --context --sign --loss --chunk --negatives --negatives-weight --power --spread
        --accumulator --epochs --lr --last-lr --dropout --subsample --batch --sigmoid --infer-passes
        --infer-lr --infer-dropout --infer-sigmoid --out --no-documents --state --state-seconds
        --resume --exchange-every --threads --seed --device --quiet --conf --help" ;;
    infer) echo "$infer --codes --vectors --names --json --with-vectors --conf --help" ;;
    search) echo "$infer --index --add --model --query --codes --vectors --bits --names --k --radius
        --rank --candidates --mih --tables --no-check --conf --help" ;;
    eval) echo "$infer --model --codes --vectors --bits --labels --names --database --database-codes
        --database-vectors --database-labels --database-names --database-training --relevance --hash
        --hash-bits --fit --radius --expected-ties --depth --points --curve --json --conf --help" ;;
    export) echo "--faiss --codes --vectors --index --with-vectors --names --vocabulary --words
        --input-words --binary --conf --help" ;;
    esac
}

_sylkit_sent_options() {
    local run="--stop --max-sentences --max-tokens --latent-norm --latent-scale --precision --device
        --threads --limit --quiet --conf --help"
    local regime="--regime --verbalise --noise --noise-sigma --noise-probability --seed --batch"
    case $1 in
    gen) echo "--count --seed --split --out --operations --size --nodes --steps --blocks --wording --conf
        --help" ;;
    eval) echo "$regime $run" ;;
    predict) echo "--question $regime $run" ;;
    lens) echo "--question --html --final-norm $run" ;;
    flops) echo "--dim --layers --vocab --question --sentences --tokens --answer --limit --conf --help" ;;
    train) echo "--accumulate --architecture --batch --beta1 --beta2 --checkpoint-every --clip --conf --context
        --contrast --data --device --dim --dropout --encoder-from --eps --from --heads --help
        --kv-heads --lambda --latent-dropout --latent-from --latent-norm --layers --log-every --lora
        --lora-alpha --lora-dropout --lora-targets --loss-on --lr --min-factor --out
        --precision --prefix-dropout --quiet --resume --schedule
        --seed --self-feed --self-feed-ramp --semantic --sentence-tokens --sentences --stage
        --steps --temperature --threads --valid --valid-count --validate-every --warmup
        --weight-decay" ;;
    esac
}

_sylkit_dsg_options() {
    local texts="--format --named --encoding --replace --truncate --max-document"
    local model="--model-format --preparation --prune --threads --conf --help"
    case $1 in
    train) echo "$texts --senses --schedule --dim --size --window --shrink --shuffle --sample --loss --negative
        --sampler --share-negatives --pad --gumbel --temperature --last-temperature --anneal-epochs
        --entropy --pretrain-epochs --pretrain-entropy --choice-alpha --choice-bias
        --pretrain-choice-alpha --prune --epochs --iter --alpha --last-rate --epoch-alpha --rule
        --momentum --batch --state --state-seconds --resume --exchange-every --threads --seed
        --preparation --words --keep-case --min-length --max-length --stop-words --sentences
        --min-line --min-sentence-words --min-sentence --split-hyphens --numbers --unknown
        --expand-it --min-count --max-vocabulary --max-counted --vocabulary --save-vocabulary --out
        --output-format --device --quiet --conf --help" ;;
    senses) echo "$model --table" ;;
    neighbours) echo "$model --table --k" ;;
    disambiguate) echo "$model --encoding --replace --truncate --max-document --by --window --table" ;;
    eval) echo "$model --by --window --per-word --labels --candidates --json" ;;
    export) echo "$model --out --output-format --vectors --vocabulary" ;;
    plot) echo "$model --out --method --k --perplexity --iterations --seed --width --height --title" ;;
    esac
}

_sylkit_lm_options() {
    local model="--precision --device --threads --conf --help"
    case $1 in
    generate) echo "$model --prompt --max-tokens --temperature --top-k --top-p --seed --context
        --special --ignore-end --with-prompt --stats" ;;
    embed) echo "$model --out --pool --normalise --truncate --batch" ;;
    perplexity) echo "$model --window --stride --json" ;;
    tokenize) echo "--decode --lines --special --text --counts --conf --help" ;;
    esac
}

_sylkit_options() {
    local model="--model --precision --device --codebook --residual-codebook --metric --norm --merge
        --shift-ms --silence --threads --raw --help"
    local batch="--jobs --out --list --resume --verbose --quiet"
    case $1 in
    segment | tokenize) echo "$model $batch --format --frames" ;;
    stream) echo "$model --mic --list-devices --realtime --seconds --save --provisional --hop --lookahead
        --quiet" ;;
    features) echo "$model $batch --segments --output" ;;
    plot) echo "$model --start --end --spectrogram --width --height --output --verbose" ;;
    info) echo "devices --json --raw --help" ;;
    train) echo "sylber --accumulate --babble --babble-snr --batch --beta1 --beta2 --cache --change-speed
        --checkpoint-every --clip --collage --coloured-noise --conf --config --crop --device --dropout
        --ema --eps --equalise --exclude-list --freeze-convs --gain --help --init
        --layer-drop --list --loaders --log-every --lr --max-gap --max-seconds --merge
        --min-factor --mix-noise --mix-speech --no-speech --noise --noise-gain --norm --out
        --precision --quiet --resume --schedule --seed --segments --snr --speech-gain --speed
        --stats --steps --targets --threads --valid-audio --valid-labels --validate-every
        --warmup --warp --weight-decay" ;;
    presegment) echo "--teacher --stats --method --labels --audio-dir --output --jsonl --threads
        --raw --help $batch" ;;
    bpv) _sylkit_bpv_options "${COMP_WORDS[2]}" ;;
    dsg) _sylkit_dsg_options "${COMP_WORDS[2]}" ;;
    lm) _sylkit_lm_options "${COMP_WORDS[2]}" ;;
    sent) _sylkit_sent_options "${COMP_WORDS[2]}" ;;
    continuum) echo "$model --steps --save" ;;
    eval) echo "--ref --hyp --tolerance --unique --shift-search --allow-missing --reducer --vocabulary
        --feed --hop --lookahead --list --json $model" ;;
    kmeans) echo "--clusters --device --init --sample --batch --iterations --tolerance --metric --spherical
        --restarts --seed --threads --list --state --state-seconds --resume --ward --reducer --into
        --output --quiet --help" ;;
    convert) echo "--dtype --codebook --residual-codebook --metric --norm --merge --config --help" ;;
    esac
}

_sylkit() {
    local commands="segment tokenize stream features plot train presegment kmeans convert info eval continuum bpv dsg lm sent"
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} values
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands help --version --help" -- "$current")
        return
    fi
    values=$(_sylkit_values "$previous")
    if [ -n "$values" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_sylkit_options "${COMP_WORDS[1]}")" -- "$current")
    elif [ "${COMP_WORDS[1]}" = help ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    elif [ "${COMP_WORDS[1]}" = eval ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "boundaries stream" -- "$current")
    elif [ "${COMP_WORDS[1]}" = bpv ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "train infer search eval export" -- "$current")
    elif [ "${COMP_WORDS[1]}" = dsg ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "train senses neighbours disambiguate eval export plot" -- "$current")
    elif [ "${COMP_WORDS[1]}" = lm ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "generate embed perplexity tokenize" -- "$current")
    elif [ "${COMP_WORDS[1]}" = sent ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "gen train eval predict lens flops" -- "$current")
    elif [ "${COMP_WORDS[1]} ${COMP_WORDS[2]}" = "sent gen" ] && [ "$COMP_CWORD" -eq 3 ]; then
        mapfile -t COMPREPLY < <(compgen -W "arith prosqa blocksworld" -- "$current")
    elif [ "${COMP_WORDS[1]} ${COMP_WORDS[2]}" = "dsg eval" ] && [ "$COMP_CWORD" -eq 3 ]; then
        mapfile -t COMPREPLY < <(compgen -W "wsi answers scws wordsim analogies" -- "$current")
    elif [ "${COMP_WORDS[1]}" = presegment ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "fit run" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _sylkit sylkit
