#!/usr/bin/env python3
"""usage: valid_labels.py DATA OUT.json: recordings to choose checkpoints and thresholds by, of voices
that no training hears and in sets that nothing is scored on: the Russian reader's sentences that are
not scored (20), festival-ked and flite-awb (15 each). Keys are paths below DATA."""
import json
import pathlib
import sys

data, out = pathlib.Path(sys.argv[1]), sys.argv[2]
chosen = []


def take(folder, labels, keys):
    for u in labels:
        if u["key"] in keys:
            chosen.append({**u, "key": f"{folder}/{u['key'].replace('/', '__')}"})


russian = data / "russian/reader-ru.json"
if russian.exists():
    labels = json.loads(russian.read_text())
    scored = {u["key"] for u in json.loads((data / "russian/reader-ru-score.json").read_text())}
    free = [u["key"] for u in labels if u["key"] not in scored]
    take("russian/reader-ru", labels, set(free[5::28][:20]))
for voice in ("festival-ked", "flite-awb"):
    labels = json.loads((data / f"synthetic/{voice}.json").read_text())
    take(f"synthetic/{voice}", labels, {u["key"] for u in labels[:15]})
pathlib.Path(out).write_text(json.dumps(chosen))
