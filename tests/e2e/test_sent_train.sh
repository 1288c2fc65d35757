#!/bin/bash
# sylkit sent train: every stage after the other on chains of arithmetic, resuming bit for bit, what
# goes into a model file, wrong data and wrong orders of stages. Wants also $GOLDEN (tests/golden).
. "$(dirname "$0")/common.sh"
golden=${GOLDEN:?tests/golden}
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK

"$SYLKIT" sent gen --count 400 --out data.json arith 2>err || fail "data"
"$SYLKIT" sent gen --count 40 --split valid --out valid.json arith 2>err || fail "data"
cat >small.conf <<'C'
data data.json
valid valid.json
dim 32
layers 2
heads 2
context 64
batch 16
lr 3e-3
warmup 0
schedule constant
threads 1
log-every 1
steps 6
validate-every 3
valid-count 40
quiet
C
train() {
    into=$1 stage=$2
    shift 2
    "$SYLKIT" sent train --conf small.conf --stage "$stage" --out "$into" "$@"
}
# learns FOLDER: the loss falls, and validations have figures.
learns() {
    json "$1/metrics.jsonl" "(lambda l: l[-1] < l[0])([x['loss'] for x in lines if 'loss' in x]) and \
        any(0 <= x['accuracy'] <= 1 for x in lines if 'accuracy' in x)"
}
# holds FOLDER STAGE PREFIX...: the model is of this stage, with tensors under these prefixes alone.
holds() {
    python3 - "$@" <<'P'
import json, struct, sys
raw = open(sys.argv[1] + "/model.safetensors", "rb").read()
n, = struct.unpack("<Q", raw[:8])
head = json.loads(raw[8:8 + n])
meta = head.pop("__metadata__")
config = json.loads(meta["config"])
tokens = json.loads(meta["tokenizer"])["tokens"]
parts = {name.split(".")[0] for name in head}
sys.exit(not (meta["format"] == "sylkit-sent" and config["stage"] == sys.argv[2] and
              "\n" in tokens and "<eos>" in tokens and parts == set(sys.argv[3:])))
P
}

# ---- all stages
expect 0 "cot" train cot cot --steps 40
check "cot learns" learns cot
check "cot: a decoder" holds cot cot decoder
expect 0 "nocot" train nocot nocot --loss-on all
check "nocot learns" learns nocot
for stage in sem ctx-b; do
    expect 0 "$stage" train "$stage" "$stage" --from cot --steps 20
    check "$stage learns" learns "$stage"
    check "$stage: encoder and decoder" holds "$stage" "$stage" encoder decoder
done
expect 0 "ctx-c" train ctx-c ctx-c --from cot --semantic sem
check "ctx-c learns" learns ctx-c
check "ctx-c: no anchors in the file" holds ctx-c ctx-c encoder decoder
all="encoder decoder latent encoder_to_latent latent_to_decoder"
for norm in none scale rms; do
    expect 0 "latent, $norm" train "latent-$norm" latent --from ctx-b --latent-from cot \
        --latent-norm "$norm" --self-feed 0.5 --self-feed-ramp 2 --latent-dropout 0.1 --steps 12
    check "latent, $norm learns" learns "latent-$norm"
    check "latent, $norm: everything" holds "latent-$norm" latent $all
    check "latent, $norm: lengths and angle" json "latent-$norm/metrics.jsonl" \
        "any(x['z_norm'] > 0 and x['y_norm'] > 0 and abs(x['cosine']) <= 1 for x in lines if 'cosine' in x)"
done
check "the scale is the ratio of lengths" json latent-scale/metrics.jsonl \
    "all(x['latent_scale'] < 1 for x in lines if 'latent_scale' in x)"
expect 0 "semantic to contextual" train latent-mixed latent --from ctx-b --encoder-from sem
expect 0 "a shorter context" train short cot --context 40 --steps 3
expect 0 "a shorter context's embeddings" train short-ctx ctx-b --from short --steps 3
python3 -c "
import json
step = ['1+2=3'] * 7
json.dump([{'question': '1+2', 'steps': step[:n], 'answer': '3'} for n in (1, 7)], open('uneven.json', 'w'))"
expect 0 "an encoder of a shorter context" train shorter latent --from ctx-b --encoder-from short-ctx \
    --data uneven.json --valid uneven.json
