#!/usr/bin/env python3
"""usage: senseval.py ARCHIVE OUT: senseval.zip (hard, interest, line and serve as XML: <instance>s, whose <context>
has the word in <head> and whose <answer>s are its senses) -> OUT/dataset.txt and OUT/key.txt in the format of
SemEval-2010 as `sylkit dsg eval wsi` reads it."""
import os
import sys
import xml.etree.ElementTree as tree
import zipfile


def words(element, before, after, seen):
    """The text of `element` goes to the list `before` up to <head> and to `after` behind it; -> whether <head> has
    been seen."""
    for text, child in [(element.text, None)] + [part for e in element for part in ((None, e), (e.tail, None))]:
        if text:
            (after if seen else before).extend(text.split())
        if child is not None and child.tag == "head":
            if seen:
                raise ValueError("two <head>s in a context")
            seen = True
        elif child is not None:
            seen = words(child, before, after, seen)
    return seen


def read(xml):
    """-> [(target, [(left, right, [sense])])] of a corpus file's bytes."""
    targets = []
    for item in tree.fromstring(xml).iter("lexelt"):
        name = ".".join(item.get("item").rsplit("-", 1))
        contexts = []
        for instance in item.iter("instance"):
            left, right = [], []
            senses = [a.get("senseid") for a in instance.iter("answer")]
            if not words(instance.find("context"), left, right, False) or not senses:
                raise ValueError("no <head> or no <answer> in " + instance.get("id"))
            contexts.append((" ".join(left), " ".join(right), senses))
        targets.append((name, contexts))
    return targets


def write(targets, out):
    with open(out + "/dataset.txt.part", "w", encoding="utf-8") as dataset, \
            open(out + "/key.txt.part", "w", encoding="utf-8") as key:
        for name, contexts in targets:
            dataset.write("%s %d\n" % (name, len(contexts)))
            for n, (left, right, senses) in enumerate(contexts, 1):
                dataset.write(left + "\t" + right + "\n")
                key.write("%s %s.%d %s\n" % (name, name, n, " ".join(name + "." + s for s in senses)))
    for file in ("key.txt", "dataset.txt"):
        os.replace(out + "/" + file + ".part", out + "/" + file)


def main(archive, out):
    targets = []
    with zipfile.ZipFile(archive) as z:
        for name in sorted(n for n in z.namelist() if n.endswith(".pos")):
            try:
                targets += read(z.read(name))
            except (tree.ParseError, ValueError, AttributeError) as e:
                sys.exit("senseval.py: %s in %s: %s" % (name, archive, e))
    if not targets:
        sys.exit("senseval.py: no .pos files in " + archive)
    os.makedirs(out, exist_ok=True)
    write(targets, out)
    for name, contexts in targets:
        print("%s: %d contexts, %d senses" % (name, len(contexts), len({s for c in contexts for s in c[2]})))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
