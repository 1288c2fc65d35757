#!/bin/bash
# sylkit kmeans: the command, what it refuses, and a run that is killed and resumed.
. "$(dirname "$0")/common.sh"

python3 - <<'P'
import random, struct

def npy(name, rows):
    head = ("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (len(rows), len(rows[0])))
    head = head.ljust(117) + "\n"
    body = b"".join(struct.pack("<%df" % len(r), *r) for r in rows)
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + body)

random.seed(1)
# Four far corners, 50 points around each: rows 0..199 of two files.
corners = [(9, 0, 0), (0, 9, 0), (0, 0, 9), (-9, -9, -9)]
points = [[c + random.gauss(0, 0.1) for c in corners[i % 4]] for i in range(200)]
npy("one.npy", points[:70])
npy("two.npy", points[70:])
npy("wide.npy", [[1.0] * 5] * 3)
npy("same.npy", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]] * 50)
npy("nan.npy", points[:30] + [[1.0, float("nan"), 2.0]] + points[:9])
npy("cloud.npy", [[random.gauss(0, 1) for _ in range(16)] for _ in range(20000)])
npy("model.npy", [[random.gauss(0, 1) for _ in range(384)] for _ in range(300)])
P
cat >read.py <<'P'
import struct, sys

def read(name):
    data = open(name, "rb").read()
    n = struct.unpack("<H", data[8:10])[0]
    head = eval(data[10:10 + n])
    kind = "f" if head["descr"] == "<f4" else "i"
    flat = struct.unpack("<%d%s" % ((len(data) - 10 - n) // 4, kind), data[10 + n:])
    shape = head["shape"]
    return [flat[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])] if len(shape) == 2 else list(flat)
P
python() { python3 -c "from read import *
$1"; }

expect 0 "four clusters" "$SYLKIT" kmeans --clusters 4 -o four.npy one.npy two.npy
check "four: the report" json out "lines[0]['rows'] == 200 and lines[0]['clusters'] == 4 \
and lines[0]['converged'] and 0 < lines[0]['inertia'] < 200 * 3 * 0.02"
check "four: the corners" python "
corners = {(9, 0, 0), (0, 9, 0), (0, 0, 9), (-9, -9, -9)}
assert {tuple(round(v) + 0 for v in c) for c in read('four.npy')} == corners"
printf 'one.npy\ntwo.npy\n' >list
expect 0 "a list" "$SYLKIT" kmeans --clusters 4 -o list.npy --list list
check "the list: the same" cmp -s four.npy list.npy
for options in "--batch 50" "--init plusplus" "--init random --restarts 10" "--threads 2"; do
    # shellcheck disable=SC2086
    expect 0 "$options" "$SYLKIT" kmeans --clusters 4 $options -o other.npy one.npy two.npy
    check "$options: the corners" python "
assert {tuple(round(v) + 0 for v in c) for c in read('other.npy')} == {(9, 0, 0), (0, 9, 0), (0, 0, 9), (-9, -9, -9)}"
done
expect 0 "spherical" "$SYLKIT" kmeans --clusters 4 --spherical -o round.npy one.npy two.npy
check "spherical: unit vectors" python "
assert all(abs(sum(v * v for v in c) - 1) < 1e-5 for c in read('round.npy'))"

# Eight clusters of four corners, grouped into four: centroids of one corner have one group.
expect 0 "--ward" "$SYLKIT" kmeans --clusters 8 --ward 4 --reducer groups.npy -o eight.npy one.npy two.npy
check "--ward: the corners" python "
groups = {}
for c, g in zip(read('eight.npy'), read('groups.npy')):
    groups.setdefault(g, set()).add(tuple(round(v) + 0 for v in c))
assert sorted(groups) == [0, 1, 2, 3] and all(len(v) == 1 for v in groups.values())"

expect 0 "into a model" "$SYLKIT" kmeans --clusters 20 --spherical --into "$SYLKIT_MODEL" -o new.safetensors model.npy
expect 0 "info of it" "$SYLKIT" info --json new.safetensors
check "the codebook is inside" json out "lines[0]['tokens'] == 20 and lines[0]['metric'] == 'spherical'"
audio voice.wav --seconds 2
expect 0 "its tokens" "$SYLKIT" segment --model new.safetensors voice.wav
check "its tokens: in the output" json out "all(0 <= s['token'] < 20 for s in lines[0]['segments'])"
expect 1 "into a model of other vectors" "$SYLKIT" kmeans --clusters 4 --into "$SYLKIT_MODEL" -o bad one.npy
says "384" "into a model of other vectors"

# ---- what is refused -------------------------------------------------------------------
refuse() { # PATTERN NAME ARGUMENT...
    pattern=$1 name=$2
    shift 2
    expect 1 "$name" "$SYLKIT" kmeans -o bad "$@"
    says "$pattern" "$name"
}
refuse "nan.npy: row 30 " "not a number" --clusters 4 one.npy nan.npy
refuse "wide.npy has rows of 5" "two widths" --clusters 2 one.npy wide.npy
refuse "only 2 different" "two places" --clusters 3 same.npy
refuse "200 rows are too few" "more clusters than rows" --clusters 201 one.npy two.npy
refuse "missing.npy" "no such file" --clusters 2 missing.npy
refuse "not a .npy" "another format" --clusters 2 list
check "nothing was written" test ! -e bad
expect 2 "no vectors" "$SYLKIT" kmeans -o bad
expect 2 "no output" "$SYLKIT" kmeans one.npy
expect 2 "over the input" "$SYLKIT" kmeans -o one.npy one.npy
expect 2 "--resume without --state" "$SYLKIT" kmeans --resume -o bad one.npy
expect 2 "--ward without --reducer" "$SYLKIT" kmeans --ward 3 -o bad one.npy

# ---- resuming ----------------------------------------------------------------------------
# shellcheck disable=SC2086 # $long is words
{
long="--clusters 200 --iterations 60 --tolerance 0 --restarts 3 --init random cloud.npy"
expect 0 "in one piece" "$SYLKIT" kmeans $long -o whole.npy
for signal in KILL TERM INT; do
    rm -f state stopped.npy
    "$SYLKIT" kmeans $long -o stopped.npy --state state --state-seconds 0 >/dev/null 2>err &
    pid=$!
    wait_for state $pid
    kill -s $signal $pid 2>/dev/null
    wait $pid 2>/dev/null
    check "SIG$signal: stopped on the way" test ! -e stopped.npy -a -e state
    [ $signal = KILL ] || says "resume goes on" "SIG$signal"
    expect 0 "SIG$signal: resumed" "$SYLKIT" kmeans $long -o stopped.npy --state state --resume
    check "SIG$signal: the same bits" cmp -s whole.npy stopped.npy
done
expect 1 "another run's state" "$SYLKIT" kmeans --clusters 7 --state state --resume -o bad cloud.npy
says "belongs to another run" "another run's state"
head -c 3000 state >cut
expect 1 "a cut state" "$SYLKIT" kmeans $long -o bad --state cut --resume
}
finish