expect 0 "a wider latent model's start" train wide cot --dim 48 --steps 3
expect 0 "a latent model of another width" train latent-wide latent --from ctx-b --latent-from wide
check "it learns" learns latent-wide
expect 0 "going on with a latent model" train latent-on latent --from latent-rms --latent-norm rms
expect 0 "stop" train stop stop --from latent-rms --steps 20
check "stop learns" learns stop
check "stop: all and the classifier" holds stop latent $all stop

# ---- what a validation says is what inference says
# same_accuracy EVALUATION METRICS: of sylkit sent eval, and the last of a run.
same_accuracy() {
    python3 - "$@" <<'P'
import json, sys
said = json.load(open(sys.argv[1]))
lines = [json.loads(x) for x in open(sys.argv[2])]
want = [x["accuracy"] for x in lines if "accuracy" in x][-1]
got = said.get("restored", said["accuracy"])
print(got, want)
sys.exit(abs(got - want) > 1e-6)
P
}
for model in cot nocot sem ctx-b ctx-c latent-none latent-scale latent-rms latent-wide; do
    expect 0 "eval of $model" "$SYLKIT" sent eval --max-sentences 7 "$model/model.safetensors" valid.json
    check "$model: the same accuracy" same_accuracy out "$model/metrics.jsonl"
done

# ---- a GPT-2 of Hugging Face's, with its tokenizer
expect 0 "a pretrained model" train pre cot --from "$golden/lm-gpt2" --steps 20
check "it learns" learns pre
check "its tokenizer lies beside it" cmp "$golden/lm-gpt2/tokenizer.json" pre/tokenizer.json
expect 0 "going on from there" train pre-ctx ctx-b --from pre
check "the tokenizer is there as well" cmp "$golden/lm-gpt2/tokenizer.json" pre-ctx/tokenizer.json

# ---- a Llama: grouped heads and a head of its own; tied; its vocabulary in two files
expect 0 "a Llama" train llama cot --from "$golden/lm-llama" --steps 30
check "a Llama learns" learns llama
expect 0 "a Llama without steps" train llama-nocot nocot --from "$golden/lm-llama" --steps 3
for stage in sem ctx-b; do
    expect 0 "a Llama's $stage" train "llama-$stage" "$stage" --from llama --steps 12
    check "a Llama's $stage learns" learns "llama-$stage"
done
expect 0 "a Llama's ctx-c" train llama-ctx-c ctx-c --from llama --semantic llama-sem
expect 0 "a Llama's latents" train llama-latent latent --from llama-ctx-b --latent-norm rms --self-feed 0.5 \
    --steps 12
check "a Llama's latents: it learns" learns llama-latent
expect 0 "a Llama's classifier" train llama-stop stop --from llama-latent --steps 3
mkdir tied parts
cp "$golden/lm-llama/model.safetensors" "$golden/lm-llama/tokenizer.json" tied
sed 's/"tie_word_embeddings": false/"tie_word_embeddings": true/' "$golden/lm-llama/config.json" >tied/config.json
expect 0 "a tied Llama" train llama-tied cot --from tied --steps 30
check "a tied Llama learns" learns llama-tied
check "a tied Llama: no head of its own" sh -c '! grep -aq lm_head llama-tied/model.safetensors'
cp "$golden/lm-llama/model.safetensors" "$golden/lm-llama/config.json" parts
python3 - "$golden/lm-llama/tokenizer.json" <<'P'
import json, sys
model = json.load(open(sys.argv[1]))["model"]
json.dump(model["vocab"], open("parts/vocab.json", "w"))
merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
open("parts/merges.txt", "w").write("#version: 0.2\n" + "".join(m + "\n" for m in merges))
P
expect 0 "a vocabulary in two files" train llama-parts cot --from parts --steps 30
check "the same model" cmp <(tail -c 100000 llama-parts/model.safetensors) <(tail -c 100000 llama/model.safetensors)
check "both files lie beside it" cmp parts/merges.txt llama-parts/merges.txt
expect 0 "going on from there" train llama-parts-sem sem --from llama-parts --steps 2
expect 0 "its first steps" train llama-two cot --from "$golden/lm-llama" --steps 13
expect 0 "a Llama, resumed" train llama-two cot --from "$golden/lm-llama" --steps 30 --resume
check "a Llama, resumed: the same bits" cmp llama/model.safetensors llama-two/model.safetensors
for model in llama llama-nocot llama-sem llama-ctx-b llama-ctx-c llama-latent llama-tied llama-parts; do
    expect 0 "eval of $model" "$SYLKIT" sent eval --max-sentences 7 "$model/model.safetensors" valid.json
    check "$model: the same accuracy" same_accuracy out "$model/metrics.jsonl"
