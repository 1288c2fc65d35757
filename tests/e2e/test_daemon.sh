#!/bin/sh
# sylkitd over all its protocols: the same syllables as sylkit tokenize; many, slow, vanishing and
# hostile clients; limits, signals, metrics. The cases are in daemon_*cases.py;
# names as arguments pick some, --soak MINUTES runs
# daemon_soak.py in their place.
. "$(dirname "$0")/common.sh"
[ -x "${SYLKITD:?the path of the daemon}" ] || {
    echo "SKIP: sylkitd is not built (no libwebsockets)"
    exit 77
}
audio voice.wav --seconds 6
"$SYLKIT" tokenize voice.wav >voice.jsonl || exit 1
if [ "${1-}" = --soak ]; then
    shift
    check "soak" python3 -u "$here/daemon_soak.py" "$@"
    finish
fi
failures=0
for cases in daemon_cases.py daemon_setup_cases.py daemon_http_cases.py; do
    python3 -u "$here/$cases" "$@" || failures=$((failures + 1))
done
finish
