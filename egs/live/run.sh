#!/bin/bash
# Syllables while you speak: a microphone (or a recording, paced), then the daemon and its clients.
#
#   egs/live/run.sh [--mic [DEVICE] | --file FILE] [--seconds X] [--out DIR]
#                   [--stage N] [--stop-stage N]
#
# 1  build what is missing (egs/quickstart/run.sh)
# 2  sylkit stream: listens for X seconds (default 20), prints, records -> heard.wav, live.jsonl
# 3  the same recording whole: the same syllables? how late was each? -> latency.txt
# 4  sylkitd, and its clients in C and in Python: the same syllables? -> metrics.txt
# 5  (only when asked for: --stage 5 --stop-stage 5) the page, until Ctrl-C
#
# Without --mic or --file it listens to the first microphone, and where there is none to the
# recording of egs/quickstart. Results go to DIR, default build/live. $SYLKIT and $SYLKITD are the
# programs (default: those in build/). Exit status: 0, or 1 when live and whole differ.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=4 seconds=20 out=$root/build/live file='' mic='' listen=auto
while [ $# -gt 0 ]; do
    case $1 in
    --mic)
        listen=mic
        case ${2-} in '' | --*) ;; *) mic=$2; shift ;; esac
        shift ;;
    --file | --seconds | --out | --stage | --stop-stage)
        [ $# -ge 2 ] || { echo "run.sh: $1 needs a value" >&2; exit 2; }
        [ "$1" != --file ] || listen=file
        printf -v "$(echo "${1#--}" | tr - _)" %s "$2"
        shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option $1 (see --help)" >&2; exit 2 ;;
    esac
done
case $stage,$stop_stage in
,* | *, | *[!0-9,]*) echo "run.sh: --stage and --stop-stage want numbers, not '$stage' and '$stop_stage'" >&2; exit 2 ;;
esac
sylkit=${SYLKIT:-$root/build/sylkit} sylkitd=${SYLKITD:-$root/build/sylkitd}
export SYLKIT_MODEL=${SYLKIT_MODEL:-$root/sylber/models/sylber-small.safetensors}
run() { [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }
failures=0
# same NAME FILE: did it hear what the whole recording has?
same() {
    if cmp -s "$2" "$out/whole.txt"; then
        echo "$1: the $(wc -l <"$2") syllables of the whole recording"
    else
        echo "$1: not the syllables of the whole recording: diff $2 $out/whole.txt" >&2
        echo "(the recording keeps 16 bits; a finer microphone may differ by that)" >&2
        failures=$((failures + 1))
    fi
}
# Lines "START END TOKEN" out of syllable events.
syllables() {
    python3 -c 'import json, sys
for line in sys.stdin:
    e = json.loads(line)
    if e["type"] == "syllable": print("%.2f %.2f %s" % (e["start"], e["end"], e["token"]))'
}
# samples WAV PCM: its bare samples, as the clients send them; prints the rate.
samples() {
    python3 -c 'import sys, wave
w = wave.open(sys.argv[1])
if w.getnchannels() != 1:
    sys.exit("run.sh: %s has %d channels, the clients send one: give a mono recording with --file"
             % (sys.argv[1], w.getnchannels()))
open(sys.argv[2], "wb").write(w.readframes(w.getnframes()))
print(w.getframerate())' "$1" "$2"
}
# What is listened to: the words after `sylkit stream`.
source_words() {
    if [ "$listen" = auto ]; then
        listen=file
        [ -z "$("$sylkit" stream --list-devices 2>/dev/null)" ] || listen=mic
    fi
    if [ "$listen" = mic ]; then
        words=(--mic ${mic:+"$mic"})
        return
    fi
    [ -n "$file" ] || file=$(find "$root/build/quickstart" -ipath '*librivox*' -name '*.wav' |
        LC_ALL=C sort | head -n 1)
    [ -n "$file" ] || { echo "run.sh: no recording: give one with --file, or run stage 1" >&2; exit 1; }
    words=(--realtime "$file")
}
# serve OPTIONS...: starts sylkitd on $out/socket and waits for it.
serve() {
    [ -x "$sylkitd" ] || { echo "run.sh: no sylkitd (built where libwebsockets is)" >&2; exit 1; }
    rm -f "$out/socket"
    "$sylkitd" --socket "$out/socket" --web "$root/stream/web" "$@" 2>"$out/sylkitd.log" &
    daemon=$!
    trap 'kill "$daemon" 2>/dev/null || true' EXIT
    for _ in $(seq 100); do
        [ ! -S "$out/socket" ] || return 0
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    echo "run.sh: sylkitd did not start; it said:" >&2
    cat "$out/sylkitd.log" >&2
    exit 1
}
mkdir -p "$out"

if run 1; then
    # shellcheck source=egs/common/packages.sh
    . "$root/egs/common/packages.sh"
    install_packages python3 >/dev/null
fi
if run 1 && ! { [ -x "$sylkit" ] && [ -x "$sylkitd" ] && [ -d "$root/build/quickstart/data" ]; }; then
    "$root/egs/quickstart/run.sh"
fi
if run 2; then
    source_words
    echo "sylkit stream ${words[*]}"
    "$sylkit" stream --seconds "$seconds" --save "$out/heard.wav" "${words[@]}" | tee "$out/live.jsonl"
fi
if run 3 || run 4; then
    [ -s "$out/heard.wav" ] || { echo "run.sh: $out/heard.wav is missing: run stage 2" >&2; exit 1; }
    "$sylkit" tokenize --format csv --out "$out" --quiet "$out/heard.wav"
    # Fields are counted from the end: a file name may hold commas.
    awk -F, 'NR > 1 { printf "%.2f %.2f %s\n", $(NF - 4), $(NF - 3), $(NF - 2) }' "$out/heard.csv" \
        >"$out/whole.txt"
fi
if run 3; then
    syllables <"$out/live.jsonl" >"$out/live.txt"
    same "sylkit stream" "$out/live.txt"
    "$sylkit" eval stream --feed 0.1 "$out/heard.wav" >"$out/latency.part"
    mv "$out/latency.part" "$out/latency.txt"
    cat "$out/latency.txt"
fi
if run 4; then
    serve --http 0
    page=http://127.0.0.1:$(sed -n 's/.*kind=http port=//p' "$out/sylkitd.log")
    rate=$(samples "$out/heard.wav" "$out/heard.pcm")
    python3 "$root/stream/examples/client.py" "$out/socket" "$rate" <"$out/heard.pcm" >"$out/client_py.txt"
    same "client.py" "$out/client_py.txt"
    "${CC:-cc}" -o "$out/client" "$root/stream/examples/client.c"
    "$out/client" "$out/socket" "$rate" <"$out/heard.pcm" | syllables >"$out/client_c.txt"
    same "client.c" "$out/client_c.txt"
    python3 -c 'import sys, urllib.request
sys.stdout.write(urllib.request.urlopen(sys.argv[1] + "/metrics").read().decode())' "$page" >"$out/metrics.txt"
    grep -E '^sylkitd_(real_time_factor|streams_total|latency_seconds_count)' "$out/metrics.txt"
fi
if run 5; then
    serve --http 8787
    echo "open http://127.0.0.1:8787/ in a browser on this machine; Ctrl-C ends"
    wait "$daemon"
fi
[ "$failures" -eq 0 ]