done
expect 0 "a Llama's answers" "$SYLKIT" sent predict llama-stop --question "3+4*5"
expect 0 "a Llama's lens" "$SYLKIT" sent lens --limit 1 llama-latent valid.json
check "a Llama's lens: every layer" json out "all(set(i) == {'layer_0', 'layer_1', 'layer_2'} \
    for x in lines for i in x['lens'].values())"
python3 -c "
import json
for s in json.load(open('valid.json')):
    print(s['question'], *s['steps'], sep='\n')" >told.txt
expect 0 "the Llama before" "$SYLKIT" lm perplexity --json "$golden/lm-llama" told.txt
mv out before
for model in llama llama-tied llama-parts; do
    expect 0 "$model as a language model" "$SYLKIT" lm perplexity --json "$model/model.safetensors" told.txt
    check "$model: it has learnt" python3 -c "
import json
assert json.load(open('out'))['loss'] < 0.8 * json.load(open('before'))['loss']"
done
expect 1 "words are no language model's" "$SYLKIT" lm generate --prompt 1 cot
says "sent predict" "words are no language model's"

# ---- a new Llama: its shape, grouped heads, and all stages read it back
expect 0 "a new Llama" train new-llama cot --architecture llama --kv-heads 1 --steps 40
check "a new Llama learns" learns new-llama
check "a new Llama's file" python3 - <<'P'
import json
raw = open("new-llama/model.safetensors", "rb").read()
n = int.from_bytes(raw[:8], "little")
head = json.loads(raw[8:8 + n])
shape = json.loads(head.pop("__metadata__")["config"])["decoder"]
want = dict(model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=32, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=1, intermediate_size=88, max_position_embeddings=64,
            rms_norm_eps=1e-5, rope_theta=1e4, rope_interleaved=False, hidden_act="silu", tie_word_embeddings=True)
assert {k: shape[k] for k in want} == want, shape
sizes = {k: t["shape"] for k, t in head.items()}
assert sizes["decoder.layers.1.self_attn.k_proj.weight"] == [16, 32], sizes
assert sizes["decoder.layers.1.mlp.gate_proj.weight"] == [88, 32], sizes
assert not any("wpe" in k or "bias" in k or "lm_head" in k for k in sizes), sizes
P
expect 0 "a new Llama with as many heads of keys" train new-llama-all cot --architecture llama --steps 3
check "it has them" grep -aq 'num_key_value_heads[^0-9]*2' new-llama-all/model.safetensors
expect 0 "a new Llama's embeddings" train new-llama-ctx ctx-b --from new-llama --steps 12
check "a new Llama's embeddings: they are learnt" learns new-llama-ctx
expect 0 "a new Llama's latents" train new-llama-latent latent --from new-llama-ctx --latent-norm rms --steps 12
check "a new Llama's latents: they are learnt" learns new-llama-latent
expect 0 "a new Llama goes on" train new-llama-on cot --from new-llama --steps 3
for model in new-llama new-llama-all new-llama-ctx new-llama-latent new-llama-on; do
    expect 0 "eval of $model" "$SYLKIT" sent eval --max-sentences 7 "$model/model.safetensors" valid.json
    check "$model: the same accuracy" same_accuracy out "$model/metrics.jsonl"
