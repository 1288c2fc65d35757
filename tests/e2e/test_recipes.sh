#!/bin/sh
# Every recipe tells what it does, and refuses what it does not know before it begins.
. "$(dirname "$0")/common.sh"
root=${PREFIX_SRC:?the source tree}
unset SYLKIT_DATA

for recipe in "$root"/egs/*/run.sh; do
    which=$(basename "$(dirname "$recipe")")
    expect 0 "$which --help" "$recipe" --help
    check "$which --help: its own name" grep -q "egs/$which/run.sh" out
    expect 2 "$which --bogus" "$recipe" --bogus
    grep -q -- "--stage" "$recipe" || continue
    expect 2 "$which: a value is missing" "$recipe" --stage
    says "--stage needs a value" "$which: a value is missing"
    expect 2 "$which: a stage that is no number" "$recipe" --stage first
    says "want numbers" "$which: a stage that is no number"
done
finish
