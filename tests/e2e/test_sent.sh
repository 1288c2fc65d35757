#!/bin/bash
# sylkit sent gen, eval, predict, lens, flops: questions made by rule, and a small model that is trained
# here for a few steps and run in all ways; what is refused.
. "$(dirname "$0")/common.sh"
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK
sent() { "$SYLKIT" sent "$@"; }
# data FILE EXPRESSION: a Python expression over `d`, a JSON file.
data() {
    python3 -c '
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"
}

# ---- questions --------------------------------------------------------------------------------
expect 0 "gen arith" sent gen --count 300 --out train.json arith
check "gen arith: samples" data train.json "len(d) == 300 and all(x['steps'][-1] == '### ' + x['answer'] for x in d)"
expect 0 "gen on standard output" sent gen --count 300 arith
check "gen on standard output: the same" cmp -s out train.json
for split in valid test; do
    expect 0 "gen $split" sent gen --count 30 --split $split --operations 2:3 --out $split.json arith
    check "gen $split: nothing of train's" python3 -c "
import json
a, b = ({x['question'] for x in json.load(open(n))} for n in ('train.json', '$split.json'))
raise SystemExit(bool(a & b))"
done
expect 0 "gen another seed" sent gen --count 300 --seed 2 arith
check "gen another seed: others" test "$(cmp out train.json | wc -l)" -eq 1
expect 0 "gen prosqa" sent gen --count 20 --size small --out prosqa.json prosqa
check "gen prosqa: form" data prosqa.json "all(x['question'].endswith('?') and x['steps'][-2].endswith('.') for x in d)"
expect 0 "gen prosqa of given sizes" sent gen --count 5 --nodes 30:34 --steps 5 --out large.json prosqa
check "gen prosqa of given sizes: steps" data large.json "all(len(x['steps']) == 6 for x in d)"
expect 0 "gen blocksworld" sent gen --count 20 --blocks 4 --wording short --out blocks.json blocksworld
check "gen blocksworld: form" data blocks.json "all(x['question'].startswith('Initial state: ') and \
x['steps'][0].startswith('<<Move ') and x['steps'][-2] == 'The answer is: ' + x['answer'] for x in d)"

# The recipes' helpers.
egs=${PREFIX_SRC:-$here/../..}/egs
cat >gsm.jsonl <<'J'
{"question": "Two\nlines?", "answer": "48/2 = <<48/2=24>>24.\nAll: <<48 + 24=72.0>>72.\n#### 72"}
{"question": "Another end", "answer": "<<1+1=2>>2\n#### 3"}
{"question": "Thousands", "answer": "$<<0.5*2,000=1,000>>1,000\n#### 1,000"}
{"question": "No equation", "answer": "It is 5.\n#### 5"}
J
expect 0 "convert GSM8K" python3 -B "$egs/gsm8k_gpt2/local/convert_gsm8k.py" gsm.jsonl gsm.json
check "convert GSM8K: steps" data gsm.json "d == [{'question': 'Two lines?', 'steps': ['<<48/2=24>>', '<<48+24=72>>', '72'], \
'answer': '72'}, {'question': 'Thousands', 'steps': ['<<0.5*2000=1000>>', '1000'], 'answer': '1000'}]"
expect 0 "counts of graphs" python3 -B "$egs/prosqa/local/compare_sets.py" prosqa.json
check "counts of graphs: paths" grep -q "^steps are a shortest path *1.00$" out
expect 0 "counts of plans" python3 -B "$egs/prosqa/local/compare_sets.py" --plans 20 blocks.json
check "counts of plans: the fewest moves" grep -q "^the answer is the fewest *1.00$" out

# ---- models -----------------------------------------------------------------------------------
cat >small.conf <<'C'
dim 16
layers 2
heads 2
context 48
batch 8
lr 3e-3
warmup 0
threads 1
steps 3
valid-count 4
quiet
C
train() {
    into=$1 stage=$2
    shift 2
    sent train --conf small.conf --data train.json --valid valid.json --stage "$stage" --out "$into" "$@" \
        >train.out 2>&1 || fail "training $into: $(tail -n 1 train.out)"
}
train cot cot
train nocot nocot
train sem sem --from cot
train ctx ctx-b --from cot
train latent latent --from ctx --latent-norm rms
train latent_sem latent --from sem
train stop stop --from latent