done
expect 0 "a new Llama, its first steps" train new-llama-two cot --architecture llama --kv-heads 1 --steps 13
expect 1 "resumed as a GPT-2" train new-llama-two cot --steps 40 --resume
says "architecture was" "resumed as a GPT-2"
expect 0 "a new Llama, resumed" train new-llama-two cot --architecture llama --kv-heads 1 --steps 40 --resume
check "a new Llama, resumed: the same bits" cmp new-llama/model.safetensors new-llama-two/model.safetensors
expect 2 "the architecture of a model that is there" train none cot --from cot --architecture llama
says "architecture is for a new model" "the architecture of a model that is there"
expect 2 "a GPT-2's heads of keys" train none cot --kv-heads 1
says "architecture llama" "a GPT-2's heads of keys"
expect 2 "an architecture that is none" train none cot --architecture bert
expect 1 "heads of keys that do not divide" train none cot --architecture llama --heads 4 --kv-heads 3
says "3 heads of keys" "heads of keys that do not divide"
expect 1 "heads of an odd width" train none cot --architecture llama --dim 6
says "even dimension" "heads of an odd width"

# ---- low-rank adapters: the base stays, models are whole, states are small
expect 0 "adapters of GPT-2" train lora cot --from "$golden/lm-gpt2" --lora 4 --steps 20
check "they learn" learns lora
expect 0 "adapters of a Llama" train lora-llama cot --from "$golden/lm-llama" --lora 2 --lora-alpha 5 \
    --lora-dropout 0 --lora-targets q_proj,v_proj,down_proj --steps 20
check "they learn, too" learns lora-llama
check "merged, saved for peft, moments of adapters alone" python3 - "$golden" <<'P'
import json, struct, sys
def read(path):
    raw = open(path, "rb").read()
    n, = struct.unpack("<Q", raw[:8])
    head = json.loads(raw[8:8 + n])
    head.pop("__metadata__", None)
    data = lambda t: struct.unpack("<%df" % ((t["data_offsets"][1] - t["data_offsets"][0]) // 4),
                                   raw[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]])
    return {k: (t["shape"], data(t)) for k, t in head.items()}
