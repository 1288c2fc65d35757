#!/usr/bin/env python3
"""Writes tests/golden/lm_net.safetensors: a tiny GPT-2 by transformers, its outputs, gradients and
one step of AdamW. Needs torch, transformers and safetensors.

Two sequences of different length, each fed as vectors; the second begins with a vector that is no
token's embedding, as a sentence's latent stands before the tokens of the decoder."""
import sys

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(5)
config = GPT2Config(vocab_size=23, n_embd=16, n_layer=2, n_head=4, n_positions=12,
                    resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
model = GPT2LMHeadModel(config)
with torch.no_grad():  # away from zeros and ones, so that every term counts
    for p in model.parameters():
        p.add_(torch.randn_like(p) * 0.1)
out = {"model." + k: v.clone() for k, v in model.transformer.state_dict().items()
       if not k.endswith((".attn.bias", "masked_bias"))}
ids = [torch.tensor([3, 22, 0, 7, 7, 11, 5]), torch.tensor([9, 1, 2, 14, 3])]
targets = [torch.tensor([22, 0, -100, 7, 11, 5, 1]), torch.tensor([9, 1, 2, -100, 3, 22])]
prefix = torch.randn(1, 16)
wte = model.transformer.wte
embeds = [wte(ids[0]).detach(), torch.cat([prefix, wte(ids[1]).detach()])]
embeds = [e.clone().requires_grad_() for e in embeds]
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), eps=1e-4, weight_decay=0.1)


def loss_of(pieces, residuals=None):
    logits = []
    for e in pieces:
        y = model(inputs_embeds=e[None], output_hidden_states=True)
        logits.append(y.logits[0])
        if residuals is not None:
            residuals.append(torch.stack(y.hidden_states)[:, 0])
    flat = torch.cat(logits)
    return flat, torch.nn.functional.cross_entropy(flat, torch.cat(targets))


hidden = []
logits, loss = loss_of(embeds, hidden)
loss.backward()
out["logits"], out["loss"] = logits.detach(), loss.detach()[None]
out["hidden"] = torch.cat(hidden, 1).detach()  # [layers + 1][rows][dim], the last after ln_f
out["grad.embeds"] = torch.cat([e.grad for e in embeds])
for key, p in model.transformer.named_parameters():
    out["grad." + key] = p.grad.clone()

# The same with tokens: the table gains both as embeddings and as head; then a step.
opt.zero_grad()
own = prefix.clone().requires_grad_()
logits, loss = loss_of([wte(ids[0]), torch.cat([own, wte(ids[1])])])
loss.backward()
out["token_grad.wte.weight"] = wte.weight.grad.clone()
out["token_grad.prefix"] = own.grad.clone()
opt.step()
for key, p in model.transformer.named_parameters():
    out["stepped." + key] = p.detach().clone()
out["embeds"] = torch.cat(embeds).detach()
out["prefix"] = prefix
out["ids"] = torch.cat([ids[0], torch.tensor([-1]), ids[1]]).int()
out["targets"] = torch.cat(targets).clamp(min=-1).int()
save_file({k: v.contiguous() for k, v in out.items()}, sys.argv[1])