# ---- in all ways ------------------------------------------------------------------------------
# evaluates NAME EXPRESSION ARGUMENT...: eval, whose one line is lines[0]; counts agree with the closed form.
evaluates() {
    what=$1 expression=$2
    shift 2
    expect 0 "eval $what" sent eval --max-sentences 6 --max-tokens 12 "$@" test.json
    check "eval $what: figures" json out "lines[0]['questions'] == 30 and 0 <= lines[0]['accuracy'] <= 1 and \
abs(lines[0]['mflops'] - lines[0]['mflops_closed_form']) < 1e-6 * lines[0]['mflops'] and \
sum(x['questions'] for x in lines[0]['by_sentences'].values()) == 30 and $expression"
}
evaluates cot "lines[0]['regime'] == 'text' and lines[0]['mflops_published'] > lines[0]['mflops']" cot
evaluates nocot "lines[0]['regime'] == 'text'" nocot
evaluates sem "lines[0]['regime'] == 'restore' and 0 <= lines[0]['restored'] <= 1" sem
evaluates ctx "lines[0]['regime'] == 'rollout'" ctx
for model in latent latent_sem; do
    evaluates "$model, continuous" "lines[0]['regime'] == 'continuous' and lines[0]['stop'] == 'decoder'" $model
    cp out one
    evaluates "$model, discretized" "lines[0]['regime'] == 'discretized'" --regime discretized $model
    evaluates "$model, fixed" "lines[0]['sentences'] == 6" --stop fixed $model
done
evaluates "a classifier" "lines[0]['stop'] == 'classifier'" --stop classifier stop
evaluates "noise" "lines[0]['noise'] == 'latent' and lines[0]['noise_sigma'] == 0.5" --noise latent --noise-sigma 0.5 latent
evaluates "another norm" "lines[0]['latent_norm'] == 'scale' and lines[0]['latent_scale'] == 0.25" \
    --latent-norm scale --latent-scale 0.25 latent
evaluates "bf16" True --precision bf16 latent

expect 0 "predict" sent predict --max-sentences 4 --max-tokens 10 latent test.json
cp out one
expect 0 "predict by threads" sent predict --max-sentences 4 --max-tokens 10 --threads 3 latent test.json
check "predict by threads: the same" python3 -c "
import json
a, b = ([{**json.loads(x), 'ms': 0} for x in open(n)] for n in ('one', 'out'))
raise SystemExit(a != b or len(a) != 30)"
for batch in 1 5 256; do
    expect 0 "predict, $batch at a time" sent predict --max-sentences 4 --max-tokens 10 --batch $batch --threads 2 latent test.json
    check "predict, $batch at a time: the same" python3 -c "
import json
a, b = ([{**json.loads(x), 'ms': 0} for x in open(n)] for n in ('one', 'out'))
raise SystemExit(a != b or len(a) != 30)"
done
cp one out
check "predict: what is said" json out "all(isinstance(x['sentences'], list) and x['latents'] <= 4 and \
x['right'] == (x['answer'] == x['expected']) for x in lines)"
expect 0 "predict one question" sent predict --max-tokens 10 latent --question "3+4*5"
check "predict one question: no answer to compare" json out "len(lines) == 1 and 'right' not in lines[0] and lines[0]['calls'] > 1"
expect 0 "predict some" sent predict --limit 3 cot test.json
check "predict some: three" json out "len(lines) == 3"

expect 0 "lens" sent lens --limit 2 --max-sentences 3 --stop fixed --max-tokens 8 --html page.html latent test.json
check "lens: each latent and layer" json out "len(lines) == 2 and all(sorted(x['lens']) == ['iteration_0', 'iteration_1', \
'iteration_2'] and all(sorted(y) == ['layer_0', 'layer_1'] for y in x['lens'].values()) for x in lines)"
check "lens: a page" python3 - <<'P'
import html.parser

class Page(html.parser.HTMLParser):
    tables = cells = 0
    open = []

    def handle_starttag(self, tag, attrs):
        self.tables += tag == "table"
        self.cells += tag == "td"
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

page = Page()
page.feed(open("page.html", encoding="utf-8").read())
raise SystemExit(page.open != [] or page.tables != 2 or page.cells != 2 * 3 * 2)
P
expect 0 "lens with the final norm" sent lens --final-norm --question "1+1" latent
check "lens: no answer is known" json out "'answer' not in lines[0]"
expect 0 "flops of GPT-2" sent flops
check "flops of GPT-2: as published" json out "abs(lines[0]['mflops']['cot_published'] / 25890 - 1) < 0.02 and \
lines[0]['ratio']['continuous'] < 0.5"
expect 0 "flops of a model" sent flops latent test.json
check "flops of a model: in order" json out "lines[0]['mflops']['no_cot'] < lines[0]['mflops']['continuous'] < \
lines[0]['mflops']['cot'] < lines[0]['mflops']['discretized']"

