#!/bin/sh
# Scores that can be checked by hand.
. "$(dirname "$0")/common.sh"

cat >ref.json <<'J'
[{"key": "one", "dur": 1.0, "text": "", "syl": [[0.1, 0.3, "A"], [0.3, 0.5, "B"], [0.6, 0.8, "C"]]},
 {"key": "two", "dur": 1.0, "text": "", "syl": [[0.2, 0.4, "D"]]}]
J
cat >hyp.jsonl <<'J'
{"file": "x/one.wav", "segments": [{"start": 0.12, "end": 0.35, "token": 1}, {"start": 0.35, "end": 0.44, "token": 2}, {"start": 0.44, "end": 0.62, "token": null, "silence": true}]}
{"file": "two.flac", "segments": [{"start": 0.2, "end": 0.46, "token": 3}]}
J
# Reference: .1 .3 .5 .6 .8 | .2 .4. Hypothesis: .12 .35 .44 | .2 .46 (silence does not count);
# hits at 50 ms: .12, .35 and .2. P 3/5, R 3/7, F1 1/2, OS 5/7 - 1.
expect 0 "eval" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl
check "eval: a table" grep -Eq 'starts-ends +0 +0.6000 +0.4286 +0.5000 +-0.2857' out
expect 0 "eval --json" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl --json
check "eval: starts and ends" json out "(lambda s: s['unique'] == 'starts-ends' and s['hits'] == 3 \
and abs(s['precision'] - 3 / 5) < 1e-6 and abs(s['recall'] - 3 / 7) < 1e-6 \
and abs(s['f1'] - 0.5) < 1e-6 and abs(s['os'] + 2 / 7) < 1e-6 \
and abs(s['r_value'] - (1 - (((4 / 7) ** 2 + (2 / 7) ** 2) ** 0.5 + abs(-4 / 7 + 2 / 7) / 2 ** 0.5) / 2)) \
< 1e-6)(lines[0]['scores'][0])"
# Starts only: .12 .35 | .2, all hits: P 1, R 3/7.
check "eval: starts" json out "(lambda s: s['unique'] == 'starts' and s['hits'] == 3 \
and abs(s['precision'] - 1) < 1e-6 and abs(s['recall'] - 3 / 7) < 1e-6)(lines[0]['scores'][1])"

# Ten milliseconds earlier, .46 meets .4 + 50 ms, and .44 still misses .5: 4 hits.
# Twenty earlier the same; later, .44 meets .5 from +10 ms, but .35 is then lost: 3 hits.
expect 0 "eval --shift-search" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl \
    --unique starts-ends --shift-search --json
check "eval: best shift" json out "(lambda s: s['best_shift'] and s['hits'] == 4 \
and -50 <= s['shift_ms'] <= -10 and len(lines[0]['scores']) == 2)(lines[0]['scores'][1])"
expect 0 "a narrow tolerance" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl \
    --tolerance 0.01 --unique starts --json
check "eval: narrow" json out "lines[0]['scores'][0]['hits'] == 1"

# Segments and syllables: .12-.35 (token 1) overlaps A .18 and B .05; .35-.44 (2) lies in B;
# .2-.46 (3) overlaps D. Each token has one syllable and each syllable one token: all is known,
# log2(3) bits. 3 tokens in 2 s; 4 tokens (0 to 3) there are.
expect 0 "tokens" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl --json
check "tokens: scores" json out "(lambda t: t['segments'] == 3 and t['unmatched'] == 0 \
and t['syllable_purity'] == 1 and t['cluster_purity'] == 1 \
and abs(t['mutual_information'] - 1.584962500721156) < 1e-9 \
and abs(t['normalised_mutual_information'] - 1) < 1e-9 and t['tokens_per_second'] == 1.5 \
and t['vocabulary'] == 4 and t['bits_per_second'] == 3)(lines[0]['tokens'])"
expect 0 "tokens: the table" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl --vocabulary 16
check "tokens: a row" grep -Eq '^ +3 +0 +3 +3 +16 +1.0000 +1.0000 +1.5850 +1.0000 +1.500 +6.00$' out
# Tokens 1 and 2 become one unit, 3 another: {A, B}, {D}. SP 2/3, CP 1, MI = H(unit) =
# log2(3) - 2/3.
python3 -c "
import struct
head = \"{'descr': '<i4', 'fortran_order': False, 'shape': (4,), }\".ljust(117) + chr(10)
open('reducer.npy', 'wb').write(b'\\x93NUMPY\\x01\\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<4i', 0, 0, 0, 5))"
expect 0 "a reducer" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl --reducer reducer.npy --json
check "a reducer: scores" json out "(lambda t: abs(t['syllable_purity'] - 2 / 3) < 1e-9 \
and t['cluster_purity'] == 1 and abs(t['mutual_information'] - (1.584962500721156 - 2 / 3)) < 1e-9 \
and t['units'] == 2 and t['vocabulary'] == 6)(lines[0]['tokens'])"
sed 's/"token": 3/"token": 4/' hyp.jsonl >many.jsonl
expect 1 "a token that the reducer lacks" "$SYLKIT" eval boundaries --ref ref.json --hyp many.jsonl \
    --reducer reducer.npy
