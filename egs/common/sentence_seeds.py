#!/usr/bin/env python3
"""sentence_seeds.py FOLDER...: results of `sylkit sent eval` of several seeds, FOLDER/*.json each, as one table in
Markdown: the mean of the accuracy and every seed's, of plans that lead to the goal where there are plans, operations
of an answer and against chain of thought, calls of a model one after the other (means)."""
import json
import pathlib
import statistics
import sys


def mean(results, key):
    return statistics.mean(r[key] for r in results)


def rates(results, key):
    values = [100 * r[key] for r in results if r and key in r]
    each = " / ".join(f"{100 * r[key]:.1f}" if r and key in r else "-" for r in results)
    return f"{statistics.mean(values):.1f} | {each}" if values else "| "


def main():
    seeds = [{p.stem: json.loads(p.read_text()) for p in sorted(pathlib.Path(f).glob("*.json"))} for f in sys.argv[1:]]
    names = sorted({name for s in seeds for name in s})
    plans = any("plans_valid" in r for s in seeds for r in s.values())
    cot = [s["cot"] for s in seeds if "cot" in s]
    titles = ["model", "accuracy", "seeds", *(["plans that hold", "seeds"] if plans else []),
              "MFLOP", "of chain of thought", "calls of a model"]
    print("|", " | ".join(titles), "|")
    print("|" + "---|" * len(titles))
    for name in names:
        results = [s.get(name) for s in seeds]
        there = [r for r in results if r]
        ratio = f"{mean(there, 'mflops') / mean(cot, 'mflops'):.3f}" if cot else ""
        cells = [name, rates(results, "accuracy"), *([rates(results, "plans_valid")] if plans else []),
                 f"{mean(there, 'mflops'):.2f}", ratio, f"{mean(there, 'calls'):.1f}"]
        print("|", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
