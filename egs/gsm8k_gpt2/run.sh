#!/bin/sh
# "Let's Predict Sentence by Sentence" (2025) on GSM8K with GPT-2, the paper's settings, for people with a GPU or
# several: 20 epochs of language models, 3 of semantic and 30 of contextual embeddings, 200 of the latent model.
#
#   egs/gsm8k_gpt2/run.sh --gpt2 DIR --data DIR [--device NAME] [--ranks N] [--batch N] [--steps N] [--threads N]
#                         [--seed N] [--lora R] [--out DIR] [--stage N] [--stop-stage N]
#
# --gpt2  folder of GPT-2 as Hugging Face has it: config.json, model.safetensors, tokenizer.json
# --data  folder with train.json, valid.json and test.json of GSM8K-Aug ({"question", "steps", "answer"}); without
#         a train.json it is made of gsm8k/train-original.jsonl.xz (7,001 of its 7,473 problems have steps that end
#         in the answer) and test.json is gsm8k/valid.json.xz, so that the numbers are not the paper's
# --batch, --steps  in place of those of conf/, to try the stages out (--steps: 4 questions a validation);
#         conf/ has the paper's effective batch on one device, in 4 micro-batches a step
# --lora  rank of low-rank adapters that are trained in place of GPT-2 itself; the paper: 256 (with alpha 1024 and
#         dropout 0.1 on c_attn and c_proj, the defaults) for GPT-2 Large
# --ranks mpirun with so many processes, each with a batch of its own: divide accumulate in conf/ by it
#
# Results go under --out (default build/gsm8k_gpt2/SEED); every stage can be run again.
#
# 1 data   2 chain of thought, and without   3 embeddings   4 latent models   5 classifiers that end a chain
# 6 evaluation -> test.txt   7 noise -> noise.txt   8 SentenceLens -> lens-MODEL.html
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=8 threads=1 seed=1 gpt2='' data=${SYLKIT_DATA:-} device=auto ranks=1 batch='' steps='' lora='' out=''
options='gpt2 data device ranks batch steps threads seed lora out'
. "$root/egs/common/recipe.sh"
. "$root/egs/common/sentence_models.sh"
need --gpt2 "$gpt2/model.safetensors"
out=${out:-$root/build/gsm8k_gpt2/$seed}
mkdir -p "$out"
[ "$ranks" -eq 1 ] || launch="mpirun -np $ranks"
base=$gpt2 adapters="${lora:+--lora $lora}"
more="--device $device ${batch:+--batch $batch} ${steps:+--steps $steps --valid-count 4}"

if [ ! -r "$data/train.json" ]; then
    need --data "$data/gsm8k/train-original.jsonl.xz"
    given=$data/gsm8k data=$root/build/data/gsm8k
    if run 1 && [ ! -e "$data/test.json" ]; then
        mkdir -p "$data"
        "${PYTHON:-python3}" "$here/local/convert_gsm8k.py" "$given/train-original.jsonl.xz" "$data/all.json"
        "${PYTHON:-python3}" "$here/local/split.py" "$data/all.json" 300 "$data/valid.json" "$data/train.json"
        unpacked "$given/valid.json.xz" "$data/test.json"
    fi
fi
sentence_stages
