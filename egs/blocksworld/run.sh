#!/bin/sh
# Reasoning in embeddings of sentences on Blocksworld: the fewest moves from one configuration of blocks to
# another, by a plan. Five blocks (501 configurations) and a GPT-2 of 0.27 M parameters from scratch,
# in an hour of one core; --blocks 7 is the published size.
#
#   egs/blocksworld/run.sh [--blocks N] [--threads N] [--seed N] [--out DIR] [--stage N] [--stop-stage N]
#
# Results go under --out (default build/blocksworld-5/SEED); every stage can be run again. Questions of the
# training, validation and test sets differ. $PYTHON (default python3) makes the tables.
#
# 1 questions   2 chain of thought, and without   3 embeddings   4 latent models   5 classifiers that end a
# chain   6 evaluation -> test.txt   7 noise -> noise.txt   8 SentenceLens -> lens-MODEL.html
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=8 threads=1 seed=1 blocks=5 out=''
options='blocks threads seed out'
. "$root/egs/common/recipe.sh"
. "$root/egs/common/sentence_models.sh"
data=$root/build/data/blocksworld-$blocks out=${out:-$root/build/blocksworld-$blocks/$seed}
questions="blocksworld --blocks $blocks --wording short"
asking=--verbalise # all moves are read, so that plans can be followed
mkdir -p "$data" "$out"

if run 1; then
    generated train --count 50000
    generated valid --split valid --count 200
    generated test --split test --count 300
fi
sentence_stages
