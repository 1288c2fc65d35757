#!/bin/sh
# sylkit train sylber: both encoders and all kinds of targets, resuming bit for bit after kill -9 at
# random moments, bad recordings, a full disk, several processes. Wants also $GOLDEN (tests/golden).
. "$(dirname "$0")/common.sh"
golden=${GOLDEN:?tests/golden}
teacher=$golden/teacher.safetensors
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK

mkdir corpus
for i in 1 2 3 4 5; do audio "corpus/$i.wav" --seconds 2.$i --seed $i; done
"$SYLKIT" presegment fit --teacher "$teacher" -o stats.st corpus 2>err &&
    "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st --method sonority -o seg corpus 2>err ||
    fail "presegment"
cat >student.json <<'J'
{"model_type": "sylkit-mel", "sample_rate": 16000, "n_fft": 400, "hop_length": 160,
 "num_mel_bins": 20, "log10_floor": -5.0, "hidden_size": 32, "output_size": 32,
 "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
 "layer_norm_eps": 1e-05, "attention_left": 20, "attention_right": 3}
J
python3 - "$teacher" student.json <<'P'
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", raw[:8])
have = json.loads(json.loads(raw[8:8 + n])["__metadata__"]["sylkit.config"])
want = json.load(open(sys.argv[2]))
for key in ("num_mel_bins", "n_fft", "hop_length", "hidden_size", "num_attention_heads",
            "num_hidden_layers", "intermediate_size", "output_size", "log10_floor", "sample_rate"):
    want[key] = have[key]
json.dump(want, open(sys.argv[2], "w"))
P

cat >small.conf <<'C'
# options of a run, as a recipe keeps them
config student.json
stats stats.st
collage
crop 1.2
batch 2
coloured-noise 0.5
babble 0.3
no-speech 0.1
change-speed 0.5
equalise 0.1
warp 0.9:1.1
mix-noise 0.3
mix-speech 1
warmup 2
schedule constant
threads 1
log-every 1
quiet
C
train() {
    out=$1
    shift
    "$SYLKIT" train sylber --conf small.conf --init "$teacher" --segments seg --out "$out" "$@" corpus
}
# The same in the background, as a process of its own that can be killed.
train_behind() {
    out=$1
    shift
    (exec "$SYLKIT" train sylber --conf small.conf --init "$teacher" --segments seg --out "$out" "$@" \
        corpus >/dev/null 2>err) &
    pid=$!
}
same() { cmp -s "$1" "$2"; }
# losses FILE: step and loss of each line.
losses() {
    python3 -c '
import json, sys
for line in open(sys.argv[1]):
    d = json.loads(line)
    if "loss" in d: print(d["step"], d["loss"])' "$1"
}

expect 0 "help" "$SYLKIT" train sylber --help
# Every option stands in the man page and the completion, and they have no others.
root=${PREFIX_SRC:-$here/../..}
grep -o '^  --[a-z0-9-]*' out | tr -d ' ' | sort >options
sed -n 's/^\\fB\(\\-\\-[a-z0-9\\-]*\)\\fR.*/\1/p' "$root/lib/cli/man/sylkit-train.1" | tr -d '\\' | sort -u >documented
sed -n '/^    train) echo "sylber/,/;;/p' "$root/lib/cli/sylkit.bash" | grep -o -- '--[a-z0-9-]*' | grep -vx -- --help | sort >completed
check "every option is in the man page" cmp options documented
check "every option is completed" cmp options completed
expect 2 "no weights" "$SYLKIT" train sylber --out x corpus
expect 2 "a bad range" train x --snr 40:10
says "LOW:HIGH" "a bad range"
echo "bogus 3" >bad.conf
expect 2 "a bad file of options" train x --conf bad.conf
says "bad.conf:1: there is no option 'bogus'" "a bad file of options"
expect 2 "an unknown trainer" "$SYLKIT" train nothing
expect 1 "no recordings" "$SYLKIT" train sylber --conf small.conf --init "$teacher" --segments seg --out x
says "no recordings" "no recordings"

# ---- a run, and the same run cut to pieces
expect 0 "a run" train whole --steps 12 --checkpoint-every 5
check "its model is loaded" "$SYLKIT" segment --model whole/model.safetensors corpus/1.wav
check "a line a step" json whole/metrics.jsonl "[x['step'] for x in lines] == list(range(1, 13))"
check "the loss falls" json whole/metrics.jsonl "lines[-1]['loss'] < lines[0]['loss']"
expect 0 "loader threads" train threaded --steps 12 --checkpoint-every 5 --loaders 3
check "loader threads change nothing" same whole/checkpoint.safetensors threaded/checkpoint.safetensors
expect 0 "another seed" train other --steps 2 --seed 2
kills=0
for delay in 01 02 03 05 07 09 12 15 18 21 24 27 31 35 39 43 48 53 58 64; do
    train_behind pieces --steps 12 --checkpoint-every 1 --resume
    sleep "0.$delay"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
