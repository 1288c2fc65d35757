#!/bin/sh
# Reasoning in embeddings of sentences on ProsQA: "Every zumpus is a gorpus. ... Is Bob a lempus or a
# scrompus?", by a path in a graph. Tiny graphs (7 or 8 nodes, paths of 3 or 4 steps) and a Llama of 0.16 M
# parameters from scratch, which begins with easier ones; --size small has 8 to 10 nodes, full the published 22.
#
#   egs/prosqa/run.sh [--size tiny|small|full] [--threads N] [--seed N] [--out DIR] [--stage N] [--stop-stage N]
#
# Results go under --out (default build/prosqa-tiny/SEED); every stage can be run again. Questions of the
# training, validation and test sets differ. $PYTHON (default python3) makes the tables.
#
# 1 questions   2 chain of thought, and without, both after easier questions   3 embeddings   4 latent models
# 5 classifiers that end a chain   6 evaluation -> test.txt   7 noise -> noise.txt   8 SentenceLens ->
# lens-MODEL.html
#
# $SYLKIT is the program (default: build/sylkit, else the one in PATH).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=8 threads=1 seed=1 size=tiny out=''
options='size threads seed out'
. "$root/egs/common/recipe.sh"
. "$root/egs/common/sentence_models.sh"
data=$root/build/data/prosqa-$size out=${out:-$root/build/prosqa-$size/$seed}
questions="prosqa --size $size"
[ "$size" != tiny ] || questions='prosqa --nodes 7:8 --steps 3:4'
mkdir -p "$data/easy" "$out"

# easier COMMAND...: with the easier questions.
easier() { (data=$data/easy questions='prosqa --nodes 6:7 --steps 1:3' && "$@"); }

if run 1; then
    easier generated train --count 100000
    easier generated valid --split valid --count 300
    generated train --count 60000
    generated valid --split valid --count 300
    generated test --split test --count 500
fi
if run 2; then easier trained easy cot --conf "$here/conf/easy.conf"; fi
base=$out/easy/model.safetensors
sentence_stages
