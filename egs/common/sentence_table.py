#!/usr/bin/env python3
"""sentence_table.py FOLDER: the results of `sylkit sent eval` in FOLDER/*.json as one table.

Accuracy in all and by the number of sentences; where questions are about plans, the share of those that lead to
the goal, and of those that do so in the fewest moves; operations of an answer (logits of the prompt's last token
only / of all its tokens, as published), against chain of thought where cot.json is there; calls of a model one
after the other; milliseconds."""
import json
import pathlib
import sys


def main():
    folder = pathlib.Path(sys.argv[1])
    results = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    lengths = sorted({n for r in results.values() for n in r["by_sentences"]}, key=int)
    cot = results.get("cot")
    plans = [n for n in ("plans_valid", "plans_shortest") if any(n in r for r in results.values())]
    print(f"{'model':34} {'accuracy':>8}", *(f"{n + ' sent.':>8}" for n in lengths), *(f"{n:>14}" for n in plans),
          f"{'MFLOP':>9} {'ratio':>6} {'published':>9} {'ratio':>6} {'calls':>6} {'ms':>8}")
    for name, r in results.items():
        by = (r["by_sentences"].get(n) for n in lengths)
        ratios = [f"{r[key] / cot[key]:6.3f}" if cot else "     -" for key in ("mflops", "mflops_published")]
        print(f"{name:34} {100 * r['accuracy']:8.1f}",
              *(f"{100 * b['accuracy']:8.1f}" if b else f"{'-':>8}" for b in by),
              *(f"{100 * r[n]:14.1f}" if n in r else f"{'-':>14}" for n in plans),
              f"{r['mflops']:9.2f} {ratios[0]} {r['mflops_published']:9.2f} {ratios[1]} {r['calls']:6.1f} {r['ms']:8.2f}")


if __name__ == "__main__":
    main()
