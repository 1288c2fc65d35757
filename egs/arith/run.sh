#!/bin/sh
# Reasoning in embeddings of sentences on chains of arithmetic modulo 10, "3+4*5-1" read from left to right:
# a GPT-2 of 0.16 M parameters from scratch, every stage of "Let's Predict Sentence by Sentence" (2025), in half
# an hour of one core.
#
#   egs/arith/run.sh [--threads N] [--seed N] [--out DIR] [--stage N] [--stop-stage N]
#
# Results go under --out (default build/arith/SEED); every stage can be run again. Questions of the
# training, validation and test sets differ. $PYTHON (default python3) makes the tables.
#
# 1 questions   2 chain of thought, and without   3 embeddings   4 latent models   5 classifiers that end a
# chain   6 evaluation -> test.txt   7 noise -> noise.txt, longer chains -> longer.txt   8 SentenceLens ->
# lens-MODEL.html
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=8 threads=1 seed=1 out=''
options='threads seed out'
. "$root/egs/common/recipe.sh"
. "$root/egs/common/sentence_models.sh"
data=$root/build/data/arith out=${out:-$root/build/arith/$seed}
questions=arith
mkdir -p "$data" "$out"

if run 1; then
    generated train --count 100000
    generated valid --split valid --count 512
    generated test --split test --count 1000
    generated longer --split test --count 1000 --operations 5:8
fi
sentence_stages
if run 7; then regimes longer longer; fi
