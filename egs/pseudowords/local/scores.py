"""What else there is to compare with: k-means of contexts, and naive Bayes that has seen the key.

scores.py --window N --contexts FILE --key FILE labels LABELS
scores.py --window N --contexts FILE --key FILE k-means VECTORS K SEED
scores.py --window N --contexts FILE --key FILE supervised VECTORS

LABELS is what sylkit dsg eval wsi --labels wrote, VECTORS what sylkit dsg export --vectors output wrote; the
words around an occurrence are the nearest that have a vector. k-means is of the mean output vectors (ten
starts); naive Bayes counts the words around, in five folds, for a ceiling. Prints the adjusted Rand index and
the purity, means over words."""
import argparse
import collections

import numpy as np


def read_vectors(path):
    with open(path, encoding="utf-8") as f:
        count, dim = map(int, f.readline().split())
        words, vectors = {}, np.empty((count, dim), np.float32)
        for i, line in enumerate(f):
            word, *numbers = line.split()
            words[word] = i
            vectors[i] = numbers
    return words, vectors


def read_senses(path):
    senses = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as f:
        for line in f:
            target, instance, sense = line.split()
            senses[target][int(instance.rpartition(".")[2])] = sense
    return {t: [s[i] for i in sorted(s)] for t, s in senses.items()}


def read_contexts(path, words, window):
    """Ids of the words around for each occurrence of each target."""
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            target, count = line.split()
            found[target] = []
            for _ in range(int(count)):
                left, right = (side.split() for side in f.readline().rstrip("\n").split("\t"))
                near = [words[w] for w in left if w in words][-window:]
                found[target].append(near + [words[w] for w in right if w in words][:window])
    return found


def numbered(labels):
    return np.unique(labels, return_inverse=True)[1]


def table_of(gold, found):
    table = np.zeros((gold.max() + 1, found.max() + 1))
    np.add.at(table, (gold, found), 1)
    return table


def adjusted_rand(gold, found):
    table = table_of(gold, found)
    pairs = lambda x: float((x * (x - 1) / 2).sum())
    both, rows, columns, all_pairs = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(table.sum())
    chance, most = rows * columns / all_pairs, (rows + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def purity(gold, found):
    return table_of(gold, found).max(0).sum() / len(gold)


def k_means(x, k, rng, starts=10, turns=50):
    best, best_error = None, np.inf
    for _ in range(starts):
        centres = x[rng.choice(len(x), k, replace=False)]
        for _ in range(turns):
            distance = (centres ** 2).sum(1) - 2 * x @ centres.T
            found = distance.argmin(1)
            centres = np.stack([x[found == j].mean(0) if (found == j).any() else centres[j] for j in range(k)])
        error = distance.min(1).sum()
        if error < best_error:
            best, best_error = found, error
    return best


def naive_bayes(contexts, gold, size):
    counts = np.zeros((len(contexts), size), np.float32)
    for i, near in enumerate(contexts):
        np.add.at(counts[i], near, 1)
    counts = counts[:, counts.sum(0) > 0]
    found, folds = np.zeros(len(gold), int), np.arange(len(gold)) % 5
    for fold in range(5):
        seen, score = folds != fold, []
        for sense in range(gold.max() + 1):
            of_words = counts[seen & (gold == sense)].sum(0) + 0.5
            score.append(counts @ np.log(of_words / of_words.sum()) + np.log((gold[seen] == sense).mean()))
        found[~seen] = np.argmax(score, 0)[~seen]
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--window", type=int, required=True)
    parser.add_argument("--contexts", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("what", choices=["labels", "k-means", "supervised"])
    parser.add_argument("rest", nargs="+")
    a = parser.parse_args()
    key = {t: numbered(s) for t, s in read_senses(a.key).items()}
    if a.what == "labels":
        found = {t: numbered(s) for t, s in read_senses(a.rest[0]).items()}
    else:
        words, vectors = read_vectors(a.rest[0])
        contexts = read_contexts(a.contexts, words, a.window)
        found = {}
        for t in key:
            if a.what == "supervised":
                found[t] = naive_bayes(contexts[t], key[t], len(words))
            else:
                rng = np.random.default_rng(int(a.rest[2]))
                means = np.stack([vectors[c].mean(0) if c else vectors[0] * 0 for c in contexts[t]])
                found[t] = k_means(means, int(a.rest[1]), rng)
    ari = np.mean([adjusted_rand(key[t], found[t]) for t in key])
    pure = np.mean([purity(key[t], found[t]) for t in key])
    print(f"ARI {ari:.3f} purity {pure:.3f}")


if __name__ == "__main__":
    main()
