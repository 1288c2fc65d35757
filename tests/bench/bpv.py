#!/usr/bin/env python3
"""Training of document vectors beside gensim's Doc2Vec (PV-DBOW), in turns in one run.

    tests/bench/bpv.py --bench ./tests/bench/bench_bpv [--corpus FILE]

Both read the same documents, a line each, into memory before the clock starts, keep every word
and go over them so many times; same dimension, same negatives for each word. sylkit trains with a
sampled softmax over negatives that 25 words share, rounded codes and dropout (binary-dbow), or
real vectors (dbow); its defaults, 32 negatives, stand in a row of their own. Without a corpus one
is made: words by Zipf's law. What this interpreter lacks is left out.
"""
import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time


def fit(path, dim, negatives, epochs, threads):
    """gensim in this process: words and seconds."""
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument
    with open(path, encoding="ascii") as lines:
        documents = [TaggedDocument(line.split(), [i]) for i, line in enumerate(lines)]
    model = Doc2Vec(dm=0, vector_size=dim, negative=negatives, min_count=1, sample=0,
                    workers=threads, epochs=epochs)
    model.build_vocab(documents)
    begin, processor = time.monotonic(), time.process_time()
    model.train(documents, total_examples=model.corpus_count, epochs=epochs)
    return {"words": epochs * sum(len(d.words) for d in documents),
            "seconds": time.monotonic() - begin, "processor": time.process_time() - processor}


def make_corpus(path, words):
    chance = random.Random(1)
    letters = "abcdefghijklmnopqrst"
    vocabulary = ["w" + letters[i // 8000] + letters[i // 400 % 20] + letters[i // 20 % 20] +
                  letters[i % 20] for i in range(60000)]
    weights = [1 / (i + 10) for i in range(len(vocabulary))]
    with open(path, "w", encoding="ascii") as out:
        for _ in range(words // 170):
            out.write(" ".join(chance.choices(vocabulary, weights, k=170)) + "\n")


def run(name, args, path, threads):
    peer, kind, negatives = name
    if peer == "gensim":
        command = [sys.executable, __file__, "--fit", path, str(args.dim), str(negatives),
                   str(args.epochs), str(threads)]
    else:
        command = [args.bench, str(kind), str(args.dim), str(negatives), str(args.epochs),
                   str(threads), path]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    return result["words"] / result["seconds"], result["words"] / result["processor"]


def main():
    if sys.argv[1:2] == ["--fit"]:
        print(json.dumps(fit(sys.argv[2], *map(int, sys.argv[3:]))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--corpus", help="lower-case words of 2 to 15 letters, a document a line")
    parser.add_argument("--words", type=int, default=1000000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--negatives", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    rows = {"sylkit dbow": ("sylkit", 0, args.negatives),
            "sylkit binary-dbow": ("sylkit", 2, args.negatives),
            "sylkit binary-dbow, its defaults": ("sylkit", 2, 0)}
    if importlib.util.find_spec("gensim"):
        rows["gensim Doc2Vec dm=0"] = ("gensim", 0, args.negatives)
    print(f"Paragraph vectors of {args.dim}, {args.negatives} negatives, {args.epochs} epochs, "
          f"median (least to most) of {args.runs}, load {os.getloadavg()[0]:.2f}\n")
    print("| threads | program | words/s | words/s of processor | times as fast as gensim |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        path = args.corpus
        if not path:
            path = os.path.join(work, "corpus.txt")
            make_corpus(path, args.words)
        for threads in (1, 2):
            results = {name: [] for name in rows}
            for _ in range(args.runs):
                for name, what in rows.items():
                    results[name].append(run(what, args, path, threads))
            of_peer = results.get("gensim Doc2Vec dm=0")
            peer = statistics.median(s for s, _ in of_peer) if of_peer else None
            for name, speeds in results.items():
                speed = sorted(s for s, _ in speeds)
                median = statistics.median(speed)
                times = f"{median / peer:.1f}" if peer else "-"
                print(f"| {threads} | {name} | {median:.0f} ({speed[0]:.0f} to {speed[-1]:.0f}) | "
                      f"{statistics.median(p for _, p in speeds):.0f} | {times} |", flush=True)


main()
