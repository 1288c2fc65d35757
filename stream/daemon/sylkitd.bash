# bash completion for sylkitd

_sylkitd() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} values=
    local options="--model --device --precision --norm --merge --silence --hop --lookahead --socket --raw-socket --raw
        --tcp --http --token-file --web --workers --max-clients --max-header --max-frame
        --queue-seconds --idle-seconds --max-seconds --drain-seconds --stats-seconds --log-level
        --conf --help --version"
    case $previous in
    --precision) values="f32 bf16" ;;
    --device) values="cpu cuda auto" ;;
    --log-level) values="error warn info debug" ;;
    --raw) values="s16le:16000:1 f32le:16000:1" ;;
    esac
    if [ -n "$values" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _sylkitd sylkitd
