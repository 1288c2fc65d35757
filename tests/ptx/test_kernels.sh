#!/bin/sh
# Every kernel of lib/compute/cuda as nvcc's PTX, interpreted: the tests of the kernels in two
# orders of threads, then whether any kernel was left out. Run in the build folder; wants
# $PTX_PROGRAMS, and the PTX in lib/compute/cuda (make check makes it where there is nvcc).
set -u
ls lib/compute/cuda/*.ptx >/dev/null 2>&1 || {
    echo "no nvcc, no PTX: skipped"
    exit 77
}
launched=$(mktemp) || exit 1
trap 'rm -f "$launched" "$launched.names"' EXIT
status=0
for program in ${PTX_PROGRAMS:?the programs}; do
    for seed in 0 3; do
        PTX_FOLDER=lib/compute/cuda PTX_SEED=$seed PTX_LAUNCHED=$launched "./$program" ||
            { echo "FAIL: $program with seed $seed"; status=1; }
    done
done
all=$(cat lib/compute/cuda/*.ptx | sed -n 's/^\.visible \.entry \([A-Za-z0-9_$]*\).*/\1/p' | sort -u)
cut -d ' ' -f 1 "$launched" | sort -u >"$launched.names"
missing=$(echo "$all" | comm -13 "$launched.names" -)
cat "$launched" >tests/ptx/launches.txt
echo "$(echo "$all" | wc -l) kernels, $(echo "$missing" | grep -c .) that no test ran"
[ -z "$missing" ] || {
    echo "FAIL: not run: $missing"
    status=1
}
exit $status
