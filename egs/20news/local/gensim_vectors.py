"""Doc2Vec (PV-DBOW, gensim) on the same words: gensim_vectors.py TRAIN TEST VOCABULARY NAMES DIM SEED OUT.npy

TRAIN and TEST are folders of groups of posts, VOCABULARY has ITEM<TAB>COUNT lines (sylkit bpv export
--vocabulary), NAMES the order of TEST's posts (GROUP/POST, a line each). Settings are those common for this corpus: 20
epochs, 10 negatives, words that occur twice; one worker, so that the seed decides the result."""
import os
import re
import sys

import numpy as np
from gensim.models.doc2vec import Doc2Vec, TaggedDocument


def words(path, known):
    with open(path, encoding="latin-1") as f:
        return [w for w in re.findall("[a-z]+", f.read().lower()) if w in known]


def main(train, test, vocabulary, names, dim, seed, out):
    with open(vocabulary, encoding="utf-8") as f:
        known = {line.split("\t")[0] for line in f}
    posts = sorted(os.path.join(group, post) for group in os.listdir(train)
                   for post in os.listdir(os.path.join(train, group)))
    corpus = [TaggedDocument(words(os.path.join(train, p), known), [i]) for i, p in enumerate(posts)]
    model = Doc2Vec(corpus, dm=0, vector_size=int(dim), negative=10, hs=0, epochs=20, min_count=2,
                    workers=1, seed=int(seed))
    with open(names, encoding="utf-8") as f:
        order = f.read().split("\n")[:-1]
    vectors = []
    for name in order:
        model.random.seed(int(seed))
        vectors.append(model.infer_vector(words(os.path.join(test, name), known)))
    np.save(out, np.asarray(vectors, dtype=np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