says "token 4 is not in 0..3" "a token that the reducer lacks"
sed 's/, "[A-D]"//g' ref.json >bare.json
expect 0 "no labels" "$SYLKIT" eval boundaries --ref bare.json --hyp hyp.jsonl --json
check "no labels: no scores of tokens" json out "'tokens' not in lines[0]"

head -n 1 hyp.jsonl >part.jsonl
expect 1 "a missing recording" "$SYLKIT" eval boundaries --ref ref.json --hyp part.jsonl
says "1 of 2 recordings" "a missing recording"
expect 0 "--allow-missing" "$SYLKIT" eval boundaries --ref ref.json --hyp part.jsonl \
    --allow-missing
echo '{"file": "one.wav", "segments": [{"start": 0}]}' >bad.jsonl
expect 1 "a segment without end" "$SYLKIT" eval boundaries --ref ref.json --hyp bad.jsonl \
    --allow-missing
echo '{' >bad.jsonl
expect 1 "no JSON" "$SYLKIT" eval boundaries --ref ref.json --hyp bad.jsonl
says "bad.jsonl:1" "no JSON"
expect 2 "eval of nothing" "$SYLKIT" eval
# ---- eval stream: the small model is exact and prompt; the HuBERT shape with all of the future too
audio voice.wav --seconds 5
audio other.wav --seconds 3 --seed 2 --rate 22050
expect 0 "eval stream" "$SYLKIT" eval stream --json voice.wav other.wav
check "eval stream: like the whole recording" json out "len(lines) == 1 and (lambda r: \
r['recordings'] == 2 and abs(r['seconds'] - 8) < 1e-6 and r['exact_segments'] == 1 and \
r['boundaries_0']['f1'] == 1 and r['token_agreement'] == 1 and r['voiced_agreement'] == 1 and \
r['cosine_p5'] > 0.99999 and r['segment_ratio'] == 1)(lines[0])"
check "eval stream: no later than look-ahead, a syllable and a feed" json out "(lambda r: \
abs(r['latency_ahead']['p95'] - r['lookahead']) <= 0.04 and r['latency']['p95'] < 1 and \
r['latency_first']['p95'] < 1 and r['latency']['count'] > 5)(lines[0])"
expect 0 "eval stream, a table" "$SYLKIT" eval stream --feed 0.1 voice.wav
check "eval stream, a table: both" sh -c "grep -q 'lookahead.*F1' out && grep -q 'first p50' out"
expect 0 "eval stream of the HuBERT shape" "$SYLKIT" eval stream --json \
    --model "$GOLDEN/hubert-base" --norm 0 --merge 0.9999 voice.wav
check "eval stream of the HuBERT shape: a curve" json out "[r['lookahead'] for r in lines] == \
[0, 0.16, 0.32, 0.64, 1.28, None]"
check "eval stream of the HuBERT shape: all of the future is the whole recording" json out \
    "lines[-1]['exact_segments'] == 1 and lines[-1]['boundaries_0']['f1'] == 1 and \
lines[-1]['cosine_p5'] > 0.999999"
check "eval stream of the HuBERT shape: nearer with more of it" json out \
    "all(a['cosine_mean'] < b['cosine_mean'] for a, b in zip(lines, lines[1:]))"
check "eval stream of the HuBERT shape: later with more of it" json out \
    "all(abs(r['latency_ahead']['p95'] - r['lookahead'] - r['hop']) <= 0.04 for r in lines[:-1])"
expect 0 "eval stream, one look-ahead" "$SYLKIT" eval stream --json --lookahead 0.5 \
    --model "$GOLDEN/hubert-base" --norm 0 voice.wav
check "eval stream, one look-ahead: one row" json out "[r['lookahead'] for r in lines] == [0.5]"
expect 1 "eval stream without a file" "$SYLKIT" eval stream nowhere.wav voice.wav
says "nowhere.wav" "eval stream without a file"
expect 2 "eval stream without an input" "$SYLKIT" eval stream
finish
