#!/usr/bin/env python3
"""Counts of data sets of questions, steps and answers side by side: sentences, tokens, and for graphs
(ProsQA) nodes, edges, parents and distances, for plans (Blocksworld) the fewest moves by a search of
its own. Prints a table.

    compare_sets.py published/valid.json.xz generated.json ...
"""
import argparse
import collections
import json
import lzma
import re

FACT = re.compile(r"(Every )?(\w+) is an? (\w+)\.")
WORD = re.compile(r"[^\W\d_]+|\d|([^\w\s])\1*")
STATE = re.compile(r"(\w) is on (\w|the table)[,.]")


def load(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rt", encoding="utf-8") as f:
        return json.load(f)


def mean(values):
    values = list(values)
    return sum(values) / max(1, len(values))


def tokens(text):
    return sum(1 for _ in WORD.finditer(text))


def reasoning(sample):
    """The steps without the answer's sentence."""
    steps = sample["steps"]
    return steps[:-1] if steps and steps[-1].startswith("###") else steps


def lengths_from(root, edges):
    children = collections.defaultdict(list)
    for a, b in edges:
        children[a].append(b)
    distance, queue = {root: 0}, [root]
    for node in queue:
        for child in children[node]:
            if child not in distance:
                distance[child] = distance[node] + 1
                queue.append(child)
    return distance


def graph_counts(samples):
    rows = collections.defaultdict(list)
    parents = collections.Counter()
    for s in samples:
        edges = [(m.group(2), m.group(3)) for m in FACT.finditer(s["question"])]
        nodes = {n for e in edges for n in e}
        who, one, two = re.search(r"Is (\w+) an? (\w+) or (\w+)\?$", s["question"]).groups()
        distance = lengths_from(who, edges)
        right = [x for x in (one, two) if x in distance]
        rows["nodes"].append(len(nodes))
        rows["edges"].append(len(edges))
        rows["people"].append(sum(n[0].isupper() for n in nodes))
        rows["one choice only is reachable"].append(len(right) == 1)
        rows["steps are a shortest path"].append(len(reasoning(s)) == distance[right[0]])
        rows["right choice first"].append(right[0] == one)
        parents.update(collections.Counter(b for _, b in edges).values())
    total = sum(parents.values())
    for n in range(1, 6):
        rows[f"nodes with {n} parents, %"] = [100 * parents[n] / total]
    return rows


def blocks(text):
    return {a: b for a, b in STATE.findall(text)}


def fewest_moves(start, goal):
    """Breadth first; states as sorted tuples."""
    goal = tuple(sorted(goal.items()))
    start = tuple(sorted(start.items()))
    seen, layer, depth = {start}, [start], 0
    while goal not in seen:
        layer_next = []
        for state in layer:
            on = dict(state)
            clear = [b for b in on if b not in on.values()]
            for block in clear:
                for to in clear + ["the table"]:
                    if to in (block, on[block]):
                        continue
                    after = tuple(sorted({**on, block: to}.items()))
                    if after not in seen:
                        seen.add(after)
                        layer_next.append(after)
        layer, depth = layer_next, depth + 1
    return depth


def plan_counts(samples, most):
    rows = collections.defaultdict(list)
    for s in samples:
        rows["moves"].append(int(s["answer"]))
    for s in samples[:most]:
        start, goal = s["question"].split("Goal state: ")
        start = blocks(start.split("Initial state: ")[1])
        rows["the answer is the fewest"].append(fewest_moves(start, blocks(goal)) == int(s["answer"]))
    return rows


def counts(samples, most):
    rows = {
        "samples": [len(samples)],
        "tokens of a question": [tokens(s["question"]) for s in samples],
        "sentences before the answer": [len(reasoning(s)) for s in samples],
        "tokens of a sentence": [tokens(x) for s in samples for x in reasoning(s)],
    }
    if "pus" in samples[0]["question"]:
        rows.update(graph_counts(samples))
        steps = collections.Counter(len(reasoning(s)) for s in samples)
        for n in range(2, 7):
            rows[f"paths of {n} steps, %"] = [100 * steps[n] / len(samples)]
    if "Initial state" in samples[0]["question"]:
        rows.update(plan_counts(samples, most))
    return {name: mean(values) for name, values in rows.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--plans", type=int, default=5, help="to search the fewest moves of (%(default)s)")
    args = parser.parse_args()
    columns = [counts(load(path), args.plans) for path in args.files]
    for path in args.files:
        print(" " * 36, path)
    for name in dict.fromkeys(n for c in columns for n in c):
        print(f"{name:36}", *(f"{c[name]:10.2f}" if name in c else " " * 10 for c in columns))


if __name__ == "__main__":
    main()
