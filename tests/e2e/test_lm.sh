#!/bin/bash
# sylkit lm: texts gone on with, embedded and predicted, as transformers does; and what is refused.
. "$(dirname "$0")/common.sh"

GOLDEN=${GOLDEN:-$here/../golden}
case_of() { python3 -B "$here/lm_cases.py" "$@"; }
lm() { "$SYLKIT" lm "$@"; }
differ() { ! cmp -s "$@"; }

for kind in gpt2 llama; do
    model=$GOLDEN/lm-$kind cases=$GOLDEN/lm-$kind/cases.json
    for field in prompt text lines; do case_of field $field "$cases" $field; done

    # ---- generate ------------------------------------------------------------------------
    expect 0 "$kind: generate" lm generate --max-tokens 16 --prompt "$(cat prompt)" "$model"
    check "$kind: generate: as transformers" case_of follows out "$cases"
    expect 0 "$kind: generate from standard input" lm generate --max-tokens 16 --threads 1 "$model" <prompt
    check "$kind: generate from standard input: the same" case_of follows out "$cases"
    expect 0 "$kind: generate with the prompt" lm generate --with-prompt --max-tokens 1 "$model" <prompt
    check "$kind: generate with the prompt: it is there" grep -q "^the cat sat" out
    sample="--temperature 1.5 --top-k 20 --top-p 0.9 --max-tokens 16 --prompt the"
    # shellcheck disable=SC2086 # $sample is words
    for seed in 7 7 8; do
        expect 0 "$kind: generate, seed $seed" lm generate $sample --seed $seed "$model"
        mv out "sample.$seed.$((n = ${n:-0} + 1))"
    done
    check "$kind: generate: one seed, one text" cmp -s sample.7.$((n - 2)) sample.7.$((n - 1))
    check "$kind: generate: another seed, another text" differ sample.7.$((n - 1)) sample.8.$n
    expect 0 "$kind: generate up to the context" lm generate --max-tokens 1000 --ignore-end "$model" <prompt
    says "context of 48 positions is full" "$kind: generate up to the context"
    expect 0 "$kind: bytes that are no UTF-8" lm generate --max-tokens 4 --stats "$model" <<<$'\xff\xfe\x80 a'
    says "tokens/s" "$kind: stats"

    # ---- embed and perplexity ------------------------------------------------------------
    for pool in last mean; do
        expect 0 "$kind: embed, $pool" lm embed --pool $pool --out vectors.npy "$model" lines
        check "$kind: embed, $pool: as transformers" case_of vectors vectors.npy "$cases" $pool
    done
    for pool in last mean; do
        for batch in 1 2 3; do
            expect 0 "$kind: embed, $pool, $batch at a time" lm embed --pool $pool --batch $batch --out vectors.npy "$model" lines
            check "$kind: embed, $pool, $batch at a time: as transformers" case_of vectors vectors.npy "$cases" $pool
        done
    done
    expect 0 "$kind: embed to length 1" lm embed --normalise --out vectors.npy "$model" <lines
    check "$kind: embed to length 1: it is" case_of unit vectors.npy "$cases"
    expect 0 "$kind: perplexity" lm perplexity --json --window 24 --stride 10 "$model" text
    check "$kind: perplexity: as transformers" case_of loss out "$cases"
    expect 0 "$kind: perplexity, as text" lm perplexity --precision bf16 "$model" text
    check "$kind: perplexity, as text: it is" grep -q "perplexity" out

    # ---- what is refused -----------------------------------------------------------------
    for _ in 1 2 3; do cat text; done >long
    expect 1 "$kind: a prompt longer than the context" lm generate "$model" <long
    says "context holds 48" "$kind: a prompt longer than the context"
    expect 1 "$kind: a line longer than the context" lm embed --out no.npy "$model" long
    says "line 1 has .* tokens" "$kind: a line longer than the context"
    check "$kind: a line longer than the context: nothing is written" [ ! -e no.npy ]
    expect 0 "$kind: its beginning" lm embed --truncate --out yes.npy "$model" long
    printf 'a\n\nb\n' >gap
    expect 1 "$kind: an empty line" lm embed --out no.npy "$model" gap
    says "gap: line 2 is empty" "$kind: an empty line"
    expect 1 "$kind: perplexity of one letter" lm perplexity "$model" <<<""
    says "at least 2" "$kind: perplexity of one letter"
    rm -rf copy && cp -r "$model" copy && chmod -R u+w copy
    rm copy/tokenizer.json
    expect 1 "$kind: no tokenizer" lm generate --prompt a copy
    cp "$model/tokenizer.json" copy
    sed -i 's/"\(n_layer\|num_hidden_layers\)": 3/"\1": 4/' copy/config.json
    expect 1 "$kind: a missing tensor" lm generate --prompt a copy
    says "3.* is missing" "$kind: a missing tensor"
    cp "$model/config.json" copy
    sed -i 's/"\(n_inner\|intermediate_size\)": [0-9]*/"\1": 40/' copy/config.json
    expect 1 "$kind: a tensor of another shape" lm generate --prompt a copy
    says "has shape" "$kind: a tensor of another shape"
    cp "$model/config.json" copy
    python3 - <<'END'
