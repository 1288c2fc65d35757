#!/bin/sh
# The shipped model live: cost of one stream, and how many the machine holds.
#   tests/bench/streams.sh BENCH_STREAMS MODEL [OPTIONS of bench_streams]
set -eu
bench=$1 model=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/../e2e/make_audio.py" "$work/voice.wav" --seconds 20
export OMP_WAIT_POLICY=passive
echo "load before: $(cut -d ' ' -f 1-3 /proc/loadavg), $(nproc) cores"
"$bench" "$model" "$work/voice.wav" "$@"