done
check "some kills met a run at work ($kills)" test "$kills" -gt 3
expect 0 "the rest after $kills kills" train pieces --steps 12 --checkpoint-every 1 --resume
check "killed and resumed: the same bits" same whole/model.safetensors pieces/model.safetensors
losses whole/metrics.jsonl >a
losses pieces/metrics.jsonl >b
check "killed and resumed: the same losses" same a b
check "no temporary files" test -z "$(find pieces -name '.syl-*')"
expect 1 "resumed with other options" train pieces --steps 12 --resume --lr 0.1
says "lr was '0.0003', now it is '0.1'" "resumed with other options"
expect 1 "resumed with other recordings" "$SYLKIT" train sylber --conf small.conf --init "$teacher" \
    --segments seg --out pieces --steps 12 --resume corpus/1.wav corpus/2.wav
says "recordings was" "resumed with other recordings"
expect 1 "a run is not begun over another" train pieces --steps 12
says "go on with --resume" "a run is not begun over another"
expect 0 "longer lines of metrics" train lines --steps 12 --log-every 4 --checkpoint-every 3
for delay in 1 2 3; do
    train_behind halves --steps 12 --log-every 4 --checkpoint-every 3 --resume
    sleep 0.$delay
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
expect 0 "the same, killed" train halves --steps 12 --log-every 4 --checkpoint-every 3 --resume
losses lines/metrics.jsonl >a
losses halves/metrics.jsonl >b
check "longer lines: the same losses" same a b
python3 - <<'P'
import json, struct
raw = open("halves/checkpoint.safetensors", "rb").read()
n, = struct.unpack("<Q", raw[:8])
head = json.loads(raw[8:8 + n])
head["__metadata__"]["step"] = "-5"
text = json.dumps(head).encode().ljust(n + 64)
open("halves/checkpoint.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + raw[8 + n:])
P
expect 1 "a checkpoint with a wrong step" train halves --steps 12 --log-every 4 --resume
says "its step or its sums make no sense" "a checkpoint with a wrong step"
mkdir bare
python3 - <<'P'
import json, pathlib, struct
for path in pathlib.Path("seg").glob("*.safetensors"):
    raw = path.read_bytes()
    n, = struct.unpack("<Q", raw[:8])
    begin, end = json.loads(raw[8:8 + n])["segments"]["data_offsets"]
    data = raw[8 + n + begin:8 + n + end]
    head = json.dumps({"segments": {"dtype": "I32", "shape": [len(data) // 8, 2],
                                    "data_offsets": [0, len(data)]}}).encode()
    head = head.ljust((len(head) + 7) // 8 * 8)
    pathlib.Path("bare", path.name).write_bytes(struct.pack("<Q", len(head)) + head + data)
P
expect 1 "segments without means" train bare-run --steps 2 --no-speech 0 --segments bare
says "no tensor 'means'; make it again with sylkit presegment run" "segments without means"
expect 0 "already done" train pieces --steps 12 --resume

# SIGTERM: a checkpoint, and status 1.
train_behind term --steps 100000 --checkpoint-every 100000
for _ in $(seq 100); do
    [ -s term/metrics.jsonl ] && break
    sleep 0.1
done
kill -TERM $pid
wait $pid
check "SIGTERM: status 1" test $? -eq 1
says "go on with --resume" "SIGTERM"
check "SIGTERM: a checkpoint" test -s term/checkpoint.safetensors

# ---- targets and encoders
expect 0 "online targets" "$SYLKIT" train sylber --init whole/model.safetensors --targets online \
    --out online --steps 4 --batch 2 --crop 1 --threads 1 --norm 0.5 --ema 0.9 --quiet corpus
check "online targets: the teacher is kept" grep -q '"teacher"' online/checkpoint.safetensors
expect 0 "a HuBERT shape, given segments" "$SYLKIT" train sylber --init "$golden/hubert-base" \
    --targets segments --segments seg --out hubert --steps 3 --batch 2 --crop 1 --threads 2 \
    --layer-drop 0.1 --dropout 0.1 --quiet corpus
check "its model is loaded too" "$SYLKIT" segment --model hubert/model.safetensors corpus/1.wav
expect 0 "then online, bf16, accumulated" "$SYLKIT" train sylber --init hubert/model.safetensors \
    --targets online --out hubert2 --steps 3 --batch 2 --accumulate 2 --crop 1 --precision bf16 \
    --threads 1 --quiet corpus
expect 0 "convolutions frozen" "$SYLKIT" train sylber --init "$golden/hubert-base" --freeze-convs \
    --targets segments --segments seg --out frozen --steps 2 --batch 2 --crop 1 --quiet corpus

# ---- validation
cat >labels.json <<'J'
[{"key": "1", "syl": [[0.2, 0.5], [0.5, 0.9], [1.1, 1.5]]}, {"key": "2", "syl": [[0.1, 0.4]]}]
J
expect 0 "validation" train valid --steps 4 --validate-every 2 --valid-labels labels.json --valid-audio corpus
check "validation: figures" json valid/metrics.jsonl "sum('f1' in x for x in lines) == 2"
check "validation: the best model" test -s valid/best.safetensors
echo '[{"key": "nowhere", "syl": [[0.2, 0.5]]}]' >nowhere.json
expect 1 "validation: a missing recording" train valid2 --steps 4 --valid-labels nowhere.json --valid-audio corpus
says "nowhere" "validation: a missing recording"
mkdir empty
expect 1 "an empty folder" "$SYLKIT" train sylber --conf small.conf --init "$teacher" --segments seg --out x empty

# ---- what goes wrong
cp -r corpus broken
head -c 5000 corpus/1.wav >broken/6.wav
echo "no audio" >broken/7.wav
cp seg/1.safetensors seg/6.safetensors
"$SYLKIT" train sylber --conf small.conf --init "$teacher" --segments seg --out skip --steps 12 broken >out 2>err
check "bad recordings: the run goes on" test $? -eq 0
says "left out: .*7.wav" "bad recordings: named"
says "recordings were left out" "bad recordings: counted"
cp -r seg huge
python3 - <<'P'
import json, struct
raw = bytearray(open("huge/2.safetensors", "rb").read())
n, = struct.unpack("<Q", raw[:8])
begin, end = json.loads(raw[8:8 + n])["means"]["data_offsets"]
raw[8 + n + begin:8 + n + end] = struct.pack("<f", 1e30) * ((end - begin) // 4)
open("huge/2.safetensors", "wb").write(raw)
P
expect 1 "a loss that is not finite" train inf --segments huge --steps 20 --checkpoint-every 1
says "the loss is inf; batch: .*wav" "a loss that is not finite"
if [ "$(id -u)" -eq 0 ] && mkdir full && mount -t tmpfs -o size=400k none full 2>/dev/null; then
    train full/run --steps 1 --checkpoint-every 1 >/dev/null 2>&1
    cp full/run/checkpoint.safetensors before 2>/dev/null
    head -c 300000 /dev/zero >full/ballast 2>/dev/null
    expect 1 "a full disk" train full/run --steps 3 --checkpoint-every 1 --resume
    says "is the disk full" "a full disk"
    if [ -s before ]; then check "a full disk: the old checkpoint stays" same before full/run/checkpoint.safetensors; fi
    umount full
else
    echo "skip: a full disk (needs a small file system)"
fi

# ---- several processes: two ranks do what one does with the doubled batch
modules=${PREFIX_BUILD:-.}/.libs
if command -v mpirun >/dev/null 2>&1 && [ -e "$modules/libsylkit-mpi.so" ]; then
    SYLKIT_MODULES=$modules
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export SYLKIT_MODULES OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
    # The plug-ins of Open MPI keep memory to the end and are unloaded before anybody could say so.
    expect 0 "two ranks" env ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe -np 2 "$SYLKIT" train sylber --conf small.conf \
        --init "$teacher" --segments seg --out ranks --steps 10 corpus
    expect 0 "one rank, doubled batch" train double --steps 10 --batch 4
    losses ranks/metrics.jsonl >a
    losses double/metrics.jsonl >b
    check "two ranks: the same losses to 1e-4" python3 -c '
a, b = ([[float(v) for v in line.split()] for line in open(f)] for f in "ab")
assert len(a) == len(b) == 10
assert all(x[0] == y[0] and abs(x[1] - y[1]) <= 1e-4 * y[1] for x, y in zip(a, b)), (a, b)'
    expect 0 "two ranks resumed" env ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe -np 2 "$SYLKIT" \
        train sylber --conf small.conf --init "$teacher" --segments seg --out ranks --steps 12 --resume corpus
    check "two ranks resumed: they went on" json ranks/metrics.jsonl "[x['step'] for x in lines] == list(range(1, 13))"
    timeout 60 mpirun --oversubscribe -np 2 "$SYLKIT" train sylber --conf small.conf --init "$teacher" \
        --segments seg --out ranks --steps 20 --resume --lr 0.1 corpus >out 2>err
    got=$?
    check "one rank that fails ends all" test $got -ne 0 -a $got -ne 124
    says "lr was" "one rank that fails ends all"
else
    echo "skip: several processes (no mpirun, or built without MPI)"
fi
finish
