#!/bin/sh
# The CUDA backend as a user meets it, its kernels executed on the host: the module in
# $CUDAHOST_MODULES is the backend's own source over tests/cudahost. Inference and training against
# the CPU's; then what is said where there is no device, no memory, no module.
. "$(dirname "$0")/common.sh"
golden=${GOLDEN:?tests/golden}
teacher=$golden/teacher.safetensors
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK
[ -e "${CUDAHOST_MODULES:-}/libsylkit-cuda.so" ] || {
    echo "no C++ compiler, no module: skipped"
    exit 77
}
export SYLKIT_MODULES="$CUDAHOST_MODULES"

expect 0 "the devices" "$SYLKIT" info devices --json
check "a CUDA device is there" json out "lines[1]['device'] == 'cuda:0' and lines[1]['usable']"

# ---- inference
mkdir corpus
for i in 1 2 3 4 5; do audio "corpus/$i.wav" --seconds 2.$i --seed $i; done
# features PATH OPTIONS...: frames of the first recording.
features() {
    into=$1
    shift
    "$SYLKIT" features --model "$model" "$@" -o "$into" corpus/1.wav
}
# close X.npy Y.npy BOUND: of the largest difference as a part of the largest value.
close() {
    python3 - "$@" <<'P'
import array, ast, sys
def load(path):
    raw = open(path, "rb").read()
    end = 10 + int.from_bytes(raw[8:10], "little")
    return ast.literal_eval(raw[10:end].decode())["shape"], array.array("f", raw[end:])
(shape, a), (other, b) = load(sys.argv[1]), load(sys.argv[2])
worst = max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, a))
print("largest difference", worst)
sys.exit(not (shape == other and len(a) == len(b) and worst < float(sys.argv[3])))
P
}
for model in "$MODEL" "$golden/hubert-base" "$golden/hubert-large"; do
    which=$(basename "$model")
    expect 0 "$which on the CPU" features cpu.npy
    expect 0 "$which on CUDA" features cuda.npy --device cuda
    check "$which: the same frames to 1e-4" close cpu.npy cuda.npy 1e-4
    expect 0 "$which on CUDA, bf16" features half.npy --device cuda --precision bf16
    check "$which: nearly the same frames in bf16" close cpu.npy half.npy 0.1
done
# Language models.
printf 'the dog\nwind sings in the north\n' >lines
for kind in gpt2 llama; do
    lm="$golden/lm-$kind"
    expect 0 "$kind on the CPU" "$SYLKIT" lm embed --pool mean --out cpu.npy "$lm" lines
    expect 0 "$kind on CUDA" "$SYLKIT" lm embed --pool mean --device cuda --out cuda.npy "$lm" lines
    check "$kind: the same vectors to 1e-4" close cpu.npy cuda.npy 1e-4
    expect 0 "$kind on CUDA, bf16" "$SYLKIT" lm embed --pool mean --device cuda --precision bf16 --out half.npy "$lm" lines
    check "$kind: nearly the same vectors in bf16" close cpu.npy half.npy 0.1
    expect 0 "$kind: text on the CPU" "$SYLKIT" lm generate --max-tokens 8 --prompt the "$lm"
    mv out cpu.txt
    expect 0 "$kind: text on CUDA" "$SYLKIT" lm generate --max-tokens 8 --prompt the --device cuda "$lm"
    check "$kind: the same text" cmp cpu.txt out
    expect 0 "$kind: perplexity on CUDA" "$SYLKIT" lm perplexity --json --device cuda "$lm" lines
    cp out cuda.json
    expect 0 "$kind: perplexity on the CPU" "$SYLKIT" lm perplexity --json "$lm" lines
    check "$kind: the same perplexity" python3 -c "import json
a, b = (json.load(open(f))['loss'] for f in ('out', 'cuda.json'))
assert abs(a - b) < 1e-4"
done
model=$MODEL
expect 0 "tokens on the CPU" "$SYLKIT" tokenize corpus/2.wav
mv out cpu.jsonl
expect 0 "tokens on CUDA" "$SYLKIT" tokenize --device cuda:0 corpus/2.wav
check "the same tokens" cmp cpu.jsonl out
expect 1 "a device that is not there" "$SYLKIT" tokenize --device cuda:7 corpus/2.wav
says "cuda:7" "a device that is not there"

