#!/bin/bash
# sylkit bpv: codes of documents learnt, inferred, searched, scored and exported; what it refuses; and
# runs that are killed and resumed.
. "$(dirname "$0")/common.sh"

case_of() { python3 "$here/bpv_cases.py" "$@"; }
bpv() { "$SYLKIT" bpv "$@"; }
case_of corpus || exit 1
case_of arrays || exit 1
small="--bits 32 --epochs 10 --dropout 0.5 --quiet"
# shellcheck disable=SC2086 # $small is words
{

# ---- from texts to scores ----------------------------------------------------------------
expect 0 "train" bpv train $small --out model train/
check "train: the report" json out "lines[0]['documents'] == 120 and lines[0]['words'] == 4800 \
and lines[0]['vocabulary'] == 45 and lines[0]['bits'] == 32"
expect 0 "infer" bpv infer --codes codes.npy --vectors vectors.npy --names names model test/
check "infer: names" test "$(sed -n '1p;$p' names | tr '\n' ' ')" = "sea/000 star/024 "
expect 0 "eval" bpv eval --codes codes.npy --names names --json
check "eval: far above chance" json out "lines[0]['results'][0]['map'] > 0.9 and lines[0]['results'][0]['ndcg'] > 0.9"
expect 0 "eval of random codes" bpv eval --codes random.npy --labels test.labels --json
check "eval of random codes: chance" json out "0.4 < lines[0]['results'][0]['map'] < 0.6"
expect 0 "eval of vectors" bpv eval --vectors vectors.npy --labels test.labels --json
cp out report
check "eval of vectors: the same scores as here" case_of scores vectors.npy test.labels report
expect 0 "eval with a model" bpv eval --model model --database-training --json test/
check "eval with a model: far above chance" json out "lines[0]['database'] == 120 and lines[0]['results'][0]['map'] > 0.9"
expect 0 "eval: a database" bpv eval --model model --database train/ test/
check "eval: a table" grep -q "^codes  *32  *[01][.][0-9]" out
expect 0 "eval: hashing, radius" bpv eval --codes codes.npy --vectors vectors.npy --names names \
    --hash sign,median,planes,itq --hash-bits 16 --radius 3 --relevance graded --expected-ties --json
check "eval: hashing, radius: all rows" json out "[r['by'] for r in lines[0]['results']] == \
['codes', 'vectors', 'sign', 'median', 'planes', 'itq'] and [r['length'] for r in lines[0]['results']] == \
[32, 32, 32, 32, 16, 16] and [r['empty'] for r in lines[0]['radius']] == \
sorted((r['empty'] for r in lines[0]['radius']), reverse=True) and len(lines[0]['radius']) == 4"
if "$SYLKIT" info | grep -qi "pictures.*no"; then
    echo "not tried: a curve (built without cairo)"
elif bpv eval --codes codes.npy --names names --curve pr.svg >out 2>err; then
    check "eval: a curve" grep -q "</svg>" pr.svg
else
    says "without cairo" "eval: a curve"
fi

# Lines, tokens from a pipe and the folder are the same documents: the same bits.
expect 0 "train on lines" bpv train $small --out lines.model --no-documents train.txt
cat train.txt | bpv train $small --out pipe.model --no-documents - >out 2>err
check "train on standard input" cmp -s lines.model pipe.model
expect 0 "train with two threads" bpv train $small --threads 2 --out two.model train/
check "two threads: the same bits" cmp -s model two.model
expect 0 "infer with two threads" bpv infer --threads 2 --batch 7 --codes two.npy model test/
check "infer with two threads: the same bits" cmp -s codes.npy two.npy
printf '<doc id="1" title="Sea">\nship sail harbour\n</doc>\n<doc id="2" title="Sky">\nmoon orbit\n</doc>\n' >wiki
expect 0 "train on Wikipedia's format" bpv train --quiet --epochs 1 --format wikipedia --out wiki.model wiki
expect 0 "its names" bpv export --names wiki.names wiki.model
check "its names: titles" test "$(tr '\n' ' ' <wiki.names)" = "Sea Sky "
printf 'one\tship \xe9\n' >latin
expect 0 "named lines in Latin 1" bpv infer --named --encoding latin1 model latin
check "named lines in Latin 1: name and items" json out "lines[0]['name'] == 'one' and lines[0]['items'] == 1"
expect 0 "bigrams, few items" bpv train --quiet --epochs 1 --bigrams --max-vocabulary 30 --stop-words none \
    --save-vocabulary vocabulary --out bigrams.model train/
check "bigrams, few items: 30" test "$(wc -l <vocabulary)" -eq 30
expect 0 "a given vocabulary" bpv train --quiet --epochs 1 --bigrams --vocabulary vocabulary --out given.model train/
check "a given vocabulary: used" json out "lines[0]['vocabulary'] == 30"

for kind in dbow dm binary-dm real-binary; do
    expect 0 "$kind" bpv train --model $kind --bits 16 --epochs 4 --quiet --seed 2 --out $kind.model train/
    expect 0 "$kind: eval" bpv eval --model $kind.model --database-training --json test/
    check "$kind: eval: above chance" json out "all(r['map'] > 0.6 for r in lines[0]['results'])"
done
expect 1 "codes of a real-valued model" bpv infer --codes bad dm.model test/
says "no codes" "codes of a real-valued model"
expect 0 "vectors of context words" bpv export --input-words --words in.bin --binary dm.model

# ---- live, and readers that go away --------------------------------------------------------
check "each line is answered before the next" case_of live "$SYLKIT" model
mkfifo pipe
bpv infer model train.txt >pipe 2>err &
exec 3<pipe
exec 3<&-
wait $!
check "a reader that goes away" test $? -eq 1
says "Broken pipe" "a reader that goes away"

# ---- search ----------------------------------------------------------------------------------
expect 0 "an index" bpv search --index index --add --model model --names index.names test/
expect 0 "more in it" bpv search --index index --add --model model --names index.names train.txt
check "more in it: 170" json out "lines[0]['count'] == 170"
check "names of all" test "$(wc -l <index.names)" -eq 170
expect 0 "its codes" bpv export --codes all.npy index
for options in "" "--mih" "--mih --tables 3 --threads 2"; do
    expect 0 "search $options" bpv search --index index --codes codes.npy --k 12 $options
    cp out hits
    check "search $options: the nearest" case_of nearest all.npy codes.npy hits 12
done
expect 0 "search by radius" bpv search --index index --codes codes.npy --k 0 --radius 4
cp out hits
check "search by radius: within" case_of within hits 4
expect 0 "a query" bpv search --index index --model model --names index.names --query "moon orbit planet comet rocket"
check "a query: on the topic" json out "sum('star' in h['name'] or int((h['name'] + ':0').split(':')[1]) > 60 \
for h in lines[0]['hits']) >= 8"
printf 'ship sail anchor\nxyzzy\n' | bpv search --index index --model model >out 2>err
check "queries from a pipe" json out "len(lines) == 2 and len(lines[0]['hits']) == 10 and lines[1]['unknown']"
for i in 1 2 3 4; do
    bpv search --index together --add --codes codes.npy >/dev/null 2>&1 &
done
wait
expect 0 "added by four at once" bpv search --index together --add --codes codes.npy
check "added by four at once: all" json out "lines[0]['count'] == 5 * lines[0]['added']"
expect 0 "an index with vectors" bpv search --index both --add --rank --model real-binary.model train/
expect 0 "two stages" bpv search --index both --rank --candidates 50 --k 5 --model real-binary.model test/
check "two stages: by cosine" json out "all(len(x['hits']) == 5 and x['candidates'] == 50 and \
[h['cosine'] for h in x['hits']] == sorted((h['cosine'] for h in x['hits']), reverse=True) for x in lines)"

expect 0 "export" bpv export --faiss faiss --codes c.npy --vectors v.npy --index i --words words --names n model
check "export: Faiss, words" case_of exports c.npy faiss words
expect 0 "export of an index" bpv export --codes ci.npy i
check "export of an index: the same codes" cmp -s c.npy ci.npy

# ---- what is refused ---------------------------------------------------------------------------
refuse() { # PATTERN NAME COMMAND ARGUMENT...
    pattern=$1 name=$2
    shift 2
    expect 1 "$name" bpv "$@"
    says "$pattern" "$name"
}
: >empty
printf 'fine words\nbad \xff here\n' >invalid
printf 'fine words\nbad \0 here\n' >nul
printf 'the a of\n' >stop
printf 'ship sail\n\n\nmoon\n' >gaps
printf 'lonely ship\n' >lonely
mkdir hollow
python3 -c 'print("word " * 20000000)' >long
head -c 2000 model >cut.model
head -c 700 index >cut.index
python3 -c 'd = bytearray(open("index", "rb").read()); d[-9] ^= 4; open("flipped", "wb").write(d)'
refuse "empty: there is no document" "an empty corpus" train --out bad empty
refuse "hollow" "an empty folder" train --out bad hollow
refuse "nowhere cannot be opened" "no corpus" train --out bad nowhere
refuse "invalid: line 2: .*UTF-8" "invalid UTF-8" train --out bad invalid
refuse "nul: line 2: .*NUL" "NUL bytes" train --out bad nul
refuse "vocabulary would be empty" "stop words only" train --out bad stop
refuse "long: line 1: .*more than 67108864 bytes" "a line of 100 MB" train --out bad long
printf 'ship\t0\nsail\t3\n' >uncounted
refuse "'ship' has a count of 0" "an item without a count" train --vocabulary uncounted --out bad train/
refuse "nothing to learn from" "no known word" train --vocabulary vocabulary --out bad stop
refuse "cannot be created" "no folder for the model" train --out nowhere/model train/
refuse "nowhere.vocabulary" "no vocabulary" train --vocabulary nowhere.vocabulary --out bad train/
refuse "invalid: line 2" "infer invalid UTF-8" infer --codes bad model invalid
refuse "cut.model is cut off" "a cut model" infer cut.model test/
refuse "train.txt" "a model that is none" infer train.txt test/
refuse "cut.index has 700 bytes" "a cut index" search --index cut.index --codes codes.npy
refuse "flipped" "a damaged index" search --index flipped --codes codes.npy
refuse "not an index" "an index that is none" search --index train.txt --codes codes.npy
refuse "codes of 16 bits" "codes of another length" search --index both --codes codes.npy
refuse "uint8" "codes that are no bytes" search --index index --codes vectors.npy
refuse "--bits 25 to 32 would fit" "another number of bits" search --index index --codes codes.npy --bits 40
refuse "bits behind the last" "bits behind the last" search --index index --codes random.npy --bits 29
refuse "no vectors" "an index without vectors" search --index index --rank --model model test/
refuse "has 50 names for 170" "too few names" search --index index --names names --codes codes.npy
refuse "50 lines for 3 queries" "labels of others" eval --codes few.npy --labels test.labels
refuse "not finite" "a value that is no number" eval --vectors nan.npy --labels test.labels
refuse "a single document" "one document" eval --model model lonely
refuse "nothing to compare" "codes and vectors" eval --codes codes.npy --names names \
    --database-vectors float.npy --database-labels test.labels
sed 's/^/x/' test.labels >other.labels
refuse "nothing in common" "labels of another kind" eval --codes codes.npy --labels test.labels \
    --database-codes codes.npy --database-labels other.labels
expect 0 "a code of 12 bits" bpv train --bits 12 --epochs 1 --quiet --out twelve train/
refuse "12 bits" "12 bits to Faiss" export --faiss bad twelve
refuse "without its documents" "no documents" export --codes bad lines.model
check "nothing was written" test ! -e bad
expect 0 "invalid UTF-8 replaced" bpv train --quiet --epochs 1 --replace --out good invalid nul
expect 0 "a line of 100 MB, cut" bpv train --quiet --epochs 1 --truncate --max-document 100000 --out good long
expect 0 "one document" bpv train --quiet --epochs 1 --out good lonely
expect 0 "empty documents" bpv train --quiet --epochs 1 --out good gaps
check "empty documents: counted" json out "lines[0]['documents'] == 4 and lines[0]['without_words'] == 2"
expect 0 "unknown words" bpv infer --codes good.npy model gaps stop
says "3 of 5 documents have no word" "unknown words"
expect 2 "no command" bpv
expect 2 "no such command" bpv sing
expect 2 "no texts" bpv train --out bad
expect 2 "no output" bpv train train/
expect 2 "over the input" bpv train --out train.txt train.txt
expect 2 "model and state in one file" bpv train --out bad --state bad train/
expect 2 "over the vocabulary" bpv train --out vocabulary --vocabulary vocabulary train/
expect 2 "names over the model" bpv search --index bad --add --model model --names model test/
expect 2 "names over the index" bpv search --index bad --add --names bad --codes codes.npy
expect 2 "an index over the texts" bpv search --index train.txt --add --model model train.txt
expect 2 "no bits" bpv train --bits 0 --out bad train/
expect 2 "context without dm" bpv train --context 2 --out bad train/
expect 2 "--resume without --state" bpv train --resume --out bad train/
expect 2 "codes without labels" bpv eval --codes codes.npy
expect 2 "another kind of hashing" bpv eval --vectors vectors.npy --names names --hash sign,magic
expect 2 "search for nothing" bpv search --index index
expect 2 "vectors in no line" bpv infer --codes bad --with-vectors model test/
expect 2 "vectors of no index" bpv export --codes bad --with-vectors model
expect 2 "binary words of none" bpv export --codes bad --binary model
expect 2 "too deep" bpv eval --codes codes.npy --names names --depth 1001
expect 2 "over the model" bpv export --codes model model
cp model kept
for output in "infer --codes" "export --words"; do
    [ -w /dev/full ] || break
    mkdir -p disk
    if ! mountpoint -q disk && ! { [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=16k tmpfs disk 2>/dev/null; }; then
        echo "not tried: a full disk (no right to mount)"
        break
    fi
    [ -e disk/fill ] || dd if=/dev/zero of=disk/fill bs=4k count=4 2>/dev/null
    cleanup() { umount "$tmp/disk" && rm -rf "$tmp"; }
    set -- $output
    case $1 in
    infer) refuse "No space left" "a full disk, $1" infer --codes disk/x model test/ ;;
    *) refuse "No space left" "a full disk, $1" export --words disk/x model ;;
    esac
    check "a full disk, $1: nothing is left behind" test "$(ls disk)" = fill
