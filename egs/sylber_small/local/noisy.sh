#!/bin/sh
# usage: noisy.sh PROMPTS LABELS.json OUT: the labelled English prompts with white noise and babble,
# and files without speech; see noisy.py. What is complete is kept; it can be run again.
set -eu
[ $# -eq 3 ] || { echo "usage: noisy.sh PROMPTS LABELS.json OUT" >&2; exit 2; }
[ ! -e "$3/.complete" ] || exit 0
"${PYTHON:-python3}" "$(dirname "$0")/noisy.py" "$1" "$2" "$3"
touch "$3/.complete"