for run, base, body, targets, rank, alpha in (
        ("lora", "lm-gpt2", "transformer.", ("attn.c_attn", "attn.c_proj", "mlp.c_proj"), 4, 16),
        ("lora-llama", "lm-llama", "model.", ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"), 2, 5)):
    before, after = read(sys.argv[1] + "/" + base + "/model.safetensors"), read(run + "/model.safetensors")
    adapter, state = read(run + "/model-adapter/adapter_model.safetensors"), read(run + "/checkpoint.safetensors")
    config = json.load(open(run + "/model-adapter/adapter_config.json"))
    assert config["r"] == rank and config["lora_alpha"] == alpha and config["peft_type"] == "LORA", config
    size = sum(len(v) for _, v in adapter.values())
    assert len(adapter) == 2 * 3 * 3, adapter.keys()  # targets, layers
    assert all(len(state[k][1]) == size for k in ("parameters", "adamw.first", "adamw.second"))
    changed = 0
    for name, (shape, values) in after.items():
        own = name.removeprefix("decoder.")
        want = before[own if own.startswith("lm_head") else body + own][1]
        key = "base_model.model." + body + own.removesuffix(".weight")
        if own.removesuffix(".weight").endswith(targets):
            changed += 1
            (r, i), a = adapter[key + ".lora_A.weight"]
            (o, _), b = adapter[key + ".lora_B.weight"]
            for at in range(0, o * i, 7):
                y, x = (at % o, at // o) if base == "lm-gpt2" else (at // i, at % i)
                more = alpha / rank * sum(b[y * r + k] * a[k * i + x] for k in range(r))
                assert abs(values[at] - want[at] - more) < 1e-5, (name, at)
            assert max(abs(p - q) for p, q in zip(values, want)) > 1e-3, name
        else:
            assert values == want, name
    assert changed == 9
P
for stage in sem ctx-b; do
    expect 0 "adapters: $stage" train "lora-$stage" "$stage" --from lora --lora 3 --steps 12
    check "adapters: $stage learns" learns "lora-$stage"
done
expect 0 "adapters: ctx-c" train lora-ctx-c ctx-c --from lora --semantic lora-sem --lora 3
expect 0 "adapters: latent" train lora-latent latent --from lora-ctx-b --latent-norm scale --lora 3 --steps 12
check "adapters: latent learns" learns lora-latent
expect 0 "adapters: the first steps" train lora-two latent --from lora-ctx-b --latent-norm scale --lora 3 --steps 5
expect 0 "adapters: resumed" train lora-two latent --from lora-ctx-b --latent-norm scale --lora 3 --steps 12 --resume
check "adapters: the same bits" cmp lora-latent/model.safetensors lora-two/model.safetensors
for model in lora lora-llama lora-sem lora-ctx-b lora-latent; do
    expect 0 "eval of $model" "$SYLKIT" sent eval --max-sentences 7 "$model/model.safetensors" valid.json
    check "$model: the same accuracy" same_accuracy out "$model/metrics.jsonl"
done
expect 2 "adapters of nothing" train none cot --lora 4
expect 2 "adapters of a classifier" train none stop --from lora-latent --lora 4
for option in "targets c_attn" "alpha 8" "dropout 0.2"; do
    expect 2 "$option without a rank" train none cot --from lora --lora-$option
    says "wants the rank" "$option without a rank"
done
expect 0 "adapters of one layer" train lora-one cot --from "$golden/lm-llama" --lora 2 --steps 2 \
    --lora-targets layers.1.self_attn.q_proj,model.layers.2.mlp.up_proj
check "adapters of one layer: four tensors" python3 -c "
import json
raw = open('lora-one/model-adapter/adapter_model.safetensors', 'rb').read()
names = [k for k in json.loads(raw[8:8 + int.from_bytes(raw[:8], 'little')]) if k != '__metadata__']
assert sorted(names) == ['base_model.model.model.layers.%s.lora_%s.weight' % (x, y)
    for x in ('1.self_attn.q_proj', '2.mlp.up_proj') for y in 'AB'], names"
expect 1 "a name of this program's" train none cot --from "$golden/lm-llama" --lora 2 \
    --lora-targets decoder.layers.0.self_attn.q_proj
expect 1 "a layer that is none" train none cot --from "$golden/lm-llama" --lora 2 --lora-targets layers.3.self_attn.q_proj
odd=$(printf 'odd\377')
cp -r "$golden/lm-llama" "$odd"
expect 0 "adapters of a folder whose name is no UTF-8" train lora-odd cot --from "$odd" --lora 2 --steps 2
check "its name is left out" python3 -c "
import json
assert json.load(open('lora-odd/model-adapter/adapter_config.json'))['base_model_name_or_path'] is None"
expect 1 "a target that is none" train none cot --from lora --lora 4 --lora-targets c_attn,q_proj
says "q_proj.*attn.c_attn" "a target that is none"

cp -r "$golden/lm-gpt2" shards && chmod -R u+w shards && python3 -B "$here/lm_cases.py" shards shards 2
expect 0 "a pretrained model in two files" train pre-two cot --from shards --steps 20
check "two files: the same model" cmp pre/model.safetensors pre-two/model.safetensors
mkdir part && cp "$golden/lm-gpt2/config.json" "$golden/lm-gpt2/model.safetensors" part
expect 1 "a pretrained model without tokenizer" train none cot --from part
says "tokenizer.json" "a pretrained model without tokenizer"

# ---- a stopped run ends with the same bits
for stage in cot latent; do
    case $stage in
    cot) more="--dropout 0.1" ;;
    latent) more="--from ctx-b --latent-norm scale --self-feed 0.5 --self-feed-ramp 8" ;;
    esac
    expect 0 "$stage in one go" train one $stage --steps 12 $more
    expect 0 "$stage, the first steps" train two $stage --steps 5 $more
    expect 0 "$stage, resumed" train two $stage --steps 12 --resume $more
    check "$stage: the same bits" cmp one/model.safetensors two/model.safetensors
    expect 1 "$stage: resuming with another option" train two $stage --steps 14 --resume $more --lr 1e-3
    says "lr was" "another option"
    rm -r one two
done
expect 0 "accumulated batches" train parts cot --batch 4 --accumulate 4
expect 0 "bf16" train half cot --precision bf16
check "bf16 learns" learns half

# ---- several processes: two ranks do what one does with the doubled batch, where samples are of one
# length (a batch's loss is a mean over its tokens, an update one over batches) and without InfoNCE,
# which compares the samples of a rank's batch alone.
modules=${PREFIX_BUILD:-.}/.libs
if command -v mpirun >/dev/null 2>&1 && [ -e "$modules/libsylkit-mpi.so" ]; then
    SYLKIT_MODULES=$modules
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export SYLKIT_MODULES OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
    # ranks FOLDER STAGE OPTIONS...: by two processes.
    ranks() {
        into=$1 stage=$2
        shift 2
        env ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe -np 2 "$SYLKIT" sent train --conf small.conf \
            --stage "$stage" --out "$into" "$@"
    }
    "$SYLKIT" sent gen --count 400 --operations 3:3 --out even.json arith 2>err || fail "data"
    for stage in cot ctx-b latent stop; do
        case $stage in
        cot) more="--data even.json" ;;
        ctx-b) more="--data even.json --from cot --prefix-dropout 0" ;;
        latent) more="--data even.json --from ctx-b --lambda 0 --latent-dropout 0 --latent-norm scale" ;;
        stop) more="--data even.json --from latent-rms" ;;
        esac
        expect 0 "$stage, two ranks" ranks two $stage --batch 8 $more
        expect 0 "$stage, one rank, doubled batch" train one $stage $more
        check "$stage, two ranks: the same losses" python3 - <<'P'
