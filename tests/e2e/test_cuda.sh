#!/bin/sh
# The CUDA backend as a user of speech models meets it, executed on the host: inference and training against the
# CPU's; then what is said where there is no device, no memory, no module.
. "$(dirname "$0")/common.sh"
. "$here/cuda_common.sh"
teacher=$golden/teacher.safetensors

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
for model in "$MODEL" "$golden/hubert-base" "$golden/hubert-large"; do
    which=$(basename "$model")
    expect 0 "$which on the CPU" features cpu.npy
    expect 0 "$which on CUDA" features cuda.npy --device cuda
    check "$which: the same frames to 1e-4" close cpu.npy cuda.npy 1e-4
    expect 0 "$which on CUDA, bf16" features half.npy --device cuda --precision bf16
    check "$which: nearly the same frames in bf16" close cpu.npy half.npy 0.1
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
# train FOLDER OPTIONS...: a student of the teacher.
train() {
    into=$1
    shift
    "$SYLKIT" train sylber --config student.json --init "$teacher" --segments seg --batch 2 \
        --crop 1.2 --warmup 5 --log-every 1 --threads 1 --quiet --out "$into" "$@" corpus
}
expect 0 "20 steps on the CPU" train cpu --steps 20 --collage
export CUDAHOST_CALLS=calls
expect 0 "20 steps on CUDA" train cuda --steps 20 --collage --device cuda
unset CUDAHOST_CALLS
check "steps of one shape are replayed as a graph" calls cudaGraphLaunch 10
check "one curve" one_curve cpu cuda 20
expect 0 "dropout on the CPU" train cpu-drop --steps 15 --dropout 0.1 --collage
expect 0 "dropout on CUDA" train cuda-drop --steps 15 --dropout 0.1 --collage --device cuda
check "one curve with dropout" one_curve cpu-drop cuda-drop 15
expect 0 "online targets on the CPU" train cpu-online --steps 15 --targets online --norm 0.5 --ema 0.99
expect 0 "online targets on CUDA" train cuda-online --steps 15 --targets online --norm 0.5 --ema 0.99 --device cuda
check "one curve with online targets" one_curve cpu-online cuda-online 15
expect 0 "a run on CUDA" train moved --steps 6 --schedule constant --device cuda
expect 0 "goes on on the CPU" train moved --steps 12 --schedule constant --resume
expect 0 "and on CUDA" train moved --steps 15 --schedule constant --device cuda --resume
expect 0 "as one on the CPU" train unmoved --steps 15 --schedule constant
check "one curve of both" one_curve moved unmoved 15

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
