#!/bin/sh
# Every output format is what it says, and standard input is like a file.
. "$(dirname "$0")/common.sh"

audio voice.wav --seconds 3
expect 0 "jsonl" "$SYLKIT" segment voice.wav
cp out voice.jsonl
check "jsonl: keys" json out "list(lines[0]) == ['file', 'sample_rate', 'num_samples', 'frame_rate', \
'num_frames', 'norm_threshold', 'merge_threshold', 'segments'] and len(lines) == 1"
check "jsonl: segments" json out "len(lines[0]['segments']) > 0 and all(list(s) == ['start', 'end', \
'start_frame', 'end_frame', 'token'] and s['start'] < s['end'] and s['token'] >= 0 \
and abs(s['start'] * 50 - s['start_frame']) < 1e-6 for s in lines[0]['segments'])"

expect 0 "textgrid" "$SYLKIT" segment --format textgrid voice.wav
check "textgrid: intervals cover all" python3 - out voice.jsonl <<'P'
import json, re, sys
text = open(sys.argv[1]).read()
segments = json.loads(open(sys.argv[2]).read())["segments"]
assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 3\n')
size = int(re.search(r"intervals: size = (\d+)", text).group(1))
rows = re.findall(r'intervals \[(\d+)\]:\s+xmin = (\S+)\s+xmax = (\S+)\s+text = "(.*)"', text)
assert len(rows) == size and [int(r[0]) for r in rows] == list(range(1, size + 1))
assert float(rows[0][1]) == 0 and float(rows[-1][2]) == 3
assert all(a[2] == b[1] for a, b in zip(rows, rows[1:]))
named = [(float(r[1]), float(r[2]), int(r[3])) for r in rows if r[3]]
assert named == [(s["start"], s["end"], s["token"]) for s in segments]
P

cp voice.wav 'a,"b".wav'
expect 0 "csv" "$SYLKIT" segment --format csv 'a,"b".wav'
check "csv: rows" python3 - out voice.jsonl <<'P'
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
segments = json.loads(open(sys.argv[2]).read())["segments"]
assert [(r["file"], float(r["start"]), float(r["end"]), int(r["token"])) for r in rows] == \
    [('a,"b".wav', s["start"], s["end"], s["token"]) for s in segments]
P
expect 0 "audacity, frames" "$SYLKIT" segment --format audacity --frames voice.wav
check "audacity: rows" python3 - out voice.jsonl <<'P'
import json, sys
rows = [tuple(map(int, line.split("\t"))) for line in open(sys.argv[1])]
segments = json.loads(open(sys.argv[2]).read())["segments"]
assert rows == [(s["start_frame"], s["end_frame"], s["token"]) for s in segments]
P
expect 2 "textgrid of two files" "$SYLKIT" segment --format textgrid voice.wav voice.wav

odd=$(printf 'a\\b"c\n\377\303\251.wav')
cp voice.wav "$odd"
expect 0 "an odd file name" "$SYLKIT" segment "$odd"
check "an odd file name: valid JSON" json out \
    "len(lines) == 1 and lines[0]['file'] == 'a\\\\b\"c\\n\\ufffd\\u00e9.wav'"

same() { sed 's/"file": "[^"]*"/"file": ""/' "$1"; }
same voice.jsonl >want
"$SYLKIT" segment - <voice.wav >out 2>err
check "standard input, a file" test $? -eq 0
same out >got
check "standard input, a file: the same" cmp -s got want
cat voice.wav | "$SYLKIT" segment - >out 2>err
same out >got
check "standard input, a pipe: the same" cmp -s got want
tail -c +45 voice.wav | "$SYLKIT" segment --raw s16le:16000:1 - >out 2>err
same out >got
check "raw samples: the same" cmp -s got want

expect 0 "features" "$SYLKIT" features -o f.npy voice.wav
expect 0 "segment features" "$SYLKIT" features --segments -o s.npy voice.wav
check "features: shapes" python3 - f.npy s.npy voice.jsonl <<'P'
import ast, json, struct, sys
def shape(path):
    data = open(path, "rb").read()
    assert data[:6] == b"\x93NUMPY"
    n = struct.unpack("<H", data[8:10])[0]
    head = ast.literal_eval(data[10:10 + n].decode())
    assert head["descr"] == "<f4" and not head["fortran_order"]
    assert len(data) == 10 + n + 4 * head["shape"][0] * head["shape"][1]
    return head["shape"]
o = json.loads(open(sys.argv[3]).read())
assert shape(sys.argv[1])[0] == o["num_frames"]
assert shape(sys.argv[2])[0] == len(o["segments"])
assert shape(sys.argv[1])[1] == shape(sys.argv[2])[1]
P

expect 0 "shift" "$SYLKIT" segment --shift-ms 100 voice.wav
check "shift: 0.1 s later" json out "abs(lines[0]['segments'][0]['start'] - 0.1 - \
$(python3 -c 'import json; print(json.load(open("voice.jsonl"))["segments"][0]["start"])')) < 1e-6"

if "$SYLKIT" info | grep -q cairo; then
    expect 0 "PNG" "$SYLKIT" plot -o p.png voice.wav
    check "PNG: signature" python3 -c "assert open('p.png', 'rb').read(4) == b'\x89PNG'"
    expect 0 "SVG" "$SYLKIT" plot --spectrogram stft -o p.svg "$odd"
    check "SVG: parses" python3 -c "import xml.etree.ElementTree as e; e.parse('p.svg')"
    expect 1 "neither" "$SYLKIT" plot -o p.jpg voice.wav
else
    expect 1 "no cairo" "$SYLKIT" plot -o p.png voice.wav
    says "cairo" "no cairo"
fi
finish