done
if mountpoint -q disk; then
    refuse "No space left" "a full disk, train" train $small --out disk/x train/
    refuse "No space left" "a full disk, search" search --index disk/x --add --codes codes.npy
fi
refuse "nowhere" "a state that cannot be written" train $small --out m --state nowhere/state missing.txt
check "the model is as it was" cmp -s model kept

# ---- runs that are stopped -------------------------------------------------------------------------
long="--bits 64 --epochs 400 --bigrams --quiet train.txt"
expect 0 "in one piece" bpv train --out whole $long
for signal in KILL TERM INT; do
    rm -f state stopped
    "$SYLKIT" bpv train --out stopped --state state --state-seconds 0 $long >out 2>err &
    pid=$!
    wait_for state $pid
    kill -s $signal $pid 2>/dev/null
    wait $pid 2>/dev/null
    check "SIG$signal: stopped on the way" test ! -e stopped -a -e state
    [ $signal = KILL ] || says "stopped in epoch" "SIG$signal"
    expect 0 "SIG$signal: resumed" bpv train --out stopped --state state --resume --threads 2 $long
    check "SIG$signal: the same bits" cmp -s whole stopped
done
expect 0 "a run that was over" bpv train --out stopped --state state --resume $long
check "a run that was over: no loss" json out "lines[0]['loss'] is None"
refuse "state" "another run's state" train --bits 32 --out bad --state state --resume --quiet train.txt

modules=${PREFIX_BUILD:-.}/.libs
if command -v mpirun >/dev/null 2>&1 && [ -e "$modules/libsylkit-mpi.so" ]; then
    export SYLKIT_MODULES=$modules OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    # The plug-ins of Open MPI keep memory to the end and are unloaded before anybody could say so.
    expect 0 "two ranks" env ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe -np 2 "$SYLKIT" bpv train \
        $small --out ranks train/
    expect 0 "two ranks: eval" bpv eval --model ranks --database-training --json test/
    check "two ranks: far above chance" json out "lines[0]['results'][0]['map'] > 0.9"
else
    echo "skip: several processes (no mpirun, or built without MPI)"
fi
}
finish
