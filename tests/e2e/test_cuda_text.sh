#!/bin/sh
# The CUDA backend as a user of language and sentence models meets it, executed on the host: against the CPU's.
. "$(dirname "$0")/common.sh"
. "$here/cuda_common.sh"

# ---- language models
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

# ---- sentence models: each stage on both devices
mkdir cpu cuda
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
finish
