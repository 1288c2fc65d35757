#!/usr/bin/env python3
"""Writes tests/golden/lm_net.safetensors (a tiny GPT-2), lm_net_llama.safetensors (a tiny Llama twice: "gqa." with
fewer heads of keys and a head of its own, "tied." with neither) and lm_lora.safetensors ("gpt2." and "llama." with
low-rank adapters by peft): models by transformers, their outputs, gradients and one step of AdamW. Needs torch,
transformers, peft and safetensors.

usage: make_lm_net.py [FOLDER [FILE ...]]         (default: this folder, all three files)

Two sequences of different length, each fed as vectors; the second begins with a vector that is no
token's embedding, as a sentence's latent stands before the tokens of the decoder."""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

IDS = [torch.tensor([3, 22, 0, 7, 7, 11, 5]), torch.tensor([9, 1, 2, 14, 3])]
TARGETS = [torch.tensor([22, 0, -100, 7, 11, 5, 1]), torch.tensor([9, 1, 2, -100, 3, 22])]


def gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=23, n_embd=16, n_layer=2, n_head=4, n_positions=12,
                                      resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))


def llama(kv_heads, tied):
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=23, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=kv_heads,
        intermediate_size=20, max_position_embeddings=12, rms_norm_eps=1e-5, rope_theta=40.0,
        tie_word_embeddings=tied, pad_token_id=None, bos_token_id=0, eos_token_id=0))


def stir(model):
    with torch.no_grad():  # away from zeros and ones, so that every term counts
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)


def loss_of(model, pieces, residuals=None):
    logits = []
    for e in pieces:
        y = model(inputs_embeds=e[None], output_hidden_states=True)
        logits.append(y.logits[0])
        if residuals is not None:
            residuals.append(torch.stack(y.hidden_states)[:, 0])
    flat = torch.cat(logits)
    return flat, torch.nn.functional.cross_entropy(flat, torch.cat(TARGETS))


def record(model, table, named, out):
    """named(): parameters that are trained, by the names that C has."""
    prefix = torch.randn(1, 16)
    embeds = [table(IDS[0]).detach(), torch.cat([prefix, table(IDS[1]).detach()])]
    embeds = [e.clone().requires_grad_() for e in embeds]
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, betas=(0.9, 0.99), eps=1e-4,
                            weight_decay=0.1)
    hidden = []
    logits, loss = loss_of(model, embeds, hidden)
    loss.backward()
    out["logits"], out["loss"] = logits.detach(), loss.detach()[None]
    out["hidden"] = torch.cat(hidden, 1).detach()  # [layers + 1][rows][dim], the last after the norm
    out["grad.embeds"] = torch.cat([e.grad for e in embeds])
    for key, p in named():
        # A table that is no head has no part in this.
        out["grad." + key] = torch.zeros_like(p) if p.grad is None else p.grad.clone()

    # The same with tokens: the table gains both as embeddings and as head; then a step.
    opt.zero_grad()
    own = prefix.clone().requires_grad_()
    logits, loss = loss_of(model, [table(IDS[0]), torch.cat([own, table(IDS[1])])])
    loss.backward()
    out["token_grad.prefix"] = own.grad.clone()
    if table.weight.requires_grad:
        key = next(k for k, p in named() if p is table.weight)
        out["token_grad." + key] = table.weight.grad.clone()
    opt.step()
    for key, p in named():
        out["stepped." + key] = p.detach().clone()
    out["embeds"] = torch.cat(embeds).detach()
    out["prefix"] = prefix
    out["ids"] = torch.cat([IDS[0], torch.tensor([-1]), IDS[1]]).int()
    out["targets"] = torch.cat(TARGETS).clamp(min=-1).int()


def weights_of(model):
    """By the names of files; a tied head only once."""
    tied = model.config.tie_word_embeddings
    return {k: v.clone() for k, v in model.state_dict().items()
            if not (tied and k == "lm_head.weight") and not k.endswith((".attn.bias", "masked_bias"))}


def short(key):
    return key.removeprefix("transformer.").removeprefix("model.")


def whole(model):
    """Values and what follows of a model that is trained wholly."""
    stir(model)
    out = weights_of(model)
    record(model, model.get_input_embeddings(), lambda: [(short(k), p) for k, p in model.named_parameters()], out)
    return out


def adapted(model, targets, rank, alpha):
    from peft import LoraConfig, get_peft_model
    stir(model)
    out = weights_of(model)
    with torch.no_grad():
        out["base_logits"] = torch.cat([model(i[None]).logits[0] for i in IDS])
    lora = get_peft_model(model, LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=targets,
                                            fan_in_fan_out=isinstance(model, GPT2LMHeadModel)))
    for key, p in lora.named_parameters():
        if "lora_" in key:  # also what begins as zero
            p.data = torch.randn_like(p) * 0.2

    def named():
        return [(short(k.removeprefix("base_model.model.")).replace(".default", ""), p)
                for k, p in lora.named_parameters() if p.requires_grad]

    for key, p in named():
        out["start." + key] = p.detach().clone()
    record(lora, model.get_input_embeddings(), named, out)
    merged = lora.merge_and_unload()
    for key, value in weights_of(merged).items():
        if any(f".{t}.weight" in key for t in targets):
            out["merged." + short(key)] = value
    return out


def prefixed(prefix, tensors):
    return {prefix + k: v for k, v in tensors.items()}


def make_gpt2():
    torch.manual_seed(5)
    out = whole(gpt2())
    return {("model." + short(k) if k.startswith("transformer.") else k): v for k, v in out.items()}


def make_llama():
    torch.manual_seed(6)
    return prefixed("gqa.", whole(llama(2, False))) | prefixed("tied.", whole(llama(4, True)))


def make_lora():
    torch.manual_seed(7)
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return prefixed("gpt2.", adapted(gpt2(), ["c_attn", "c_proj"], 3, 12)) | prefixed(
        "llama.", adapted(llama(2, False), attention + ["up_proj"], 2, 5))


FILES = {"lm_net.safetensors": make_gpt2, "lm_net_llama.safetensors": make_llama, "lm_lora.safetensors": make_lora}
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
for name in sys.argv[2:] or FILES:
    save_file({k: v.contiguous() for k, v in FILES[name]().items()}, folder / name)
    (folder / name).chmod(0o644)
