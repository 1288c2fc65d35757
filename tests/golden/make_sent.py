#!/usr/bin/env python3
"""Writes tests/golden/sent.safetensors: the stages of a sentence model (arXiv 2505.22202; losses as
in its published training step), each written down plainly in PyTorch, sample by sample: values,
losses and gradients. Needs torch, transformers and safetensors."""
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2Model

NEWLINE, EOS, TAU = 0, 1, 0.1
torch.manual_seed(11)
samples = [  # question, then sentences; all end with the newline
    [[5, 2, 6, 3, 7, 0], [5, 2, 6, 4, 7, 0], [7, 3, 8, 4, 9, 0], [10, 9, 0]],
    [[8, 8, 0], [9, 0]],  # a sentence of one token, and no steps
    [[4, 3, 2, 11, 0], [11, 2, 0], [0], [10, 12, 0]],  # an empty line among them
]


def gpt2(dim, heads):
    config = GPT2Config(vocab_size=13, n_embd=dim, n_layer=2, n_head=heads, n_positions=24,
                        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=1)
    model = GPT2Model(config)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.15)
    return model


def mlp(*widths):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.GELU()]
    return torch.nn.Sequential(*layers[:-1])


encoder, decoder, semantic, latent = gpt2(16, 4), gpt2(16, 4), gpt2(16, 4), gpt2(24, 3)
into, out_of, stop = mlp(16, 20, 24), mlp(24, 20, 16), mlp(24, 6, 4, 1)
parts = {"encoder": encoder, "decoder": decoder, "semantic": semantic, "latent": latent,
         "encoder_to_latent": into, "latent_to_decoder": out_of, "stop": stop}
out = {}
for name, part in parts.items():
    for key, p in part.named_parameters():
        out[f"{name}.{key}"] = p.detach().clone()


def hidden(model, pieces):
    """pieces: token lists and vectors [n][dim] in turn."""
    rows = [model.wte(torch.tensor(p)) if isinstance(p, list) else p for p in pieces]
    return model(inputs_embeds=torch.cat(rows)[None]).last_hidden_state[0]


def logits_of(model, h):
    return h @ model.wte.weight.T


def flat(lists):
    return [t for l in lists for t in l]


def language(model, steps, everything):
    losses = []
    for q, *s in samples:
        said = flat(s) if steps else s[-1]
        ids = q + said
        logits = logits_of(model, hidden(model, [ids]))
        from_ = 0 if everything else len(q) - 1
        losses.append(F.cross_entropy(logits[from_:], torch.tensor((ids + [EOS])[from_ + 1:]),
                                      reduction="none"))
    return torch.cat(losses).mean()


def contexts(model):
    return torch.stack([hidden(model, [flat(sample[:k + 1])])[-1]
                        for sample in samples for k in range(len(sample) - 1)])


def sentences(model):
    return torch.stack([hidden(model, [s])[-1] for sample in samples for s in sample[1:]])


def decoding(model, vectors, newline):
    losses, n = [], 0
    for sample in samples:
        for s in sample[1:]:
            s = s if newline else s[:-1]
            logits = logits_of(model, hidden(model, [vectors[n:n + 1]] + ([s] if s else [])))
            losses.append(F.cross_entropy(logits, torch.tensor(s + [EOS]), reduction="none"))
            n += 1
    return torch.cat(losses).mean()


def info_nce(rows, columns):
    cosines = F.cosine_similarity(rows[:, None], columns[None], dim=-1) / TAU
    return F.cross_entropy(cosines, torch.arange(len(rows)))


def rms(x):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()


def predictions(z):
    y, n = [], 0
    for q, *s in samples:
        h = hidden(latent, [q, z[n:n + len(s)]])
        y.append(h[len(q) - 1:len(q) - 1 + len(s)])
        n += len(s)
    return torch.cat(y)


def latents(kind, norm, newline):
    with torch.no_grad():
        h = sentences(encoder) if kind == "sem" else contexts(encoder)
    z = norm(into(h))
    y = predictions(z)
    return decoding(decoder, out_of(y), newline) + info_nce(y, z)


def stopping():
    with torch.no_grad():
        y = predictions(into(contexts(encoder)))
    last = torch.cat([F.one_hot(torch.tensor(len(s) - 1), len(s)) for _, *s in samples]).float()
    return F.binary_cross_entropy_with_logits(stop(y)[:, 0], last)


stages = {
    "cot": lambda: language(decoder, True, False),
    "cot-all": lambda: language(decoder, True, True),
    "nocot": lambda: language(decoder, False, False),
    "sem": lambda: decoding(decoder, sentences(decoder), False),
    "ctx-b": lambda: decoding(decoder, contexts(decoder), True),
    "ctx-c": lambda: decoding(decoder, contexts(decoder), True)
    + 0.5 * info_nce(sentences(semantic).detach(), contexts(decoder)),
    "latent": lambda: latents("ctx-b", lambda x: x, True),
    "latent-sem-rms": lambda: latents("sem", rms, False),
    "stop": stopping,
}
trained = {"latent": ("latent", "encoder_to_latent", "latent_to_decoder"), "stop": ("stop",)}
trained["latent-sem-rms"] = trained["latent"]
for stage, loss_of in stages.items():
    for part in parts.values():
        part.zero_grad(set_to_none=True)
    loss = loss_of()
    loss.backward()
    out[f"{stage}.loss"] = loss.detach()[None]
    if stage in ("cot-all", "nocot", "ctx-b"):  # the same code as another stage: the loss is enough
        continue
    for name in trained.get(stage, ("decoder",)):
        for key, p in parts[name].named_parameters():
            out[f"{stage}.grad.{name}.{key}"] = p.grad.clone()
out["ids"] = torch.tensor(flat(flat(samples))).int()
out["lengths"] = torch.tensor([len(s) for sample in samples for s in sample]).int()
out["sentences"] = torch.tensor([len(sample) - 1 for sample in samples]).int()
save_file({k: v.contiguous() for k, v in out.items()}, sys.argv[1])
