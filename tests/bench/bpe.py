#!/usr/bin/env python3
"""Byte-level BPE beside Hugging Face's tokenizers and tiktoken, in turns in one run, one thread each.

    tests/bench/bpe.py --bench tests/bench/bench_tokens --vocabulary FOLDER|FILE --text FILE
                       [--megabytes N] [--rounds N]

FOLDER holds GPT-2's encoder.json and vocab.bpe; FILE is a tokenizer.json or (with the package gguf) a
GGUF file with GPT-2's or SmolLM2's tokenizer. The text's documents (they end behind "</doc>") are
encoded one by one. Each round times the encoding alone, in seconds of the processor: for the peers
encode_batch_fast and encode_ordinary, without what it takes to make lists of the result. All must
make the same tokens. What this interpreter lacks is left out.
"""
import argparse
import importlib.metadata
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
BATCH = 1000
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def has(module):
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        return None


def read_vocabulary(path):
    """-> tokens and their numbers, merges, whether digits stand alone; or the tokenizer.json's path."""
    if path.is_dir():
        lines = (path / "vocab.bpe").read_text(encoding="utf8").split("\n")[1:]
        return json.loads((path / "encoder.json").read_text()), [tuple(m.split(" ")) for m in lines if m], False
    if path.suffix == ".json":
        return path
    import gguf
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    return {t: i for i, t in enumerate(tokens)}, merges, fields["tokenizer.ggml.pre"].contents() == "smollm"


def hugging_face(vocabulary):
    from tokenizers import Tokenizer, models, pre_tokenizers
    if isinstance(vocabulary, pathlib.Path):
        return Tokenizer.from_file(str(vocabulary))
    ids, merges, digits = vocabulary
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    rule = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), rule]) if digits else rule
    return tokenizer


def tiktoken_encoding(vocabulary):
    """tiktoken takes ranks for numbers, so its tokens are mapped to ours afterwards."""
    import tiktoken
    ids, merges, digits = vocabulary
    shown = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    byte_of = {chr(b): b for b in shown}
    byte_of.update({chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in shown)})
    to_bytes = lambda token: bytes(byte_of[c] for c in token)
    names = sorted(byte_of, key=byte_of.get) + [a + b for a, b in merges]
    encoding = tiktoken.Encoding("bench", pat_str=r"\p{N}|" + GPT2 if digits else GPT2, special_tokens={},
                                 mergeable_ranks={to_bytes(t): i for i, t in enumerate(names)})
    return encoding, [ids.get(t, -1) for t in names]


def digest(batches):
    """The number of tokens and bench_tokens' hash of them."""
    count, h = 0, 0xcbf29ce484222325
    for ids in batches:
        for i in ids:
            h = (h ^ i) * 0x100000001b3 & 0xffffffffffffffff
        count += len(ids)
    return count, h


def timed(encode, texts, ids_of, check):
    """Seconds of the processor, and the digest where that is wanted."""
    seconds, made = 0.0, []
    for i in range(0, len(texts), BATCH):
        batch = texts[i:i + BATCH]
        begin = time.process_time()
        result = encode(batch)
        seconds += time.process_time() - begin
        if check:
            made += [ids_of(r) for r in result]
    return seconds, digest(made) if check else None


def peers(vocabulary):
    """Name -> (encode a batch, numbers of one result)."""
    found = {}
    if has("tokenizers"):
        tokenizer = hugging_face(vocabulary)
        found["tokenizers " + has("tokenizers")] = (tokenizer.encode_batch_fast, lambda e: e.ids)
    # tiktoken knows bytes as one token each, which not every vocabulary has.
    if has("tiktoken") and isinstance(vocabulary, tuple) and not vocabulary[2]:
        encoding, ours = tiktoken_encoding(vocabulary)
        found["tiktoken " + has("tiktoken")] = (lambda batch: [encoding.encode_ordinary(t) for t in batch],
                                                lambda ids: [ours[i] for i in ids])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", required=True)
    parser.add_argument("--vocabulary", type=pathlib.Path, required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    with open(args.text, "rb") as file:
        data = file.read(int(args.megabytes * 1e6)).decode("utf8", "ignore")
    parts = data.split("</doc>")
    texts = [p + "</doc>" for p in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
    vocabulary = read_vocabulary(args.vocabulary)
    others = peers(vocabulary)
    seconds = {"sylkit": [], **{name: [] for name in others}}
    size = len(data.encode("utf8"))
    with tempfile.NamedTemporaryFile() as file:
        file.write(data.encode("utf8"))
        file.flush()
        for round_number in range(args.rounds):
            out = subprocess.run([args.bench, str(args.vocabulary), file.name, "1"], check=True, capture_output=True)
            ours = json.loads(out.stdout)
            seconds["sylkit"].append(ours["cpu_s"])
            for name, (encode, ids_of) in others.items():
                s, made = timed(encode, texts, ids_of, round_number == 0)
                seconds[name].append(s)
                if made and made != (ours["tokens"], ours["hash"]):
                    raise SystemExit(f"{name} makes other tokens: {made}, not {ours}")
    print(f"{size / 1e6:.1f} MB, {len(texts)} texts, {ours['tokens']} tokens, {args.rounds} rounds, one thread, "
          f"load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}")
    fastest = statistics.median(seconds["sylkit"])
    for name, s in seconds.items():
        median = statistics.median(s)
        print(f"{name:20} {size / 1e6 / median:8.2f} MB/s  ({min(s):.2f} to {max(s):.2f} s)  "
              f"{median / fastest:6.1f} times sylkit's time")


if __name__ == "__main__":
    main()
