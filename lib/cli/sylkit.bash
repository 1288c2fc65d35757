# bash completion for sylkit

_sylkit_values() {
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
    local commands="segment tokenize stream features plot train presegment kmeans convert info eval continuum"
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
    elif [ "${COMP_WORDS[1]}" = presegment ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "fit run" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _sylkit sylkit
