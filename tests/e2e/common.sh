# Sourced by every end-to-end test. Wants $SYLKIT (the program) and $MODEL (a small model).
set -u
here=$(cd "$(dirname "$0")" && pwd)
SYLKIT=${SYLKIT:?the path of the program}
SYLKIT_MODEL=${MODEL:?the path of a model}
export SYLKIT_MODEL
command -v python3 >/dev/null 2>&1 || {
    echo "SKIP: python3 is missing"
    exit 77
}
tmp=$(mktemp -d) || exit 1
cleanup() { rm -rf "$tmp"; }
trap 'cleanup' EXIT
trap 'exit 143' TERM INT HUP
cd "$tmp" || exit 1
# In builds with sanitizers: fontconfig, below cairo, keeps some memory to the end.
echo "leak:libfontconfig" >lsan
LSAN_OPTIONS="suppressions=$tmp/lsan:print_suppressions=0"
export LSAN_OPTIONS
failures=0

audio() { python3 "$here/make_audio.py" "$@" || exit 1; }

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# expect STATUS NAME COMMAND...: runs it; standard output in ./out, error in ./err.
expect() {
    want=$1 name=$2
    shift 2
    "$@" >out 2>err
    got=$?
    if [ "$got" -eq "$want" ]; then
        echo "ok: $name"
    else
        fail "$name: exit status $got, not $want"
        sed 's/^/    /' err | head -n 5
    fi
}

# says PATTERN NAME: the last command said that on standard error.
says() {
    grep -qi -- "$1" err || {
        fail "$2: standard error lacks '$1'"
        sed 's/^/    /' err | head -n 5
    }
}

# check NAME COMMAND...: it must succeed.
check() {
    name=$1
    shift
    if "$@"; then echo "ok: $name"; else fail "$name"; fi
}

# wait_for FILE PID: until FILE is there, the process is gone, or ten seconds have passed.
wait_for() {
    for _ in $(seq 1000); do
        [ -e "$1" ] && return
        kill -0 "$2" 2>/dev/null || return
        sleep 0.01
    done
}

# json FILE EXPRESSION: a Python expression over `lines`, the objects of a JSON lines file.
json() {
    python3 -c '
import json, sys
lines = [json.loads(x) for x in open(sys.argv[1], encoding="utf-8")]
sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"
}

finish() {
    [ "$failures" -eq 0 ] && exit 0
    echo "$failures failures"
    exit 1
}
