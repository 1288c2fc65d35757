#!/usr/bin/env python3
"""Words a second of our skip-gram beside gensim's Word2Vec, in turns: the same corpus, dimensions,
window and negatives; then what senses cost.

The corpus is --text (lines of words separated by spaces), or drawn by Zipf's law.
Wants numpy and gensim (PyPI)."""
import argparse
import collections
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import numpy
    from gensim.models import Word2Vec
except ImportError as e:
    print("dsg.py: %s; skipped" % e)
    sys.exit(0)


def draw(path, words):
    rng = random.Random(1)
    weight = [1 / (i + 2) for i in range(60000)]
    drawn = rng.choices(range(len(weight)), weight, k=words)
    with open(path, "w") as f:
        for i in range(0, words, 20):
            f.write(" ".join("w%d" % w for w in drawn[i:i + 20]) + "\n")


def encode(path, folder, min_count):
    """The corpus as ids by decreasing count; words without an id left out."""
    lines = [line.split() for line in open(path)]
    count = collections.Counter(w for line in lines for w in line)
    vocabulary = [w for w, n in count.most_common() if n >= min_count]
    number = {w: i for i, w in enumerate(vocabulary)}
    items, ends = [], [0]
    for line in lines:
        items += [number[w] for w in line if w in number]
        ends.append(len(items))
    numpy.array(items, numpy.int32).tofile(folder + "/tok")
    numpy.array(ends, numpy.int64).tofile(folder + "/off")
    numpy.array([count[w] for w in vocabulary], numpy.int64).tofile(folder + "/cnt")
    numpy.full(len(items), -1, numpy.int8).tofile(folder + "/gold")
    return len(items), len(vocabulary)


def gensim_speed(path, words, args, threads):
    model = Word2Vec(sg=1, hs=0, negative=args.negative, vector_size=args.dim, window=args.window,
                     sample=args.sample, min_count=args.min_count, workers=threads, seed=1)
    model.build_vocab(corpus_file=path)
    began = time.monotonic()
    model.train(corpus_file=path, total_words=model.corpus_total_words, epochs=args.epochs)
    return words * args.epochs / (time.monotonic() - began)


def our_speed(folder, args, threads, senses):
    command = [args.bench, folder, senses, args.dim, args.window, args.negative, args.sample,
               args.epochs, threads]
    out = subprocess.run([str(x) for x in command], check=True, stdout=subprocess.PIPE,
                         env=dict(os.environ, OMP_WAIT_POLICY="passive")).stdout
    return float(out)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--bench", default="./tests/bench/bench_dsg")
    a.add_argument("--text")
    a.add_argument("--words", type=int, default=1000000)
    a.add_argument("--dim", type=int, default=100)
    a.add_argument("--window", type=int, default=5)
    a.add_argument("--negative", type=int, default=5)
    a.add_argument("--sample", type=float, default=1e-3)
    a.add_argument("--min-count", type=int, default=5)
    a.add_argument("--epochs", type=int, default=1)
    a.add_argument("--senses", type=int, default=5)
    a.add_argument("--turns", type=int, default=3)
    args = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.text or folder + "/corpus.txt"
        if not args.text:
            draw(path, args.words)
        words, vocabulary = encode(path, folder, args.min_count)
        print("%d words, vocabulary %d; dim %d, window %d, %d negatives, sample %g, load %.1f"
              % (words, vocabulary, args.dim, args.window, args.negative, args.sample,
                 os.getloadavg()[0]))
        for threads in (1, 2):
            speed = {"gensim": [], "plain": [], "senses": []}
            for _ in range(args.turns):
                speed["gensim"].append(gensim_speed(path, words, args, threads))
                speed["plain"].append(our_speed(folder, args, threads, 1))
                speed["senses"].append(our_speed(folder, args, threads, args.senses))
            m = {k: statistics.median(v) for k, v in speed.items()}
            print("%d thread%s: gensim %.0f words/s, ours %.0f (%.2f times); %d senses %.0f "
                  "(%.2f times the cost)" % (threads, "s"[:threads - 1], m["gensim"], m["plain"],
                                             m["plain"] / m["gensim"], args.senses, m["senses"],
                                             m["plain"] / m["senses"]))


main()
