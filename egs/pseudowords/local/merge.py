"""Pseudo-words: pairs of words of a collection of posts become one word each.

merge.py [--pairs N] [--seed N] FOLDER VOCABULARY OUT

FOLDER holds 20news-bydate-train and -test, VOCABULARY has WORD<TAB>COUNT lines (sylkit dsg train
--save-vocabulary): words that are not there, as stop words, stay as they are. Candidates have 250 to 1500
occurrences, 4 letters, and stand in 120 posts; they come by the hash of seed and word, and each is merged
with the next whose count is within a factor of two. Writes
below OUT: text (a post a line), contexts and key (as of SemEval-2010, read by sylkit dsg eval wsi), and
pairs."""
import argparse
import collections
import hashlib
import os
import re

CONTEXT = 60  # words to each side of an occurrence, more than any window takes


def posts(folder):
    """Bodies of posts as lists of words, in the order of their names."""
    for split in ("20news-bydate-train", "20news-bydate-test"):
        for group in sorted(os.listdir(os.path.join(folder, split))):
            place = os.path.join(folder, split, group)
            for name in sorted(os.listdir(place)):
                with open(os.path.join(place, name), encoding="latin-1") as f:
                    text = f.read()
                yield re.findall("[a-z]+", text.partition("\n\n")[2].lower())


def candidates(bodies, counts, seed):
    spread = collections.Counter(w for body in bodies for w in set(body))
    words = [w for w, n in counts.items() if 250 <= n <= 1500 and len(w) >= 4 and spread[w] >= 120]
    return sorted(words, key=lambda w: hashlib.sha256(f"{seed} {w}".encode()).digest())


def pair_up(words, counts, most):
    pairs, used = [], set()
    for i, one in enumerate(words):
        if one in used or len(pairs) == most:
            continue
        for other in words[i + 1:]:
            if other not in used and 0.5 <= counts[other] / counts[one] <= 2:
                pairs.append((one, other))
                used |= {one, other}
                break
    return pairs


def name_of(i):
    """A name of letters, as words are: pseudoaa, pseudoab, ..."""
    return "pseudo" + chr(97 + i // 26) + chr(97 + i % 26)


def write(out, bodies, pairs):
    where = {w: (i, sense) for i, pair in enumerate(pairs) for sense, w in enumerate(pair)}
    contexts = [[] for _ in pairs]
    with open(os.path.join(out, "text"), "w") as f:
        for body in bodies:
            words = [name_of(where[w][0]) if w in where else w for w in body]
            print(" ".join(words), file=f)
            for at, w in enumerate(body):
                if w in where:
                    i, sense = where[w]
                    left, right = words[max(0, at - CONTEXT):at], words[at + 1:at + 1 + CONTEXT]
                    contexts[i].append((" ".join(left), " ".join(right), sense))
    with open(os.path.join(out, "contexts"), "w") as f, open(os.path.join(out, "key"), "w") as key:
        for i, found in enumerate(contexts):
            print(f"{name_of(i)}.x {len(found)}", file=f)
            for number, (left, right, sense) in enumerate(found, 1):
                print(f"{left}\t{right}", file=f)
                print(f"{name_of(i)}.x {name_of(i)}.x.{number} {name_of(i)}.x.{sense + 1}", file=key)
    with open(os.path.join(out, "pairs"), "w") as f:
        for i, pair in enumerate(pairs):
            print(name_of(i), *pair, sep="\t", file=f)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folder")
    parser.add_argument("vocabulary")
    parser.add_argument("out")
    a = parser.parse_args()
    with open(a.vocabulary, encoding="utf-8") as f:
        known = {line.split("\t")[0] for line in f}
    bodies = list(posts(a.folder))
    counts = collections.Counter(w for body in bodies for w in body if w in known)
    pairs = pair_up(candidates(bodies, counts, a.seed), counts, a.pairs)
    if not 0 < len(pairs) <= 26 * 26:
        raise SystemExit(f"{len(pairs)} pairs of words; give another number of them, or more posts")
    write(a.out, bodies, pairs)
    print(f"{len(bodies)} posts, {len(pairs)} pseudo-words")


if __name__ == "__main__":
    main()
