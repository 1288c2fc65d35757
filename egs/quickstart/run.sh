#!/bin/bash
# From a fresh clone to the syllables of a real recording.
set -euo pipefail

usage() {
    cat <<EOF
Usage: egs/quickstart/run.sh [--help]

On Debian 12, as root or with sudo: installs the packages that are missing, builds sylkit in
build/, fetches a real recording (Debian package pocketsphinx-testdata), prints its syllables
with times and tokens, and writes TextGrid, JSON and a picture below build/quickstart/.
What is done already is not done again.
EOF
}

case "${1-}" in
"") ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build
work=$build/quickstart
log=$work/log.txt
mkdir -p "$work"
# shellcheck source=egs/common/packages.sh
. "$root/egs/common/packages.sh"

# step NAME COMMAND...: runs it quietly; when it fails, shows what it said.
step() {
    local name=$1
    shift
    echo "$name ..."
    if ! "$@" >>"$log" 2>&1; then
        echo "FAILED: $name. The end of $log:" >&2
        tail -n 40 "$log" >&2
        exit 1
    fi
}

configure() {
    if [ ! -x "$root/configure" ]; then
        (cd "$root" && autoreconf -fi) || return 1
    fi
    (cd "$build" && "$root/configure")
}

# The Debian package of the recording, downloaded and unpacked without being installed.
fetch() {
    rm -rf "$work/fetch" && mkdir -p "$work/fetch" || return 1
    cd "$work/fetch" || return 1
    if ! apt-get download pocketsphinx-testdata; then
        as_root apt-get update && apt-get download pocketsphinx-testdata || return 1
    fi
    dpkg -x pocketsphinx-testdata_*.deb "$work/data"
}

# The first LibriVox clip, in the order of names.
find_clip() {
    find "$work/data" -ipath '*librivox*' -name '*.wav' 2>/dev/null | LC_ALL=C sort | head -n 1
}

rm -f "$log"
step "Packages" install_packages $SYLKIT_PACKAGES
[ -f "$build/Makefile" ] || step "Configuring" configure
step "Building" make -C "$build" -j"$(nproc)"
[ -n "$(find_clip)" ] || step "Fetching a recording" fetch
clip=$(find_clip)
if [ -z "$clip" ]; then
    echo "FAILED: pocketsphinx-testdata has no LibriVox clip below $work/data" >&2
    exit 1
fi

sylkit=$build/sylkit
export SYLKIT_MODEL=$root/sylber/models/sylber-small.safetensors
step "Syllables" "$sylkit" tokenize --out "$work" --format csv "$clip"
step "TextGrid" "$sylkit" tokenize --out "$work" --format textgrid "$clip"
step "JSON" "$sylkit" tokenize --out "$work" --format jsonl "$clip"
name=$(basename "$clip" .wav)
if "$sylkit" info | grep -q cairo; then
    step "Picture" "$sylkit" plot -o "$work/$name.png" "$clip"
fi

echo
echo "Syllables of $clip:"
echo
# Fields are counted from the end: a file name may hold commas.
awk -F, 'NR == 1 { printf "%9s %9s %7s\n", "start, s", "end, s", "token"; next }
         { printf "%9.2f %9.2f %7s\n", $(NF - 4), $(NF - 3), $(NF - 2) }' "$work/$name.csv"
echo
echo "Written:"
for ending in TextGrid jsonl csv png; do
    [ -f "$work/$name.$ending" ] && echo "  $work/$name.$ending"
done
exit 0