data = bytearray(open("copy/model.safetensors", "rb").read())
data[-4:] = b"\xff\xff\xff\x7f"  # a NaN
open("copy/model.safetensors", "wb").write(data)
END
    expect 1 "$kind: a NaN among the weights" lm generate --prompt a copy
    says "not finite" "$kind: a NaN among the weights"
    head -c 1000 "$model/model.safetensors" >copy/model.safetensors
    expect 1 "$kind: weights cut off" lm generate --prompt a copy
    echo "{" >copy/config.json
    expect 1 "$kind: a damaged configuration" lm generate --prompt a copy
    says "config.json" "$kind: a damaged configuration"
done

# ---- weights in several files ------------------------------------------------------------
for kind in gpt2 llama; do
    rm -rf parts && cp -r "$GOLDEN/lm-$kind" parts && chmod -R u+w parts
    check "$kind: weights into three files" case_of shards parts 3
    expect 0 "$kind: vectors out of one file" lm embed --out whole.npy "$GOLDEN/lm-$kind" lines
    expect 0 "$kind: vectors out of three files" lm embed --out parts.npy parts lines
    check "$kind: three files: the same vectors" cmp whole.npy parts.npy
    printf '\377\377\377\177' | dd of=parts/model-3-of-3.safetensors bs=1 conv=notrunc status=none \
        seek=$(($(wc -c <parts/model-3-of-3.safetensors) - 4))
    expect 1 "$kind: a value that is none in one of the files" lm embed --out parts.npy parts lines
    says "model-3-of-3.safetensors: tensor" "$kind: a value that is none in one of the files"
    rm parts/model-2-of-3.safetensors
    expect 1 "$kind: a file that is missing" lm embed --out parts.npy parts lines
    says "model-2-of-3.safetensors" "$kind: a file that is missing"
    sed -i 's|"model-2-of-3|"../parts/model-2-of-3|' parts/model.safetensors.index.json
    expect 1 "$kind: a file elsewhere" lm embed --out parts.npy parts lines
    says "beside the index" "$kind: a file elsewhere"
done

# ---- a context that is claimed costs nothing before it is used ---------------------------
# peak COMMAND...: ./kib, of memory; standard output in ./said.
peak() {
    python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=open("said", "w"), stdin=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=open("kib", "w"))' "$@"
}
rm -rf copy && cp -r "$GOLDEN/lm-llama" copy && chmod -R u+w copy
sed -i 's/"max_position_embeddings": [0-9]*/"max_position_embeddings": 1048576/' copy/config.json
for model in "$GOLDEN/lm-llama" copy; do
    expect 0 "memory of $model" peak "$SYLKIT" lm generate --threads 1 --max-tokens 8 --prompt "the cat" "$model"
    mv kib "kib.$(basename "$model")" && mv said "said.$(basename "$model")"
    expect 0 "vectors of $model" lm embed --out "$(basename "$model").npy" "$model" lines
done
check "a million positions: the same text" cmp said.copy said.lm-llama
check "a million positions: the same vectors" cmp copy.npy lm-llama.npy
check "a million positions: no memory for them" test "$(cat kib.copy)" -lt "$(($(cat kib.lm-llama) + 8192))"
expect 0 "a million positions: perplexity" lm perplexity copy text

expect 1 "no such model" lm generate --prompt a nowhere.gguf
says "nowhere.gguf" "no such model"
echo "GGUF but not really" >bad.gguf
expect 1 "a damaged GGUF" lm generate --prompt a bad.gguf
says "bad.gguf" "a damaged GGUF"
expect 2 "no model" lm generate --prompt a
expect 2 "no such command" lm dance
expect 2 "no command" lm
expect 2 "a temperature below 0" lm generate --temperature -1 --prompt a "$GOLDEN/lm-gpt2"
expect 1 "a top-p of 0" lm generate --top-p 0 --prompt a "$GOLDEN/lm-gpt2"
expect 2 "a seed that is none" lm generate --seed many --prompt a "$GOLDEN/lm-gpt2"
expect 2 "a seed below 0" lm generate --seed -1 --prompt a "$GOLDEN/lm-gpt2"
expect 2 "a seed of too many digits" lm generate --seed 99999999999999999999 --prompt a "$GOLDEN/lm-gpt2"
expect 2 "embed to nowhere" lm embed "$GOLDEN/lm-gpt2" text
cp text kept
expect 2 "vectors over the text" lm embed --out ./text "$GOLDEN/lm-gpt2" text
check "vectors over the text: it is as it was" cmp -s text kept
cp -r "$GOLDEN/lm-gpt2" over && chmod -R u+w over && ln over/config.json config.link
for file in over/model.safetensors over/./tokenizer.json config.link; do
    expect 2 "vectors over $file" lm embed --out $file over text
    says "$file would overwrite" "vectors over $file"
done
for file in model.safetensors tokenizer.json config.json; do
    check "the model's $file is as it was" cmp -s over/$file "$GOLDEN/lm-gpt2/$file"
done
for _ in 1 2; do
    expect 0 "vectors beside the model" lm embed --out over/vectors.npy over lines
done
expect 1 "a stride over the window" lm perplexity --window 8 --stride 9 "$GOLDEN/lm-gpt2" text
expect 0 "help" lm --help
for command in generate embed perplexity; do
    expect 0 "help of $command" lm $command --help
    check "help of $command: the model's options" grep -q -- "--precision" out
done
finish
