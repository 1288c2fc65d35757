#!/bin/sh
# Sylber's own training (Cho et al. 2025) for people with LibriSpeech, a HuBERT or SD-HuBERT
# checkpoint and time: the released configuration's numbers, stage by stage.
#
#   egs/sylber_librispeech/run.sh --speech DIR --hubert DIR --teacher FILE --stats FILE
#       [--noise LIST] [--ranks N] [--threads N] [--precision f32|bf16] [--steps N] [--batch N]
#       [--clusters K] [--out DIR] [--stage N] [--stop-stage N]
#
# --speech   recordings, any depth of folders (LibriSpeech's train-* as they are)
# --hubert   folder with model.safetensors and config.json of a HubertModel; of more than 9 layers
#            the first 9 are used (egs/sylber_import makes one of a torch checkpoint)
# --teacher, --stats  of egs/sylber_small (stages 1 and 2 there): they give stage 1 its segments.
#            Segments of SD-HuBERT with MinCut, as published, can take their place: --segments DIR
#            with a file a recording as `man sylkit-presegment` describes, and --stage 2
# --noise    list of noise recordings (the DNS-3 set, as published); without it the mixer adds
#            other speakers only
# --steps, --batch  in place of the configuration's, to try the stages out on little data
#
# 1 segments   2 stage 1   3 stage 2   4 vectors of syllables and k-means, the model with tokens
#
# A stage that was stopped goes on where it was. $SYLKIT is the program.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
stage=1 stop_stage=4 ranks=1 threads='' precision=bf16 steps='' batch='' clusters=5000 noise=''
speech='' hubert='' teacher='' stats='' segments='' out=$root/build/sylber_librispeech
options='speech hubert teacher stats segments noise ranks threads precision steps batch clusters out'
. "$root/egs/common/recipe.sh"
[ -d "$speech" ] || { echo "run.sh: give the folder of recordings as --speech DIR" >&2; exit 2; }
segments=${segments:-$out/segments}
mkdir -p "$out"
train() {
    launch=''
    [ "$ranks" -eq 1 ] || launch="mpirun -np $ranks"
    $launch "$sylkit" train sylber "$@" ${noise:+--noise "$noise"} ${threads:+--threads "$threads"} \
        ${steps:+--steps "$steps"} ${batch:+--batch "$batch"} --precision "$precision" --resume "$speech"
}

if run 1; then
    need --teacher "$teacher"
    need --stats "$stats"
    "$sylkit" presegment run --teacher "$teacher" --stats "$stats" --method sonority --resume \
        -o "$segments" "$speech"
fi
if run 2; then
    need --hubert "$hubert/model.safetensors"
    train --conf "$here/conf/stage1.conf" --config "$here/../sylber_import/conf/sylber.json" \
        --init "$hubert/model.safetensors" --segments "$segments" --out "$out/stage1"
fi
if run 3; then
    train --conf "$here/conf/stage2.conf" --init "$out/stage1/model.safetensors" --out "$out/stage2"
fi
if run 4; then
    "$sylkit" features --segments --model "$out/stage2/model.safetensors" --resume --out "$out/vectors" "$speech"
    find "$out/vectors" -name '*.npy' >"$out/vectors.txt"
    "$sylkit" kmeans --clusters "$clusters" --list "$out/vectors.txt" --state "$out/kmeans.state" --resume \
        --into "$out/stage2/model.safetensors" -o "$out/sylber.safetensors"
    echo "$out/sylber.safetensors"
fi
