#!/usr/bin/env python3
"""usage: gensim_skipgram.py TEXT OUT SEED THREADS KEY=VALUE...: skip-gram of gensim's Word2Vec on lines of words with
blanks between; the vectors go to OUT in word2vec's text format. Wants gensim (PyPI)."""
import ast
import os
import sys
import time

from gensim import __version__
from gensim.models import Word2Vec


def main(text, out, seed, threads, *options):
    options = {k: ast.literal_eval(v) for k, v in (o.split("=") for o in options)}
    model = Word2Vec(sg=1, hs=0, seed=int(seed), workers=int(threads), **options)
    epochs = model.epochs
    model.build_vocab(corpus_file=text)
    began = time.monotonic()
    model.train(corpus_file=text, total_words=model.corpus_total_words, epochs=epochs)
    print("gensim %s: vocabulary of %d, %d words, %.1f s" % (__version__, len(model.wv), model.corpus_total_words,
                                                            time.monotonic() - began))
    model.wv.save_word2vec_format(out + ".part")
    os.replace(out + ".part", out)


main(*sys.argv[1:])
