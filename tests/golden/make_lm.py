#!/usr/bin/env python3
"""Makes the fixtures of language models with Hugging Face `transformers` (random weights, fixed
seed).

usage: make_lm.py [OUT_DIR]          (default: the folder of this file)

Writes lm-gpt2/ and lm-llama/, each with config.json, model.safetensors (f32), tokenizer.json
(byte-level BPE of 300 tokens, learned from the sentences below) and expected.safetensors: ids [N],
logits [N][vocab], hidden [N][dim] (after the final norm) and residual.0 .. [N][dim] (behind each
layer, before the final norm). Llama has fewer heads of keys and a head of logits of its own.

cases.json, for the end-to-end test: what follows a prompt by the most probable tokens (bytes in
hexadecimal), the mean loss of a text in windows, embeddings of lines.
"""
import json
import pathlib
import sys

import tokenizers
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

SEED, VOCAB, CONTEXT, LENGTH = 20251122, 300, 48, 37
TEXT = ["the cat sat on the mat and the dog sat on the log",
        "there is a house in the north where the wind sings all night",
        "she says that the thing in the other house is nothing like this"]
MODELS = {
    "lm-gpt2": (GPT2LMHeadModel, GPT2Config(
        vocab_size=VOCAB, n_embd=24, n_layer=3, n_head=3, n_inner=56, n_positions=CONTEXT,
        activation_function="gelu_new", layer_norm_epsilon=1e-5, bos_token_id=0, eos_token_id=0)),
    "lm-llama": (LlamaForCausalLM, LlamaConfig(
        vocab_size=VOCAB, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=64, max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-6, rope_theta=500.0, tie_word_embeddings=False, bos_token_id=0,
        eos_token_id=0)),
}


# GPT-2's letters for bytes.
PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES = {b: chr(b) for b in PRINTED}
BYTES |= {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in PRINTED)}


def make_tokenizer():
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXT, trainer)
    assert tokenizer.get_vocab_size() == VOCAB, tokenizer.get_vocab_size()
    return tokenizer


def blocks_of(model):
    return model.transformer.h if hasattr(model, "transformer") else model.model.layers


def expected_of(model, ids):
    """What every layer, the final norm and the head give."""
    out = {"ids": ids[0].to(torch.int32)}

    def keep(name):
        def hook(module, args, result):
            value = result[0] if isinstance(result, tuple) else result
            out[name] = value[0].detach().clone()
        return hook

    for i, block in enumerate(blocks_of(model)):
        block.register_forward_hook(keep(f"residual.{i}"))
    with torch.no_grad():
        result = model(ids, output_hidden_states=True)
    out["hidden"] = result.hidden_states[-1][0].clone()
    out["logits"] = result.logits[0].clone()
    return {k: v.reshape(v.shape[-2:]) if v.dim() == 3 else v for k, v in out.items()}


def cases_of(model, tokenizer):
    prompt, lines = "the cat sat", ["the dog", "wind sings in the north", "caf\u00e9 \u4f60"]
    text = " ".join(TEXT) + "."

    def run(ids):
        with torch.no_grad():
            r = model(torch.tensor([ids]), output_hidden_states=True)
        return r.logits[0], r.hidden_states[-1][0]

    ids = tokenizer.encode(prompt).ids
    begin = len(ids)
    while len(ids) < begin + 16:
        ids.append(int(run(ids)[0][-1].argmax()))
    byte_of = {c: b for b, c in BYTES.items()}
    follows = bytes(byte_of[c] for i in ids[begin:] for c in tokenizer.id_to_token(i))
    hidden = [run(tokenizer.encode(line).ids)[1] for line in lines]
    ids, window, stride = tokenizer.encode(text).ids, 24, 10
    done, loss = 0, 0.0
    while done + 1 < len(ids):
        end = min(window if done == 0 else done + stride, len(ids) - 1)
        first = max(0, end - window)
        log_p = torch.log_softmax(run(ids[first:end])[0].double(), -1)
        loss -= sum(float(log_p[i - first, ids[i + 1]]) for i in range(done, end))
        done = end
    return {"prompt": prompt, "follows": follows.hex(), "text": text, "tokens": len(ids),
            "window": window, "stride": stride, "loss": loss / (len(ids) - 1), "lines": lines,
            "last": [[round(v, 6) for v in h[-1].tolist()] for h in hidden],
            "mean": [[round(v, 6) for v in h.mean(0).tolist()] for h in hidden]}


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    tokenizer = make_tokenizer()
    for name, (kind, config) in MODELS.items():
        torch.manual_seed(SEED)
        to = folder / name
        to.mkdir(parents=True, exist_ok=True)
        model = kind(config).eval()
        for key, p in model.named_parameters():
            with torch.no_grad():
                if p.dim() == 1:  # norms and biases: not at 1 and 0
                    p.copy_(torch.randn_like(p) * 0.2 + (1 if key.endswith("weight") else 0))
                else:
                    p.copy_(torch.randn_like(p) * 0.25)
        ids = torch.randint(0, VOCAB, (1, LENGTH))
        state = {k: v.contiguous() for k, v in model.state_dict().items()
                 if not (k == "lm_head.weight" and config.tie_word_embeddings)}
        save_file(state, to / "model.safetensors", metadata={"format": "pt"})
        save_file({k: v.contiguous() for k, v in expected_of(model, ids).items()},
                  to / "expected.safetensors")
        text = json.dumps(json.loads(config.to_json_string(use_diff=False)), indent=1)
        (to / "config.json").write_text(text + "\n")
        tokenizer.save(str(to / "tokenizer.json"), pretty=False)
        (to / "cases.json").write_text(json.dumps(cases_of(model, tokenizer)) + "\n")
        for path in to.iterdir():
            path.chmod(0o644)


main()