# ---- what is refused --------------------------------------------------------------------------
refuse() { # PATTERN NAME COMMAND ARGUMENT...
    pattern=$1 name=$2
    shift 2
    expect 1 "$name" sent "$@"
    says "$pattern" "$name"
}
sample() { printf '[{"question": %s, "steps": %s, "answer": %s}]' "$1" "$2" "$3" >bad.json; }
sample '"1+1"' '[]' '3'
refuse "sample 0: the answer is not a string" "an answer that is a number" eval cot bad.json
sample '"1+1"' '["1\n"]' '"2"'
refuse "step 0 holds a newline" "a newline in a step" eval cot bad.json
sample '"1+1"' '["1", ""]' '"2"'
refuse "step 1 is empty" "an empty step" eval cot bad.json
sample '"1+x"' '[]' '"2"'
for command in eval predict flops; do
    refuse "bad.json, sample 0: \"x\" is not among" "$command: an unknown word" $command cot bad.json
done
refuse "bad.json, sample 0: \"x\" is not among" "lens: an unknown word" lens latent bad.json
refuse "sylkit: \"x\" is not among" "a question's unknown word" predict --question "1+x" latent
refuse "sem restores sentences" "a question to restore" predict --question "1+1" sem
refuse "file to write is empty" "a page without a name" lens --html "" latent test.json
refuse "cannot go to standard output" "a page to standard output" lens --html - latent test.json
sample '"1+1"' '[]' '"2"'
expect 0 "no steps" sent eval --max-sentences 3 --max-tokens 5 cot bad.json
python3 -c 'print("[{\"question\": \"" + "1+" * 30 + "1\", \"steps\": [], \"answer\": \"2\"}]")' >bad.json
refuse "62 tokens, the model's context" "a question longer than the context" eval cot bad.json
refuse "62 tokens, the model's context" "a question longer than the latent model's context" lens latent bad.json
echo '[{"question": "1", "steps": []}]' >bad.json
refuse "there is no answer" "a sample without answer" predict cot bad.json
echo '{' >bad.json
refuse "bad.json, line" "a file that is no JSON" eval cot bad.json
refuse "nowhere" "no file" eval cot nowhere
refuse "nowhere" "no model" eval nowhere test.json
refuse "no latent model\|cannot run as continuous" "a lens of a model without latents" lens cot test.json
refuse "cannot run as discretized" "a way that the model has not" eval --regime discretized cot test.json
refuse "has no classifier" "no classifier" eval --stop classifier latent test.json
refuse "has no effect" "a classifier where there is no chain" eval --stop classifier cot test.json
mkdir cut
head -c 3000 latent/model.safetensors >cut/model.safetensors
refuse "cut/model.safetensors" "a cut model" eval cut test.json
refuse "no new ones were found" "more questions than there are" gen --count 1000 --operations 1:1 arith
refuse "cannot be created" "no folder" gen --out nowhere/x.json arith
refuse "the question is empty" "an empty question" predict --question "" latent
refuse "holds a newline" "a question of two lines" predict --question "1+1
2" latent
refuse "not UTF-8" "a question that is no UTF-8" lens --question "$(printf '1\377')" latent
refuse "noise on the latent has no effect" "noise on latents that are not there" eval --noise latent cot test.json
refuse "noise on the input has no effect" "noise on what is not read" eval --noise input latent test.json
refuse "has no effect" "an end of chains that are not there" eval --stop fixed cot test.json
expect 2 "options of another task" sent gen --blocks 4 arith
expect 2 "a shape beside a model" sent flops --dim 32 latent test.json
expect 2 "a limit of nothing" sent flops --limit 3
expect 2 "half an operation" sent gen --operations 2.5:3 arith
says "whole numbers" "half an operation"
expect 2 "no task" sent gen
expect 2 "another task" sent gen chess
expect 2 "too many blocks" sent gen --blocks 8 blocksworld
expect 2 "no data" sent eval cot
expect 2 "a file and a question" sent predict --question "1" cot test.json
expect 2 "neither" sent predict cot
cp latent/best.safetensors kept
expect 2 "the page over the model" sent lens --html latent/best.safetensors latent test.json
check "the page over the model: it is as it was" cmp latent/best.safetensors kept
expect 2 "the page over the questions" sent lens --html test.json latent test.json
expect 2 "a model without data" sent flops latent
expect 2 "no command" sent
expect 2 "no such command" sent sing
for command in gen train eval predict lens flops; do expect 0 "help of $command" sent $command --help; done
if [ -e /dev/full ]; then
    sent predict cot test.json >/dev/full 2>err
    check "predict to a full disk" test $? -eq 1
fi
finish
