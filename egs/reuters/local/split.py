"""Reuters-21578's SGML as texts and labels, ModApte split: split.py FOLDER OUT

Documents with TOPICS="YES" and LEWISSPLIT="TRAIN" or "TEST" become OUT/train.txt and OUT/test.txt (a line
each: NEWID, a tab, title and body) and OUT/train.labels, OUT/test.labels (topics, "-" where there are none)."""
import html
import os
import re
import sys

DOCUMENT = re.compile("<REUTERS(.*?)>(.*?)</REUTERS>", re.S)
ATTRIBUTE = re.compile('(\\w+)="(.*?)"')
TAG = re.compile("<.*?>", re.S)


def part(body, tag):
    found = re.search(f"<{tag}.*?>(.*?)</{tag}>", body, re.S)
    return found.group(1) if found else ""


def clean(text):
    """One line, without references to characters that are no text."""
    return " ".join("".join(c if c.isprintable() else " " for c in html.unescape(text)).split())


def documents(folder):
    files = sorted(f for f in os.listdir(folder) if f.endswith(".sgm"))
    if not files:
        sys.exit(f"split.py: {folder} has no .sgm files")
    for name in files:
        with open(os.path.join(folder, name), encoding="latin-1") as f:
            for head, body in DOCUMENT.findall(f.read()):
                yield dict(ATTRIBUTE.findall(head)), body


def main(folder, out):
    files = {(s, k): open(os.path.join(out, f"{s.lower()}.{k}"), "w", encoding="utf-8")
             for s in ("TRAIN", "TEST") for k in ("txt", "labels")}
    for head, body in documents(folder):
        split = head.get("LEWISSPLIT")
        if head.get("TOPICS") != "YES" or split not in ("TRAIN", "TEST"):
            continue
        topics = re.findall("<D>(.*?)</D>", part(body, "TOPICS"))
        text = part(body, "TEXT")
        words = clean(part(text, "TITLE") + " " + part(text, "BODY")) or clean(TAG.sub(" ", text))
        files[split, "txt"].write(f"{head['NEWID']}\t{words}\n")
        files[split, "labels"].write(" ".join(topics or ["-"]) + "\n")
    for f in files.values():
        f.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
