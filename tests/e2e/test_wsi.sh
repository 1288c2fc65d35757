#!/bin/bash
# egs/wsi's converter of senseval.zip, and answers of any system scored by sylkit dsg eval answers.
. "$(dirname "$0")/common.sh"

convert() { python3 "$here/../../egs/wsi/local/senseval.py" "$@"; }
answers() { "$SYLKIT" dsg eval answers "$@"; }
# archive FILE NAME=TEXT...
archive() {
    python3 -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    for part in sys.argv[2:]:
        z.writestr(*part.split("=", 1))' "$@"
}

# ---- the converter ---------------------------------------------------------------------------
# instance NAME SENSES CONTEXT
instance() {
    echo "<instance id=\"$1\">"
    for sense in $2; do echo "<answer instance=\"$1\" senseid=\"$sense\"/>"; done
    echo "<context>$3</context></instance>"
}
head='<head> <wf pos="NNS">lines</wf></head>'
line="<corpus lang=\"en\"><lexelt item=\"line-n\">
$(instance line-n.a cord "<wf pos='DT'>the</wf> <wf pos='NN'>fish</wf>
 $head <wf pos='.'>.</wf> <wf pos='NN'>caf&#233;</wf> &amp; ")
$(instance line-n.b "text" "$head")
$(instance line-n.c "cord text" "a $head b")
</lexelt></corpus>"
hard="<corpus><lexelt item=\"hard-a\">
$(instance hard-a.1 HARD1 "<s>it is <head>hard</head></s> <s>to say</s>")
</lexelt></corpus>"
archive good.zip "senseval/README=no XML" "senseval/line.pos=$line" "senseval/hard.pos=$hard"
expect 0 "senseval.zip" convert good.zip made
check "senseval.zip: what was found" grep -q "line.n: 3 contexts, 2 senses" out
printf 'hard.a 1\nit is\tto say\nline.n 3\nthe fish\t. café &\n\t\na\tb\n' >want
check "senseval.zip: contexts" cmp want made/dataset.txt
printf '%s\n' "hard.a hard.a.1 hard.a.HARD1" "line.n line.n.1 line.n.cord" "line.n line.n.2 line.n.text" \
    "line.n line.n.3 line.n.cord line.n.text" >want
check "senseval.zip: key" cmp want made/key.txt
refuse() { # PATTERN NAME ARGUMENT...: by the converter
    pattern=$1 name=$2
    shift 2
    expect 1 "$name" convert "$@"
    says "$pattern" "$name"
    check "$name: nothing is written" test ! -e none
}
archive cut.zip "a.pos=${line% </lexelt>*}<"
archive headless.zip "a.pos=<corpus><lexelt item=\"line-n\">$(instance line-n.a cord "no head")</lexelt></corpus>"
archive heads.zip "a.pos=<corpus><lexelt item=\"line-n\">$(instance line-n.a cord "$head $head")</lexelt></corpus>"
archive senseless.zip "a.pos=<corpus><lexelt item=\"line-n\">$(instance line-n.a "" "$head")</lexelt></corpus>"
archive empty.zip "README=nothing"
refuse "a.pos in cut.zip" "XML that is cut off" cut.zip none
refuse "line-n.a" "no word in a context" headless.zip none
refuse "two <head>s" "two words in a context" heads.zip none
refuse "line-n.a" "no sense" senseless.zip none
refuse "no .pos files" "nothing in the archive" empty.zip none

# ---- answers ---------------------------------------------------------------------------------
# answers_of SENSE_OF_1 ...: for bank.n's six contexts
answers_of() {
    n=0
    for sense; do
        n=$((n + 1))
        echo "bank.n bank.n.$n bank.n.$sense"
    done
}
{ echo "bank.n 6"; for n in 1 2 3 4 5 6; do printf 'left %s\tright\n' $n; done; } >contexts
{ answers_of a a b b b; echo "bank.n bank.n.6 bank.n.a bank.n.b"; } >key
answers_of y y x x x x >same
answers_of x x x x x x >one
answers_of 1 2 3 4 5 6 >each
answers_of x y x y x >five
answers_of x x x x >four
# NAME FILE ARI V F CLUSTERS, by hand: of the five contexts with one sense
scores() {
    expect 0 "$1" answers --json --per-word "$2" contexts key
    check "$1: scores" json out "(lambda m: abs(m['ari'] - ($3)) < 1e-8 and abs(m['v_measure'] - ($4)) < 1e-8 and \
abs(m['f_score'] - ($5)) < 1e-8 and m['clusters'] == $6 and m['words'] == 1 and m['contexts'] == 5)(\
lines[0]['results'][0]['all']) and lines[0]['task'] == 'answers' and lines[0]['results'][0]['several'] == 1"
}
scores "the same partition" same 1 1 1 2
scores "one cluster" one 0 0 "4 / 7" 1
# H(class) / H(cluster) = 0.9710 / 2.3219 bits.
scores "a cluster a context" each 0 "2 * 0.4181656600790516 / 1.4181656600790516" 0 5
# Pairs together in both 1 (3 and 5), in the key 4, in the answers 4, of 10; entropies of 2/5 and of 2/3.
scores "another partition" five "(1 - 1.6) / (4 - 1.6)" "1 - (0.4 + 0.6 * 0.9182958340544896) / 0.9709505944546686" \
    0.25 2
expect 0 "a table" answers --per-word same contexts key
check "a table: a row for the word" grep -Eq '^bank\.n +5 +1\.0000 +1\.0000 +1\.0000 +2 +2$' out
expect 1 "too few answers" answers four contexts key
says "no answer for context 5 of \"bank.n\"" "too few answers"
expect 1 "the key as answers" answers key contexts same
says "several senses for context 6" "the key as answers"
expect 1 "answers of other contexts" answers made/key.txt contexts key
says "made/key.txt, line 1" "answers of other contexts"
expect 1 "no such answers" answers nowhere contexts key
expect 2 "no key" answers same contexts
expect 2 "too many files" answers same contexts key key
expect 2 "labels of answers" answers --labels none same contexts key
finish
