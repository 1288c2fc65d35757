"""Corpus and checks of test_bpv.sh: bpv_cases.py CASE ARGUMENT..., which ends with an assertion."""

import json
import math
import os
import random
import struct
import subprocess
import sys

TOPICS = {
    "sea": "ship sail harbour anchor tide wave mast deck captain sailor rope storm coast island reef",
    "star": "planet orbit moon comet telescope galaxy solar lunar rocket satellite nebula cosmos "
    "gravity meteor eclipse",
}
COMMON = "thing people time year work place world hand part case week point number group fact"


def text(topic, rng):
    own, common = TOPICS[topic].split(), COMMON.split()
    return " ".join(rng.choice(own if rng.random() < 0.5 else common) for _ in range(40))


def corpus():
    """train/ and test/: a folder a topic; the test set as lines, too, with labels beside it."""
    rng = random.Random(7)
    for split, count in (("train", 60), ("test", 25)):
        for topic in TOPICS:
            os.makedirs(f"{split}/{topic}")
            for i in range(count):
                with open(f"{split}/{topic}/{i:03}", "w") as f:
                    f.write(text(topic, rng) + "\n")
    for split in "train", "test":
        files = [(t, f"{split}/{t}/{name}") for t in sorted(TOPICS) for name in sorted(os.listdir(f"{split}/{t}"))]
        with open(f"{split}.txt", "w") as lines, open(f"{split}.labels", "w") as labels:
            for topic, path in files:
                lines.write(open(path).read())
                labels.write(topic + "\n")


def read_npy(name):
    """Rows of a two-dimensional array."""
    with open(name, "rb") as f:
        data = f.read()
    length = struct.unpack("<H", data[8:10])[0]
    head = eval(data[10 : 10 + length])
    code = {"<f4": "f", "|u1": "B"}[head["descr"]]
    rows, cols = head["shape"]
    flat = struct.unpack("<%d%s" % (rows * cols, code), data[10 + length :])
    return [flat[i * cols : (i + 1) * cols] for i in range(rows)]


def write_npy(name, rows, code):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }" % (
        {"f": "<f4", "B": "|u1"}[code], len(rows), len(rows[0]))
    head = (head.ljust(117) + "\n").encode()
    with open(name, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        for row in rows:
            f.write(struct.pack("<%d%s" % (len(row), code), *row))


def arrays():
    """Arrays of other programs, good and bad."""
    rng = random.Random(3)
    write_npy("random.npy", [[rng.randrange(256) for _ in range(4)] for _ in range(50)], "B")
    write_npy("nan.npy", [[1.0, 2.0]] * 49 + [[1.0, float("nan")]], "f")
    write_npy("float.npy", [[1.0, 0.0]] * 50, "f")
    write_npy("few.npy", [[1, 2, 3, 4]] * 3, "B")
    write_npy("one.npy", [[1, 2, 3, 4]], "B")


def scores(vectors, labels, report):
    """MAP and NDCG@10 by cosine, worked out anew."""
    rows = read_npy(vectors)
    rows = [[x / math.sqrt(sum(y * y for y in r)) for x in r] for r in rows]
    label = open(labels).read().split()
    precision, gain = [], []
    for q, query in enumerate(rows):
        order = sorted((d for d in range(len(rows)) if d != q),
                       key=lambda d: -sum(a * b for a, b in zip(query, rows[d])))
        relevant = [label[d] == label[q] for d in order]
        found = [sum(relevant[: i + 1]) / (i + 1) for i, r in enumerate(relevant) if r]
        precision.append(sum(found) / len(found))
        discount = [1 / math.log2(i + 2) for i in range(10)]
        gain.append(sum(d for d, r in zip(discount, relevant) if r) / sum(discount))
    row = next(r for r in json.load(open(report))["results"] if r["by"] == "vectors")
    assert abs(row["map"] - sum(precision) / len(rows)) < 1e-5, (row, sum(precision) / len(rows))
    assert abs(row["ndcg"] - sum(gain) / len(rows)) < 1e-5, (row, sum(gain) / len(rows))


def nearest(codes, queries, hits, k):
    """Hits of a search against all distances."""
    database, asked = read_npy(codes), read_npy(queries)
    lines = [json.loads(line) for line in open(hits)]
    assert len(lines) == len(asked)
    for query, line in zip(asked, lines):
        distance = [sum(bin(a ^ b).count("1") for a, b in zip(query, code)) for code in database]
        want = sorted(range(len(database)), key=lambda i: (distance[i], i))[: int(k)]
        assert [h["id"] for h in line["hits"]] == want, line
        assert [h["distance"] for h in line["hits"]] == [distance[i] for i in want], line


def within(hits, radius):
    lines = [json.loads(line) for line in open(hits)]
    assert any(line["hits"] for line in lines)
    assert all(h["distance"] <= int(radius) for line in lines for h in line["hits"])


def live(program, model):
    """Each line is answered before the next is written."""
    p = subprocess.Popen([program, "bpv", "infer", model, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    for line in b"the ship and the harbour\n", b"xyzzy\n", b"\n", b"moon and orbit\n":
        p.stdin.write(line)
        p.stdin.flush()
        answer = json.loads(p.stdout.readline())
        assert answer.get("unknown", False) == (b"o" not in line), answer
        assert (int(answer["code"], 16) == 0) == (b"o" not in line), answer
    p.stdin.close()
    assert p.stdout.readline() == b"" and p.wait() == 0


def exports(codes, faiss, words):
    """The last bytes of Faiss's file are the codes; words are lines of as many numbers as said."""
    flat = b"".join(bytes(row) for row in read_npy(codes))
    data = open(faiss, "rb").read()
    assert data[:4] == b"IBxF" and data.endswith(flat)
    assert struct.unpack("<i", data[4:8])[0] == 8 * len(read_npy(codes)[0])
    lines = open(words).read().split("\n")
    count, dim = map(int, lines[0].split())
    assert lines[-1] == "" and len(lines) == count + 2
    for line in lines[1:-1]:
        assert len([float(x) for x in line.split()[1:]]) == dim
    names = {line.split()[0] for line in lines[1:-1]}
    assert "ship" in names and "moon" in names


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