import json
a, b = ([x["loss"] for x in map(json.loads, open(f"{n}/metrics.jsonl")) if "loss" in x] for n in ("one", "two"))
print(a, b)
assert len(a) == len(b) == 6 and all(abs(x - y) < 1e-5 * x for x, y in zip(a, b))
P
        rm -r one two
    done
    expect 0 "two ranks, the first steps" ranks two latent --from ctx-b --steps 4
    expect 0 "two ranks, resumed" ranks two latent --from ctx-b --steps 6 --resume
    check "two ranks, resumed: they went on" json two/metrics.jsonl \
        "[x['step'] for x in lines if 'loss' in x] == [1, 2, 3, 4, 5, 6]"
else
    echo "skip: several processes (no mpirun, or built without MPI)"
fi

# ---- every option stands in the man page and the completion, and they have no others
root=${PREFIX_SRC:-$here/../..}
expect 0 "help" "$SYLKIT" sent train --help
grep -oE '^  (-h, )?--[a-z0-9-]*' out | sed 's/.*--/--/' | sort >options
sed -n '/^\.SS sylkit sent train/,/^\.S[SH] sylkit sent eval/p' "$root/lib/cli/man/sylkit-sent.1" |
    grep -oE '^\.(B|BI|BR) .*' | grep -oE '^\.B[IR]? (\\-h ", " )?\\-\\-[a-z0-9\-]*' |
    sed 's/.* //' | tr -d '\\' | sort -u >documented
sed -n '/^_sylkit_sent_options/,/^}/p' "$root/lib/cli/sylkit.bash" | sed -n '/^    train)/,/;;/p' |
    grep -o -- '--[a-z0-9-]*' | sort >completed
check "every option is in the man page" diff options documented
check "every option is completed" diff options completed

# ---- wrong data, wrong orders
expect 2 "no data" "$SYLKIT" sent train --stage cot --out none
expect 2 "no folder" "$SYLKIT" sent train --stage cot --data data.json
expect 2 "an unknown stage" train none other
expect 2 "sem from nothing" train none sem
says "--from" "sem from nothing"
expect 2 "ctx-c without anchors" train none ctx-c --from cot
# refuses STAGE STAGES OPTION VALUE...: on the command line; a file of options may have it.
refuses() {
    of=$1 stages=$2 option=$3
    shift 2
    expect 2 "$option with --stage $of" train none "$of" --from ctx-b "$@"
    says "$option is for --stage $stages, not for $of" "$option with --stage $of"
}
refuses cot latent --lambda 0.5
refuses stop latent --latent-norm none
refuses sem "ctx-b, ctx-c" --prefix-dropout 0.2
refuses ctx-b ctx-c --contrast 0.5
refuses ctx-b "ctx-c, latent" --temperature 0.1
refuses latent "cot, nocot" --loss-on answer
refuses sem "cot, nocot" --dim 32
refuses latent "cot, nocot" --architecture llama
refuses sem latent --encoder-from sem
expect 2 "the shape of a model that is there" train none cot --from cot --layers 2
says "layers is for a new model" "the shape of a model that is there"
cat small.conf - >shared.conf <<'C'
lambda 0.5
contrast 0.25
C
expect 0 "a file of options for several stages" train shared cot --conf shared.conf --steps 2
cat small.conf - >shared.conf <<'C'
semantic lora-sem
latent-from nowhere
lora 2
lora-targets c_attn
C
expect 0 "a file with models of other stages" train shared-sem sem --from cot --conf shared.conf --steps 2
expect 0 "a file with adapters, for a classifier" train shared-stop stop --from lora-latent --conf shared.conf --steps 2
expect 1 "latent from cot" train none latent --from cot
says "stage cot" "latent from cot"
expect 1 "stop from ctx-b" train none stop --from ctx-b
expect 1 "no such model" train none sem --from nowhere
expect 1 "a folder with a run" train cot cot
says "resume" "a folder with a run"
for place in cot cot/model.safetensors; do
    expect 2 "over the model $place" train cot sem --from $place
    says "would overwrite" "over the model $place"
