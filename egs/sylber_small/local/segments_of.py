#!/usr/bin/env python3
"""usage: segments_of.py SEGMENTS.jsonl LIST OUT.json: the segments of the listed recordings as a
reference for sylkit eval. Recordings without any are left out."""
import json
import pathlib
import sys

wanted = {pathlib.Path(x.strip()).resolve(): x.strip() for x in open(sys.argv[2])}
out = []
for line in open(sys.argv[1], encoding="utf-8"):
    item = json.loads(line)
    path = pathlib.Path(item["file"])
    if path.resolve() in wanted and item["segments"]:
        out.append({"key": path.stem, "syl": [[s["start"], s["end"], ""] for s in item["segments"]]})
pathlib.Path(sys.argv[3]).write_text(json.dumps(out))
