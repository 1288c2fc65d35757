#!/usr/bin/env python3
"""Makes the table of score.sh, its only user.

usage: score_table.py OUT MODEL OPTIONS NAME...

Reads OUT/NAME.ref.json, the labels, OUT/NAME.jsonl of sylkit tokenize, OUT/NAME.{50,20}.json of
sylkit eval and OUT/nonspeech.jsonl; writes OUT/score.md and OUT/score.jsonl.
"""
import datetime
import hashlib
import json
import os
import sys

MEANING = {"en-score": "en-score, prompts not for the probe", "en-all": "en-all, all aligned prompts"}


def seconds_and_segments(path):
    """[(file, seconds, segments)], silences not counted"""
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return [(u["file"], u["num_samples"] / u["sample_rate"],
             [s for s in u["segments"] if not s.get("silence")]) for u in lines]


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def boundary_row(out, name):
    found = seconds_and_segments(os.path.join(out, name + ".jsonl"))
    wide, narrow = (load(os.path.join(out, f"{name}.{ms}.json"))["scores"][0] for ms in (50, 20))
    reference = sum(len(u["syl"]) for u in load(os.path.join(out, name + ".ref.json")))
    seconds, count = sum(s for _, s, _ in found), sum(len(x) for _, _, x in found)
    return {"set": name, "recordings": len(found), "seconds": round(seconds, 2), "f1": wide["f1"],
            "precision": wide["precision"], "recall": wide["recall"], "r_value": wide["r_value"],
            "f1_20ms": narrow["f1"], "segments": count, "tokens_per_second": count / seconds,
            "syllables": reference, "syllables_per_second": reference / seconds,
            "hyp_boundaries": wide["hyp_boundaries"], "ref_boundaries": wide["ref_boundaries"]}


def silence_row(out):
    found = seconds_and_segments(os.path.join(out, "nonspeech.jsonl"))
    counts = {os.path.splitext(os.path.basename(f))[0]: len(x) for f, _, x in found}
    return {"set": "nonspeech", "recordings": len(found), "seconds": round(sum(s for _, s, _ in found), 2),
            "segments": sum(counts.values()), "files_with_segments": {k: n for k, n in counts.items() if n}}


def sha256(path):
    try:
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()
    except IsADirectoryError:
        return "a folder"


def markdown(rows, silent, model, options):
    load_average = os.getloadavg()[0]
    text = [f"`score.sh {model} DATA OUT{' ' + options if options else ''}`, model sha256 {sha256(model)[:12]}, "
            f"{datetime.date.today()}, load average {load_average:.1f}; no randomness in scoring.", "",
            "Unique starts and ends, no shift, P, R, F1 and R-value at 50 ms.", "",
            "| set | recordings | P | R | F1 | R-value | F1 at 20 ms | tokens/s | "
            "syllables/s |", "|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        text.append(f"| {MEANING.get(r['set'], r['set'])} | {r['recordings']} | {r['precision']:.3f} | {r['recall']:.3f} "
                    f"| {r['f1']:.3f} | {r['r_value']:.3f} | {r['f1_20ms']:.3f} | {r['tokens_per_second']:.2f} "
                    f"| {r['syllables_per_second']:.2f} |")
    where = ", ".join(f"{k} {n}" for k, n in silent["files_with_segments"].items())
    text += ["", f"Segments on {silent['recordings']} files of silence and noise, {silent['seconds']:.0f} s (0 is right): "
             f"{silent['segments']}{' (' + where + ')' if where else ''}."]
    return "\n".join(text) + "\n"


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    out, model, options, *names = sys.argv[1:]
    try:
        rows, silent = [boundary_row(out, n) for n in names], silence_row(out)
        with open(os.path.join(out, "score.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"model": model, "options": options, **r}) + "\n" for r in rows + [silent])
        with open(os.path.join(out, "score.md"), "w", encoding="utf-8") as f:
            f.write(markdown(rows, silent, model, options))
    except (OSError, ValueError, KeyError, IndexError) as e:
        sys.exit(f"score_table.py: {out}: {type(e).__name__}: {e}")


if __name__ == "__main__":
    main()