# calls FUNCTION LEAST: how often the program called it.
calls() { awk -v f="$1" -v least="$2" '$1 == f && $2 >= least { seen = 1 } END { exit !seen }' calls; }
audio long.wav --seconds 14 --seed 9
expect 0 "a long recording on the CPU" "$SYLKIT" tokenize long.wav
mv out cpu-long.jsonl
export CUDAHOST_CALLS=calls
expect 0 "a long recording on CUDA" "$SYLKIT" tokenize --device cuda long.wav
unset CUDAHOST_CALLS
check "the same tokens of a long recording" cmp cpu-long.jsonl out
check "steps of the stream are replayed as a graph" calls cudaGraphLaunch 1

# windows DEVICE: syllables of the HuBERT shape, which encodes sliding windows again.
windows() {
    "$SYLKIT" stream --model "$golden/hubert-base" --norm 0 --lookahead 0.32 --device "$1" corpus/3.wav
}
for device in cpu cuda; do
    expect 0 "sliding windows on $device" windows $device
    grep '"syllable"' out >windows-$device
done
check "the same syllables of sliding windows" cmp windows-cpu windows-cuda
check "there are some" test "$(wc -l <windows-cuda)" -ge 3

# ---- training
"$SYLKIT" presegment fit --teacher "$teacher" -o stats.st corpus 2>err &&
    "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st --method sonority -o seg corpus 2>err ||
    fail "presegment"
python3 - "$teacher" >student.json <<'P'
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", raw[:8])
have = json.loads(json.loads(raw[8:8 + n])["__metadata__"]["sylkit.config"])
json.dump(dict(have, model_type="sylkit-mel", attention_left=20, attention_right=3), sys.stdout)
P
# train FOLDER OPTIONS...: 50 steps.
train() {
    into=$1
    shift
    "$SYLKIT" train sylber --config student.json --init "$teacher" --segments seg --batch 2 \
        --crop 1.2 --warmup 5 --log-every 1 --threads 1 --quiet --out "$into" "$@" corpus
}
# one_curve A B: every loss and norm of the gradient to 1e-3.
one_curve() {
    python3 - "$@" <<'P'
import json, sys
steps = int(sys.argv[3])
a, b = ([json.loads(line) for line in open(p + "/metrics.jsonl")] for p in sys.argv[1:3])
worst = max(abs(x[k] - y[k]) / abs(x[k]) for x, y in zip(a, b) for k in ("loss", "grad_norm"))
print(len(a), "steps, largest relative difference", worst)
sys.exit(not (len(a) == len(b) == steps and worst < 1e-3 and a[-1]["loss"] < a[0]["loss"]))
P
}
expect 0 "50 steps on the CPU" train cpu --steps 50 --collage
export CUDAHOST_CALLS=calls
expect 0 "50 steps on CUDA" train cuda --steps 50 --collage --device cuda
unset CUDAHOST_CALLS
check "steps of one shape are replayed as a graph" calls cudaGraphLaunch 40
check "one curve" one_curve cpu cuda 50
expect 0 "50 steps with dropout on the CPU" train cpu-drop --steps 50 --dropout 0.1 --collage
expect 0 "50 steps with dropout on CUDA" train cuda-drop --steps 50 --dropout 0.1 --collage --device cuda
check "one curve with dropout" one_curve cpu-drop cuda-drop 50
expect 0 "online targets on the CPU" train cpu-online --steps 50 --targets online --norm 0.5 --ema 0.99
expect 0 "online targets on CUDA" train cuda-online --steps 50 --targets online --norm 0.5 --ema 0.99 --device cuda
check "one curve with online targets" one_curve cpu-online cuda-online 50
expect 0 "a run on CUDA" train moved --steps 20 --schedule constant --device cuda
expect 0 "goes on on the CPU" train moved --steps 25 --schedule constant --resume
expect 0 "and on CUDA" train moved --steps 30 --schedule constant --device cuda --resume
expect 0 "as one on the CPU" train unmoved --steps 30 --schedule constant
check "one curve of both" one_curve moved unmoved 30