done
cp -r "$golden/lm-gpt2" pretrained && chmod -R u+w pretrained
expect 2 "over a pretrained model" train pretrained/. cot --from pretrained
check "the pretrained model is as it was" cmp "$golden/lm-gpt2/model.safetensors" pretrained/model.safetensors
cp -r pretrained apart && python3 -B "$here/lm_cases.py" shards apart 2 && (cd apart && python3 -c '
import json, os
model = json.load(open("tokenizer.json"))["model"]
json.dump(model["vocab"], open("vocab.json", "w"))
with open("merges.txt", "w", encoding="utf-8") as f:
    f.writelines((m if isinstance(m, str) else " ".join(m)) + "\n" for m in model["merges"])
os.remove("tokenizer.json")')
expect 0 "weights and vocabulary in several files" train parted cot --from apart --steps 2
expect 2 "beside weights in several files" train apart cot --from apart --steps 2
says "is the folder of the model" "beside weights in several files"
check "nothing stands beside them" test ! -e apart/model.safetensors
expect 0 "options out of a pipe" "$SYLKIT" sent train --conf <(cat small.conf) --out piped
check "options out of a pipe: all of them" json piped/metrics.jsonl "lines[-1]['step'] == 6"
expect 2 "an option that there is not" train none cot --lamda 1
says "Try: sylkit sent train --help" "an option that there is not"
expect 2 "no folder" train "" cot
echo '[{"question": "1+2", "steps": ["1+2=3"]}]' >bad.json
expect 1 "a sample without answer" train none cot --data bad.json
says "bad.json, sample 0" "a sample without answer"
echo '[{"question": "1+2", "steps": [""], "answer": "3"}]' >bad.json
expect 1 "an empty step" train none cot --data bad.json
says "bad.json, sample 0" "an empty step"
echo '[{"question": "1@2", "steps": ["1"], "answer": "1"}]' >bad.json
expect 1 "a token that the model lacks" train none sem --from cot --data bad.json
says "bad.json, sample 0" "a token that the model lacks"
echo '[{"question": "1+2", "steps": ["3", "1+2=3"], "answer": "3"}]' >short.json
expect 0 "a step of one token" train one-token cot --data short.json --steps 1
python3 -c '
import json
s = json.load(open("data.json"))
s[0]["steps"] = ["1+2=3"] * 30
s[1]["steps"][0] = "1" * 120
s[2]["question"] = "1" * 70
json.dump(s, open("long.json", "w"))'
expect 0 "samples too long" sh -c 'sed s/quiet// small.conf >loud.conf
    "$SYLKIT" sent train --conf loud.conf --stage cot --out long --data long.json --steps 1'
says "long.json: 3 samples are left out: 1 with a sentence .* 1 of more .* 1 that do not fit" "too long"
expect 1 "all of them too long" train none cot --sentences 1
says "no sample is left" "all of them too long"
expect 1 "two vocabularies" train none ctx-c --from cot --semantic one-token

# ---- a truncated model
head -c 2000 cot/model.safetensors >cut.safetensors
expect 1 "a truncated model" train none sem --from cut.safetensors
finish
