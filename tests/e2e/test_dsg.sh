#!/bin/bash
# sylkit dsg: senses of words learnt, shown, told apart, scored, exported and drawn; what it refuses; and
# runs that are killed and resumed.
. "$(dirname "$0")/common.sh"

case_of() { python3 "$here/dsg_cases.py" "$@"; }
dsg() { "$SYLKIT" dsg "$@"; }
case_of corpus || exit 1
case_of queries 90 || exit 1
small="--senses 3 --dim 32 --epochs 16 --quiet"
# shellcheck disable=SC2086 # $small is words
{

# ---- from texts to senses ----------------------------------------------------------------
expect 0 "train" dsg train --senses 3 --dim 32 --epochs 16 --out model train.txt
says "memory: corpus .* MB, training .* MB" "train: memory"
says "words/s .*ETA" "train: progress"
check "train: the report" json out "lines[0]['sentences'] == 4200 and lines[0]['vocabulary'] == 280 and \
lines[0]['senses'] == 3 and 1 < lines[0]['senses_left'] < 3 and lines[0]['loss'] > 0"
expect 0 "senses" dsg senses model plantedaaa TOPICAAAA
check "senses: both words" json out "[x['word'] for x in lines] == ['plantedaaa', 'topicaaaa'] and \
lines[0]['senses'][0]['name'] in ('plantedaaa#1', 'plantedaaa#2') and lines[0]['count'] > 500"
planted=$(python3 -B -c "import sys; sys.path.insert(0, '$here'); import dsg_cases as d
print(*[d.pseudo(i)[0] for i in range(d.PSEUDO)])")
expect 0 "senses: of all planted words" dsg senses model $planted
check "senses: two of a planted word" json out "len(lines) == 9 and \
sum(sum(s['prior'] > 0.25 for s in x['senses']) == 2 for x in lines) >= 7"
expect 0 "senses: of how many words" dsg senses model
check "senses: of how many words: all but UNKNOWN" json out "sum(lines[0]['words_with_senses']) == 279"
expect 0 "neighbours" dsg neighbours model --k 12 $planted
cp out found
check "neighbours: the planted topics" case_of neighbours found
expect 0 "neighbours in a table" dsg neighbours --table --k 3 model plantedaaa
check "neighbours in a table: lines" grep -q "^    topic[ab]" out
for by in cosine network; do
    expect 0 "disambiguate by $by" dsg disambiguate --by $by model <queries
    cp out found
    check "disambiguate by $by: the planted topics" case_of answers found 0.8
    expect 0 "eval wsi by $by" dsg eval wsi --by $by --json model contexts key
    check "eval wsi by $by: far above chance" json out "lines[0]['results'][0]['all']['ari'] > 0.6 and \
lines[0]['results'][0]['all']['words'] == 9 and lines[0]['results'][0]['all']['contexts'] == 360"
done
expect 0 "disambiguate: arguments" dsg disambiguate --table model plantedaaa topicaaaa plantedaaa topicaaab
check "disambiguate: arguments: a table" grep -q "^plantedaaa#[123]$" out
expect 0 "disambiguate: a mark and a window" dsg disambiguate --window 1 model plantedaaa \
    "topicbaaa topicaaaa <b>plantedaaa</b> topicaaab topicbaab topicbaac topicbaad"
cp out marked
expect 0 "the same without the rest" dsg disambiguate model plantedaaa "topicaaaa plantedaaa topicaaab"
check "disambiguate: a mark and a window: the same" cmp -s out marked
check "each line is answered before the next" case_of live "$SYLKIT" model
expect 0 "eval wsi: a table" dsg eval wsi --per-word --labels labels model contexts key
check "eval wsi: a row for each word" test "$(grep -c '^planted' out)" -eq 9
expect 0 "eval wsi: its own labels as the key" dsg eval wsi --json model contexts labels
check "eval wsi: its own labels: agree" json out "lines[0]['results'][0]['all']['ari'] == 1"
expect 0 "eval scws" dsg eval scws --json model scws
check "eval scws: contexts tell" json out "lines[0]['results'][0]['spearman']['avgSimC'] > 40 and \
lines[0]['results'][0]['spearman']['localSim'] > 60 and lines[0]['results'][0]['spearman']['avgSim'] < 30"
expect 0 "eval wordsim" dsg eval wordsim --json model pairs pairs
check "eval wordsim: topics" json out "len(lines[0]['results']) == 2 and lines[0]['results'][0]['covered'] == 80 and \
lines[0]['results'][0]['pairs'] == 81 and lines[0]['results'][0]['spearman']['maxSim'] > 60"
expect 0 "eval analogies" dsg eval analogies --json --candidates 200 model analogies
check "eval analogies: questions" json out "lines[0]['results'][0]['questions'] == 6 and \
[s['name'] for s in lines[0]['results'][0]['sections']] == ['topics', 'unknown']"
expect 0 "export" dsg export --out senses.txt --vocabulary vocabulary model
expect 0 "export: binary" dsg export --out senses.bin --output-format binary model
check "export: both the same" case_of vectors senses.txt senses.bin
expect 0 "export: words" dsg export --vectors words --out words.txt model
check "export: words: one each" test "$(wc -l <words.txt)" -eq 281
expect 0 "export: output" dsg export --vectors output --out output.txt model
# Priors are not part of word2vec's formats, so the senses that were pruned are gone, nothing else is.
expect 0 "eval of vectors" dsg eval wsi --json --model-format senses senses.bin contexts key
check "eval of vectors: far above chance" json out "lines[0]['results'][0]['all']['ari'] > 0.8"
expect 0 "eval of words" dsg eval wordsim --json --model-format words words.txt pairs
check "eval of words: topics" json out "lines[0]['results'][0]['spearman']['globalSim'] > 60"
if "$SYLKIT" info | grep -qi "pictures.*no"; then
    echo "not tried: a map (built without cairo)"
elif dsg plot --out map.svg model plantedaaa plantedaab >out 2>err; then
    check "plot" grep -q "</svg>" map.svg
    expect 0 "plot: t-SNE" dsg plot --method tsne --iterations 100 --k 3 --width 300 --height 300 --title "A map" \
        --out map.png model plantedaaa
    check "plot: a picture" test "$(head -c 4 map.png | tail -c 3)" = PNG
else
    says "without cairo" "plot"
fi

# ---- the same bits --------------------------------------------------------------------------
expect 0 "two epochs" dsg train $small --epochs 2 --out short.model train.txt
expect 0 "two threads" dsg train $small --epochs 2 --threads 2 --out two.model train.txt
check "two threads: the same bits" cmp -s short.model two.model
cat train.txt | dsg train $small --epochs 2 --out pipe.model - >out 2>err
check "train on standard input" cmp -s short.model pipe.model
expect 0 "another seed" dsg train $small --epochs 2 --seed 2 --out seed.model train.txt
check "another seed: other bits" test "$(cmp short.model seed.model | wc -l)" -eq 1

# ---- other ways to train ----------------------------------------------------------------------
expect 0 "noise for each window" dsg train $small --gumbel window --last-temperature 0.5 --out gumbel train.txt
expect 0 "noise: eval" dsg eval wsi --json gumbel contexts key
check "noise: eval: far above chance" json out "lines[0]['results'][0]['all']['ari'] > 0.7"
expect 0 "pretraining, momentum, noise for each pair" dsg train $small --epochs 2 --pretrain-epochs 1 --gumbel pair \
    --share-negatives yes --rule momentum --momentum 0.5,0.6 --epoch-alpha 0.02,0.01 --pad yes --sampler ranks \
    --batch 12 --out many train.txt
check "pretraining: counted" json out "lines[0]['epochs'] == 3"
# The momentum of rates without momenta is the default's in every epoch.
expect 0 "momentum by default" dsg train $small --epochs 3 --rule momentum --epoch-alpha 0.02,0.01 --out default train.txt
expect 0 "momentum as said" dsg train $small --epochs 3 --rule momentum --epoch-alpha 0.02,0.01 --momentum 0.5 \
    --out said train.txt
dsg export --out default.txt default && dsg export --out said.txt said
check "momentum by default: the same" cmp -s default.txt said.txt
expect 0 "the authors' schedule" dsg train --schedule public --senses 2 --dim 16 --epochs 1 --quiet --out public train.txt
expect 0 "AdaGrad, negative sampling" dsg train $small --epochs 2 --rule adagrad --loss negatives --out ada train.txt
expect 0 "much entropy" dsg train $small --epochs 8 --entropy 2 --out few train.txt
few=$(python3 -c 'import json; print(json.load(open("out"))["senses_left"])')
expect 0 "less entropy" dsg train $small --epochs 8 --entropy 0 --out more train.txt
check "much entropy: fewer senses" json out "lines[0]['senses_left'] > $few"
expect 0 "plain skip-gram" dsg train --senses 1 --preparation spaces --size 24 --iter 15 --sample 0 --negative 8 \
    --min-count 6 --quiet --output-format text --out plain.txt train.txt
expect 0 "plain skip-gram, binary" dsg train --senses 1 --dim 24 --epochs 15 --sample 0 --quiet --output-format binary \
    --out binary train.txt
check "plain skip-gram: as tokenised" grep -q "^[a-z]*[.] " plain.txt
check "plain skip-gram: topics" case_of plain binary
expect 0 "its model" dsg train --senses 1 --dim 24 --epochs 2 --quiet --save-vocabulary saved --out one.model train.txt
expect 0 "its model: eval" dsg eval wsi --json one.model contexts key
check "its model: one sense tells nothing" json out "lines[0]['results'][0]['all']['ari'] == 0"
expect 0 "a given vocabulary" dsg train --senses 1 --dim 8 --epochs 1 --quiet --vocabulary saved --out given train.txt
check "a given vocabulary: used" json out "lines[0]['vocabulary'] == $(wc -l <saved)"
printf 'dim 8\nepochs 1 # short\nquiet\n' >conf
expect 0 "options in a file" dsg train --conf conf --out conf.model train.txt
check "options in a file: taken" json out "lines[0]['dim'] == 8 and lines[0]['epochs'] == 1"

# ---- what is refused ---------------------------------------------------------------------------
refuse() { # PATTERN NAME COMMAND ARGUMENT...
    pattern=$1 name=$2
    shift 2
    expect 1 "$name" dsg "$@"
    says "$pattern" "$name"
}
: >empty
printf 'a line of words.\nbad \xff here\n' >invalid
printf 'the a of\n' >stop
printf 'a line with other words that stand nowhere else at all.\n' >strange
head -c 9000 model >cut.model
python3 -c '
d = bytearray(open("model", "rb").read())
n = 8 + int.from_bytes(d[:8], "little")
d[n + 400 : n + 404] = b"\xff\xff\xff\x7f"
open("nan.model", "wb").write(d)'
refuse "empty: there is no document" "an empty corpus" train --out bad empty
refuse "nowhere cannot be opened" "no corpus" train --out bad nowhere
refuse "invalid: line 2: .*UTF-8" "invalid UTF-8" train --out bad invalid
refuse "set them to no" "another word pattern, otherwise prepared as the paper does" \
    train --words letters --out bad train.txt
refuse "vocabulary" "stop words only" train --out bad stop
refuse "vocabulary" "all words rare" train --unknown no --out bad strange
refuse "nothing to learn from" "no known word" train --unknown no --vocabulary vocabulary --out bad stop
refuse "cannot be created" "no folder for the model" train --out nowhere/model train.txt
refuse "UNKNOWN" "UNKNOWN that is not there" train --unknown no --pad yes --out bad train.txt
refuse "model-format" "a preparation for a model that knows its own" senses --preparation spaces model plantedaaa
refuse "cut.model" "a cut model" senses cut.model plantedaaa
refuse "finite" "a model with a value that is no number" senses nan.model plantedaaa
refuse "train.txt" "a model that is none" neighbours train.txt plantedaaa
refuse "'neverseen' is not in" "senses of an unknown word" senses model neverseen plantedaaa
check "senses of an unknown word: the other" json out "lines[0]['word'] == 'plantedaaa'"
refuse "'neverseen' is not in" "neighbours of an unknown word" neighbours model neverseen
expect 1 "disambiguate an unknown word" dsg disambiguate model neverseen "some text"
check "disambiguate an unknown word: said" json out "lines == [{'word': 'neverseen', 'unknown': True}]"
expect 0 "a context without known words" dsg disambiguate model plantedaaa "zzz yyy xxx"
check "a context without known words: said" json out "not lines[0]['informed'] and \
abs(sum(s['weight'] for s in lines[0]['senses']) - 1) < 0.11"
expect 0 "no context" dsg disambiguate model plantedaaa ""
check "no context: said" json out "not lines[0]['informed']"
refuse "UTF-8" "disambiguate invalid UTF-8" disambiguate model plantedaaa "$(printf 'bad \xff')"
printf 'plantedaaa\ttopicaaaa\nplantedaaa\tbad \xff\n' | dsg disambiguate model >out 2>err
check "a line of invalid UTF-8: the one before" json out "len(lines) == 1"
says "line 2" "a line of invalid UTF-8"
printf 'no tab here\n' | dsg disambiguate model >out 2>err
check "a line without a tab" test $? -eq 1
refuse "no network" "the network of plain skip-gram" disambiguate --by network one.model plantedaaa topicaaaa
refuse "line 1" "contexts that are none" eval wsi model train.txt key
refuse "nothing to score" "an empty key" eval wsi model contexts empty
refuse "no pairs" "no pairs of words" eval wordsim model empty
refuse "no questions" "no analogies" eval analogies model empty
refuse "key" "another key" eval wsi model contexts train.txt
refuse "no contexts" "SCWS without contexts" eval scws model pairs
refuse "line 1" "pairs that are none" eval wordsim model train.txt
refuse "line 1" "analogies that are none" eval analogies model train.txt
refuse "'neverseen' is not in" "a map of an unknown word" plot --out map.svg model neverseen
refuse "bad.gif" "a picture of another kind" plot --out bad.gif model plantedaaa
head -c 3000 senses.bin >cut.bin
refuse "cut.bin" "vectors that are cut off" senses --model-format senses cut.bin plantedaaa
refuse "COUNT DIM" "vectors that are none" senses --model-format words model plantedaaa
check "nothing was written" test ! -e bad
expect 2 "no command" dsg
expect 2 "no such command" dsg sing
expect 2 "no texts" dsg train --out bad
expect 2 "no output" dsg train train.txt
expect 2 "an unknown option" dsg train --sings --out bad train.txt
expect 2 "over the input" dsg train --out train.txt train.txt
expect 2 "no senses" dsg train --senses 0 --out bad train.txt
expect 2 "too many senses" dsg train --senses 33 --out bad train.txt
expect 2 "--resume without --state" dsg train --resume --out bad train.txt
expect 2 "noise for pairs without shared negatives" dsg train --gumbel pair --out bad train.txt
expect 2 "shared negatives of plain skip-gram" dsg train --senses 1 --share-negatives yes --out bad train.txt
expect 2 "slots of plain skip-gram" dsg train --senses 1 --pad yes --out bad train.txt
expect 2 "momentum without its rule" dsg train --momentum 0.5 --out bad train.txt
expect 2 "momentum of epochs without rates" dsg train --rule momentum --momentum 0.5,0.6 --out bad train.txt
expect 2 "a rate that is no number" dsg train --epoch-alpha 0.1,x --out bad train.txt
expect 2 "pairs of words, an option of documents" dsg train --bigrams --out bad train.txt
expect 2 "neighbours of nothing" dsg neighbours model
expect 2 "a word without a text" dsg disambiguate model plantedaaa
expect 2 "another task" dsg eval sense model pairs
expect 2 "a rule of choice for pairs without contexts" dsg eval wordsim --by network model pairs
expect 2 "candidates of senses" dsg eval wsi --candidates 5 model contexts key
expect 2 "disambiguate: lines are all it reads" dsg disambiguate --format whole model
expect 2 "output vectors of word2vec" dsg export --model-format words --vectors output --out bad words.txt
expect 2 "two outputs of one name" dsg train --out bad --state ./bad train.txt
expect 2 "two exports of one name" dsg export --out bad --vocabulary "$PWD/bad" model
expect 2 "no key" dsg eval wsi model contexts
expect 2 "export to nothing" dsg export model
expect 2 "over the model" dsg export --out model model
expect 2 "a title of invalid UTF-8" dsg plot --title "$(printf '\xff')" --out map.svg model plantedaaa
expect 2 "a map to nothing" dsg plot model plantedaaa
mkfifo pipe
dsg disambiguate model <queries >pipe 2>err &
exec 3<pipe
exec 3<&-
wait $!
check "a reader that goes away" test $? -eq 1
mkdir disk
refuse "nowhere" "a state that cannot be written" train $small --out m --state nowhere/state missing.txt
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=16k tmpfs disk 2>/dev/null; then
    cleanup() { umount "$tmp/disk" && rm -rf "$tmp"; }
    dd if=/dev/zero of=disk/fill bs=4k count=4 2>/dev/null
    refuse "No space left" "a full disk, train" train $small --epochs 1 --out disk/x train.txt
    refuse "No space left" "a full disk, export" export --out disk/x model
    refuse "No space left" "a full disk, labels" eval wsi --labels disk/x model contexts key
    check "a full disk: nothing is left behind" test "$(ls disk)" = fill
else
    echo "not tried: a full disk (no right to mount)"
fi

# ---- runs that are stopped -------------------------------------------------------------------------
long="--senses 3 --dim 32 --epochs 25 --pretrain-epochs 2 --gumbel window --quiet train.txt"
expect 0 "in one piece" dsg train --out whole $long
for signal in KILL TERM INT; do
    rm -f state stopped
    "$SYLKIT" dsg train --out stopped --state state --state-seconds 0 $long >out 2>err &
    pid=$!
    wait_for state $pid
    kill -s $signal $pid 2>/dev/null
    wait $pid 2>/dev/null
    check "SIG$signal: stopped on the way" test ! -e stopped -a -e state
    [ $signal = KILL ] || says "stopped in epoch" "SIG$signal"
    expect 0 "SIG$signal: resumed" dsg train --out stopped --state state --resume $long
    check "SIG$signal: the same bits" cmp -s whole stopped
done
refuse "dim was '.*', now it is '16'.*another file for the state" "another run's state" train --dim 16 --out bad --state state --resume --quiet train.txt

modules=${PREFIX_BUILD:-.}/.libs
if command -v mpirun >/dev/null 2>&1 && [ -e "$modules/libsylkit-mpi.so" ]; then
    export SYLKIT_MODULES=$modules OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    # The plug-ins of Open MPI keep memory to the end and are unloaded before anybody could say so.
    expect 0 "two ranks" env ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe -np 2 "$SYLKIT" dsg train \
        $small --exchange-every 1 --out ranks train.txt
    check "two ranks: one report" json out "len(lines) == 1"
    expect 0 "two ranks: eval" dsg eval wsi --json ranks contexts key
    check "two ranks: far above chance" json out "lines[0]['results'][0]['all']['ari'] > 0.7"
else
    echo "skip: several processes (no mpirun, or built without MPI)"
fi
}
finish
