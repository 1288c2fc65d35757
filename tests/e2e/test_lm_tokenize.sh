#!/bin/sh
# sylkit lm tokenize: numbers of tokens of files and standard input, and back.
. "$(dirname "$0")/common.sh"
vocabulary=$here/../golden/bpe/gpt2.json
digits=$here/../golden/bpe/smollm.json
# Letters, digits, emoji, a NUL, bytes that are no UTF-8, no end of the last line.
printf "It's 12 o'clock,\n\n  na\303\257ve \360\237\230\200<|im_end|>\0\377\303end" >text

expect 0 "numbers of a file" "$SYLKIT" lm tokenize "$vocabulary" text
cp out ids
check "one a line" sh -c '! grep -qv "^[0-9][0-9]*$" ids'
expect 0 "numbers of standard input" sh -c '"$1" lm tokenize "$2" <text' - "$SYLKIT" "$vocabulary"
check "are the same" cmp -s out ids
expect 0 "back to text" "$SYLKIT" lm tokenize --decode "$vocabulary" ids
check "the same bytes" cmp -s out text
expect 0 "SmolLM2's rule" sh -c '"$1" lm tokenize "$2" text | "$1" lm tokenize --decode "$2"' - "$SYLKIT" "$digits"
check "the same bytes again" cmp -s out text

printf 'a<|im_end|>1 12' >special
expect 0 "special tokens" "$SYLKIT" lm tokenize --text --special "$vocabulary" special
check "are tokens" grep -q '"<|im_end|>"$' out
cut -f1 out >special_ids
expect 0 "decode without them" "$SYLKIT" lm tokenize --decode "$vocabulary" special_ids
check "leaves them out" test "$(cat out)" = "a1 12"
expect 0 "decode with them" "$SYLKIT" lm tokenize --decode --special "$vocabulary" special_ids
check "writes them" cmp -s out special
expect 0 "letters of special tokens" "$SYLKIT" lm tokenize --text "$vocabulary" special
check "are letters" sh -c '! grep -q "im_end" out'

printf 'a b\n\nc\n' >lines
expect 0 "lines" "$SYLKIT" lm tokenize --lines "$vocabulary" lines
check "three of them" test "$(wc -l <out)" -eq 3
cp out line_ids
expect 0 "lines back" "$SYLKIT" lm tokenize --lines --decode "$vocabulary" line_ids
check "the same lines" cmp -s out lines
printf 'aaa b b' >counted
expect 0 "counts" "$SYLKIT" lm tokenize --counts "$vocabulary" counted
check "frequent ones first" sh -c 'sort -c -k1,1nr out && grep -q "^2	.*	\" b\"$" out'
: >empty
expect 0 "an empty text" "$SYLKIT" lm tokenize "$vocabulary" empty
check "has no tokens" test ! -s out

printf '{"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"vocab":{"a":0},"merges":[]}}' >tiny.json
printf 'aza' >few
expect 0 "bytes without a token" "$SYLKIT" lm tokenize tiny.json few
says "1 bytes of the text have no token" "bytes without a token"
check "are left out" test "$(wc -l <out)" -eq 2

expect 1 "a number that is no token" sh -c 'echo 5 7x | "$1" lm tokenize --decode "$2"' - "$SYLKIT" "$vocabulary"
says "line 1: \"7x\" is the number of no token" "a number that is no token"
expect 1 "a number too large" sh -c 'echo 99999 | "$1" lm tokenize --decode "$2"' - "$SYLKIT" "$vocabulary"
says "99999" "a number too large"
expect 1 "a vocabulary that is none" "$SYLKIT" lm tokenize text text
says "neither GGUF nor valid JSON" "a vocabulary that is none"
expect 1 "no text" "$SYLKIT" lm tokenize "$vocabulary" missing
says "missing" "no text"
expect 2 "nothing named" "$SYLKIT" lm tokenize
expect 2 "too much named" "$SYLKIT" lm tokenize "$vocabulary" text text
expect 2 "decode with counts" "$SYLKIT" lm tokenize --decode --counts "$vocabulary" text
expect 2 "text with lines" "$SYLKIT" lm tokenize --text --lines "$vocabulary" text
expect 0 "help" "$SYLKIT" lm tokenize --help
check "lm's help names it" sh -c '"$1" lm --help | grep -q tokenize' - "$SYLKIT"
if [ -w /dev/full ]; then
    expect 1 "a full disk" sh -c '"$1" lm tokenize "$2" text >/dev/full' - "$SYLKIT" "$vocabulary"
    says "No space" "a full disk"
fi
finish
