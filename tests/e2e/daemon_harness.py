"""What the cases of test_daemon.sh share: the audio, what is expected of it, and running them. Wants
voice.wav (16 kHz s16le) and voice.jsonl (what sylkit tokenize says of it) in the current folder."""
import json
import os
import time
import traceback
import wave

with wave.open("voice.wav") as w:
    PCM = w.readframes(w.getnframes())
SECONDS = len(PCM) / 32000
EXPECTED = [(s["start"], s["end"], s["token"])
            for s in json.loads(open("voice.jsonl").readline())["segments"]]
assert len(EXPECTED) >= 5
# A small model that hears a syllable in every frame or two: answers come fast, even from a program that a
# sanitizer makes slow.
TALKATIVE = ["--model", os.path.join(os.environ["PREFIX_SRC"], "tests", "golden", "hubert-base"),
             "--norm", "0", "--merge", "0.9999"]
CASES = []


def case(function):
    CASES.append(function)
    return function


def syllables(messages):
    return [(m["start"], m["end"], m["token"]) for m in messages if m["type"] == "syllable"]


def same(messages):
    kinds = [m["type"] for m in messages]
    assert kinds[0] == "ready" and kinds[-1] == "end", kinds
    got = syllables(messages)
    assert len(got) == len(EXPECTED), (got, EXPECTED)
    for a, b in zip(got, EXPECTED):
        assert abs(a[0] - b[0]) < 1e-6 and abs(a[1] - b[1]) < 1e-6 and a[2] == b[2], (a, b)
    assert messages[-1]["reason"] == "eof" and messages[-1]["syllables"] == len(EXPECTED)
    assert abs(messages[-1]["audio"] - SECONDS) < 1e-3, messages[-1]


def whole(messages):
    """Of the talkative model: all of the audio was heard, and much said."""
    assert len(syllables(messages)) > 10 * SECONDS, len(messages)
    assert messages[-1]["reason"] == "eof" and abs(messages[-1]["audio"] - SECONDS) < 1e-3, messages[-1]


def error(messages, code, word=""):
    assert messages and messages[-1]["type"] == "error", messages
    assert messages[-1]["code"] == code and word in messages[-1]["message"], messages[-1]


def main(names):
    failures = 0
    with open("pcm", "wb") as file:
        file.write(PCM)
    for function in CASES:
        if names and function.__name__ not in names:
            continue
        begin = time.time()
        try:
            function()
            print("ok: %s (%.1f s)" % (function.__name__, time.time() - begin), flush=True)
        except BaseException:
            failures += 1
            print("FAIL: %s\n%s" % (function.__name__, traceback.format_exc()), flush=True)
    return 1 if failures else 0
