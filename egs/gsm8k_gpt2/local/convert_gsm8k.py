#!/usr/bin/env python3
"""GSM8K as published, JSON lines of question and worked answer ("... <<48/2=24>>24 ...", "#### 72"), to
the form of GSM8K-Aug: [{"question", "steps": ["<<48/2=24>>", ..., "72"], "answer": "72"}, ...]. Samples
whose last equation does not give the answer are left out, as the authors of GSM8K-Aug did (arXiv
2405.14838), and so are those without an equation.

    convert_gsm8k.py train.jsonl[.xz] train.json
"""
import argparse
import json
import lzma
import re
import sys

EQUATION = re.compile(r"<<([^<>=]*)=([^<>=]*)>>")


def number(text):
    """"1,000.50" -> "1000.5"; None where it is none."""
    text = text.replace(",", "").replace("$", "").strip()
    if not re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", text):
        return None
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.lstrip("0") or "0" if text[:2] != "0." else text


def convert(sample):
    """The converted sample, or None."""
    worked, mark, answer = sample["answer"].rpartition("####")
    answer = number(answer)
    equations = [(re.sub("[ ,$]", "", a), number(b)) for a, b in EQUATION.findall(worked)]
    if not mark or answer is None or not equations or any(b is None for _, b in equations):
        return None
    if equations[-1][1] != answer:
        return None
    question = " ".join(sample["question"].split("\n")).strip()
    return {"question": question, "steps": [f"<<{a}={b}>>" for a, b in equations] + [answer], "answer": answer}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    args = parser.parse_args()
    opener = lzma.open if args.source.endswith(".xz") else open
    with opener(args.source, "rt", encoding="utf-8") as f:
        samples = [json.loads(line) for line in f if line.strip()]
    kept = [c for c in map(convert, samples) if c]
    with open(args.target, "w", encoding="utf-8") as f:
        json.dump(kept, f, ensure_ascii=False, indent=1)
    print(f"{len(kept)} of {len(samples)} samples", file=sys.stderr)


if __name__ == "__main__":
    main()