# ---- sentence models: each stage on both devices
expect 0 "chains of arithmetic" "$SYLKIT" sent gen --count 100 --out chains.json arith
# sent FOLDER STAGE OPTIONS...: ten steps of a tiny model.
sent() {
    into=$1 stage=$2
    shift 2
    "$SYLKIT" sent train --stage "$stage" --data chains.json \
        --batch 4 --lr 3e-3 --warmup 0 --steps 10 \
        --log-every 1 --threads 1 --quiet --out "$into" "$@"
}
# both NAME STAGE OPTIONS...: on CPU and device, with the same losses.
both() {
    run=$1 kind=$2
    shift 2
    for device in cpu cuda; do
        expect 0 "$run on $device" sent "sent-$run-$device" "$kind" --device "$device" "$@"
    done
    grep '"loss"' "sent-$run-cpu/metrics.jsonl" >cpu/metrics.jsonl
    grep '"loss"' "sent-$run-cuda/metrics.jsonl" >cuda/metrics.jsonl
    check "$run: one curve" one_curve cpu cuda 10
}
sent_latent="--from sent-ctx-b-cpu --latent-norm scale --self-feed 0.5 --self-feed-ramp 4
    --valid chains.json --valid-count 8"
for stage in cot sem ctx-b ctx-c latent stop; do
    case $stage in
    cot) more="--dim 16 --layers 1 --heads 2 --context 64 --dropout 0.1" ;;
    ctx-c) more="--from sent-cot-cpu --semantic sent-sem-cpu" ;;
    latent) more=$sent_latent ;;
    stop) more="--from sent-latent-cpu" ;;
    *) more="--from sent-cot-cpu" ;;
    esac
    both "$stage" "$stage" $more
done
both llama cot --from "$golden/lm-llama" --batch 2
both lora-llama cot --from "$golden/lm-llama" --lora 4 --lora-targets q_proj,v_proj,gate_proj --batch 2
both lora-gpt2 cot --from "$golden/lm-gpt2" --lora 4 --batch 2
for device in cpu cuda; do
    expect 0 "merged on $device" "$SYLKIT" lm embed --pool mean --out "$device.npy" sent-lora-gpt2-$device/model.safetensors lines
done
check "merged: the same vectors to 1e-3" close cpu.npy cuda.npy 1e-3

# ---- several processes, a device each
if command -v mpirun >/dev/null 2>&1 && [ -e "${PREFIX_BUILD:?}/.libs/libsylkit-mpi.so" ]; then
    mkdir modules
    ln -s "$CUDAHOST_MODULES/libsylkit-cuda.so" "$PREFIX_BUILD/.libs/libsylkit-mpi.so" modules
    # ranks FOLDER OPTIONS...: ten steps of two processes.
    ranks() {
        into=$1
        shift
        env SYLKIT_MODULES="$PWD/modules" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
            ASAN_OPTIONS=detect_leaks=0 CUDAHOST_DEVICES=2 mpirun --oversubscribe -np 2 "$SYLKIT" \
            train sylber --config student.json --init "$teacher" --segments seg --batch 2 --crop 1.2 \
            --collage --log-every 1 --threads 1 --quiet --steps 10 --out "$into" "$@" corpus
    }
    expect 0 "two ranks on the CPU" ranks ranks
    expect 0 "two ranks on two devices" ranks cuda-ranks --device cuda
    check "one curve of two ranks" one_curve ranks cuda-ranks 10
else
    echo "skip: several processes (no mpirun, or built without MPI)"
fi

# ---- k-means
expect 0 "frames" "$SYLKIT" features --out frames corpus
expect 0 "k-means on the CPU" "$SYLKIT" kmeans --clusters 10 --seed 1 --quiet -o cpu-codes.npy frames/*.npy
expect 0 "k-means on CUDA" "$SYLKIT" kmeans --clusters 10 --seed 1 --quiet --device cuda -o cuda-codes.npy frames/*.npy
check "the same centroids" close cpu-codes.npy cuda-codes.npy 1e-5

# ---- what can go wrong
export CUDAHOST_DEVICES=0
expect 1 "no device" "$SYLKIT" tokenize --device cuda corpus/2.wav
says "no CUDA device" "no device"
expect 0 "auto goes to the CPU" "$SYLKIT" tokenize --device auto corpus/2.wav
check "the CPU's tokens" cmp cpu.jsonl out
unset CUDAHOST_DEVICES
CUDAHOST_DRIVER=35
export CUDAHOST_DRIVER
expect 1 "an old driver" "$SYLKIT" tokenize --device cuda corpus/2.wav
says "driver" "an old driver"
unset CUDAHOST_DRIVER
export CUDAHOST_MEMORY=2000000
expect 1 "no memory on the device" "$SYLKIT" tokenize --device cuda corpus/2.wav
says "memory" "no memory on the device"
unset CUDAHOST_MEMORY
SYLKIT_MODULES=$PWD/nowhere
expect 1 "no module" "$SYLKIT" tokenize --device cuda corpus/2.wav
says "libsylkit-cuda.so" "no module"
finish
